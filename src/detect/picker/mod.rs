//! Trained pickers: a network, what is done to its windows, defaults for continuous data.

mod arguments;
mod class;
mod preparation;
mod settings;
#[cfg(test)]
mod tests;
pub mod training;
mod version;
mod weight_files;

use std::path::{Path, PathBuf};

use serde_json::Value;
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};
use crate::model::{DropoutSource, Input, Mode, Model};
use crate::output::write_atomically;
use crate::train::run_folder::{DESCRIPTION, WEIGHTS};

pub use class::PickerClass;
pub use preparation::AmplitudeRule;
pub use settings::PickerSettings;
use weight_files::WeightFiles;

/// A picker. Tensors are not shared between threads: each opens its own.
pub struct Picker {
    settings: PickerSettings,
    model: Model,
}

impl Picker {
    /// Opens weights, on `device`: either file of a SeisBench pair (`NAME.json.vN`,
    /// `NAME.pt.vN`), its path without `.json.vN` (the highest version is taken), a folder with
    /// `model.json` and `model.safetensors`, or the run folder of a picker.
    ///
    /// # Errors
    /// Files that are missing, damaged or of another network, naming what does not fit.
    pub fn open(path: &Path, device: Device) -> Result<Self> {
        let files = WeightFiles::open(path)?;
        let mut picker = Self::build(files.settings, 0, device)?;
        picker.model.load_named(&files.weights, files.tensors)?;
        Ok(picker)
    }

    /// A picker that has learned nothing; initial values follow from `seed`.
    pub fn build(settings: PickerSettings, seed: u64, device: Device) -> Result<Self> {
        let labels = settings.labels.len();
        let model = settings.network.build(&settings.example(), labels, seed, device)?;
        Ok(Self { settings, model })
    }

    /// A picker over a network that is there already.
    pub fn of(settings: PickerSettings, model: Model) -> Self {
        Self { settings, model }
    }

    /// Configuration and network.
    pub fn into_parts(self) -> (PickerSettings, Model) {
        (self.settings, self.model)
    }

    /// Its configuration.
    pub fn settings(&self) -> &PickerSettings {
        &self.settings
    }

    /// Its network.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Its network, for training.
    pub fn model_mut(&mut self) -> &mut Model {
        &mut self.model
    }

    /// Writes `model.json` and `model.safetensors` into `folder`.
    pub fn save(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        self.model.save(&folder.join(WEIGHTS))?;
        let description = weight_files::description(&self.settings);
        let text =
            serde_json::to_vec_pretty(&description).map_err(|e| Error::data(e.to_string()))?;
        write_atomically(&folder.join(DESCRIPTION), &text)
    }

    /// Writes a pair that `CLASS.load(FOLDER/NAME, version)` of SeisBench reads; returns the path
    /// of its JSON file.
    pub fn export(&self, folder: &Path, name: &str, version: &str) -> Result<PathBuf> {
        let tensors = self.model.named_numbers()?;
        weight_files::write_pair(folder, name, version, &self.settings, tensors)
    }

    /// Probabilities `[count, labels, out_samples]` of raw windows `[count, components,
    /// in_samples]`; see [`PickerSettings::out_samples`].
    pub fn probabilities(
        &self,
        windows: &[f32],
        count: usize,
        amplitude: AmplitudeRule,
    ) -> Result<Vec<f32>> {
        self.answer(windows, count, amplitude, Mode::Evaluate)
    }

    /// [`Picker::probabilities`] with dropout at work (Gal and Ghahramani 2016): the spread over
    /// `seed`s says how sure the network is. Without dropout layers all seeds answer alike.
    pub fn sampled_probabilities(
        &self,
        windows: &[f32],
        count: usize,
        amplitude: AmplitudeRule,
        seed: u64,
    ) -> Result<Vec<f32>> {
        self.answer(windows, count, amplitude, Mode::Sample(&DropoutSource::new(seed)))
    }

    /// Raw windows `[N, C, T]` as the network reads them.
    pub fn prepare(&self, windows: &Tensor, amplitude: AmplitudeRule) -> Tensor {
        self.settings.preparation.apply(windows, amplitude)
    }

    fn answer(
        &self,
        windows: &[f32],
        count: usize,
        amplitude: AmplitudeRule,
        mode: Mode<'_>,
    ) -> Result<Vec<f32>> {
        let example = self.settings.example();
        if windows.len() != count * example.values_len() {
            return Err(Error::data(format!(
                "{} numbers for {count} windows of {:?}",
                windows.len(),
                example.values
            )));
        }
        if count == 0 {
            return Ok(Vec::new());
        }
        let _guard = tch::no_grad_guard();
        let shape = [count as i64, example.values[0] as i64, example.values[1] as i64];
        let raw = Tensor::f_from_slice(windows)?.f_view(&shape[..])?;
        let values = self.prepare(&raw.f_to_device(self.model.parameters.device())?, amplitude);
        let input = Input { values: &values, features: None, lengths: None };
        let output = self.model.network.forward(&input, mode);
        let probabilities = self.settings.activation.apply(&output).f_to_device(Device::Cpu)?;
        let probabilities = probabilities.to_kind(Kind::Float).contiguous();
        let expected = count * self.settings.labels.len() * self.settings.out_samples();
        let mut numbers = vec![0f32; expected];
        probabilities.f_copy_data(&mut numbers, expected)?;
        Ok(numbers)
    }
}

/// The tensors of a picker, for comparisons.
impl Picker {
    /// What named layers put out for prepared windows `[N, C, T]`, beside the raw output.
    pub fn stages(&self, prepared: &Tensor) -> (Tensor, Vec<(String, Tensor)>) {
        let _guard = tch::no_grad_guard();
        let input = Input { values: prepared, features: None, lengths: None };
        let mut stages = Vec::new();
        let output =
            self.model.network.forward_observed(&input, Mode::Evaluate, &mut |name, values| {
                stages.push((name.to_string(), values.copy()));
            });
        (output, stages)
    }
}

impl PickerSettings {
    /// What a user is told of a weight file, `(name, value)`.
    pub fn listed(&self) -> Vec<(&'static str, String)> {
        let rate = self.rate_hz.map_or("that of the data".into(), |rate| format!("{rate} Hz"));
        let filter = self.filter.as_ref().map_or("none".into(), Value::to_string);
        let norm = match self.model_arguments.get("norm") {
            Some(Value::String(norm)) => norm.clone(),
            _ => "peak, in the network".into(),
        };
        let arguments = self.arguments.iter().map(|(name, value)| format!("{name} {value}"));
        vec![
            ("class", self.class.to_string()),
            ("components", self.components.clone()),
            ("labels", self.labels.join(" ")),
            ("sampling rate", rate),
            ("window", format!("{} samples", self.in_samples)),
            ("amplitudes divided by", norm),
            ("filter", filter),
            ("arguments", arguments.collect::<Vec<_>>().join(", ")),
        ]
    }
}
