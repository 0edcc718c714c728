//! The settings files of `temblor train`: `kind = "windows"` and `kind = "images"`.

use std::path::PathBuf;

use super::cross_validation::NamedFit;
use super::fit::{FitSettings, LossSettings};
use super::floors::FLOOR_NAMES;
use super::split::Split;
use super::window_input::WindowInput;
use crate::data::{ImageAugmentation, WaveformAugmentation};
use crate::error::{Error, Result};
use crate::model::{DeviceChoice, ModelSpec};
use crate::read::resize::Interpolation;
use crate::read::{ColorMode, Convention, Listing};
use crate::time::SampleRate;
use crate::train::TrainSettings;

/// What is classified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassKind {
    /// Waveform windows.
    Windows,
    /// Images.
    Images,
}

/// A settings file of `temblor train`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassSettings {
    /// What is classified.
    pub kind: ClassKind,
    /// Every model is trained with seeds 0 to `seeds - 1`.
    #[serde(default = "one")]
    pub seeds: u64,
    /// Folds made by whole groups where the index has no fold column.
    #[serde(default = "five")]
    pub folds: usize,
    /// What folds keep whole: `"groups"`, `"station"`, `"network"`; `"random-leaky"` tears groups
    /// apart, to compare with published random splits.
    #[serde(default)]
    pub split: Split,
    /// Whether the floors are computed.
    #[serde(default = "yes")]
    pub floors: bool,
    /// Seeds of each model that are trained on everything at the end, for `temblor classify`; 0
    /// for none.
    #[serde(default = "one")]
    pub final_fits: u64,
    /// The device asked for.
    #[serde(default)]
    pub device: DeviceChoice,
    /// The device used; set by the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computed_on: Option<String>,
    /// Where windows are and how they are prepared, for `kind = "windows"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<WindowSettings>,
    /// Where images are and how they are read, for `kind = "images"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<ImageSettings>,
    /// The training, for models without their own.
    #[serde(default)]
    pub training: TrainSettings,
    /// The loss, for models without their own.
    #[serde(default)]
    pub loss: LossSettings,
    /// The models.
    #[serde(default)]
    pub model: Vec<ModelEntry>,
    /// Averages of models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ensemble: Vec<EnsembleEntry>,
}

fn one() -> u64 {
    1
}

fn five() -> usize {
    5
}

fn three() -> f64 {
    3.0
}

fn yes() -> bool {
    true
}

/// A network under a name.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ModelEntry {
    /// Name in tables and files; letters, digits, `-` and `_`.
    pub name: String,
    /// Replaces the common training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainSettings>,
    /// Replaces the common loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<LossSettings>,
    /// Replaces the augmentation of `[windows]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augmentation: Option<WaveformAugmentation>,
    /// The network.
    #[serde(flatten)]
    pub model: ModelSpec,
}

/// The mean of ln p of several models.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnsembleEntry {
    /// Name in tables.
    pub name: String,
    /// Names of its models.
    pub members: Vec<String>,
}

/// Windows: an index table, or one folder of waveform files a class.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowSettings {
    /// The index table (CSV). Give this or `folder`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<PathBuf>,
    /// One sub-folder of waveform files a class; each file is one window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// The array file (`.npz`, `.npy`) of shape `[N, T]` or `[N, C, T]` whose rows the index
    /// names; without it the index names waveform files, which lie beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<PathBuf>,
    /// The array within an `.npz` archive, if it holds several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array_name: Option<String>,
    /// Samples per second; windows from waveform files must have this rate.
    pub rate_hz: f64,
    /// Length of a window in seconds; needed for waveform files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_seconds: Option<f64>,
    /// Columns of the index.
    #[serde(default)]
    pub columns: IndexColumns,
    /// The class whose training windows may be mixed in as noise; its AUC against all others is
    /// reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_class: Option<String>,
    /// Pairs of classes that are also scored by themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub against: Vec<[String; 2]>,
    /// What of the prepared windows the classifiers see: `"plain"`, `"whitened"`,
    /// `"envelope-removed"`.
    #[serde(default)]
    pub input: WindowInput,
    /// Columns of the index that a floor of its own sees, and nothing else does: what station and
    /// instrument alone tell of the class.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<String>,
    /// Dropped from the start of every window after the 1–15 Hz filter, which settles there.
    #[serde(default = "three")]
    pub skip_seconds: f64,
    /// How training windows are changed; not at all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augmentation: Option<WaveformAugmentation>,
}

