//! Interpolation between evenly spaced samples at another rate.

use std::collections::VecDeque;
use std::f64::consts::PI;

use crate::error::{Error, Result};
use crate::time::SampleRate;

/// How values between samples are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// Straight lines.
    Linear,
    /// A sinc of the given half width in samples, tapered by a wider sinc (Burger & Burge 2009,
    /// Principles of Digital Image Processing). Samples outside the trace count as zero.
    Lanczos(usize),
    /// Cubics whose slopes at the samples are averages weighted against steepness: no extrema but
    /// at samples (Wiggins 1976, Bull. Seismol. Soc. Am. 66, 2077-2081).
    WeightedAverageSlopes,
}

impl Interpolation {
    /// How many samples beyond the one at or before a position are used.
    fn reach(self) -> usize {
        match self {
            Self::Linear => 1,
            Self::Lanczos(width) => width,
            Self::WeightedAverageSlopes => 2,
        }
    }

    /// The value `share` of the way (0 to 1) from sample `index` to the next; `get` yields a
    /// sample, `None` outside the trace.
    pub fn value(self, get: impl Fn(i64) -> Option<f64>, index: i64, share: f64) -> f64 {
        let here = get(index).unwrap_or_default();
        match self {
            _ if share == 0.0 => here,
            Self::Linear => here + share * (get(index + 1).unwrap_or(here) - here),
            Self::Lanczos(width) => {
                let reach = width as i64;
                let term = |i: i64| -> Option<f64> {
                    let distance = share - i as f64;
                    let weight = sinc(distance) * sinc(distance / width as f64);
                    (distance.abs() <= width as f64).then_some(weight * get(index + i)?)
                };
                (-reach..=reach).filter_map(term).sum()
            }
            Self::WeightedAverageSlopes => {
                let next = get(index + 1).unwrap_or(here);
                let (left, right) = (slope(&get, index), slope(&get, index + 1));
                let rise = next - here;
                let bend = rise - left;
                let change = (right - rise) - bend;
                here + (rise + (bend + change * share) * (share - 1.0)) * share
            }
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-10 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// Wiggins' slope at sample `index`, per sample.
fn slope(get: impl Fn(i64) -> Option<f64>, index: i64) -> f64 {
    let rise = |i: i64| Some(get(i + 1)? - get(i)?);
    match (rise(index - 1), rise(index)) {
        (Some(before), Some(after)) => {
            let sign = |x: f64| if x == 0.0 { 0.0 } else { x.signum() };
            // Of opposite signs, or only one flat: an extremum lies at the sample.
            if sign(before) != sign(after) {
                return 0.0;
            }
            let weight = |m: f64| 1.0 / m.abs().max(f64::EPSILON);
            let (w1, w2) = (weight(before), weight(after));
            (w1 * before + w2 * after) / (w1 + w2)
        }
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => 0.0,
    }
}

/// Interpolation with carried state: every value comes as soon as the samples it needs are known.
/// Value `j` lies at `j · from / to` samples, exactly, from the first sample to the last.
#[derive(Clone, Debug)]
pub struct Interpolator {
    method: Interpolation,
    /// Samples between values, as a ratio.
    step: (u128, u128),
    held: VecDeque<f64>,
    first: u64,
    seen: u64,
    written: u64,
}

impl Interpolator {
    /// From one rate to another.
    ///
    /// # Errors
    /// `Usage` for a Lanczos half width outside 1 to 1000.
    pub fn new(method: Interpolation, from: SampleRate, to: SampleRate) -> Result<Self> {
        if let Interpolation::Lanczos(width) = method
            && !(1..=1000).contains(&width)
        {
            return Err(Error::usage(format!(
                "the half width of a Lanczos kernel lies between 1 and 1000 samples, found {width}"
            )));
        }
        let ((from_p, from_q), (to_p, to_q)) = (from.ratio(), to.ratio());
        let across = u128::from(from_p) * u128::from(to_q);
        let along = u128::from(from_q) * u128::from(to_p);
        let common = greatest_common_divisor(across, along);
        Ok(Self {
            method,
            step: (across / common, along / common),
            held: VecDeque::new(),
            first: 0,
            seen: 0,
            written: 0,
        })
    }

    /// Sample at or before value `written`, and the share of the way to the next.
    fn position(&self) -> (u64, f64) {
        let (across, along) = self.step;
        // Whole periods apart, so that the product cannot overflow.
        let (periods, rest) = (u128::from(self.written) / along, u128::from(self.written) % along);
        let scaled = rest.saturating_mul(across);
        let index = periods.saturating_mul(across).saturating_add(scaled / along);
        let share = (scaled % along) as f64 / along as f64;
        (u64::try_from(index).unwrap_or(u64::MAX), share)
    }

    fn value(&self, index: u64, share: f64) -> f64 {
        let first = self.first as i64;
        let get = |i: i64| self.held.get(usize::try_from(i - first).ok()?).copied();
        self.method.value(get, index as i64, share)
    }

    /// Takes the next samples, appends what is known now.
    pub fn run(&mut self, samples: &[f64], out: &mut Vec<f64>) {
        self.held.extend(samples);
        self.seen += samples.len() as u64;
        let reach = self.method.reach() as u64;
        loop {
            let (index, share) = self.position();
            if index.saturating_add(reach) >= self.seen {
                // One sample before and `reach` behind are needed of what is there.
                let needed = index.saturating_sub(reach.max(1));
                let spent = needed.saturating_sub(self.first).min(self.held.len() as u64);
                self.held.drain(..spent as usize);
                self.first += spent;
                return;
            }
            out.push(self.value(index, share));
            self.written += 1;
        }
    }

    /// Appends the values up to the last sample.
    pub fn finish(mut self, out: &mut Vec<f64>) {
        loop {
            let (index, share) = self.position();
            let last = self.seen.saturating_sub(1);
            if self.seen == 0 || index > last || (index == last && share > 0.0) {
                return;
            }
            out.push(self.value(index, share));
            self.written += 1;
        }
    }
}

fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

/// [`Interpolator`] of a whole trace `[T]`.
///
/// # Errors
/// As [`Interpolator::new`].
pub fn interpolate(
    samples: &[f64],
    method: Interpolation,
    from: SampleRate,
    to: SampleRate,
) -> Result<Vec<f64>> {
    let mut out = Vec::new();
    let mut interpolator = Interpolator::new(method, from, to)?;
    interpolator.run(samples, &mut out);
    interpolator.finish(&mut out);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const METHODS: [Interpolation; 4] = [
        Interpolation::Linear,
        Interpolation::Lanczos(1),
        Interpolation::Lanczos(5),
        Interpolation::WeightedAverageSlopes,
    ];

    fn hz(rate: f64) -> SampleRate {
        SampleRate::from_hz(rate).unwrap()
    }

    proptest! {
        #[test]
        fn pieces_equal_the_whole_bit_for_bit(
            samples in prop::collection::vec(-1e6..1e6f64, 0..200),
            cut in 0usize..200,
            to in prop::sample::select(vec![1.0, 40.0, 80.0, 99.9, 100.0, 250.0]),
            method in prop::sample::select(METHODS.to_vec()),
        ) {
            let whole = interpolate(&samples, method, hz(100.0), hz(to)).unwrap();
            let (head, tail) = samples.split_at(cut.min(samples.len()));
            let mut interpolator = Interpolator::new(method, hz(100.0), hz(to)).unwrap();
            let mut parts = Vec::new();
            interpolator.run(head, &mut parts);
            interpolator.run(tail, &mut parts);
            interpolator.finish(&mut parts);
            prop_assert_eq!(whole, parts);
        }
    }

    #[test]
    fn values_at_samples_are_the_samples_and_both_ends_are_there() {
        let samples: Vec<f64> = (0..11).map(|i| f64::from(i * i % 7)).collect();
        for method in METHODS {
            let same = interpolate(&samples, method, hz(100.0), hz(100.0)).unwrap();
            assert_eq!(same, samples);
            let double = interpolate(&samples, method, hz(100.0), hz(200.0)).unwrap();
            assert_eq!(double.len(), 21);
            assert!((0..11).all(|i| double[2 * i] == samples[i]));
        }
        assert!(interpolate(&samples, Interpolation::Lanczos(0), hz(1.0), hz(2.0)).is_err());
        assert_eq!(interpolate(&[1.0], METHODS[0], hz(1.0), hz(9.0)).unwrap(), [1.0]);
    }

    #[test]
    fn a_month_does_not_drift() {
        let mut interpolator =
            Interpolator::new(Interpolation::Linear, hz(100.0), hz(99.99971)).unwrap();
        interpolator.written = 259_200_000;
        let (index, share) = interpolator.position();
        let exact = 259_200_000.0 * 100.0 / hz(99.99971).hz();
        assert!((index as f64 + share - exact).abs() < 1e-6);
    }
}
