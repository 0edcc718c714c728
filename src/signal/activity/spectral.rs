//! Features of a window's amplitude spectrum and of its histogram.

use crate::signal::spectrum::Periodogram;

/// Edges of the spectral amplitude bands in Hz (SSAM: Rogers & Stephens 1995).
pub(super) const SSAM_EDGES: [f64; 15] =
    [0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 12.0, 14.0, 16.0, 18.0];

/// Names of the bands between them.
pub(super) const SSAM_NAMES: [&str; 14] = [
    "ssam_0.5_1",
    "ssam_1_2",
    "ssam_2_3",
    "ssam_3_4",
    "ssam_4_5",
    "ssam_5_6",
    "ssam_6_7",
    "ssam_7_8",
    "ssam_8_9",
    "ssam_9_10",
    "ssam_10_12",
    "ssam_12_14",
    "ssam_14_16",
    "ssam_16_18",
];

/// Number of amplitude classes of the Shannon entropy.
const CLASSES: usize = 100;

/// Shape of a window's spectrum between two frequencies; powers sum to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpectralShape {
    /// Mean frequency in Hz.
    pub centroid: f64,
    /// Standard deviation about it in Hz.
    pub bandwidth: f64,
    /// Frequency of the largest power in Hz.
    pub peak: f64,
    /// Entropy over the logarithm of the number of bins, 0 to 1.
    pub entropy: f64,
}

impl SpectralShape {
    const MISSING: Self =
        Self { centroid: f64::NAN, bandwidth: f64::NAN, peak: f64::NAN, entropy: f64::NAN };

    /// Of one-sided `power` (bin `k` at `k·resolution` Hz) between `low` and `high` Hz, both
    /// inclusive; NaN if there is no power there.
    pub fn of(power: &[f64], resolution: f64, low: f64, high: f64) -> Self {
        let bins = || {
            let frequencies = (0..power.len()).map(|k| k as f64 * resolution);
            frequencies.zip(power.iter().copied()).filter(|(f, _)| (low..=high).contains(f))
        };
        let (count, total) = bins().fold((0usize, 0.0), |(n, sum), (_, p)| (n + 1, sum + p));
        if total <= 0.0 || !f64::is_finite(total) {
            return Self::MISSING;
        }
        let centroid = bins().map(|(f, p)| f * p / total).sum::<f64>();
        let variance = bins().map(|(f, p)| (f - centroid).powi(2) * p / total).sum::<f64>();
        let surprise = bins().map(|(_, p)| p / total).filter(|p| *p > 0.0).map(|p| p * p.ln());
        let largest = bins().fold((0.0, -1.0), |best, bin| if bin.1 > best.1 { bin } else { best });
        Self {
            centroid,
            bandwidth: variance.sqrt(),
            peak: largest.0,
            entropy: -surprise.sum::<f64>() / (count as f64).ln(),
        }
    }
}

/// The spectrum of a complete window.
#[derive(Debug)]
pub(super) struct WindowSpectrum {
    pub shape: SpectralShape,
    pub ssam: [f64; 14],
}

impl WindowSpectrum {
    /// Of the demeaned samples at `rate_hz`; features above half the rate are NaN.
    pub(super) fn of(
        periodogram: &mut Option<Periodogram>,
        demeaned: impl ExactSizeIterator<Item = f64>,
        rate_hz: f64,
    ) -> Option<Self> {
        let n = demeaned.len();
        if periodogram.as_ref().is_none_or(|p| p.length() != n) {
            *periodogram = Some(Periodogram::new(n));
        }
        let power = periodogram.as_mut()?.power(demeaned)?;
        let resolution = rate_hz / n as f64;
        let nyquist = rate_hz / 2.0;
        let shape = if nyquist < 18.0 {
            SpectralShape::MISSING
        } else {
            SpectralShape::of(&power, resolution, 0.5, 18.0)
        };
        let ssam = std::array::from_fn(|i| {
            let (low, high) = (SSAM_EDGES[i], SSAM_EDGES[i + 1]);
            if high > nyquist {
                return f64::NAN;
            }
            let amplitudes =
                power.iter().enumerate().map(|(k, p)| (k as f64 * resolution, p.sqrt()));
            let inside = amplitudes.filter(|(f, _)| (low..high).contains(f));
            let (sum, count) = inside.fold((0.0, 0usize), |(s, n), (_, a)| (s + a, n + 1));
            sum / count as f64
        });
        Some(Self { shape, ssam })
    }
}

/// Entropy in bits of the amplitudes in 100 classes of equal width between their extremes, the
/// last one closed. A constant window has entropy 0.
pub(super) fn shannon_entropy(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let (low, high, n) =
        values.clone().fold((f64::INFINITY, f64::NEG_INFINITY, 0usize), |(l, h, n), x| {
            (l.min(x), h.max(x), n + 1)
        });
    if n == 0 {
        return f64::NAN;
    }
    if high <= low {
        return 0.0;
    }
    // As in numpy.histogram: guess the class, then compare with its edges.
    let width = (high - low) / CLASSES as f64;
    let edge = |i: usize| i as f64 * width + low;
    let mut counts = [0usize; CLASSES];
    for x in values {
        let guess = ((x - low) / (high - low) * CLASSES as f64) as usize;
        let mut class = guess.min(CLASSES - 1);
        if x < edge(class) {
            class = class.saturating_sub(1);
        } else if class + 1 < CLASSES && x >= edge(class + 1) {
            class += 1;
        }
        counts[class] += 1;
    }
    let shares = counts.iter().filter(|c| **c > 0).map(|c| *c as f64 / n as f64);
    -shares.map(|p| p * p.log2()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_of_even_and_constant_amplitudes() {
        let even = (0..1000).map(f64::from);
        assert!((shannon_entropy(even) - 100f64.log2()).abs() < 1e-12);
        assert_eq!(shannon_entropy([3.0; 5].into_iter()), 0.0);
        assert!(shannon_entropy(std::iter::empty()).is_nan());
    }

    #[test]
    fn shape_of_two_lines() {
        let mut power = vec![0.0; 41];
        power[10] = 3.0;
        power[30] = 1.0;
        let shape = SpectralShape::of(&power, 0.5, 1.0, 18.0);
        assert_eq!((shape.centroid, shape.peak), (7.5, 5.0));
        assert!((shape.bandwidth - 18.75f64.sqrt()).abs() < 1e-12);
        assert!(SpectralShape::of(&[0.0; 10], 1.0, 0.0, 9.0).centroid.is_nan());
    }
}
