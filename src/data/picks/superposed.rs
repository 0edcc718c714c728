//! Steps that add another trace: recorded noise, a second event.

use super::augmentation::{Fetch, check_probability, check_range};
use super::example::{Example, between, happens};
use crate::data::Rng;
use crate::error::{Error, Result};

/// Adds a window of recorded noise at a drawn signal-to-noise ratio. Signal is the standard
/// deviation over five seconds from the first arrival on (of a window without arrival: over all
/// of it), noise that of the whole noise window, over all live rows together.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddNoise {
    /// Probability.
    pub probability: f64,
    /// Lowest and highest ratio of the standard deviations, dB.
    pub snr_db: [f64; 2],
}

/// Adds a window of another trace with its arrivals, at a drawn ratio of standard deviations.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Superpose {
    /// Probability.
    pub probability: f64,
    /// Smallest and largest size of the second relative to the first; drawn evenly in its
    /// logarithm.
    #[serde(default = "equal")]
    pub ratio: [f64; 2],
}

fn equal() -> [f64; 2] {
    [0.5, 2.0]
}

/// How long the signal is measured, seconds.
const SIGNAL_SECONDS: f64 = 5.0;

impl AddNoise {
    pub(super) fn check(&self) -> Result<()> {
        check_probability("noise", self.probability)?;
        check_range("noise", self.snr_db, -200.0)
    }

    pub(super) fn apply(
        &self,
        example: &mut Example,
        fetch: &dyn Fetch,
        rng: &mut Rng,
    ) -> Result<()> {
        let adds = happens(rng, self.probability);
        let ratio = 10f64.powf(between(rng, self.snr_db) / 20.0);
        if !adds {
            return Ok(());
        }
        let noise = fetch.noise(example.samples, rng)?.ok_or_else(|| {
            Error::data(
                "augmentation noise: no trace of category 'noise' is in the training part; add \
                 some (dataset build --noise) or leave the step out",
            )
        })?;
        let size = signal(example) / (noise.deviation(0, noise.samples) * ratio);
        if size.is_finite() {
            add(example, &noise, size as f32);
        }
        Ok(())
    }
}

/// Standard deviation from the first arrival on, or of everything.
fn signal(example: &Example) -> f64 {
    let first = example.visible().map(|pick| pick.sample).min_by(f64::total_cmp);
    let seconds = (SIGNAL_SECONDS * example.rate_hz) as usize;
    match first {
        Some(first) => example.deviation(first as usize, first as usize + seconds.max(2)),
        None => example.deviation(0, example.samples),
    }
}

impl Superpose {
    pub(super) fn check(&self) -> Result<()> {
        check_probability("superpose", self.probability)?;
        check_range("superpose", self.ratio, 1e-12)
    }

    pub(super) fn apply(
        &self,
        example: &mut Example,
        fetch: &dyn Fetch,
        rng: &mut Rng,
    ) -> Result<()> {
        let adds = happens(rng, self.probability);
        let ratio = between(rng, self.ratio.map(f64::ln)).exp();
        if !adds {
            return Ok(());
        }
        let Some(mut other) = fetch.event(example.samples, rng)? else { return Ok(()) };
        let size =
            ratio * example.deviation(0, example.samples) / other.deviation(0, other.samples);
        if !size.is_finite() {
            return Ok(());
        }
        // What is not there in the one is not seen of the other.
        add(example, &other, size as f32);
        let next = example.picks.iter().map(|pick| pick.event + 1).max().unwrap_or(0);
        other.picks.iter_mut().for_each(|pick| pick.event += next);
        example.picks.append(&mut other.picks);
        Ok(())
    }
}

/// Adds row to row by component; rows that hold no data stay empty.
fn add(example: &mut Example, other: &Example, size: f32) {
    for row in 0..example.components.len() {
        let same = |letter: &char| alike(*letter, example.components[row]);
        let from = other.components.iter().position(same);
        let (Some(from), true) = (from, example.live[row]) else { continue };
        let samples = example.samples.min(other.samples);
        let added = &other.values[from * other.samples..][..samples];
        for (value, added) in example.row_mut(row).iter_mut().zip(added) {
            *value += size * added;
        }
    }
}

/// `1` stands for `N` and `2` for `E`.
fn alike(a: char, b: char) -> bool {
    let plain = |letter: char| match letter {
        '1' => 'N',
        '2' => 'E',
        other => other.to_ascii_uppercase(),
    };
    plain(a) == plain(b)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::augmentation::tests::Nothing;
    use super::super::example::tests::example;
    use super::*;

    /// Alternating noise, and an event at samples 30 and 70 of size 1.
    struct One;

    impl Fetch for One {
        fn noise(&self, samples: usize, _: &mut Rng) -> Result<Option<Example>> {
            let mut noise = example(samples, 0.0, 0.0);
            noise.picks.clear();
            noise
                .values
                .iter_mut()
                .enumerate()
                .for_each(|(at, v)| *v = 1.0 - 2.0 * (at % 2) as f32);
            Ok(Some(noise))
        }
        fn event(&self, samples: usize, _: &mut Rng) -> Result<Option<Example>> {
            let mut event = example(samples, 30.0, 70.0);
            event.values.fill(0.0);
            for row in 0..3 {
                event.row_mut(row)[30] = 1.0;
                event.row_mut(row)[70] = -1.0;
            }
            Ok(Some(event))
        }
    }

    #[test]
    fn noise_has_the_drawn_ratio_and_moves_nothing() {
        let mut rng = Rng::seed_from_u64(2);
        let before = example(2000, 500.0, 900.0);
        let mut noisy = before.clone();
        noisy.live[2] = false;
        noisy.row_mut(2).fill(0.0);
        let quiet = noisy.clone();
        let step = AddNoise { probability: 1.0, snr_db: [20.0, 20.0] };
        step.apply(&mut noisy, &One, &mut rng).unwrap();
        assert_eq!(noisy.picks, before.picks);
        // The signal: 500 numbers that count up on each live row.
        let expected = quiet.deviation(500, 1000) / 10.0;
        let added = f64::from(noisy.values[0] - quiet.values[0]);
        assert!((added / expected - 1.0).abs() < 1e-3, "{added} {expected}");
        assert!(noisy.values[4000..].iter().all(|&v| v == 0.0), "a missing row stays empty");
        let missing = step.apply(&mut noisy, &Nothing, &mut rng).unwrap_err().to_string();
        assert!(missing.contains("no trace of category 'noise'"), "{missing}");
    }

    #[test]
    fn a_second_event_brings_its_own_arrivals() {
        let mut rng = Rng::seed_from_u64(2);
        let before = example(400, 100.0, 250.0);
        let mut both = before.clone();
        let step = Superpose { probability: 1.0, ratio: [0.5, 0.5] };
        step.apply(&mut both, &One, &mut rng).unwrap();
        assert_eq!(both.picks.len(), 4);
        assert_eq!(both.picks[..2], before.picks);
        let places: Vec<(f64, usize)> =
            both.picks[2..].iter().map(|pick| (pick.sample, pick.event)).collect();
        assert_eq!(places, [(30.0, 1), (70.0, 1)]);
        let added = |at: usize| both.values[at] - before.values[at];
        assert!(added(30) > 0.0 && added(70) < 0.0 && added(31) == 0.0);
        let mut same = before.clone();
        step.apply(&mut same, &Nothing, &mut rng).unwrap();
        assert_eq!(same, before);
    }
}
