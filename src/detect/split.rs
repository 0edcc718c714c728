//! How examples are divided into folds, and what training and test share nevertheless.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng as _, SeedableRng};

use super::class_examples::ClassTable;
use crate::data::Rng;
use crate::error::{Error, Result};

/// How examples are divided.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// Whole groups: the index table's folds, or folds made of groups where it has none.
    #[default]
    Groups,
    /// Whole stations. What is left for training of the groups of a test fold is left out, so that
    /// neither stations nor groups are shared.
    Station,
    /// Whole networks, groups as with stations.
    Network,
    /// Each example by itself, classes spread evenly, groups torn apart. Only to compare with
    /// published random splits; scores are too high.
    RandomLeaky,
}

impl Split {
    /// What stands in the column `target` of the scores behind the class, so that no score travels
    /// without its split.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Groups => "",
            Self::Station => ", split station",
            Self::Network => ", split network",
            Self::RandomLeaky => ", split random-leaky",
        }
    }
}

/// Where examples come from, as numbers, `[N]` each; empty where it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    /// Station (`NET.STA`).
    pub stations: Vec<usize>,
    /// Network.
    pub networks: Vec<usize>,
    /// Day (UTC).
    pub days: Vec<usize>,
}

/// How many things of one kind stand in training and test of the same fold.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Shared {
    /// `groups`, `stations`, `networks`, `days`.
    pub what: &'static str,
    /// Those in the training and the test part of some fold.
    pub shared: usize,
    /// All there are.
    pub of: usize,
}

impl ClassTable {
    /// Divides the examples into `count` folds as `split` says. The sentences that must be shown
    /// come back: what was made, and what training and test share.
    ///
    /// # Errors
    /// Too few groups, stations or examples for so many folds; stations that are not known.
    pub fn divide(&mut self, split: Split, count: usize) -> Result<Vec<String>> {
        self.split = split;
        let mut sentences = Vec::new();
        match split {
            Split::Groups if !self.folds.is_empty() => {}
            Split::Groups => {
                self.folds = self.spread(&self.groups, "groups", count)?;
                sentences.push(format!("no fold column: {count} folds made of whole groups"));
            }
            Split::Station | Split::Network => {
                let (of, what) = match split {
                    Split::Station => (&self.origins.stations, "stations"),
                    _ => (&self.origins.networks, "networks"),
                };
                if of.is_empty() {
                    return Err(Error::usage(format!(
                        "folds of whole {what} need a column of stream identifiers \
                         (NET.STA.LOC.CHA); name it: columns = {{ stream = \"…\" }}"
                    )));
                }
                let distinct = of.iter().collect::<BTreeSet<_>>().len();
                self.folds = self.spread(of, what, count.min(distinct))?;
                self.check_training(what)?;
            }
            Split::RandomLeaky => {
                self.tear_groups(count)?;
                sentences.push(self.leak());
            }
        }
        sentences.extend(self.sharing_sentence());
        Ok(sentences)
    }

    /// Training and test examples of a fold; only examples with a class take part. Examples whose
    /// group is tested are not trained on, unless that was asked for.
    pub fn parts(&self, fold: usize) -> (Vec<usize>, Vec<usize>) {
        let (mut train, test): (Vec<usize>, Vec<usize>) =
            self.labelled().into_iter().partition(|&example| self.folds[example] != fold);
        if self.split != Split::RandomLeaky {
            let tested: BTreeSet<usize> = test.iter().map(|&n| self.groups[n]).collect();
            train.retain(|&example| !tested.contains(&self.groups[example]));
        }
        (train, test)
    }

    /// Refuses folds whose training part holds fewer than two classes.
    fn check_training(&self, what: &str) -> Result<()> {
        for fold in self.fold_numbers() {
            let (train, _) = self.parts(fold);
            let classes: BTreeSet<_> = train.iter().map(|&n| self.labels[n]).collect();
            if classes.len() < 2 {
                return Err(Error::data(format!(
                    "folds of whole {what}: without the groups that fold {fold} tests, {} examples \
                     of fewer than two classes are left to train on; use fewer folds or other data",
                    train.len()
                )));
            }
        }
        Ok(())
    }

