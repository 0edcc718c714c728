//! Picks in windows, beside their labels.

use rand::{RngExt, SeedableRng};

use super::super::{AmplitudeRule, Picker};
use super::fit::windows;
use super::settings::PickerTraining;
use crate::data::picks::{Example, TraceSet};
use crate::data::{Rng, derive_seed};
use crate::error::Result;

/// A labelled window and what a picker says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct TestWindow {
    /// Number of the trace.
    pub trace: usize,
    /// Labels and picks of each phase, `P` and `S`, in samples of the window.
    pub phases: [PhasePicks; 2],
    /// Samples a second.
    pub rate_hz: f64,
}

/// One phase of a window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PhasePicks {
    /// Labels.
    pub labels: Vec<f64>,
    /// Peaks with their probabilities.
    pub picks: Vec<(f64, f64)>,
}

/// The phases that are judged.
pub const PHASES: [&str; 2] = ["P", "S"];

/// What `picker` picks in one window of each of `members`. The window follows from the number of
/// the trace alone: it holds all labels of the trace where they fit, at a drawn place.
///
/// # Errors
/// Traces of another rate; samples that cannot be read.
pub fn judge(
    set: &TraceSet,
    members: &[usize],
    picker: &Picker,
    settings: &PickerTraining,
) -> Result<Vec<TestWindow>> {
    let own = picker.settings();
    let as_is = |_: &mut [f32]| Ok(());
    let data = windows(set, members, own, settings, (Vec::new(), &as_is))?;
    let (labels, samples) = (own.labels.len(), own.in_samples);
    let mut judged = Vec::with_capacity(members.len());
    for (example, &trace) in members.iter().enumerate() {
        crate::progress::check_interrupt()?;
        let mut rng = Rng::seed_from_u64(derive_seed(13, &[trace as u64]));
        let window = placed(&data.whole(example)?, samples, &mut rng);
        let curves = picker.probabilities(&window.values, 1, AmplitudeRule::Relative)?;
        let phases = PHASES.map(|phase| {
            let row = own.labels.iter().position(|label| label == phase).filter(|&r| r < labels);
            let curve = row.map_or(&[][..], |row| &curves[row * samples..][..samples]);
            let of_phase =
                window.visible().filter(|pick| settings.labels.phase(&pick.phase) == Some(phase));
            PhasePicks {
                labels: of_phase.map(|pick| pick.sample).collect(),
                picks: peaks(curve, settings.threshold),
            }
        });
        judged.push(TestWindow { trace, phases, rate_hz: window.rate_hz });
    }
    Ok(judged)
}

/// A window with all arrivals at least a second from its ends, if they fit so.
fn placed(whole: &Example, samples: usize, rng: &mut Rng) -> Example {
    let spare = whole.samples as i64 - samples as i64;
    let (mut first, mut last) = (spare.min(0), spare.max(0));
    let margin = whole.rate_hz;
    let seen = || whole.visible().map(|pick| pick.sample);
    let (begin, end) = (seen().reduce(f64::min), seen().reduce(f64::max));
    if let (Some(begin), Some(end)) = (begin, end) {
        // Of arrivals too far apart the first is seen.
        let end = end.min(begin + samples as f64 - 2.0 * margin);
        let earliest = (end + margin - samples as f64).ceil() as i64;
        let latest = (begin - margin).floor() as i64;
        (first, last) = (earliest.clamp(first, last), latest.clamp(first, last));
    }
    let place = if last > first { rng.random_range(first..=last) } else { first };
    whole.cut(place, samples)
}

/// The highest sample of every run at or above `threshold`.
fn peaks(curve: &[f32], threshold: f64) -> Vec<(f64, f64)> {
    let mut peaks = Vec::new();
    let mut highest: Option<(usize, f32)> = None;
    for (at, &value) in curve.iter().chain(&[f32::NEG_INFINITY]).enumerate() {
        if f64::from(value) >= threshold {
            if highest.is_none_or(|(_, peak)| value > peak) {
                highest = Some((at, value));
            }
        } else if let Some((at, value)) = highest.take() {
            peaks.push((at as f64, f64::from(value)));
        }
    }
    peaks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::picks::ExamplePick;

    #[test]
    fn a_run_above_the_threshold_is_one_pick() {
        let curve = [0.1, 0.4, 0.9, 0.9, 0.2, 0.3, 0.1, 0.8];
        let found = peaks(&curve, 0.3);
        let places: Vec<f64> = found.iter().map(|(at, _)| *at).collect();
        assert_eq!(places, [2.0, 5.0, 7.0]);
        assert!(peaks(&[], 0.3).is_empty());
    }

    #[test]
    fn the_window_holds_all_arrivals_that_fit() {
        let pick = |sample| ExamplePick {
            phase: "P".into(),
            sample,
            uncertainty: None,
            polarity: 0,
            event: 0,
        };
        let whole = |picks: Vec<ExamplePick>| Example {
            values: vec![0.0; 6000],
            samples: 6000,
            components: vec!['Z'],
            live: vec![true],
            picks,
            rate_hz: 100.0,
        };
        for seed in 0..30 {
            let mut rng = Rng::seed_from_u64(seed);
            let both = placed(&whole(vec![pick(1500.0), pick(3200.0)]), 3000, &mut rng);
            assert_eq!(both.visible().count(), 2);
            assert!(both.picks.iter().all(|p| (100.0..=2900.0).contains(&p.sample)));
            let far = placed(&whole(vec![pick(500.0), pick(5500.0)]), 3000, &mut rng);
            assert_eq!(far.visible().count(), 1);
            assert_eq!(placed(&whole(Vec::new()), 3000, &mut rng).samples, 3000);
            assert_eq!(placed(&whole(vec![pick(10.0)]), 8000, &mut rng).visible().count(), 1);
        }
    }
}
