//! Features of a window's amplitude spectrum and of its histogram.

use super::statistics::{extremes, mean_of, sum_of};
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
        let first = first_bin(resolution, |f| f >= low).min(power.len());
        let end = first_bin(resolution, |f| f > high).clamp(first, power.len());
        let inside = &power[first..end];
        let total = sum_of(inside, |p| p);
        if total <= 0.0 || !f64::is_finite(total) {
            return Self::MISSING;
        }
        let frequency = |i: usize| (first + i) as f64 * resolution;
        let centroid = weighted_mean(inside, total, frequency);
        let variance = weighted_mean(inside, total, |i| {
            let distance = frequency(i) - centroid;
            distance * distance
        });
        let surprise = sum_of(inside, |p| {
            let share = p / total;
            if share > 0.0 { share * share.ln() } else { 0.0 }
        });
        let largest = inside
            .iter()
            .enumerate()
            .fold((0, -1.0), |best, (i, &p)| if p > best.1 { (i, p) } else { best });
        Self {
            centroid,
            bandwidth: variance.sqrt(),
            peak: frequency(largest.0),
            entropy: -surprise / (inside.len() as f64).ln(),
        }
    }
}

/// Mean of `value` of the bins' numbers, weighted by their powers, whose sum is `total`.
fn weighted_mean(power: &[f64], total: f64, value: impl Fn(usize) -> f64) -> f64 {
    let mut bins = 0..;
    sum_of(power, |p| bins.next().map_or(0.0, &value) * p) / total
}

/// The first bin whose frequency `k·resolution` is `beyond` an edge (as all later ones are).
fn first_bin(resolution: f64, beyond: impl Fn(f64) -> bool) -> usize {
    // Doubling, then halving: some thirty comparisons for any resolution.
    let is_beyond = |k: usize| beyond(k as f64 * resolution);
    let mut end = 1;
    while end < usize::MAX / 2 && !is_beyond(end) {
        end *= 2;
    }
    let mut begin = 0;
    while begin < end {
        let middle = begin + (end - begin) / 2;
        if is_beyond(middle) {
            end = middle;
        } else {
            begin = middle + 1;
        }
    }
    begin
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
        demeaned: &[f64],
        rate_hz: f64,
    ) -> Option<Self> {
        let n = demeaned.len();
        if periodogram.as_ref().is_none_or(|p| p.length() != n) {
            *periodogram = Some(Periodogram::new(n));
        }
        let power = periodogram.as_mut()?.power(demeaned.iter().copied())?;
        let resolution = rate_hz / n as f64;
        let nyquist = rate_hz / 2.0;
        let shape = if nyquist < 18.0 {
            SpectralShape::MISSING
        } else {
            SpectralShape::of(&power, resolution, 0.5, 18.0)
        };
        let edges = SSAM_EDGES.map(|edge| first_bin(resolution, |f| f >= edge));
        let ssam = std::array::from_fn(|i| match power.get(edges[i]..edges[i + 1]) {
            Some(inside) if SSAM_EDGES[i + 1] <= nyquist => mean_of(inside, f64::sqrt),
            _ => f64::NAN,
        });
        Some(Self { shape, ssam })
    }
}

/// Entropy in bits of the amplitudes in 100 classes of equal width between their extremes, the
/// last one closed. A constant window has entropy 0.
pub(super) fn shannon_entropy(values: &[f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let (low, high) = extremes(values);
    if high <= low {
        return 0.0;
    }
    // As in numpy.histogram: guess the class, then compare with its edges.
    let width = (high - low) / CLASSES as f64;
    let mut edges: [f64; CLASSES + 1] = std::array::from_fn(|i| i as f64 * width + low);
    edges[CLASSES] = f64::INFINITY;
    let per_unit = CLASSES as f64 / (high - low);
    // Neighbours are often of one class: two counters of it need not wait for each other.
    let mut counts = [[0u32; CLASSES]; 2];
    for (i, &x) in values.iter().enumerate() {
        let guess = (((x - low) * per_unit) as usize).min(CLASSES - 1);
        let class = (guess + usize::from(x >= edges[guess + 1])) - usize::from(x < edges[guess]);
        if let Some(count) = counts[i % 2].get_mut(class) {
            *count += 1;
        }
    }
    let [even, odd] = counts;
    let n = values.len() as f64;
    let shares = even.iter().zip(&odd).map(|(a, b)| (f64::from(*a) + f64::from(*b)) / n);
    -shares.filter(|p| *p > 0.0).map(|p| p * p.log2()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_of_even_and_constant_amplitudes() {
        let even: Vec<f64> = (0..1000).map(f64::from).collect();
        assert!((shannon_entropy(&even) - 100f64.log2()).abs() < 1e-12);
        assert_eq!(shannon_entropy(&[3.0; 5]), 0.0);
        assert!(shannon_entropy(&[]).is_nan());
    }

    #[test]
    fn the_first_bin_beyond_an_edge() {
        assert_eq!(first_bin(0.5, |f| f >= 1.0), 2);
        assert_eq!(first_bin(0.5, |f| f > 1.0), 3);
        assert_eq!(first_bin(0.5, |f| f >= 0.0), 0);
        assert_eq!(first_bin(f64::NAN, |f| f >= 1.0), first_bin(0.0, |f| f >= 1.0));
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
