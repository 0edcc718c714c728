//! From the samples of a window to its row: what needs no other window, and so runs beside it.

use super::feature::{ActivityBand, Feature};
use super::spectral::{WindowSpectrum, shannon_entropy};
use super::statistics::{kurtosis, mean, mean_of, middle_abs, peak};
use super::window::Window;
use crate::signal::spectrum::Periodogram;

/// Memory for the work on one window, used again for the next.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// Unfiltered samples less their mean.
    demeaned: Vec<f64>,
    /// Displacement in the medium and the high band, less its mean in every stretch.
    displacement: [Vec<f64>; 2],
    /// The middle absolute values of each band, once they are known.
    middle: [Option<(f64, f64)>; ActivityBand::ALL.len()],
    scratch: Vec<u64>,
    periodogram: Option<Periodogram>,
}

impl Summary {
    /// The values of `features`, appended to `out`; NaN where one cannot be had.
    pub(super) fn append(&mut self, window: &Window, features: &[Feature], out: &mut Vec<f64>) {
        self.middle = Default::default();
        let complete = window.is_complete();
        if features.iter().any(|f| f.needs_unfiltered()) {
            let mean = mean(&window.raw);
            self.demeaned.clear();
            self.demeaned.extend(window.raw.iter().map(|x| x - mean));
        }
        if features.iter().any(|f| f.needs_displacement()) {
            let bands = [ActivityBand::Medium, ActivityBand::High];
            let velocity = bands.map(|band| &window.bands[band as usize][..]);
            displacement(velocity, &window.stretches, &mut self.displacement);
        }
        let spectrum = if complete && features.iter().any(|f| f.needs_spectrum()) {
            WindowSpectrum::of(&mut self.periodogram, &self.demeaned, window.rate_hz)
        } else {
            None
        };
        out.extend(features.iter().map(|&feature| match (feature, &spectrum) {
            (Feature::ShannonEntropy, _) if complete => shannon_entropy(&self.demeaned),
            (Feature::Centroid, Some(s)) => s.shape.centroid,
            (Feature::Bandwidth, Some(s)) => s.shape.bandwidth,
            (Feature::PeakFrequency, Some(s)) => s.shape.peak,
            (Feature::SpectralEntropy, Some(s)) => s.shape.entropy,
            (Feature::Ssam(band), Some(s)) => {
                s.ssam.get(usize::from(band)).copied().unwrap_or(f64::NAN)
            }
            _ => self.amplitude(window, feature),
        }));
    }

    /// The value of an amplitude feature; NaN where its band is missing.
    fn amplitude(&mut self, window: &Window, feature: Feature) -> f64 {
        let band = feature.bands().first().map_or(0, |b| *b as usize);
        let samples = &window.bands[band];
        match feature {
            Feature::Rsam | Feature::Mf | Feature::Hf => mean_of(samples, f64::abs),
            Feature::RsamMedian | Feature::MfMedian | Feature::HfMedian => {
                let (lower, upper) = self.middle(window, band);
                (lower + upper) / 2.0
            }
            Feature::Dsar => {
                let [medium, high] = &self.displacement;
                mean_of(medium, f64::abs) / mean_of(high, f64::abs)
            }
            Feature::DsarMedian => {
                let [medium, high] = &self.displacement;
                let mut median = |values| {
                    let (lower, upper) = middle_abs(&mut self.scratch, values);
                    (lower + upper) / 2.0
                };
                median(medium) / median(high)
            }
            Feature::Rms => mean_of(&self.demeaned, |x| x * x).sqrt(),
            Feature::Peak => peak(&self.demeaned),
            Feature::Rmes => {
                // Squares stand in the order of the absolute values.
                let (lower, upper) = self.middle(window, band);
                ((lower * lower + upper * upper) / 2.0).sqrt()
            }
            Feature::RmsRsamBand => mean_of(samples, |x| x * x).sqrt(),
            Feature::PeakRsamBand => peak(samples),
            Feature::KurtosisRsamBand => kurtosis(samples),
            Feature::Triggers if samples.is_empty() => f64::NAN,
            Feature::Triggers => f64::from(window.triggers),
            _ => f64::NAN,
        }
    }

    fn middle(&mut self, window: &Window, band: usize) -> (f64, f64) {
        *self.middle[band].get_or_insert_with(|| middle_abs(&mut self.scratch, &window.bands[band]))
    }
}

/// Displacement of two bands' `velocity` by the cumulative trapezoid rule, less its mean in each
/// of the contiguous stretches, in units of half a sampling interval (which a ratio of two loses).
/// Empty if a band is missing.
///
/// The integral begins anew in every window. Only a constant tells it from one that runs on over
/// the whole record, and that is lost with the mean; the rounding errors of a month are not
/// gathered, and no value depends on where a file ends.
fn displacement(velocity: [&[f64]; 2], stretches: &[usize], out: &mut [Vec<f64>; 2]) {
    let n = velocity[0].len().min(velocity[1].len());
    out.iter_mut().for_each(|out| out.resize(n, 0.0));
    let ends = stretches.iter().skip(1).copied().chain([n]);
    for (start, end) in stretches.iter().copied().zip(ends) {
        let [a, b] = velocity.map(|v| v.get(start..end).unwrap_or_default());
        let [out_a, out_b] = out.each_mut().map(|o| o.get_mut(start..end).unwrap_or_default());
        let (Some(&first_a), Some(&first_b)) = (a.first(), b.first()) else { continue };
        // Each sum waits for the one before it; the two bands do not wait for each other.
        let (mut sum_a, mut sum_b) = (-2.0 * first_a, -2.0 * first_b);
        let (mut previous_a, mut previous_b) = (first_a, first_b);
        for ((&x, &y), (into_a, into_b)) in a.iter().zip(b).zip(out_a.iter_mut().zip(&mut *out_b)) {
            sum_a += x + previous_a;
            sum_b += y + previous_b;
            (*into_a, *into_b) = (sum_a, sum_b);
            (previous_a, previous_b) = (x, y);
        }
        for integral in [out_a, out_b] {
            let mean = mean(integral);
            integral.iter_mut().for_each(|x| *x -= mean);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displacement_is_demeaned_in_each_stretch() {
        // Two stretches on different levels: the step between them is no displacement.
        let (a, b) = ([1.0, 1.0, 1.0, -50.0, -50.0, -50.0], [3.0; 6]);
        let mut out = [vec![9.0; 3], vec![9.0; 8]];
        displacement([&a, &b], &[0, 3], &mut out);
        assert_eq!(out[0], [-2.0, 0.0, 2.0, 100.0, 0.0, -100.0]);
        assert_eq!(out[1], [-6.0, 0.0, 6.0, -6.0, 0.0, 6.0]);
        displacement([&a, &[]], &[0], &mut out);
        assert!(out[0].is_empty() && out[1].is_empty());
    }

    #[test]
    fn an_empty_window_has_no_value() {
        let mut values = Vec::new();
        Summary::default().append(&Window::default(), &Feature::all(), &mut values);
        assert_eq!(values.len(), 34);
        assert!(values.iter().all(|x| x.is_nan()), "{values:?}");
    }
}
