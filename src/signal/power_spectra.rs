//! Short-time spectra and power spectral densities with SciPy's conventions: periodic Hann window,
//! one-sided, segments of one length that overlap.

use std::f64::consts::TAU;

use realfft::RealFftPlanner;
use realfft::num_complex::Complex64;

use crate::error::{Error, Result};
use crate::time::SampleRate;

/// Segments in samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segments {
    /// Samples a segment.
    pub length: usize,
    /// Samples shared with the next segment.
    pub overlap: usize,
}

/// Something for every segment and frequency.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeFrequency<T> {
    /// Middle of each segment, in seconds after the first sample.
    pub times: Vec<f64>,
    /// Hz.
    pub frequencies: Vec<f64>,
    /// `[segment][frequency]`.
    pub values: Vec<Vec<T>>,
}

impl Segments {
    fn hop(self) -> Result<usize> {
        if self.length == 0 || self.overlap >= self.length {
            return Err(Error::usage(format!(
                "segments of {} samples cannot overlap by {}: the overlap must be shorter",
                self.length, self.overlap
            )));
        }
        Ok(self.length - self.overlap)
    }

    fn hann(self) -> Vec<f64> {
        (0..self.length).map(|k| 0.5 - 0.5 * (TAU * k as f64 / self.length as f64).cos()).collect()
    }

    fn frequencies(self, rate: SampleRate) -> Vec<f64> {
        (0..self.length / 2 + 1).map(|k| k as f64 * rate.hz() / self.length as f64).collect()
    }

    /// Spectra of all whole segments under the window; the mean of each removed before if asked.
    fn spectra(self, samples: &[f64], demean: bool) -> Result<Vec<Vec<Complex64>>> {
        let hop = self.hop()?;
        let (plan, hann) = (RealFftPlanner::new().plan_fft_forward(self.length), self.hann());
        let mut segment = plan.make_input_vec();
        samples
            .windows(self.length)
            .step_by(hop)
            .map(|window| {
                segment.copy_from_slice(window);
                if demean {
                    super::demean(&mut segment);
                }
                segment.iter_mut().zip(&hann).for_each(|(x, w)| *x *= w);
                let mut spectrum = plan.make_output_vec();
                plan.process(&mut segment, &mut spectrum)
                    .map_err(|e| Error::data(e.to_string()))?;
                Ok(spectrum)
            })
            .collect()
    }

    /// Power spectral densities from spectra: per Hz, negative frequencies counted in.
    fn densities(self, spectra: Vec<Vec<Complex64>>, rate: SampleRate) -> Vec<Vec<f64>> {
        let scale = 1.0 / (rate.hz() * self.hann().iter().map(|w| w * w).sum::<f64>());
        let alone = |k: usize| k == 0 || 2 * k == self.length;
        let density =
            |(k, x): (usize, Complex64)| x.norm_sqr() * scale * if alone(k) { 1.0 } else { 2.0 };
        spectra.into_iter().map(|s| s.into_iter().enumerate().map(density).collect()).collect()
    }
}

/// Short-time Fourier transform; half a segment of zeros stands before and behind the trace, and
/// more zeros fill the last segment. A sine of amplitude 1 has the value 0.5 in its bin
/// (`scipy.signal.stft`).
///
/// # Errors
/// `Usage` for an overlap not below the length.
pub fn stft_zero_padded(
    samples: &[f64],
    rate: SampleRate,
    segments: Segments,
) -> Result<TimeFrequency<Complex64>> {
    let (hop, length) = (segments.hop()?, segments.length);
    let half = length / 2;
    let inner = samples.len() + 2 * half;
    // SciPy's padding: up to a whole number of hops, but never a whole segment.
    let missing = inner.abs_diff(length) % hop;
    let missing = if inner >= length { (hop - missing) % hop } else { missing } % length;
    let mut padded = vec![0.0; inner + missing];
    padded[half..half + samples.len()].copy_from_slice(samples);
    let mut values = segments.spectra(&padded, false)?;
    let sum: f64 = segments.hann().iter().sum();
    values.iter_mut().flatten().for_each(|x| *x /= sum);
    let times = (0..values.len()).map(|i| (i * hop) as f64 / rate.hz()).collect();
    Ok(TimeFrequency { times, frequencies: segments.frequencies(rate), values })
}

/// Power spectral density of every segment, its mean removed, in unit² per Hz
/// (`scipy.signal.spectrogram`).
///
/// # Errors
/// `Usage` for an overlap not below the length.
pub fn spectrogram(
    samples: &[f64],
    rate: SampleRate,
    segments: Segments,
) -> Result<TimeFrequency<f64>> {
    let hop = segments.hop()?;
    let values = segments.densities(segments.spectra(samples, true)?, rate);
    let centre = segments.length as f64 / 2.0;
    let times = (0..values.len()).map(|i| (centre + (i * hop) as f64) / rate.hz()).collect();
    Ok(TimeFrequency { times, frequencies: segments.frequencies(rate), values })
}

/// Mean power spectral density over all segments: frequencies in Hz and unit² per Hz (Welch 1967,
/// IEEE Trans. Audio Electroacoust. 15, 70-73; `scipy.signal.welch`).
///
/// # Errors
/// `Usage` for an overlap not below the length; `Data` if the trace is shorter than a segment.
pub fn welch(
    samples: &[f64],
    rate: SampleRate,
    segments: Segments,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let densities = segments.densities(segments.spectra(samples, true)?, rate);
    if densities.is_empty() {
        return Err(Error::data(format!(
            "a spectrum over segments of {} samples needs at least one, found {} samples",
            segments.length,
            samples.len()
        )));
    }
    let frequencies = segments.frequencies(rate);
    let mean = |k: usize| densities.iter().map(|d| d[k]).sum::<f64>() / densities.len() as f64;
    let means = (0..frequencies.len()).map(mean).collect();
    Ok((frequencies, means))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_of_a_sine_is_half_its_squared_amplitude() {
        let rate = SampleRate::from_hz(64.0).unwrap();
        let sine: Vec<f64> = (0..4096).map(|i| 3.0 * (TAU * 8.0 * i as f64 / 64.0).sin()).collect();
        let segments = Segments { length: 256, overlap: 128 };
        let (frequencies, density) = welch(&sine, rate, segments).unwrap();
        let power: f64 = density.iter().sum::<f64>() * frequencies[1];
        assert!((power - 4.5).abs() < 1e-9, "{power}");
        let spectra = stft_zero_padded(&sine, rate, segments).unwrap();
        assert!((spectra.values[10][32].norm() - 1.5).abs() < 1e-9);
    }

    #[test]
    fn odd_lengths_and_short_traces_are_harmless() {
        let rate = SampleRate::from_hz(64.0).unwrap();
        for n in 0..40 {
            for length in 1..9 {
                let segments = Segments { length, overlap: length / 2 };
                let trace = vec![1.0; n];
                stft_zero_padded(&trace, rate, segments).unwrap();
                spectrogram(&trace, rate, segments).unwrap();
                assert_eq!(welch(&trace, rate, segments).is_err(), n < length);
            }
        }
        assert!(welch(&[1.0; 9], rate, Segments { length: 4, overlap: 4 }).is_err());
        assert!(spectrogram(&[1.0; 9], rate, Segments { length: 0, overlap: 0 }).is_err());
    }
}
