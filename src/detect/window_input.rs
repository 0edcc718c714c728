//! What of a prepared window the classifiers see: all of it, or what is left when a part on which
//! a score may rest is taken away.

use crate::error::Result;
use crate::signal::{EVENT_BAND, Whitening, whiten};
use crate::time::SampleRate;

/// Width of the running mean of the amplitude spectrum, Hz to either side.
const SMOOTHING_HZ: f64 = 0.25;

/// Length of the running root mean square, seconds.
const ENVELOPE_SECONDS: f64 = 2.0;

/// What is taken away from windows of unit deviation.
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
pub enum WindowInput {
    /// Nothing.
    #[default]
    Plain,
    /// The mean spectrum: amplitudes are divided by their running mean over 0.25 Hz to either
    /// side, 1–15 Hz. An instrument can then no longer be told by its response.
    Whitened,
    /// The envelope: samples are divided by their root mean square over 2 s. Duration, onset and
    /// signal-to-noise ratio are gone, the sequence of frequencies is left.
    EnvelopeRemoved,
}

impl WindowInput {
    /// What stands in the column `target` of the scores behind the class.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Whitened => ", input whitened",
            Self::EnvelopeRemoved => ", input envelope-removed",
        }
    }

    /// The window `[T]` without that part, of unit standard deviation again.
    pub fn apply(self, window: Vec<f64>, rate: SampleRate) -> Result<Vec<f64>> {
        let mut left = match self {
            Self::Plain => return Ok(window),
            Self::Whitened => {
                let spacing = rate.hz() / window.len().max(1) as f64;
                let half = ((SMOOTHING_HZ / spacing).round() as usize).max(1);
                let (low, high) = EVENT_BAND;
                whiten(&window, rate, &Whitening { low, high, bins: 2 * half + 1, taper: 0.0 })?
            }
            Self::EnvelopeRemoved => {
                let length = ((ENVELOPE_SECONDS * rate.hz()).round() as usize).max(1);
                let envelope = running_root_mean_square(&window, length);
                window.iter().zip(envelope).map(|(x, e)| x / e.max(1e-3)).collect()
            }
        };
        let mean = left.iter().sum::<f64>() / left.len().max(1) as f64;
        let square = left.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        let deviation = (square / left.len().max(1) as f64).sqrt().max(1e-20);
        left.iter_mut().for_each(|x| *x /= deviation);
        Ok(left)
    }
}

/// Over `length` samples around each, what lies outside counting as zero.
fn running_root_mean_square(window: &[f64], length: usize) -> Vec<f64> {
    let sums: Vec<f64> = std::iter::once(0.0)
        .chain(window.iter().scan(0.0, |sum, x| {
            *sum += x * x;
            Some(*sum)
        }))
        .collect();
    (0..window.len())
        .map(|at| {
            let from = at.saturating_sub(length / 2);
            let to = (at + length.div_ceil(2)).min(window.len());
            ((sums[to] - sums[from]) / length as f64).max(0.0).sqrt()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate() -> SampleRate {
        SampleRate::from_hz(40.0).unwrap()
    }

    /// A sweep from 2 to 12 Hz under an envelope.
    fn sweep() -> Vec<f64> {
        (0..1680)
            .map(|n| {
                let t = f64::from(n) / 40.0;
                (0.2 + (-((t - 15.0) / 4.0).powi(2)).exp())
                    * (std::f64::consts::TAU * (2.0 + 5.0 * t / 42.0) * t).sin()
            })
            .collect()
    }

    fn power(window: &[f64]) -> f64 {
        window.iter().map(|x| x * x).sum::<f64>() / window.len() as f64
    }

    #[test]
    fn the_envelope_is_gone_and_the_deviation_is_one() {
        let left = WindowInput::EnvelopeRemoved.apply(sweep(), rate()).unwrap();
        assert!((power(&left) - 1.0).abs() < 0.01);
        let (quiet, loud) = (power(&left[1200..1600]), power(&left[500..700]));
        let before = power(&sweep()[500..700]) / power(&sweep()[1200..1600]);
        assert!(before > 10.0 && (loud / quiet - 1.0).abs() < 0.2, "{before} {}", loud / quiet);
    }

    #[test]
    fn the_spectrum_is_flat() {
        // A strong line over a weak one.
        let two: Vec<f64> = (0..1680)
            .map(|n| {
                let t = std::f64::consts::TAU * f64::from(n) / 40.0;
                (3.0 * t).sin() + 0.01 * (9.0 * t).sin()
            })
            .collect();
        let left = WindowInput::Whitened.apply(two, rate()).unwrap();
        let amplitude = |hz: f64| {
            let turn = |n: usize| std::f64::consts::TAU * hz * n as f64 / 40.0;
            let cosine: f64 = left.iter().enumerate().map(|(n, x)| x * turn(n).cos()).sum();
            let sine: f64 = left.iter().enumerate().map(|(n, x)| x * turn(n).sin()).sum();
            cosine.hypot(sine)
        };
        assert!((amplitude(3.0) / amplitude(9.0) - 1.0).abs() < 0.05);
    }

    #[test]
    fn plain_changes_nothing() {
        assert_eq!(WindowInput::Plain.apply(sweep(), rate()).unwrap(), sweep());
    }
}
