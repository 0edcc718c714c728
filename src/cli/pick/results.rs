//! Outcomes of all units become the lists of a run.

use std::collections::{BTreeMap, BTreeSet};

use super::outcome::{Outcome, Time};
use crate::detect::annotate::{Detection, PhasePick, SweepCount, add_count};
use crate::time::{SECOND, Span, UtcTime};

/// A P pick and the S pick that belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The P pick.
    pub p: PhasePick,
    /// The S pick.
    pub s: PhasePick,
}

/// The lists of a run, in order.
#[derive(Debug, Default)]
pub struct Results {
    /// All picks, by time, instrument and phase.
    pub picks: Vec<PhasePick>,
    /// All detections, by start and instrument.
    pub detections: Vec<Detection>,
    /// Counts at other thresholds, before a minimum distance.
    pub sweep: Vec<SweepCount>,
    /// P and S that belong together, if asked for.
    pub pairs: Option<Vec<Pair>>,
    /// When instruments have probabilities, by instrument and time; days that adjoin are joined.
    pub covered: BTreeMap<String, Vec<Span>>,
    /// How the time divides.
    pub time: Time,
    /// Rates by instrument.
    pub rates: BTreeMap<String, f64>,
}

/// Puts outcomes together: picks of a phase nearer than `distance_s` to a better one are left out;
/// S picks are paired with P picks at most `pair_s` before.
pub fn gather(outcomes: &[Outcome], distance_s: f64, pair_s: Option<f64>) -> Results {
    let mut results = Results::default();
    for outcome in outcomes {
        results.picks.extend(outcome.picks.iter().cloned());
        results.detections.extend(outcome.detections.iter().cloned());
        results.time.add(&outcome.time);
        let covered = results.covered.entry(outcome.trace_id.clone()).or_default();
        covered.extend(&outcome.covered);
        results.rates.insert(outcome.trace_id.clone(), outcome.rate_hz);
        for count in &outcome.sweep {
            add_count(&mut results.sweep, count.clone());
        }
    }
    results.covered.values_mut().for_each(join);
    results.picks.sort_by(PhasePick::order);
    results.detections.sort_by(Detection::order);
    results
        .sweep
        .sort_by(|a, b| a.threshold.total_cmp(&b.threshold).then_with(|| a.label.cmp(&b.label)));
    if distance_s > 0.0 {
        results.picks = apart(results.picks, (distance_s * SECOND as f64) as i64);
    }
    results.pairs = pair_s.map(|seconds| pairs(&results.picks, (seconds * SECOND as f64) as i64));
    results
}

/// Stretches in order, those that touch or overlap as one.
fn join(spans: &mut Vec<Span>) {
    spans.sort_by_key(|span| (span.start, span.end));
    spans.dedup_by(|next, last| {
        // Times of samples are rounded to nanoseconds.
        let touches = next.start <= last.end.plus(1);
        if touches {
            last.end = last.end.max(next.end);
        }
        touches
    });
}

/// The picks that have no better one of their phase nearer than `distance`; of equals the earlier.
fn apart(picks: Vec<PhasePick>, distance: i64) -> Vec<PhasePick> {
    let mut best: Vec<usize> = (0..picks.len()).collect();
    best.sort_by(|&a, &b| picks[b].probability.total_cmp(&picks[a].probability).then(a.cmp(&b)));
    let mut taken: BTreeMap<(&str, &str), BTreeSet<UtcTime>> = BTreeMap::new();
    let mut keep = vec![false; picks.len()];
    for i in best {
        let pick = &picks[i];
        let times = taken.entry((&pick.trace_id, &pick.phase)).or_default();
        let near = pick.time.plus(1 - distance)..pick.time.plus(distance);
        if times.range(near).next().is_none() {
            times.insert(pick.time);
            keep[i] = true;
        }
    }
    let mut kept = keep.into_iter();
    picks.into_iter().filter(|_| kept.next().unwrap_or(false)).collect()
}

/// Each S pick with the latest P pick before it, if that is at most `longest` away and not taken.
fn pairs(picks: &[PhasePick], longest: i64) -> Vec<Pair> {
    let mut last: BTreeMap<&str, &PhasePick> = BTreeMap::new();
    let mut pairs = Vec::new();
    for pick in picks {
        match pick.phase.chars().next() {
            Some('P') => {
                last.insert(&pick.trace_id, pick);
            }
            Some('S') => {
                let near = |p: &&PhasePick| pick.time.0.saturating_sub(p.time.0) <= longest;
                if let Some(p) = last.get(pick.trace_id.as_str()).copied().filter(near) {
                    last.remove(pick.trace_id.as_str());
                    pairs.push(Pair { p: p.clone(), s: pick.clone() });
                }
            }
            _ => {}
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(phase: &str, seconds: i64, probability: f32) -> PhasePick {
        let time = UtcTime(seconds * SECOND);
        PhasePick {
            trace_id: "A.B.".into(),
            phase: phase.into(),
            time,
            probability,
            start: time,
            end: time,
            threshold: 0.3,
            amplitude: None,
            snr: None,
            uncertainty_s: None,
        }
    }

    #[test]
    fn the_better_of_two_near_picks_stays() {
        let picks = vec![
            pick("P", 0, 0.5),
            pick("P", 1, 0.9),
            pick("S", 1, 0.4),
            pick("P", 2, 0.6),
            pick("P", 3, 0.6),
        ];
        let kept = apart(picks, 2 * SECOND);
        let left: Vec<(i64, &str)> =
            kept.iter().map(|p| (p.time.0 / SECOND, p.phase.as_str())).collect();
        assert_eq!(left, [(1, "P"), (1, "S"), (3, "P")]);
    }

    #[test]
    fn an_s_takes_the_latest_p_before_it_once() {
        let picks = [
            pick("P", 0, 0.5),
            pick("P", 4, 0.5),
            pick("S", 6, 0.5),
            pick("S", 7, 0.5),
            pick("P", 20, 0.5),
            pick("S", 60, 0.5),
        ];
        let pairs = pairs(&picks, 30 * SECOND);
        assert_eq!(pairs.len(), 1);
        assert_eq!((pairs[0].p.time.0, pairs[0].s.time.0), (4 * SECOND, 6 * SECOND));
    }
}
