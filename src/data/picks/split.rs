//! Parts and folds that share neither events nor samples.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rand::{Rng as _, SeedableRng};

use super::trace_set::{LabelledTrace, TraceSet};
use crate::data::{Rng, derive_seed};
use crate::error::{Error, Result};

/// What parts must not share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitBy {
    /// Events. Traces of one station that overlap in time hang together, and traces without an
    /// event's name with all that overlap them anywhere.
    #[default]
    Event,
    /// Stations.
    Station,
    /// Days (UTC); events across midnight and overlapping traces hang their days together.
    Day,
    /// The parts the set itself names (`train`, `dev`, `test`).
    Given,
    /// Each trace by itself: traces of one event stand in training and test. Only to compare with
    /// published random splits; scores are too high.
    RandomLeaky,
}

impl SplitBy {
    /// The name in settings and flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Station => "station",
            Self::Day => "day",
            Self::Given => "given",
            Self::RandomLeaky => "random-leaky",
        }
    }

    /// The group of each trace: numbers from 0 in order of first appearance.
    ///
    /// # Errors
    /// A trace without what is split by, naming it.
    pub fn groups(self, traces: &[LabelledTrace]) -> Result<Vec<usize>> {
        let mut bonds = Bonds::new(traces.len());
        match self {
            Self::Event => {
                bonds.tie_same(traces, events);
                tie_overlapping(&mut bonds, traces);
            }
            Self::Day => {
                need(traces, "time", |trace| trace.start.is_some())?;
                bonds.tie_same(traces, |trace| [trace.day()].into());
                bonds.tie_same(traces, events);
                tie_overlapping(&mut bonds, traces);
            }
            Self::Station => {
                need(traces, "station", |trace| !trace.station.is_empty())?;
                bonds.tie_same(traces, |trace| [trace.station.clone()].into());
            }
            Self::Given => {
                need(traces, "part of its own", |trace| !trace.split.is_empty())?;
                bonds.tie_same(traces, |trace| [trace.split.clone()].into());
            }
            Self::RandomLeaky => {}
        }
        Ok(bonds.groups())
    }
}

fn need(traces: &[LabelledTrace], what: &str, has: impl Fn(&LabelledTrace) -> bool) -> Result<()> {
    match traces.iter().find(|trace| !has(trace)) {
        None => Ok(()),
        Some(trace) => Err(Error::data(format!("{} has no {what} to split by", trace.name))),
    }
}

/// The events a trace shows, its own and those of its picks.
fn events(trace: &LabelledTrace) -> BTreeSet<String> {
    let picks = trace.picks.iter().map(|pick| &pick.event);
    picks.chain([&trace.event]).filter(|event| !event.is_empty()).cloned().collect()
}

/// Ties traces that overlap in time at one station, and those without event's name to all they
/// overlap.
fn tie_overlapping(bonds: &mut Bonds, traces: &[LabelledTrace]) {
    let mut order: Vec<usize> = (0..traces.len()).filter(|&t| traces[t].start.is_some()).collect();
    order.sort_by_key(|&t| traces[t].start);
    // The trace that ends last so far: at each station, of those without event, of all.
    let mut stations: HashMap<&str, usize> = HashMap::new();
    let (mut nameless, mut any): (Option<usize>, Option<usize>) = (None, None);
    let later = |held: Option<usize>, trace: usize| match held {
        Some(held) if traces[held].end() >= traces[trace].end() => Some(held),
        _ => Some(trace),
    };
    for trace in order {
        // Neighbours on another clock may share a sample.
        let edge = 2 * traces[trace].rate.period();
        let start = traces[trace].start.map(|start| start.plus(edge));
        let overlaps = |held: &usize| traces[*held].end() > start;
        let unknown = events(&traces[trace]).is_empty() && !traces[trace].is_noise();
        let station = traces[trace].station.as_str();
        let here = stations.get(station).copied();
        let elsewhere = if unknown { any } else { nameless };
        for held in [here, elsewhere].into_iter().flatten().filter(overlaps) {
            bonds.tie(held, trace);
        }
        stations.insert(station, later(here, trace).unwrap_or(trace));
        any = later(any, trace);
        if unknown {
            nameless = later(nameless, trace);
        }
    }
}

/// Which traces hang together (disjoint sets).
struct Bonds(Vec<usize>);

