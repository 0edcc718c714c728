//! Waveform windows as examples of classification.

use super::class_examples::{ClassExamples, ClassTable, Scaling};
use super::class_settings::WindowSettings;
use super::floors::{FeatureTable, Floor, NamedFloor};
use crate::data::{
    Dataset, ExampleSpec, Fingerprint, WaveformAugmentation, WaveformDataset, WaveformSet,
};
use crate::error::Result;
use crate::signal::{WINDOW_FEATURES, prepare_window, window_features};
use crate::time::SampleRate;

/// Prepared windows with their labels.
pub struct WindowExamples {
    /// The windows.
    pub set: WaveformSet,
    /// Their labels.
    pub table: ClassTable,
    /// Their rate.
    pub rate: SampleRate,
    /// How training windows are changed.
    pub augmentation: Option<WaveformAugmentation>,
    /// What is known of each window beside its samples, for a floor that sees nothing else.
    pub metadata: Option<FeatureTable>,
    /// The class whose windows may be added as noise.
    pub noise_class: Option<usize>,
}

impl WindowExamples {
    /// Prepares `raw` windows `[N, C, T]` one channel at a time as `settings` say: filter, start
    /// dropped, unit deviation, parts taken away.
    pub fn prepare(
        raw: &[f32],
        (channels, samples): (usize, usize),
        settings: &WindowSettings,
        table: ClassTable,
    ) -> Result<Self> {
        let rate = settings.rate()?;
        let mut values = Vec::with_capacity(raw.len());
        let mut left = 0;
        for channel in raw.chunks_exact(samples) {
            let wave: Vec<f64> = channel.iter().map(|&x| f64::from(x)).collect();
            let prepared = prepare_window(&wave, rate, settings.skip_seconds)?;
            let prepared = settings.input.apply(prepared, rate)?;
            left = prepared.len();
            values.extend(prepared.iter().map(|&x| x as f32));
        }
        let set = WaveformSet {
            channels,
            samples: left,
            classes: table.classes.len(),
            values,
            labels: table.labels.clone(),
            groups: table.groups.clone(),
            names: table.names.clone(),
        };
        let table = ClassTable { input: settings.input, ..table };
        Ok(Self { set, table, rate, augmentation: None, metadata: None, noise_class: None })
    }
}

impl ClassExamples for WindowExamples {
    fn table(&self) -> &ClassTable {
        &self.table
    }

    fn spec(&self) -> ExampleSpec {
        WaveformDataset::new(&self.set, Vec::new()).spec()
    }

    fn fingerprint(&self, example: usize) -> String {
        let mut fingerprint = Fingerprint::default();
        fingerprint.singles(self.set.window(example));
        fingerprint.brief()
    }

    /// Every window has unit deviation already.
    fn scaling(&self, _train: &[usize]) -> Scaling {
        Scaling::default()
    }

    fn training(
        &self,
        members: Vec<usize>,
        _scaling: &Scaling,
        augmentation: Option<&WaveformAugmentation>,
    ) -> Result<Box<dyn Dataset + '_>> {
        let augmentation = augmentation.or(self.augmentation.as_ref()).cloned();
        let dataset = WaveformDataset::new(&self.set, members);
        Ok(Box::new(dataset.augmented(augmentation, self.noise_class)?))
    }

    fn views(&self, members: Vec<usize>, _: &Scaling) -> Result<Vec<Box<dyn Dataset + '_>>> {
        Ok(vec![Box::new(WaveformDataset::new(&self.set, members))])
    }

    fn floors(&self) -> Result<Vec<NamedFloor>> {
        let features = self.features()?;
        let trigger = features.column(WINDOW_FEATURES.len() - 1);
        let forest = Floor::Forest { trees: 400, leaf: 2, seed: 0 };
        let logistic = Floor::Logistic { c: 1.0 };
        let floor = |name, floor, features| NamedFloor { name, floor, features };
        let mut floors = vec![
            floor("majority", Floor::Majority, trigger.clone()),
            floor("sta_lta", logistic, trigger),
            floor("logistic", logistic, features.clone()),
            floor("forest", forest, features),
        ];
        if let Some(metadata) = &self.metadata {
            floors.push(floor("metadata", forest, metadata.clone()));
        }
        Ok(floors)
    }

    fn noise_class(&self) -> Option<usize> {
        self.noise_class
    }
}

impl WindowExamples {
    /// Ten features of the first channel.
    fn features(&self) -> Result<FeatureTable> {
        let mut values = Vec::with_capacity(self.table.len() * WINDOW_FEATURES.len());
        for window in 0..self.set.len() {
            let wave: Vec<f64> =
                self.set.window(window)[..self.set.samples].iter().map(|&x| f64::from(x)).collect();
            let features = window_features(&wave, self.rate).map_err(|e| {
                let name = &self.table.names[window];
                crate::Error::data(format!("{} {name}: {e}", self.table.key))
            })?;
            values.extend(features);
        }
        Ok(FeatureTable { width: WINDOW_FEATURES.len(), values })
    }
}
