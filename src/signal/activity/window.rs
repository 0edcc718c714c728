//! One window: gathers its samples, sums them up.

use super::feature::{ActivityBand, Feature};
use super::spectral::{WindowSpectrum, shannon_entropy};
use crate::signal::spectrum::Periodogram;

/// The samples of the window being filled. Its memory is that of one window.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Unfiltered samples less the reference.
    pub raw: Vec<f64>,
    /// The offset of the first run that has samples here.
    reference: Option<f64>,
    /// Band-passed samples by [`ActivityBand`]; empty where not asked for or not possible.
    pub bands: [Vec<f64>; 3],
    /// Their integrals, for the medium and the high band.
    pub displacement: [Vec<f64>; 3],
    /// Where contiguous stretches begin: the integral starts anew there.
    pub stretches: Vec<usize>,
    /// Trigger onsets.
    pub triggers: u32,
    /// Samples gathered, and how many a full window has, at the present rate.
    present: u64,
    expected: f64,
    /// What samples at earlier rates cover.
    covered_before: f64,
    scratch: Vec<u64>,
    periodogram: Option<Periodogram>,
}

impl Window {
    /// Forgets the samples, keeps the memory.
    pub(super) fn clear(&mut self) {
        self.raw.clear();
        self.reference = None;
        self.bands.iter_mut().chain(&mut self.displacement).for_each(Vec::clear);
        self.stretches.clear();
        self.triggers = 0;
        self.present = 0;
        self.covered_before = 0.0;
    }

    /// What to subtract from every unfiltered sample of this window, if the present run's offset
    /// is `offset`: one number for the whole window, so that no step arises at a gap.
    pub(super) fn reference(&mut self, offset: f64) -> f64 {
        *self.reference.get_or_insert(offset)
    }

    /// Counts `samples` of the `expected` that fill a window. The numbers are summed as integers,
    /// so that the coverage does not depend on the cutting into blocks.
    pub(super) fn count(&mut self, samples: usize, expected: f64) {
        if self.expected != expected {
            self.covered_before = self.coverage();
            self.present = 0;
            self.expected = expected;
        }
        self.present += samples as u64;
    }

    /// Fraction of the window's samples that are there.
    pub(super) fn coverage(&self) -> f64 {
        let present = if self.present == 0 { 0.0 } else { self.present as f64 / self.expected };
        self.covered_before + present
    }

    /// The values of `features`; NaN where one cannot be had.
    pub(super) fn values(&mut self, features: &[Feature], rate_hz: f64, out: &mut Vec<f64>) {
        let complete = self.stretches.len() == 1 && self.present as f64 >= self.expected;
        let needed = complete && features.iter().any(|f| f.needs_spectrum());
        let spectrum = needed.then(|| self.spectrum(rate_hz)).flatten();
        out.extend(features.iter().map(|&feature| match (feature, &spectrum) {
            (Feature::ShannonEntropy, _) if complete => {
                let mean = mean(&self.raw);
                shannon_entropy(self.raw.iter().map(|x| x - mean))
            }
            (Feature::Centroid, Some(s)) => s.shape.centroid,
            (Feature::Bandwidth, Some(s)) => s.shape.bandwidth,
            (Feature::PeakFrequency, Some(s)) => s.shape.peak,
            (Feature::SpectralEntropy, Some(s)) => s.shape.entropy,
            (Feature::Ssam(band), Some(s)) => {
                s.ssam.get(usize::from(band)).copied().unwrap_or(f64::NAN)
            }
            _ => self.value(feature),
        }));
    }

    fn spectrum(&mut self, rate_hz: f64) -> Option<WindowSpectrum> {
        let mean = mean(&self.raw);
        let demeaned = self.raw.iter().map(|x| x - mean);
        WindowSpectrum::of(&mut self.periodogram, demeaned, rate_hz)
    }

    /// The value of an amplitude feature; NaN where its band is missing.
    fn value(&mut self, feature: Feature) -> f64 {
        let band = feature.bands().first().map_or(0, |b| *b as usize);
        match feature {
            Feature::Rsam | Feature::Mf | Feature::Hf => mean_abs(&self.bands[band]),
            Feature::RsamMedian | Feature::MfMedian | Feature::HfMedian => {
                median_abs(&mut self.scratch, &self.bands[band])
            }
            Feature::Dsar => self.displacement_ratio(|d, _| mean_abs(d)),
            Feature::DsarMedian => self.displacement_ratio(|d, scratch| median_abs(scratch, d)),
            Feature::Rms => {
                let mean = mean(&self.raw);
                root_mean_square(self.raw.iter().map(|x| x - mean))
            }
            Feature::Peak => {
                let mean = mean(&self.raw);
                peak(self.raw.iter().map(|x| x - mean))
            }
            Feature::Rmes => {
                // Squares stand in the order of the absolute values.
                let (lower, upper) = middle_abs(&mut self.scratch, &self.bands[band]);
                ((lower * lower + upper * upper) / 2.0).sqrt()
            }
            Feature::RmsRsamBand => root_mean_square(self.bands[band].iter().copied()),
            Feature::PeakRsamBand => peak(self.bands[band].iter().copied()),
            Feature::KurtosisRsamBand => kurtosis(&self.bands[band]),
            Feature::Triggers if self.bands[band].is_empty() => f64::NAN,
            Feature::Triggers => f64::from(self.triggers),
            _ => f64::NAN,
        }
    }