impl Bonds {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn root(&mut self, mut trace: usize) -> usize {
        while self.0[trace] != trace {
            self.0[trace] = self.0[self.0[trace]];
            trace = self.0[trace];
        }
        trace
    }

    fn tie(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }

    fn tie_same(
        &mut self,
        traces: &[LabelledTrace],
        keys: impl Fn(&LabelledTrace) -> BTreeSet<String>,
    ) {
        let mut first: HashMap<String, usize> = HashMap::new();
        for (number, trace) in traces.iter().enumerate() {
            for key in keys(trace) {
                let held = *first.entry(key).or_insert(number);
                self.tie(held, number);
            }
        }
    }

    fn groups(mut self) -> Vec<usize> {
        let mut numbers = BTreeMap::new();
        (0..self.0.len())
            .map(|trace| {
                let root = self.root(trace);
                let next = numbers.len();
                *numbers.entry(root).or_insert(next)
            })
            .collect()
    }
}

/// The fold of each trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folds {
    /// Number of folds.
    pub count: usize,
    /// Fold of each trace.
    pub of: Vec<usize>,
    /// Group of each trace.
    pub groups: Vec<usize>,
}

impl Folds {
    /// Deals whole groups to `count` folds, large ones first, each to the fold with the fewest
    /// traces of its kind (with picks or without), ties drawn by `seed`.
    ///
    /// # Errors
    /// Fewer groups than folds; [`SplitBy::groups`].
    pub fn make(traces: &[LabelledTrace], by: SplitBy, count: usize, seed: u64) -> Result<Self> {
        let groups = by.groups(traces)?;
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (trace, &group) in groups.iter().enumerate() {
            members.entry(group).or_default().push(trace);
        }
        if count < 2 || members.len() < count {
            return Err(Error::data(format!(
                "{} traces hang together in {} groups by {}: too few for {count} folds; at least \
                 two folds of one group each are needed",
                traces.len(),
                members.len(),
                by.name()
            )));
        }
        let mut rng = Rng::seed_from_u64(derive_seed(seed, &[11]));
        let mut order: Vec<(usize, u64, &Vec<usize>)> =
            members.values().map(|group| (group.len(), rng.next_u64(), group)).collect();
        order.sort_by_key(|(size, drawn, _)| (std::cmp::Reverse(*size), *drawn));
        let mut held = vec![[0usize; 2]; count];
        let mut of = vec![0; traces.len()];
        for (_, _, group) in order {
            let with = group.iter().filter(|&&t| !traces[t].picks.is_empty()).count();
            let adds = [with, group.len() - with];
            let load = |fold: &usize| -> (usize, usize) {
                let grown = held[*fold].iter().zip(adds).filter(|(_, adds)| *adds > 0);
                (grown.map(|(held, adds)| held + adds).sum(), held[*fold].iter().sum())
            };
            let best = (0..count).min_by_key(load).unwrap_or(0);
            held[best].iter_mut().zip(adds).for_each(|(held, adds)| *held += adds);
            group.iter().for_each(|&trace| of[trace] = best);
        }
        Ok(Self { count, of, groups })
    }

    /// Test: fold `fold`. Validation: about `share` of the other groups, drawn by `seed`; at least
    /// one group with picks if `share` is above 0. Training: the rest.
    pub fn subsets(&self, traces: &[LabelledTrace], fold: usize, share: f64, seed: u64) -> Subsets {
        let mut parts = Subsets::default();
        let mut rest: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (trace, &of) in self.of.iter().enumerate() {
            if of == fold {
                parts.test.push(trace);
            } else {
                rest.entry(self.groups[trace]).or_default().push(trace);
            }
        }
        parts.divide(
            rest.into_values().collect(),
            traces,
            share,
            derive_seed(seed, &[fold as u64]),
        );
        parts
    }
}

/// Numbers of traces for training, validation and test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subsets {
    /// To learn from.
    pub train: Vec<usize>,
    /// To stop by.
    pub valid: Vec<usize>,
    /// To judge by.
    pub test: Vec<usize>,
}

