//! How examples are divided into folds: by whole groups, or, to repeat a published number, at
//! random over the groups.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng as _, SeedableRng};

use super::class_examples::ClassTable;
use crate::data::Rng;
use crate::error::{Error, Result};

/// How examples are divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// Whole groups: the index table's folds, or folds made of groups where it has none.
    #[default]
    Groups,
    /// Each example by itself, classes spread evenly, groups torn apart. Only to compare with
    /// published random splits; scores are too high.
    RandomLeaky,
}

impl Split {
    /// What stands in the column `target` of the scores, so that no score travels without its
    /// split.
    pub fn target(self) -> &'static str {
        match self {
            Self::Groups => "class",
            Self::RandomLeaky => "class, split random-leaky",
        }
    }
}

impl ClassTable {
    /// Divides the examples into `count` folds as `split` says. The sentence that must be shown
    /// comes back: what was made, or what leaks.
    ///
    /// # Errors
    /// Too few groups or examples for so many folds.
    pub fn divide(&mut self, split: Split, count: usize) -> Result<Option<String>> {
        self.split = split;
        match split {
            Split::Groups if !self.folds.is_empty() => Ok(None),
            Split::Groups => {
                self.make_folds(count)?;
                Ok(Some(format!("no fold column: {count} folds made of whole groups")))
            }
            Split::RandomLeaky => {
                self.tear_groups(count)?;
                Ok(Some(self.leak()))
            }
        }
    }

    /// Deals the examples of each class, shuffled, to the folds in turn. The order is the same in
    /// every run.
    fn tear_groups(&mut self, count: usize) -> Result<()> {
        let labelled = self.labelled();
        if count < 2 || labelled.len() < count {
            return Err(Error::data(format!(
                "{} examples cannot be split into {count} folds; at least two folds of one \
                 example each are needed",
                labelled.len()
            )));
        }
        let mut rng = Rng::seed_from_u64(0);
        let mut drawn: Vec<(Option<usize>, u64, usize)> =
            labelled.iter().map(|&n| (self.labels[n], rng.next_u64(), n)).collect();
        drawn.sort_unstable();
        self.folds = vec![0; self.len()];
        for (place, (_, _, example)) in drawn.into_iter().enumerate() {
            self.folds[example] = place % count;
        }
        Ok(())
    }

    /// The warning that says what leaks.
    fn leak(&self) -> String {
        let mut folds_of: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for example in self.labelled() {
            folds_of.entry(self.groups[example]).or_default().insert(self.folds[example]);
        }
        let torn = folds_of.values().filter(|folds| folds.len() > 1).count();
        format!(
            "warning: split = \"random-leaky\" tears {torn} of {} groups apart: examples of one \
             event, rock sample or station stand in training and test, so that the scores are too \
             high; use them only beside published random splits",
            folds_of.len()
        )
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
            folds: (0..40).map(|n| n / 8).collect(),
            key: "row",
            names: (0..40).map(|n| n.to_string()).collect(),
            ..ClassTable::default()
        }
    }

    #[test]
    fn groups_stay_whole_unless_the_leak_is_asked_for_by_name() {
        let (mut kept, mut made, mut torn) = (table(), table(), table());
        assert_eq!(kept.divide(Split::Groups, 4).unwrap(), None);
        assert_eq!(kept.folds, table().folds);
        made.folds.clear();
        assert!(made.divide(Split::Groups, 4).unwrap().unwrap().contains("whole groups"));
        made.check_folds().unwrap();
        let warning = torn.divide(Split::RandomLeaky, 4).unwrap().unwrap();
        assert!(warning.contains("of 10 groups"), "{warning}");
        assert!(torn.split.target().contains("random-leaky"));
        for fold in 0..4 {
            let ones = (0..40).filter(|&n| torn.folds[n] == fold && n % 2 == 1).count();
            assert_eq!(ones, 5);
        }
        torn.split = Split::Groups;
        assert!(torn.check_folds().is_err());
    }

    #[test]
    fn the_name_is_exactly_random_leaky() {
        let read = |text: &str| serde_json::from_str::<Split>(&format!("\"{text}\""));
        assert_eq!(read("random-leaky").unwrap(), Split::RandomLeaky);
        assert!(read("random").is_err() && read("RandomLeaky").is_err());
    }
}
