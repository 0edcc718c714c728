//! The settings file of `temblor train` with `kind = "picker"`.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::super::PickerClass;
use crate::data::picks::{LabelSettings, SetSource, SplitBy, Step, check_steps};
use crate::error::{Error, Result};
use crate::model::DeviceChoice;
use crate::train::TrainSettings;

/// A settings file with `kind = "picker"`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PickerTraining {
    /// Always `picker`.
    pub kind: PickerKind,
    /// Every fold is fitted with seeds 0 to `seeds - 1`.
    #[serde(default = "one")]
    pub seeds: u64,
    /// Folds of the cross-validation; 0 for none.
    #[serde(default = "five")]
    pub folds: usize,
    /// What folds must not share.
    #[serde(default)]
    pub split: SplitBy,
    /// Seed of the folds.
    #[serde(default)]
    pub split_seed: u64,
    /// Share of the training part that is held out, by whole groups, to stop by; 0 for none.
    #[serde(default = "sixth")]
    pub validation: f64,
    /// Whether a picker is trained on everything at the end, for `temblor pick`.
    #[serde(default = "yes")]
    pub final_fit: bool,
    /// Picks are made where a label reaches this.
    #[serde(default = "third")]
    pub threshold: f64,
    /// A pick is right if it is at most so many seconds from its label.
    #[serde(default = "tenth")]
    pub tolerance: f64,
    /// The device asked for.
    #[serde(default)]
    pub device: DeviceChoice,
    /// The device used; set by the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computed_on: Option<String>,
    /// The data sets, taken together.
    pub data: Vec<SetSource>,
    /// What is trained.
    #[serde(default)]
    pub picker: PickerSource,
    /// The labels.
    #[serde(default)]
    pub labels: LabelSettings,
    /// How training windows are made and changed, step by step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub augmentation: Vec<Step>,
    /// The loss.
    #[serde(default)]
    pub loss: PickLoss,
    /// The training.
    #[serde(default)]
    pub training: TrainSettings,
}

/// The one kind there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PickerKind {
    /// A picker.
    #[default]
    Picker,
}

/// The picker that training begins with.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PickerSource {
    /// Weights to go on from: whatever `temblor pick` reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<PathBuf>,
    /// Else the class of a new network; PhaseNet if neither is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<PickerClass>,
    /// Constructor arguments of a new network, over the defaults of the class.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub arguments: Map<String, Value>,
    /// Arguments of annotate and classify that are written beside the weights, over the defaults
    /// of the class; weights gone on from keep theirs.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub default_arguments: Map<String, Value>,
    /// Parameters that stay as they are, by patterns of their names: `down_branch.*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<String>,
    /// Batch normalisation keeps its running means and variances everywhere, and uses them in
    /// training too.
    pub freeze_statistics: bool,
}

/// The loss.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PickLoss {
    /// Weight of each label by name; 1 if not named.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub weights: Map<String, Value>,
}

fn one() -> u64 {
    1
}

fn five() -> usize {
    5
}

fn sixth() -> f64 {
    0.15
}

fn third() -> f64 {
    0.3
}

fn tenth() -> f64 {
    0.1
}

fn yes() -> bool {
    true
}

