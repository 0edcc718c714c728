//! What is measured at a pick: how wide its peak is, how large the motion after it.

use serde::{Deserialize, Serialize};

use super::rows::Rows;

/// Where amplitude and signal-to-noise ratio are measured, seconds from the pick.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasureWindows {
    /// The signal: from the pick on, so long.
    pub signal_s: f64,
    /// The noise: so long,
    pub noise_s: f64,
    /// and ending so long before the pick.
    pub guard_s: f64,
}

impl Default for MeasureWindows {
    fn default() -> Self {
        Self { signal_s: 5.0, noise_s: 5.0, guard_s: 0.5 }
    }
}

/// Largest excursion and signal-to-noise ratio at column `at` of rows with `rate` Hz.
///
/// The mean of each component in the noise window is taken away. The amplitude is the largest
/// absolute value of any component in the signal window, the ratio that of the root mean squares of
/// all components in the two windows. Samples that are filled in do not count.
pub fn amplitude_and_snr(
    rows: &Rows,
    at: i64,
    rate: f64,
    windows: &MeasureWindows,
) -> (Option<f64>, Option<f64>) {
    let samples = |seconds: f64| (seconds * rate).round() as i64;
    let clamp = |x: i64| usize::try_from(x).unwrap_or(0).min(rows.columns());
    let noise_end = at - samples(windows.guard_s);
    let noise = clamp(noise_end - samples(windows.noise_s))..clamp(noise_end);
    let signal = clamp(at)..clamp(at + samples(windows.signal_s) + 1);
    let (mut peak, mut square_after, mut after) = (0f64, 0.0, 0usize);
    let (mut square_before, mut before) = (0.0, 0usize);
    for row in 0..rows.count() {
        let values = |span| rows.data_within(row, span).flatten().map(|&x| f64::from(x));
        let count = values(noise.clone()).count();
        let mean = match count {
            0 => {
                // Nothing before: the signal's own mean.
                let count = values(signal.clone()).count().max(1);
                values(signal.clone()).sum::<f64>() / count as f64
            }
            count => values(noise.clone()).sum::<f64>() / count as f64,
        };
        square_before += values(noise.clone()).map(|x| (x - mean).powi(2)).sum::<f64>();
        before += count;
        for x in values(signal.clone()) {
            peak = peak.max((x - mean).abs());
            square_after += (x - mean).powi(2);
            after += 1;
        }
    }
    let mean_square = |sum: f64, count: usize| (count > 0).then(|| sum / count as f64);
    let ratio = match (mean_square(square_after, after), mean_square(square_before, before)) {
        (Some(signal), Some(noise)) if noise > 0.0 => Some((signal / noise).sqrt()),
        _ => None,
    };
    ((after > 0).then_some(peak), ratio.filter(|ratio| ratio.is_finite()))
}

/// The standard deviation, in samples, of the Gaussian that is as wide at half its height as the
/// peak of `curve` at `at`; `None` where the curve ends before it has fallen to half.
pub fn peak_deviation(curve: &[f32], at: usize) -> Option<f64> {
    let half = curve.get(at)? / 2.0;
    let crossing = |values: &mut dyn Iterator<Item = &f32>| -> Option<f64> {
        let (mut last, mut distance) = (curve[at], 0.0);
        for &value in values {
            if value.is_nan() {
                return None;
            }
            if value <= half {
                return Some(distance + f64::from((last - half) / (last - value)));
            }
            distance += 1.0;
            last = value;
        }
        None
    };
    let right = crossing(&mut curve[at + 1..].iter());
    let left = crossing(&mut curve[..at].iter().rev());
    // One side is enough for a symmetric peak.
    let width = match (left, right) {
        (Some(left), Some(right)) => left + right,
        (Some(side), None) | (None, Some(side)) => 2.0 * side,
        (None, None) => return None,
    };
    Some(width / (8.0 * std::f64::consts::LN_2).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gaussian_has_its_own_deviation() {
        let curve: Vec<f32> =
            (0..200).map(|i| 0.8 * (-0.5 * ((i as f32 - 100.0) / 7.0).powi(2)).exp()).collect();
        assert!((peak_deviation(&curve, 100).unwrap() - 7.0).abs() < 0.05);
        assert!((peak_deviation(&curve[..101], 100).unwrap() - 7.0).abs() < 0.05);
        assert_eq!(peak_deviation(&curve[95..105], 5), None);
        assert_eq!(peak_deviation(&[], 0), None);
    }

    #[test]
    fn amplitude_and_ratio_of_a_step_in_noise() {
        let mut rows = Rows::zeros(2, 2000);
        for row in 0..2 {
            for (i, x) in rows.row_mut(row).iter_mut().enumerate() {
                let sign = if i % 2 == 0 { 1.0 } else { -1.0 };
                *x = 100.0 + sign * if i < 1000 { 1.0 } else { 10.0 };
            }
        }
        let rows = rows.with_runs(vec![vec![0..2000], vec![]]);
        let (amplitude, snr) = amplitude_and_snr(&rows, 1000, 100.0, &MeasureWindows::default());
        assert!((amplitude.unwrap() - 10.0).abs() < 1e-6);
        assert!((snr.unwrap() - 10.0).abs() < 1e-6);
        let (amplitude, snr) = amplitude_and_snr(&rows, 0, 100.0, &MeasureWindows::default());
        assert!(amplitude.is_some() && snr.is_none());
    }
}
