//! A list of picks beside a reference list: continuous data, station by station.

use std::collections::{BTreeMap, BTreeSet};

use super::answers::{Answers, PhaseAnswers};
use super::scored::{Judged, judge};
use super::traces::{PHASES, phase_of};
use crate::score::picks::{Pick, PickTrace, Tolerances, threshold_curve};

/// One pick of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListedPicks {
    /// `NET.STA`, or `STA` where no network is stated.
    pub station: String,
    /// As the list has it.
    pub phase: String,
    /// Nanoseconds since 1970.
    pub time: i64,
    /// 1 where the list has none.
    pub probability: f64,
}

const DAY: i64 = 86_400_000_000_000;

/// Scores of `picks` against `reference`, and what was left out. Stations without any reference
/// pick are left out: nothing is known of them. Intervals draw days (UTC); a day ends in the first
/// gap behind midnight that is wider than the tolerances.
pub fn listed_answers(
    name: &str,
    picks: &[ListedPicks],
    reference: &[ListedPicks],
    tolerances: Tolerances,
    thresholds: &[f64],
) -> (Vec<Judged>, Vec<String>) {
    let known: BTreeSet<&str> = reference.iter().map(|pick| pick.station.as_str()).collect();
    let (judgeable, unknown): (Vec<&ListedPicks>, Vec<&ListedPicks>) =
        picks.iter().partition(|pick| known.contains(pick.station.as_str()));
    let mut notes = Vec::new();
    if !unknown.is_empty() {
        let stations: BTreeSet<&str> = unknown.iter().map(|pick| pick.station.as_str()).collect();
        notes.push(format!(
            "{} picks at {} stations without any reference pick are left out",
            unknown.len(),
            stations.len()
        ));
    }
    let other =
        |list: &[&ListedPicks]| list.iter().filter(|p| phase_of(&p.phase).is_none()).count();
    let others = other(&judgeable) + other(&reference.iter().collect::<Vec<_>>());
    if others > 0 {
        notes.push(format!("{others} picks of phases other than P and S are left out"));
    }
    let answers = Answers { name: name.into(), ..Answers::default() };
    let judged = PHASES.map(|phase| {
        let traces = days(&judgeable, reference, phase, tolerances);
        let curve = threshold_curve(thresholds, tolerances, |threshold| {
            traces.iter().map(|trace| trace.at_least(threshold)).collect()
        });
        let of = PhaseAnswers { phase: phase.into(), ..PhaseAnswers::default() };
        judge(&answers, &of, "all", &traces, curve, tolerances)
    });
    (judged.into_iter().filter(|j| j.scores.labels + j.scores.picks > 0).collect(), notes)
}

/// One trace a station and day.
fn days(
    picks: &[&ListedPicks],
    reference: &[ListedPicks],
    phase: &str,
    tolerances: Tolerances,
) -> Vec<PickTrace> {
    let own = |pick: &&ListedPicks| phase_of(&pick.phase) == Some(phase);
    // By station and time; `None` is a label.
    let mut stations: BTreeMap<&str, Vec<(i64, Option<f64>)>> = BTreeMap::new();
    for pick in picks.iter().copied().filter(own) {
        let probability = Some(pick.probability);
        stations.entry(&pick.station).or_default().push((pick.time, probability));
    }
    for label in reference.iter().filter(own) {
        stations.entry(&label.station).or_default().push((label.time, None));
    }
    let widest = tolerances.hit.max(tolerances.residual);
    let mut traces: Vec<PickTrace> = Vec::new();
    for mut entries in stations.into_values() {
        entries.sort_by_key(|entry| entry.0);
        let mut before: Option<i64> = None;
        for (time, probability) in entries {
            let day = time.div_euclid(DAY);
            let apart = before.is_none_or(|before| time.saturating_sub(before) > widest);
            let new_day = traces.last().is_none_or(|trace| trace.group as i64 != day);
            if before.is_none() || apart && new_day {
                traces.push(PickTrace { group: day.max(0) as usize, ..PickTrace::default() });
            }
            before = Some(time);
            if let Some(trace) = traces.last_mut() {
                match probability {
                    Some(probability) => trace.picks.push(Pick { time, probability }),
                    None => trace.labels.push(time),
                }
            }
        }
    }
    traces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(station: &str, phase: &str, seconds: f64, probability: f64) -> ListedPicks {
        let time = (seconds * 1e9) as i64;
        ListedPicks { station: station.into(), phase: phase.into(), time, probability }
    }

    #[test]
    fn stations_and_phases_are_matched_apart_and_across_midnight() {
        let reference = [
            pick("A", "P", 100.0, 1.0),
            pick("A", "Sg", 110.0, 1.0),
            pick("B", "P", 86_399.98, 1.0),
        ];
        let picks = [
            pick("A", "P", 100.05, 0.9),
            pick("A", "P", 110.0, 0.8),
            pick("A", "S", 110.2, 0.7),
            pick("B", "P", 86_400.03, 0.6),
            pick("C", "P", 100.0, 0.9),
        ];
        let tolerances = Tolerances::default();
        let (judged, notes) = listed_answers("picks", &picks, &reference, tolerances, &[0.5, 0.7]);
        let counts = |j: &Judged| (j.scores.labels, j.scores.picks, j.scores.hits);
        assert_eq!(counts(&judged[0]), (2, 3, 2));
        assert_eq!(counts(&judged[1]), (1, 1, 0));
        assert_eq!(judged[1].scores.residuals.len(), 1);
        assert_eq!(judged[0].curve[1].picks, 2);
        assert!(notes.len() == 1 && notes[0].starts_with("1 picks at 1 stations"), "{notes:?}");
    }
}