impl PickerTraining {
    /// Reads the text of a settings file.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the setting and its line.
    pub fn parse(text: &str) -> Result<Self> {
        let settings: Self =
            toml::from_str(text).map_err(|e| Error::usage(e.to_string().trim_end().to_string()))?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<()> {
        let wrong = |what: &str| Err(Error::usage(what));
        if self.data.is_empty() {
            return wrong("no [[data]] is named");
        }
        if self.folds == 1 || self.folds > 1000 {
            return wrong("folds: at least 2, or 0 for no cross-validation");
        }
        if self.folds == 0 && !self.final_fit {
            return wrong("folds = 0 and final_fit = false leave nothing to do");
        }
        if self.split == SplitBy::Given && self.folds > 0 {
            return wrong("split = \"given\" has parts, not folds: set folds = 0");
        }
        if self.seeds == 0 || self.seeds > 1000 {
            return wrong("seeds: at least 1");
        }
        if !(0.0..0.9).contains(&self.validation) {
            return wrong("validation is a share in 0..0.9");
        }
        if self.validation == 0.0 && self.training.patience.is_some() {
            return wrong("patience needs a validation part: set validation above 0");
        }
        if !(self.threshold > 0.0 && self.threshold < 1.0 && self.tolerance > 0.0) {
            return wrong("threshold lies in 0..1, tolerance above 0");
        }
        if self.picker.from.is_some()
            && (self.picker.class.is_some() || !self.picker.arguments.is_empty())
        {
            return wrong("[picker]: weights in `from` have a class and arguments of their own");
        }
        self.labels.check()?;
        check_steps(&self.augmentation)?;
        self.training.check()
    }

    /// Makes relative paths start at `folder`.
    pub fn relative_to(&mut self, folder: &Path) {
        let paths = self.data.iter_mut().map(|source| &mut source.path);
        for path in paths.chain(&mut self.picker.from) {
            *path = folder.join(&*path);
        }
    }

    /// The weight of each of `labels` in the loss; `None` if all are 1.
    ///
    /// # Errors
    /// A name that is no label; a weight that is no number from 0 on.
    pub(super) fn label_weights(&self, labels: &[String]) -> Result<Option<Vec<f64>>> {
        if self.loss.weights.is_empty() {
            return Ok(None);
        }
        let mut weights = vec![1.0; labels.len()];
        for (name, value) in &self.loss.weights {
            let place = labels.iter().position(|label| label == name);
            let weight = value.as_f64().filter(|w| w.is_finite() && *w >= 0.0);
            match (place, weight) {
                (Some(place), Some(weight)) => weights[place] = weight,
                _ => {
                    return Err(Error::usage(format!(
                        "[loss] weights.{name} = {value}: expected a number from 0 on for one of \
                         the labels {}",
                        labels.join(", ")
                    )));
                }
            }
        }
        Ok(Some(weights))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        kind = "picker"
        folds = 4
        split = "station"
        [[data]]
        path = "set"
        [picker]
        from = "weights/volpick"
        freeze = ["inc.*", "down_branch.*"]
        freeze_statistics = true
        [labels]
        shape = "triangle"
        width_seconds = 0.2
        [[augmentation]]
        step = "shift"
        seconds = 1.0
        [loss.weights]
        P = 2.0
        [training]
        epochs = 3
    "#;

    #[test]
    fn a_file_is_read_and_written_back_the_same() {
        let mut settings = PickerTraining::parse(TEXT).unwrap();
        let text = toml::to_string(&settings).unwrap();
        assert_eq!(PickerTraining::parse(&text).unwrap(), settings);
        settings.relative_to(Path::new("/there"));
        assert_eq!(settings.data[0].path, Path::new("/there/set"));
        let labels = ["N", "P", "S"].map(String::from);
        assert_eq!(settings.label_weights(&labels).unwrap().unwrap(), [1.0, 2.0, 1.0]);
        assert!(settings.label_weights(&labels[..1]).is_err());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let refused = |from: &str, to: &str| {
            let text = TEXT.replace(from, to);
            assert_ne!(text, TEXT);
            PickerTraining::parse(&text).unwrap_err().to_string()
        };
        assert!(refused("\"station\"", "\"random\"").contains("random"));
        assert!(refused("\"station\"", "\"window\"").contains("random-leaky"));
        assert!(refused("\"station\"", "\"given\"").contains("folds = 0"));
        assert!(refused("folds = 4", "folds = 1").contains("folds"));
        assert!(refused("epochs = 3", "epochs = 3\npatience = 2\n[bad]").contains("bad"));
        assert!(refused("from =", "class = \"PhaseNet\"\nfrom =").contains("of their own"));
    }
}