    /// `amplitude` of the medium band's displacement over that of the high band's, each less
    /// its mean (in every contiguous stretch on its own).
    fn displacement_ratio(&mut self, amplitude: impl Fn(&[f64], &mut Vec<u64>) -> f64) -> f64 {
        let mut of = |band: ActivityBand| {
            let mut displacement = self.displacement[band as usize].clone();
            let ends = self.stretches.iter().skip(1).copied().chain([displacement.len()]);
            for (start, end) in self.stretches.iter().copied().zip(ends) {
                let Some(stretch) = displacement.get_mut(start..end) else { continue };
                let mean = mean(stretch);
                stretch.iter_mut().for_each(|x| *x -= mean);
            }
            amplitude(&displacement, &mut self.scratch)
        };
        of(ActivityBand::Medium) / of(ActivityBand::High)
    }
}

/// Sum of `n` values in eight parallel lanes, which also keeps the rounding error small.
fn sum(values: impl Iterator<Item = f64>) -> (f64, usize) {
    let mut lanes = [0.0; 8];
    let mut n = 0;
    for value in values {
        lanes[n % 8] += value;
        n += 1;
    }
    (lanes.iter().sum(), n)
}

/// NaN if there are none.
fn mean_of(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = sum(values);
    sum / n as f64
}

fn mean(values: &[f64]) -> f64 {
    pairwise_sum(values) / values.len() as f64
}

/// Pairwise summation with NumPy's blocks. Counts often lie on the very edges of the amplitude
/// classes of the Shannon entropy, where the last bit of the mean decides; this gives NumPy's bit.
fn pairwise_sum(values: &[f64]) -> f64 {
    let n = values.len();
    if n < 8 {
        return values.iter().sum();
    }
    if n > 128 {
        let (left, right) = values.split_at(n / 2 - n / 2 % 8);
        return pairwise_sum(left) + pairwise_sum(right);
    }
    let (eights, rest) = values.as_chunks::<8>();
    let mut r = [0.0; 8];
    for eight in eights {
        for (sum, x) in r.iter_mut().zip(eight) {
            *sum += x;
        }
    }
    let total = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    rest.iter().fold(total, |sum, x| sum + x)
}

fn mean_abs(values: &[f64]) -> f64 {
    mean_of(values.iter().map(|x| x.abs()))
}

fn root_mean_square(values: impl Iterator<Item = f64>) -> f64 {
    mean_of(values.map(|x| x * x)).sqrt()
}

fn peak(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::NAN, |m, x| m.max(x.abs()))
}

fn kurtosis(values: &[f64]) -> f64 {
    let square = mean_of(values.iter().map(|x| x * x));
    mean_of(values.iter().map(|x| (x * x) * (x * x))) / (square * square)
}

/// Median of absolute values, for an even number the mean of the two middle ones; NaN if there
/// are none.
fn median_abs(scratch: &mut Vec<u64>, values: &[f64]) -> f64 {
    let (lower, upper) = middle_abs(scratch, values);
    (lower + upper) / 2.0
}

/// The two middle absolute values (one twice for an odd number).
fn middle_abs(scratch: &mut Vec<u64>, values: &[f64]) -> (f64, f64) {
    scratch.clear();
    // The bits of floats that are not negative stand in the order of the floats.
    scratch.extend(values.iter().map(|x| x.abs().to_bits()));
    let n = scratch.len();
    if n == 0 {
        return (f64::NAN, f64::NAN);
    }
    let (below, &mut upper, _) = scratch.select_nth_unstable(n / 2);
    let lower = if n % 2 == 1 { upper } else { below.iter().copied().max().unwrap_or(upper) };
    (f64::from_bits(lower), f64::from_bits(upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_odd_even_and_no_values() {
        let median = |v: &[f64]| median_abs(&mut Vec::new(), v);
        assert_eq!(median(&[3.0, -1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, -3.0, 2.0]), 2.5);
        assert_eq!(middle_abs(&mut Vec::new(), &[-0.0, 7.0, -8.0]), (7.0, 7.0));
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn displacement_is_demeaned_in_each_stretch() {
        let mut window = Window::default();
        // Two stretches on different levels: the jump between them is no displacement.
        window.displacement[1] = vec![1.0, -1.0, 101.0, 99.0];
        window.displacement[2] = vec![2.0, -2.0, 2.0, -2.0];
        window.stretches = vec![0, 2];
        assert_eq!(window.value(Feature::Dsar), 0.5);
        assert_eq!(window.value(Feature::DsarMedian), 0.5);
    }

    #[test]
    fn an_empty_window_has_no_value() {
        let mut values = Vec::new();
        Window::default().values(&Feature::all(), 100.0, &mut values);
        assert_eq!(values.len(), 34);
        assert!(values.iter().all(|x| x.is_nan()), "{values:?}");
    }
}