impl WindowSettings {
    /// The rate of the windows.
    ///
    /// # Errors
    /// `Usage` for a number that is no rate.
    pub fn rate(&self) -> Result<SampleRate> {
        SampleRate::from_hz(self.rate_hz)
            .ok_or_else(|| Error::usage(format!("rate_hz = {} is no rate", self.rate_hz)))
    }
}

/// Images in one folder a class.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageSettings {
    /// The folder that holds the class folders.
    pub folder: PathBuf,
    /// An index table with group and fold of each file; without it every file is its own group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<PathBuf>,
    /// Columns of the index.
    #[serde(default)]
    pub columns: IndexColumns,
    /// Height and width to which images are brought.
    pub size: [usize; 2],
    /// Channels.
    #[serde(default)]
    pub color: ColorMode,
    /// Resizing.
    #[serde(default)]
    pub interpolation: Interpolation,
    /// Orientation and 16-bit levels.
    #[serde(default)]
    pub convention: Convention,
    /// Which folders are classes.
    #[serde(default)]
    pub listing: Listing,
    /// Class folders in the wanted order; all, sorted, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
    /// Whether channels are standardised with the training part's moments; else levels in 0..1.
    #[serde(default)]
    pub standardise: bool,
    /// Whether predictions are averaged over the eight views of a square.
    #[serde(default)]
    pub eight_views: bool,
    /// How training images are changed; not at all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augmentation: Option<ImageAugmentation>,
}

/// Names of the columns of an index table.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IndexColumns {
    /// Row of the array.
    pub row: String,
    /// File, relative to the index (or the image folder).
    pub file: String,
    /// Start of the window (UTC) within its file; the file's first sample if there is no such
    /// column.
    pub start: String,
    /// Class.
    pub label: String,
    /// Group whose examples stay together.
    pub group: String,
    /// Fold.
    pub fold: String,
    /// Stream (`NET.STA.LOC.CHA`), for folds of whole stations.
    pub stream: String,
    /// Time of the event, for days that training and test share.
    pub time: String,
}

impl Default for IndexColumns {
    fn default() -> Self {
        Self {
            row: "row".into(),
            file: "file".into(),
            start: "start".into(),
            label: "label".into(),
            group: "group".into(),
            fold: "fold".into(),
            stream: "trace_id".into(),
            time: "event_time".into(),
        }
    }
}