impl Subsets {
    /// The set's own parts: `train`, `dev` (or `valid`, `validation`) and `test`.
    ///
    /// # Errors
    /// A trace without a part, or with one of another name.
    pub fn given(traces: &[LabelledTrace]) -> Result<Self> {
        let mut parts = Self::default();
        for (number, trace) in traces.iter().enumerate() {
            match trace.split.as_str() {
                "train" => parts.train.push(number),
                "dev" | "valid" | "validation" => parts.valid.push(number),
                "test" => parts.test.push(number),
                other => {
                    return Err(Error::data(format!(
                        "{} is in part '{other}', expected train, dev or test",
                        trace.name
                    )));
                }
            }
        }
        Ok(parts)
    }

    /// Training and validation of everything, without a test.
    pub fn without_test(
        traces: &[LabelledTrace],
        by: SplitBy,
        share: f64,
        seed: u64,
    ) -> Result<Self> {
        let mut rest: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (trace, group) in by.groups(traces)?.into_iter().enumerate() {
            rest.entry(group).or_default().push(trace);
        }
        let mut parts = Self::default();
        parts.divide(rest.into_values().collect(), traces, share, derive_seed(seed, &[u64::MAX]));
        Ok(parts)
    }

    fn divide(&mut self, groups: Vec<Vec<usize>>, traces: &[LabelledTrace], share: f64, seed: u64) {
        let mut rng = Rng::seed_from_u64(seed);
        let mut drawn: Vec<(u64, Vec<usize>)> =
            groups.into_iter().map(|group| (rng.next_u64(), group)).collect();
        drawn.sort();
        let all: usize = drawn.iter().map(|(_, group)| group.len()).sum();
        let with = |group: &[usize]| group.iter().any(|&t| !traces[t].picks.is_empty());
        let (mut picked, mut left) = (false, drawn.len());
        for (_, group) in drawn {
            left -= 1;
            let wanted = share > 0.0 && left > 0;
            let short = (self.valid.len() as f64) < share * all as f64;
            if wanted
                && (short || !picked && with(&group))
                && (!short || self.fits(&group, share * all as f64))
            {
                picked |= with(&group);
                self.valid.extend(group);
            } else {
                self.train.extend(group);
            }
        }
        self.train.sort_unstable();
        self.valid.sort_unstable();
    }

    /// Whether a group does not make the validation part much larger than wanted.
    fn fits(&self, group: &[usize], wanted: f64) -> bool {
        self.valid.is_empty() || (self.valid.len() + group.len()) as f64 <= 1.5 * wanted.max(1.0)
    }
}

/// How many events, stations and days two parts have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SharedKeys {
    /// Events.
    pub events: usize,
    /// Stations.
    pub stations: usize,
    /// Days.
    pub days: usize,
}

