//! Resampling by a ratio of whole numbers with a symmetric FIR filter.

use std::collections::VecDeque;
use std::f64::consts::PI;

use crate::error::{Error, Result};

/// Half the length of the filters, in samples of the lower rate.
const HALF_WIDTH: usize = 10;

/// The largest factor up or down.
const LARGEST_FACTOR: u64 = 10_000;

/// Resampling by `up / down` with carried state: every value is computed as soon as the samples
/// under the filter are known, samples before and after the trace count as zero. Sample 0 stays
/// where it is; `ceil(N · up / down)` values come out of `N`.
#[derive(Clone, Debug)]
pub struct PolyphaseResampler {
    /// Odd number of taps, `[2·half + 1]`, at `up` times the incoming rate.
    taps: Vec<f64>,
    half: u64,
    up: u64,
    down: u64,
    /// The samples from number `first` on that are still needed.
    held: VecDeque<f64>,
    first: u64,
    seen: u64,
    written: u64,
}

impl PolyphaseResampler {
    /// With the Kaiser window, β = 5 (`scipy.signal.resample_poly`).
    ///
    /// # Errors
    /// `Usage` if a factor is 0 or, in lowest terms, above 10 000.
    pub fn new(up: u64, down: u64) -> Result<Self> {
        let (up, down) = lowest_terms(up, down)?;
        if up == 1 && down == 1 {
            return Ok(Self::with_taps(vec![1.0], 1, 1));
        }
        let widest = up.max(down) as usize;
        let half = HALF_WIDTH * widest;
        let at_centre = bessel_i0(5.0);
        let window = |x: f64| bessel_i0(5.0 * (1.0 - x * x).max(0.0).sqrt()) / at_centre;
        Ok(Self::with_taps(low_pass_taps(half, 1.0 / widest as f64, window), up, down))
    }

    /// Decimation by `factor` with the Hamming window (`scipy.signal.decimate`, `ftype="fir"`).
    ///
    /// # Errors
    /// `Usage` if the factor is 0 or above 10 000.
    pub fn decimator(factor: u64) -> Result<Self> {
        let (_, down) = lowest_terms(1, factor)?;
        let window = |x: f64| 0.54 + 0.46 * (PI * x).cos();
        let taps = low_pass_taps(HALF_WIDTH * down as usize, 1.0 / down as f64, window);
        Ok(Self::with_taps(taps, 1, down))
    }

    fn with_taps(mut taps: Vec<f64>, up: u64, down: u64) -> Self {
        taps.iter_mut().for_each(|tap| *tap *= up as f64);
        let half = (taps.len() as u64 - 1) / 2;
        Self { taps, half, up, down, held: VecDeque::new(), first: 0, seen: 0, written: 0 }
    }

    /// Takes the next samples, appends what is known now.
    pub fn run(&mut self, samples: &[f64], out: &mut Vec<f64>) {
        self.held.extend(samples);
        self.seen += samples.len() as u64;
        while (self.written * self.down + self.half) / self.up < self.seen {
            out.push(self.value());
            self.written += 1;
        }
        let needed = (self.written * self.down).saturating_sub(self.half).div_ceil(self.up);
        let spent = needed.saturating_sub(self.first).min(self.held.len() as u64);
        self.held.drain(..spent as usize);
        self.first += spent;
    }

    /// Appends the values for which later samples would have been needed.
    pub fn finish(mut self, out: &mut Vec<f64>) {
        while self.written < (self.seen * self.up).div_ceil(self.down) {
            out.push(self.value());
            self.written += 1;
        }
    }

    /// Value number `written`.
    fn value(&self) -> f64 {
        let centre = self.written * self.down + self.half;
        let earliest = (self.written * self.down).saturating_sub(self.half).div_ceil(self.up);
        let latest = (centre / self.up + 1).min(self.seen);
        let skip = earliest.saturating_sub(self.first) as usize;
        let samples = self.held.iter().skip(skip);
        samples
            .zip(earliest..latest)
            .map(|(x, n)| x * self.taps[(centre - n * self.up) as usize])
            .sum()
    }
}

/// [`PolyphaseResampler`] of a whole trace `[T]`.
///
/// # Errors
/// As [`PolyphaseResampler::new`].
pub fn resample_polyphase(samples: &[f64], up: u64, down: u64) -> Result<Vec<f64>> {
    let mut out = Vec::new();
    let mut resampler = PolyphaseResampler::new(up, down)?;
    resampler.run(samples, &mut out);
    resampler.finish(&mut out);
    Ok(out)
}

fn lowest_terms(up: u64, down: u64) -> Result<(u64, u64)> {
    let (mut a, mut b) = (up, down);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let (up_reduced, down_reduced) = (up / a.max(1), down / a.max(1));
    let allowed = 1..=LARGEST_FACTOR;
    if allowed.contains(&up_reduced) && allowed.contains(&down_reduced) {
        return Ok((up_reduced, down_reduced));
    }
    Err(Error::usage(format!(
        "resampling factors lie between 1 and {LARGEST_FACTOR} in lowest terms, found {up} up and \
         {down} down"
    )))
}

/// A windowed sinc with edge `edge` (of half the rate) and gain 1 at 0 Hz (`scipy.signal.firwin`);
/// `window` from −1 to 1.
fn low_pass_taps(half: usize, edge: f64, window: impl Fn(f64) -> f64) -> Vec<f64> {
    let tap = |i: usize| {
        let offset = i as f64 - half as f64;
        let x = PI * edge * offset;
        let sinc = if offset == 0.0 { 1.0 } else { x.sin() / x };
        edge * sinc * window(offset / half as f64)
    };
    let taps: Vec<f64> = (0..=2 * half).map(tap).collect();
    let sum: f64 = taps.iter().sum();
    taps.into_iter().map(|t| t / sum).collect()
}

/// The modified Bessel function of the first kind and order 0, by its power series (for the small
/// arguments of windows).
pub(super) fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > 1e-18 * sum {
        term *= quarter / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_equal_the_whole_bit_for_bit(
            samples in prop::collection::vec(-1e6..1e6f64, 0..300),
            cut in 0usize..300,
            up in 1u64..7,
            down in 1u64..7,
        ) {
            let whole = resample_polyphase(&samples, up, down).unwrap();
            prop_assert_eq!(whole.len() as u64, (samples.len() as u64 * up).div_ceil(down));
            let (head, tail) = samples.split_at(cut.min(samples.len()));
            let mut resampler = PolyphaseResampler::new(up, down).unwrap();
            let mut parts = Vec::new();
            resampler.run(head, &mut parts);
            resampler.run(tail, &mut parts);
            resampler.finish(&mut parts);
            prop_assert_eq!(whole, parts);
        }
    }

    #[test]
    fn impossible_factors_are_refused_and_equal_ones_change_nothing() {
        for (up, down) in [(0, 1), (1, 0), (0, 0), (10_001, 1), (u64::MAX, 2)] {
            assert!(PolyphaseResampler::new(up, down).is_err(), "{up} {down}");
        }
        assert_eq!(resample_polyphase(&[1.0, -2.0], 3, 3).unwrap(), [1.0, -2.0]);
        assert!(PolyphaseResampler::decimator(0).is_err());
    }

    #[test]
    fn a_constant_stays_in_the_middle() {
        let out = resample_polyphase(&[1.0; 400], 3, 2).unwrap();
        assert!(out[100..500].iter().all(|x| (x - 1.0).abs() < 1e-3));
    }
}