impl ClassSettings {
    /// Reads the text of a settings file; the error names line and field.
    pub fn parse(text: &str) -> Result<Self> {
        let settings: Self = toml::from_str(text).map_err(|e| {
            let start = e.span().map_or(0, |span| span.start.min(text.len()));
            let line = text.as_bytes()[..start].iter().filter(|&&b| b == b'\n').count() + 1;
            Error::usage(format!("line {line}: {}", e.message().replace('\n', " ")))
        })?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<()> {
        let there = (self.windows.is_some(), self.images.is_some());
        match (self.kind, there) {
            (ClassKind::Windows, (true, false)) | (ClassKind::Images, (false, true)) => {}
            (ClassKind::Windows, _) => {
                return Err(Error::usage(
                    "kind = \"windows\" needs a table [windows] and no other",
                ));
            }
            (ClassKind::Images, _) => {
                return Err(Error::usage("kind = \"images\" needs a table [images] and no other"));
            }
        }
        if self.seeds == 0 || self.final_fits > self.seeds {
            return Err(Error::usage("seeds must be at least 1 and at least final_fits"));
        }
        let images = self.kind == ClassKind::Images;
        if let Some(entry) = self.model.iter().find(|m| images && m.augmentation.is_some()) {
            let text = "a model's own augmentation is of waveform windows, images have one for all";
            return Err(Error::usage(format!("{}: {text}", entry.name)));
        }
        if self.model.is_empty() {
            return Err(Error::usage("no [[model]] to train"));
        }
        let mut names: Vec<&str> = self.model.iter().map(|m| m.name.as_str()).collect();
        names.extend(self.ensemble.iter().map(|e| e.name.as_str()));
        names.extend(FLOOR_NAMES);
        for (at, name) in names.iter().enumerate() {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || !name.chars().all(fits) {
                let text = format!("model name '{name}': use letters, digits, - and _");
                return Err(Error::usage(text));
            }
            if names[..at].contains(name) {
                return Err(Error::usage(format!("the name '{name}' is given twice")));
            }
        }
        for entry in &self.ensemble {
            for member in &entry.members {
                if !self.model.iter().any(|m| &m.name == member) {
                    let text = format!("ensemble '{}': no model '{member}'", entry.name);
                    return Err(Error::usage(text));
                }
            }
            if entry.members.is_empty() {
                return Err(Error::usage(format!("ensemble '{}' has no members", entry.name)));
            }
        }
        for fit in self.fits() {
            fit.settings.training.check()?;
        }
        Ok(())
    }

    /// The models with their settings resolved.
    pub fn fits(&self) -> Vec<NamedFit> {
        self.model
            .iter()
            .map(|entry| NamedFit {
                name: entry.name.clone(),
                settings: FitSettings {
                    model: entry.model.clone(),
                    training: entry.training.clone().unwrap_or_else(|| self.training.clone()),
                    loss: entry.loss.clone().unwrap_or_else(|| self.loss.clone()),
                    augmentation: entry.augmentation.clone(),
                },
            })
            .collect()
    }

    /// Models whose probabilities `temblor classify` averages: those of the last ensemble, or the
    /// first model.
    pub fn answering(&self) -> Vec<String> {
        match self.ensemble.last() {
            Some(ensemble) => ensemble.members.clone(),
            None => self.model.iter().take(1).map(|m| m.name.clone()).collect(),
        }
    }

    /// The name under which they answer.
    pub fn answer_name(&self) -> String {
        match (self.ensemble.last(), self.model.first()) {
            (Some(ensemble), _) => ensemble.name.clone(),
            (None, Some(model)) => model.name.clone(),
            (None, None) => String::new(),
        }
    }

    /// Makes relative paths start at `folder`.
    pub fn relative_to(&mut self, folder: &std::path::Path) {
        let join = |path: &mut PathBuf| *path = folder.join(&*path);
        if let Some(windows) = &mut self.windows {
            [&mut windows.index, &mut windows.folder, &mut windows.array]
                .into_iter()
                .flatten()
                .for_each(join);
        }
        if let Some(images) = &mut self.images {
            join(&mut images.folder);
            images.index.iter_mut().for_each(join);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        kind = "windows"
        seeds = 2
        [windows]
        index = "index.csv"
        array = "windows.npz"
        rate_hz = 40.0
        [training]
        epochs = 3
        schedule = { kind = "one_cycle" }
        [[model]]
        name = "net"
        kind = "lstm"
        hidden = 48
        [[ensemble]]
        name = "all"
        members = ["net"]
    "#;

    #[test]
    fn a_file_is_read_and_written_back_the_same() {
        let settings = ClassSettings::parse(TEXT).unwrap();
        assert_eq!(settings.fits()[0].settings.training.epochs, 3);
        assert_eq!(settings.answering(), ["net"]);
        let text = toml::to_string(&settings).unwrap();
        assert_eq!(ClassSettings::parse(&text).unwrap(), settings);
    }

    #[test]
    fn unknown_fields_and_names_are_refused_by_name() {
        for (from, to, word) in [
            ("seeds = 2", "sedes = 2", "sedes"),
            ("hidden = 48", "hiden = 48", "hiden"),
            ("epochs = 3", "epoch = 3", "epoch"),
            ("members = [\"net\"]", "members = [\"nets\"]", "nets"),
            ("name = \"all\"", "name = \"net\"", "twice"),
            ("kind = \"windows\"", "kind = \"images\"", "[images]"),
        ] {
            let error = ClassSettings::parse(&TEXT.replacen(from, to, 1)).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }
}