/// The leak probe: what training and test parts share.
pub fn shared(set: &TraceSet, train: &[usize], test: &[usize]) -> SharedKeys {
    let count = |keys: &dyn Fn(&LabelledTrace) -> BTreeSet<String>| {
        let of = |part: &[usize]| -> BTreeSet<String> {
            part.iter().flat_map(|&t| keys(&set.traces[t])).filter(|k| !k.is_empty()).collect()
        };
        of(train).intersection(&of(test)).count()
    };
    SharedKeys {
        events: count(&events),
        stations: count(&|trace| [trace.station.clone()].into()),
        days: count(&|trace| [trace.day()].into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::trace_set::tests::trace;
    use super::*;
    use crate::time::UtcTime;

    /// Eight events at three stations each, and four traces of noise; a day an event.
    fn traces() -> Vec<LabelledTrace> {
        let mut all = Vec::new();
        for event in 0..8i64 {
            for station in 0..3 {
                let mut one = trace(station, &[("P", 50.0)], 1000);
                one.event = format!("e{event}");
                one.picks[0].event = one.event.clone();
                one.start = Some(UtcTime(event * 86_400_000_000_000 + station as i64));
                all.push(one);
            }
        }
        for number in 0..4 {
            let mut noise = trace(number % 3, &[], 1000);
            noise.start = Some(UtcTime((number as i64 * 86_400 + 40_000) * 1_000_000_000));
            all.push(noise);
        }
        all
    }

    type Key = fn(&LabelledTrace) -> String;

    fn keys(
        traces: &[LabelledTrace],
        part: &[usize],
        key: fn(&LabelledTrace) -> String,
    ) -> BTreeSet<String> {
        part.iter().map(|&t| key(&traces[t])).filter(|k| !k.is_empty()).collect()
    }

    #[test]
    fn parts_share_nothing_they_are_split_by() {
        let traces = traces();
        let cases: [(SplitBy, usize, Key); 3] = [
            (SplitBy::Event, 4, |trace| trace.event.clone()),
            (SplitBy::Station, 3, |trace| trace.station.clone()),
            (SplitBy::Day, 4, |trace| trace.day()),
        ];
        for (by, count, key) in cases {
            let folds = Folds::make(&traces, by, count, 1).unwrap();
            let mut tested = 0;
            for fold in 0..count {
                let parts = folds.subsets(&traces, fold, 0.2, 3);
                let [train, valid, test] =
                    [&parts.train, &parts.valid, &parts.test].map(|part| keys(&traces, part, key));
                assert!(train.is_disjoint(&test) && valid.is_disjoint(&test), "{by:?}");
                assert!(train.is_disjoint(&valid));
                assert!(!parts.test.is_empty() && !parts.train.is_empty(), "{by:?}");
                tested += parts.test.len();
                assert_eq!(parts.train.len() + parts.valid.len() + parts.test.len(), traces.len());
            }
            assert_eq!(tested, traces.len());
        }
        let folds = Folds::make(&traces, SplitBy::Event, 4, 1).unwrap();
        let sizes: Vec<usize> =
            (0..4).map(|fold| folds.of.iter().filter(|&&f| f == fold).count()).collect();
        assert_eq!(sizes, [7; 4]);
        assert!(!folds.subsets(&traces, 0, 0.2, 3).valid.is_empty());
    }

    #[test]
    fn overlapping_traces_and_shown_events_hang_together() {
        let mut all = traces();
        // The trace of event 0 at station 0 shows a pick of event 1 too.
        let other = all[3].picks[0].clone();
        all[0].picks.push(other);
        let groups = SplitBy::Event.groups(&all).unwrap();
        assert_eq!(groups[0], groups[3]);
        assert_ne!(groups[0], groups[6]);
        // Noise overlaps a trace of event 5 at its station, and none elsewhere.
        let start = all[15].start.unwrap();
        all[24].start = Some(start.plus(5_000_000_000));
        all[24].station = all[15].station.clone();
        let groups = SplitBy::Event.groups(&all).unwrap();
        assert_eq!(groups[24], groups[15]);
        // A trace that names no event hangs together with all that overlap it.
        let mut nameless = all[18].clone();
        nameless.station = "YY.FAR".into();
        nameless.event.clear();
        nameless.picks[0].event.clear();
        all.push(nameless);
        let groups = SplitBy::Event.groups(&all).unwrap();
        assert_eq!(groups[all.len() - 1], groups[18]);
    }

    #[test]
    fn what_leaks_must_be_asked_for_by_name() {
        let read = |text: &str| serde_json::from_str::<SplitBy>(&format!("\"{text}\""));
        assert_eq!(read("random-leaky").unwrap(), SplitBy::RandomLeaky);
        assert!(read("random").is_err() && read("window").is_err());
        let traces = traces();
        let folds = Folds::make(&traces, SplitBy::RandomLeaky, 4, 1).unwrap();
        let parts = folds.subsets(&traces, 0, 0.0, 1);
        let samples = Box::new(super::super::MemorySamples::new(Vec::new(), std::iter::empty()));
        let set = TraceSet { name: "set".into(), traces, samples };
        assert!(shared(&set, &parts.train, &parts.test).events > 0);
        let folds = Folds::make(&set.traces, SplitBy::Event, 4, 1).unwrap();
        let parts = folds.subsets(&set.traces, 0, 0.0, 1);
        let common = shared(&set, &parts.train, &parts.test);
        assert_eq!((common.events, common.stations), (0, 3));
    }

    #[test]
    fn given_parts_and_too_few_groups() {
        let mut all = traces();
        assert!(Subsets::given(&all).is_err());
        all.iter_mut().for_each(|trace| trace.split = "train".into());
        all[5].split = "dev".into();
        let parts = Subsets::given(&all).unwrap();
        assert_eq!((parts.train.len(), parts.valid), (all.len() - 1, vec![5]));
        let message = Folds::make(&all, SplitBy::Station, 4, 0).unwrap_err().to_string();
        assert!(message.contains("3 groups by station"), "{message}");
    }
}
