//! What classification needs of its examples, whatever they are.

use std::collections::BTreeMap;

use super::floors::NamedFloor;
use super::split::{Origins, Split};
use super::window_input::WindowInput;
use crate::data::{ChannelMoments, Dataset, ExampleSpec, Fingerprint, WaveformAugmentation};
use crate::error::{Error, Result};

/// What is known of each example, `[N]` each.
#[derive(Clone, Debug, Default)]
pub struct ClassTable {
    /// Class names; the position is the class number.
    pub classes: Vec<String>,
    /// Class of each example, if known.
    pub labels: Vec<Option<usize>>,
    /// Group (event, rock sample) of each example.
    pub groups: Vec<usize>,
    /// Fold of each example, empty if the table has none.
    pub folds: Vec<usize>,
    /// How the folds were made.
    pub split: Split,
    /// What the classifiers see of windows.
    pub input: WindowInput,
    /// The names of the classes, joined by `/`, where examples of others are left out.
    pub among: Option<String>,
    /// Where examples come from.
    pub origins: Origins,
    /// What `names` are: `row` or `file`.
    pub key: &'static str,
    /// Row or file of each example.
    pub names: Vec<String>,
}

impl ClassTable {
    /// Number of examples.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The number of the class called `name`.
    pub fn class(&self, name: &str) -> Result<usize> {
        self.classes.iter().position(|c| c == name).ok_or_else(|| {
            Error::usage(format!("no class '{name}'; there are: {}", self.classes.join(", ")))
        })
    }

    /// Numbers of the examples whose class is known.
    pub fn labelled(&self) -> Vec<usize> {
        (0..self.len()).filter(|&n| self.labels[n].is_some()).collect()
    }

    /// Fold numbers in rising order.
    pub fn fold_numbers(&self) -> Vec<usize> {
        let mut folds = self.folds.clone();
        folds.sort_unstable();
        folds.dedup();
        folds
    }

    /// Refuses a group that lies in two folds, its examples are not independent; unless another
    /// split was asked for.
    pub fn check_folds(&self) -> Result<()> {
        if self.split != Split::Groups {
            return Ok(());
        }
        let mut fold_of = BTreeMap::new();
        for (example, (&group, &fold)) in self.groups.iter().zip(&self.folds).enumerate() {
            if *fold_of.entry(group).or_insert(fold) != fold {
                return Err(Error::data(format!(
                    "the group of {} {} lies in two folds; all examples of a group must share one",
                    self.key, self.names[example]
                )));
            }
        }
        Ok(())
    }

    /// Gives each of `units` (groups, stations; `[N]`) one of `count` folds, classes spread as
    /// evenly as whole units allow: large ones first, each to the fold where it disturbs the balance
    /// least. Returns the fold of every example.
    pub fn spread(&self, units: &[usize], what: &str, count: usize) -> Result<Vec<usize>> {
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for example in self.labelled() {
            members.entry(units[example]).or_default().push(example);
        }
        if count < 2 || members.len() < count {
            return Err(Error::data(format!(
                "{} {what} cannot be split into {count} folds; at least two folds of one of them \
                 each are needed",
                members.len()
            )));
        }
        let mut order: Vec<&Vec<usize>> = members.values().collect();
        order.sort_by_key(|group| std::cmp::Reverse(group.len()));
        let mut held = vec![vec![0usize; self.classes.len()]; count];
        let mut folds = vec![0; self.len()];
        for group in order {
            let mut adds = vec![0usize; self.classes.len()];
            for &example in group {
                if let Some(class) = self.labels[example] {
                    adds[class] += 1;
                }
            }
            let disturbance = |fold: &[usize]| -> (usize, usize) {
                let grown = fold.iter().zip(&adds).filter(|(_, a)| **a > 0);
                (grown.map(|(h, a)| h + a).sum(), fold.iter().sum())
            };
            let best = (0..count).min_by_key(|&fold| disturbance(&held[fold])).unwrap_or(0);
            for (h, a) in held[best].iter_mut().zip(&adds) {
                *h += a;
            }
            for &example in group {
                folds[example] = best;
            }
        }
        Ok(folds)
    }
}

/// The content of all examples with their classes, groups and folds, as one number.
pub fn fingerprint_of_all(examples: &dyn ClassExamples) -> String {
    let (table, mut whole) = (examples.table(), Fingerprint::default());
    table.classes.iter().for_each(|class| whole.add(class.as_bytes()));
    for example in 0..table.len() {
        let (label, fold) = (table.labels[example], table.folds.get(example));
        let words =
            format!("{} {label:?} {} {fold:?}", table.names[example], table.groups[example]);
        whole.add(words.as_bytes());
        whole.add(examples.fingerprint(example).as_bytes());
    }
    whole.finish()
}

/// What was learnt from the training part about the scale of the inputs.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Scaling {
    /// Moments of each channel; `None` where inputs stay as they are.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub channels: Option<ChannelMoments>,
}

/// Examples that can be classified: waveform windows, images.
pub trait ClassExamples: Sync {
    /// Labels, groups, folds.
    fn table(&self) -> &ClassTable;

    /// Shape of one example.
    fn spec(&self) -> ExampleSpec;

    /// Sixteen hexadecimal digits of the SHA-256 of what the networks see of an example.
    fn fingerprint(&self, example: usize) -> String;

    /// Learns the scale of the inputs from `train`.
    fn scaling(&self, train: &[usize]) -> Scaling;

    /// Examples for training, augmented with what `members` themselves hold; `augmentation`
    /// replaces that of the examples.
    fn training(
        &self,
        members: Vec<usize>,
        scaling: &Scaling,
        augmentation: Option<&WaveformAugmentation>,
    ) -> Result<Box<dyn Dataset + '_>>;

    /// The same examples in one or several views, over which ln p is averaged.
    fn views(&self, members: Vec<usize>, scaling: &Scaling) -> Result<Vec<Box<dyn Dataset + '_>>>;

    /// The floors, with what they see of every example.
    fn floors(&self) -> Result<Vec<NamedFloor>>;

    /// The class that is no event, if there is one.
    fn noise_class(&self) -> Option<usize> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> ClassTable {
        ClassTable {
            classes: vec!["a".into(), "b".into()],
            labels: (0..40).map(|n| Some(n % 2)).collect(),
            groups: (0..40).map(|n| n / 4).collect(),
            key: "row",
            names: (0..40).map(|n| n.to_string()).collect(),
            ..ClassTable::default()
        }
    }

    #[test]
    fn folds_keep_groups_whole_and_classes_even() {
        let mut table = table();
        table.folds = table.spread(&table.groups, "groups", 5).unwrap();
        table.check_folds().unwrap();
        for fold in 0..5 {
            let members: Vec<usize> = (0..40).filter(|&n| table.folds[n] == fold).collect();
            assert_eq!(members.len(), 8);
            assert_eq!(members.iter().filter(|n| *n % 2 == 0).count(), 4);
        }
        assert!(table.spread(&table.groups, "groups", 11).is_err());
    }

    #[test]
    fn a_group_in_two_folds_is_refused() {
        let mut table = table();
        table.folds = table.spread(&table.groups, "groups", 5).unwrap();
        table.folds[0] = (table.folds[0] + 1) % 5;
        assert!(table.check_folds().unwrap_err().to_string().contains("two folds"));
    }
}
