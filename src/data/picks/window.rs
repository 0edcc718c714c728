//! Which part of a trace becomes the window.

use rand::RngExt;

use super::example::{Example, happens};
use crate::data::Rng;
use crate::error::{Error, Result};

/// A window of the network's length at a random place.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomWindow {
    /// Probability that one of the arrivals, drawn evenly, lies in the window; else any place.
    pub around_pick: f64,
    /// That arrival lies at least this far from both ends, seconds.
    pub margin_seconds: f64,
}

impl Default for RandomWindow {
    fn default() -> Self {
        Self { around_pick: 1.0, margin_seconds: 0.5 }
    }
}

impl RandomWindow {
    pub(super) fn check(&self) -> Result<()> {
        if !(0.0..=1.0).contains(&self.around_pick) {
            return Err(Error::usage("window: around_pick is a probability in 0..1"));
        }
        if !(self.margin_seconds.is_finite() && self.margin_seconds >= 0.0) {
            return Err(Error::usage("window: margin_seconds must not be negative"));
        }
        Ok(())
    }

    /// Cuts `samples` out of a longer trace; a shorter one is laid somewhere between zeros.
    pub(super) fn apply(&self, whole: &Example, samples: usize, rng: &mut Rng) -> Example {
        let around = happens(rng, self.around_pick);
        let (which, place) = (rng.random_range(0.0..1.0), rng.random_range(0.0..1.0));
        // The places at which nothing but the trace is in the window, or all of the trace.
        let spare = whole.samples as i64 - samples as i64;
        let (first, last) = (spare.min(0), spare.max(0));
        let picks: Vec<f64> = whole.visible().map(|pick| pick.sample).collect();
        let chosen = picks.get((which * picks.len() as f64) as usize).filter(|_| around);
        let start = match chosen {
            Some(pick) => {
                let margin = (self.margin_seconds * whole.rate_hz).min(samples as f64 / 2.0);
                let earliest = ((pick + margin - samples as f64).ceil() as i64).max(first);
                let latest = ((pick - margin).floor() as i64).min(last);
                within(earliest, latest.max(earliest), place).clamp(first, last)
            }
            None => within(first, last, place),
        };
        whole.cut(start, samples)
    }
}

fn within(first: i64, last: i64, place: f64) -> i64 {
    first + ((last - first + 1) as f64 * place).floor() as i64
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::example::tests::example;
    use super::*;

    #[test]
    fn the_chosen_arrival_is_inside_at_its_sample() {
        let window = RandomWindow { around_pick: 1.0, margin_seconds: 0.1 };
        let whole = example(1000, 300.0, 900.0);
        let mut starts = Vec::new();
        for seed in 0..200 {
            let cut = window.apply(&whole, 200, &mut Rng::seed_from_u64(seed));
            let seen: Vec<_> = cut.visible().collect();
            assert_eq!(seen.len(), 1);
            assert!((10.0..=190.0).contains(&seen[0].sample), "{}", seen[0].sample);
            // The first row counts its samples: the value at the arrival is its old place.
            let value = cut.values[seen[0].sample as usize];
            assert!(value == 300.0 || value == 900.0);
            starts.push(cut.values[0] as i64);
        }
        starts.sort_unstable();
        starts.dedup();
        assert!(starts.len() > 50);
    }

    #[test]
    fn a_short_trace_keeps_all_its_samples() {
        let whole = example(50, 20.0, 30.0);
        for seed in 0..50 {
            let cut = RandomWindow::default().apply(&whole, 80, &mut Rng::seed_from_u64(seed));
            assert_eq!(cut.values.iter().sum::<f32>(), whole.values.iter().sum::<f32>());
            assert_eq!(cut.visible().count(), 2);
            assert_eq!(cut.values[cut.picks[0].sample as usize], 20.0);
        }
    }
}