    /// What stands in the training and the test part of one fold, as far as it is known.
    pub fn shared(&self) -> Vec<Shared> {
        let Origins { stations, networks, days } = &self.origins;
        let kinds = [
            ("groups", &self.groups),
            ("stations", stations),
            ("networks", networks),
            ("days", days),
        ];
        let parts: Vec<_> = self.fold_numbers().into_iter().map(|fold| self.parts(fold)).collect();
        let known = kinds.into_iter().filter(|(_, of)| of.len() == self.len());
        known
            .map(|(what, of)| {
                let set = |rows: &[usize]| rows.iter().map(|&n| of[n]).collect::<BTreeSet<_>>();
                let both = parts.iter().flat_map(|(train, test)| {
                    set(train).intersection(&set(test)).copied().collect::<Vec<_>>()
                });
                let shared = both.collect::<BTreeSet<_>>().len();
                Shared { what, shared, of: set(&self.labelled()).len() }
            })
            .collect()
    }

    fn sharing_sentence(&self) -> Option<String> {
        let shared = self.shared();
        if self.origins == Origins::default() || shared.is_empty() {
            return None;
        }
        let counts: Vec<String> =
            shared.iter().map(|s| format!("{} of {} {}", s.shared, s.of, s.what)).collect();
        let name = match self.split {
            Split::Groups => "split by groups".to_string(),
            other => other.suffix().trim_start_matches(", ").to_string(),
        };
        Some(format!("{name}: training and test share {}", counts.join(", ")))
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
             high and no result; use them only beside published random splits",
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
        assert!(kept.divide(Split::Groups, 4).unwrap().is_empty());
        assert_eq!(kept.folds, table().folds);
        made.folds.clear();
        assert!(made.divide(Split::Groups, 4).unwrap()[0].contains("whole groups"));
        made.check_folds().unwrap();
        let warning = torn.divide(Split::RandomLeaky, 4).unwrap().remove(0);
        assert!(warning.contains("of 10 groups"), "{warning}");
        assert!(torn.target().contains("random-leaky"));
        for fold in 0..4 {
            let ones = (0..40).filter(|&n| torn.folds[n] == fold && n % 2 == 1).count();
            assert_eq!(ones, 5);
        }
        torn.split = Split::Groups;
        assert!(torn.check_folds().is_err());
    }

    #[test]
    fn folds_of_stations_share_neither_stations_nor_groups() {
        let mut table = table();
        assert!(table.divide(Split::Station, 4).is_err());
        // Each group is recorded at two of eight stations.
        table.origins.stations = (0..40).map(|n| (n / 4 + n % 2 * 3) % 8).collect();
        table.origins.networks = table.origins.stations.iter().map(|s| s / 4).collect();
        let by_groups = table.shared();
        assert_eq!((by_groups[0].shared, by_groups[0].what), (0, "groups"));
        assert!(by_groups[1].shared > 0 && by_groups[1].of == 8);
        let sentence = table.divide(Split::Station, 4).unwrap().remove(0);
        assert!(sentence.contains("share 0 of 10 groups, 0 of 8 stations"), "{sentence}");
        assert!(table.target().ends_with("split station"));
        for fold in table.fold_numbers() {
            let (train, test) = table.parts(fold);
            assert!(!train.is_empty() && !test.is_empty());
            let both = |of: &[usize]| train.iter().any(|&a| test.iter().any(|&b| of[a] == of[b]));
            assert!(!both(&table.groups) && !both(&table.origins.stations));
        }
        // Every group is recorded in both networks: nothing is left to train on.
        table.origins.networks = (0..40).map(|n| n % 2).collect();
        let refused = table.divide(Split::Network, 5).unwrap_err().to_string();
        assert!(refused.contains("0 examples of fewer than two classes"), "{refused}");
        table.origins.networks = table.groups.iter().map(|g| g % 2).collect();
        let sentence = table.divide(Split::Network, 5).unwrap().remove(0);
        assert!(sentence.contains("0 of 2 networks"), "{sentence}");
    }

    #[test]
    fn the_name_is_exactly_random_leaky() {
        let read = |text: &str| serde_json::from_str::<Split>(&format!("\"{text}\""));
        assert_eq!(read("random-leaky").unwrap(), Split::RandomLeaky);
        assert_eq!(read("station").unwrap(), Split::Station);
        assert!(read("random").is_err() && read("RandomLeaky").is_err());
    }
}
