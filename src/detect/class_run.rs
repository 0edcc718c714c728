//! A trained run, ready for new windows and images.

use std::collections::HashSet;
use std::path::Path;

use super::class_examples::{ClassExamples, Scaling};
use super::class_settings::{ClassSettings, WindowSettings};
use super::cross_validation::NamedFit;
use super::fit::{Classifier, mean_log_probabilities};
use crate::data::ExampleSpec;
use crate::error::{Error, Result};
use crate::model::ModelSpec;
use crate::output::write_atomically;
use crate::train::run_folder::{DESCRIPTION, HISTORY, WEIGHTS};
use crate::train::{Report, RunFolder};

/// What prediction needs beside the weights of one network.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Description {
    model: ModelSpec,
    example: ExampleSpec,
    scaling: Scaling,
}

/// Writes weights, history and description of one network into `folder`; the description last,
/// so that its presence says that the fit is whole.
pub(super) fn save_fit(
    folder: &Path,
    fit: &NamedFit,
    examples: &dyn ClassExamples,
    classifier: &Classifier,
    report: &Report,
) -> Result<()> {
    let stored = |e: serde_json::Error| Error::data(format!("{}: {e}", folder.display()));
    classifier.model.save(&folder.join(WEIGHTS))?;
    let mut history = String::new();
    for epoch in &report.epochs {
        history += &(serde_json::to_string(epoch).map_err(stored)? + "\n");
    }
    write_atomically(&folder.join(HISTORY), history.as_bytes())?;
    let description = Description {
        model: fit.settings.model.clone(),
        example: examples.spec(),
        scaling: classifier.scaling.clone(),
    };
    let text = serde_json::to_vec_pretty(&description).map_err(stored)?;
    write_atomically(&folder.join(DESCRIPTION), &text)
}

/// The settings of a run with its classes, as `model.json` of the run folder keeps them.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct RunDescription {
    /// Class names in the order of the outputs.
    pub classes: Vec<String>,
    /// Training examples of each class.
    pub counts: Vec<usize>,
    /// Networks whose ln p are averaged: folders under `models/`.
    pub networks: Vec<String>,
    /// Fingerprints of the examples with a class, sorted.
    #[serde(default)]
    pub trained_on: Vec<String>,
}

/// The networks of a run.
pub struct ClassRun {
    /// Its settings.
    pub settings: ClassSettings,
    /// Class names in the order of the outputs.
    pub classes: Vec<String>,
    /// Training examples of each class.
    counts: Vec<usize>,
    /// The networks whose probabilities are averaged.
    classifiers: Vec<Classifier>,
    /// Fingerprints of the training examples.
    trained_on: HashSet<String>,
    /// Shape of the examples they were trained on.
    example: ExampleSpec,
}

impl ClassRun {
    /// Writes what [`ClassRun::open`] needs beside the networks.
    pub fn describe(
        settings: &ClassSettings,
        examples: &dyn ClassExamples,
        run: &RunFolder,
    ) -> Result<()> {
        let table = examples.table();
        let mut trained_on: Vec<String> =
            table.labelled().into_iter().map(|n| examples.fingerprint(n)).collect();
        trained_on.sort_unstable();
        let mut counts = vec![0; table.classes.len()];
        table.labels.iter().flatten().for_each(|&class| counts[class] += 1);
        let networks = settings
            .answering()
            .iter()
            .flat_map(|name| (0..settings.final_fits).map(move |s| format!("{name}-seed{s}")))
            .collect();
        let classes = table.classes.clone();
        run.write_json(DESCRIPTION, &RunDescription { classes, counts, networks, trained_on })
    }

    /// Opens a run folder, its networks on `device`, wherever they were trained.
    ///
    /// # Errors
    /// Not a run of classes, not finished, or without final fits.
    pub fn open(path: &Path, device: tch::Device) -> Result<Self> {
        let run = RunFolder::open(path)?;
        let settings: ClassSettings = run.read_settings()?;
        let description: RunDescription = run.read_json(DESCRIPTION)?;
        let mut classifiers = Vec::new();
        let mut example = None;
        for network in &description.networks {
            if network.contains(['/', '\\']) || network.starts_with('.') {
                let problem = format!("network '{network}' is no name of a folder");
                return Err(Error::input(run.file(DESCRIPTION), problem));
            }
            let folder = run.file("models").join(network);
            let file = folder.join(DESCRIPTION);
            let bytes = std::fs::read(&file).map_err(Error::io(&file))?;
            let one: Description =
                serde_json::from_slice(&bytes).map_err(|e| Error::input(&file, e.to_string()))?;
            let outputs = description.classes.len();
            let mut model = one.model.build(&one.example, outputs, 0, device)?;
            model.load(&folder.join(WEIGHTS))?;
            example = Some(one.example);
            classifiers.push(Classifier { model, scaling: one.scaling });
        }
        let Some(example) = example else {
            let text = "holds no network trained on everything; train with final_fits = 1";
            return Err(Error::usage(format!("{}: {text}", path.display())));
        };
        let RunDescription { classes, counts, trained_on, .. } = description;
        let trained_on = trained_on.into_iter().collect();
        Ok(Self { settings, classes, counts, classifiers, trained_on, example })
    }

    /// Share of each class in training, `[C]`: what the largest class would answer.
    pub fn training_shares(&self) -> Vec<f64> {
        let total = self.counts.iter().sum::<usize>().max(1) as f64;
        self.counts.iter().map(|&n| n as f64 / total).collect()
    }

    /// How many of the examples with a class the run was trained on: scores of those say nothing
    /// of new ones.
    pub fn seen_in_training(&self, examples: &dyn ClassExamples) -> usize {
        let labelled = examples.table().labelled().into_iter();
        labelled.filter(|&n| self.trained_on.contains(&examples.fingerprint(n))).count()
    }

    /// Samples of a window before its start is dropped.
    pub fn raw_samples(&self, settings: &WindowSettings) -> Result<usize> {
        let dropped = (settings.skip_seconds.max(0.0) * settings.rate_hz).round() as usize;
        match self.example.values[..] {
            [1, samples] => Ok(samples + dropped),
            _ => Err(Error::usage(format!(
                "continuous data are classified one channel at a time, the run has examples {:?}",
                self.example.values
            ))),
        }
    }

    /// Probabilities `[N, C]` of all examples.
    ///
    /// # Errors
    /// Examples of another shape than those of the training.
    pub fn classify(&self, examples: &dyn ClassExamples) -> Result<Vec<f64>> {
        let found = examples.spec();
        if found.values != self.example.values {
            return Err(Error::data(format!(
                "the run was trained on examples {:?} along {}, these are {:?}",
                self.example.values,
                self.example.layout.axes(),
                found.values
            )));
        }
        let members: Vec<usize> = (0..examples.table().len()).collect();
        let parts: Vec<Vec<f64>> = self
            .classifiers
            .iter()
            .map(|one| one.probabilities(examples, &members, 64))
            .collect::<Result<_>>()?;
        if let [only] = parts.as_slice() {
            return Ok(only.clone());
        }
        let parts: Vec<&[f64]> = parts.iter().map(Vec::as_slice).collect();
        Ok(mean_log_probabilities(&parts, self.classes.len()))
    }
}
