//! Power spectral density of sections of a trace, one section at a time.

use std::f64::consts::PI;
use std::sync::Arc;

use realfft::num_complex::Complex64;
use realfft::{RealFftPlanner, RealToComplex};

/// Taper of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionTaper {
    /// Periodic Hann window.
    Hann,
    /// Cosine over the first and last tenth.
    CosineTenths,
}

/// One-sided power spectral density of sections of one length, each rid of its linear trend and
/// tapered: 2·|X|² / (fs · Σw²), not doubled at 0 and fs/2. Averaged over overlapping sections it is
/// the estimate of Welch (1967). Unit: (unit of the samples)²/Hz.
pub struct PowerDensity {
    plan: Arc<dyn RealToComplex<f64>>,
    taper: Vec<f64>,
    scale: f64,
    input: Vec<f64>,
    output: Vec<Complex64>,
    scratch: Vec<Complex64>,
}

impl PowerDensity {
    /// For sections of `length` samples (at least 2) at `rate_hz`.
    pub fn new(length: usize, rate_hz: f64, taper: SectionTaper) -> Self {
        let length = length.max(2);
        let plan = RealFftPlanner::new().plan_fft_forward(length);
        let taper: Vec<f64> = match taper {
            SectionTaper::Hann => {
                let phase = |n: usize| 2.0 * PI * n as f64 / length as f64;
                (0..length).map(|n| 0.5 - 0.5 * phase(n).cos()).collect()
            }
            SectionTaper::CosineTenths => cosine_tenths(length),
        };
        let power: f64 = taper.iter().map(|w| w * w).sum();
        let (input, output) = (plan.make_input_vec(), plan.make_output_vec());
        let scratch = plan.make_scratch_vec();
        Self { plan, taper, scale: 1.0 / (rate_hz * power), input, output, scratch }
    }

    /// Samples in a section.
    pub fn length(&self) -> usize {
        self.taper.len()
    }

    /// Number of frequencies, `k·fs/N`, `k = 0..=N/2`.
    pub fn frequencies(&self) -> usize {
        self.output.len()
    }

    /// Adds the density of a section to `sums`; false, and nothing added, if a length is wrong.
    pub fn add(&mut self, section: &[f64], sums: &mut [f64]) -> bool {
        if section.len() != self.taper.len() || sums.len() != self.output.len() {
            return false;
        }
        let (level, slope) = linear_trend(section);
        for (n, ((slot, x), w)) in self.input.iter_mut().zip(section).zip(&self.taper).enumerate() {
            *slot = (x - level - slope * n as f64) * w;
        }
        let (input, output) = (&mut self.input, &mut self.output);
        if self.plan.process_with_scratch(input, output, &mut self.scratch).is_err() {
            return false;
        }
        let nyquist =
            if self.taper.len().is_multiple_of(2) { self.output.len() - 1 } else { usize::MAX };
        for (k, (sum, value)) in sums.iter_mut().zip(&self.output).enumerate() {
            let sides = if k == 0 || k == nyquist { 1.0 } else { 2.0 };
            *sum += sides * self.scale * value.norm_sqr();
        }
        true
    }
}

/// Level at the first sample and slope a sample of the least-squares line.
fn linear_trend(samples: &[f64]) -> (f64, f64) {
    let count = samples.len() as f64;
    let middle = (count - 1.0) / 2.0;
    let mean = samples.iter().sum::<f64>() / count;
    let tilt: f64 = samples.iter().enumerate().map(|(n, x)| (n as f64 - middle) * (x - mean)).sum();
    let slope = tilt / (count * (count * count - 1.0) / 12.0);
    (mean - slope * middle, slope)
}

/// Cosine over a tenth of the samples at either end, the outermost 0.
fn cosine_tenths(length: usize) -> Vec<f64> {
    let side = (0.1 * length as f64 + 0.5) as usize;
    let rising = |n: usize| 0.5 - 0.5 * (PI * n as f64 / (side.max(2) - 1) as f64).cos();
    let weight = |n: usize| {
        let from_end = n.min(length - 1 - n);
        if from_end < side { rising(from_end) } else { 1.0 }
    };
    (0..length).map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_integral_over_frequency_is_the_variance_and_a_trend_is_gone() {
        for taper in [SectionTaper::Hann, SectionTaper::CosineTenths] {
            let mut density = PowerDensity::new(1000, 50.0, taper);
            let sine = |n: usize| 3.0 * (2.0 * PI * 5.0 * n as f64 / 50.0).sin();
            let samples: Vec<f64> = (0..1000).map(|n| sine(n) + 7.0 + 0.3 * n as f64).collect();
            let mut sums = vec![0.0; density.frequencies()];
            assert!(density.add(&samples, &mut sums));
            let power: f64 = sums.iter().sum::<f64>() * 50.0 / 1000.0;
            assert!((power - 4.5).abs() < 0.05, "{power}");
            let strongest = (0..sums.len()).max_by(|&a, &b| sums[a].total_cmp(&sums[b]));
            assert_eq!(strongest, Some(100));
            assert!(!density.add(&samples[1..], &mut sums));
        }
    }
}
