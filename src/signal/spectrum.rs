//! Spectra: Hann periodogram and short-time Fourier transform.

use std::f64::consts::TAU;
use std::sync::Arc;

use realfft::num_complex::Complex64;
use realfft::{RealFftPlanner, RealToComplex};

use crate::error::{Error, Result};

/// One-sided power |rfft(x · Hann)|² of traces of one length, not normalised. The window is the
/// symmetric Hann, `0.5 − 0.5·cos(2πn/(N−1))`.
pub struct Periodogram {
    plan: Arc<dyn RealToComplex<f64>>,
    hann: Vec<f64>,
    input: Vec<f64>,
    output: Vec<Complex64>,
    scratch: Vec<Complex64>,
}

impl std::fmt::Debug for Periodogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Periodogram of {} samples", self.hann.len())
    }
}

impl Periodogram {
    /// For traces of `length` samples (at least 1).
    pub fn new(length: usize) -> Self {
        let plan = RealFftPlanner::new().plan_fft_forward(length.max(1));
        let last = (plan.len() - 1).max(1) as f64;
        let hann = (0..plan.len()).map(|n| 0.5 - 0.5 * (TAU * n as f64 / last).cos()).collect();
        let (input, output) = (plan.make_input_vec(), plan.make_output_vec());
        let scratch = plan.make_scratch_vec();
        Self { plan, hann, input, output, scratch }
    }

    /// Number of samples it is made for.
    pub fn length(&self) -> usize {
        self.hann.len()
    }

    /// Power at frequencies `k·fs/N`, `k = 0..=N/2`; `None` if `samples` has another length.
    pub fn power(&mut self, samples: impl ExactSizeIterator<Item = f64>) -> Option<Vec<f64>> {
        if samples.len() != self.hann.len() {
            return None;
        }
        for ((slot, x), w) in self.input.iter_mut().zip(samples).zip(&self.hann) {
            *slot = x * w;
        }
        let (input, output) = (&mut self.input, &mut self.output);
        self.plan.process_with_scratch(input, output, &mut self.scratch).ok()?;
        Some(self.output.iter().map(Complex64::norm_sqr).collect())
    }
}

/// Short-time Fourier transform `[frames][length/2 + 1]` with the periodic Hann window, not
/// normalised. The trace is extended by reflection of `length/2` samples at both ends, so that
/// frame `i` is centred on sample `i·hop` (`torch.stft` with `center=True`).
///
/// # Errors
/// `Usage` if `length` or `hop` is 0; `Data` if the trace is not longer than `length/2`.
pub fn stft(samples: &[f64], length: usize, hop: usize) -> Result<Vec<Vec<Complex64>>> {
    if length == 0 || hop == 0 {
        return Err(Error::usage("a spectrogram needs a frame length and a hop of at least 1"));
    }
    let (n, half) = (samples.len(), length / 2);
    if n <= half {
        return Err(Error::data(format!(
            "a spectrogram with frames of {length} needs more than {half} samples, found {n}"
        )));
    }
    let plan = RealFftPlanner::new().plan_fft_forward(length);
    let mut frame = plan.make_input_vec();
    let reflected = |position: usize| {
        let distance = position.abs_diff(half);
        let index = if position < half { distance } else { distance.min(2 * (n - 1) - distance) };
        samples[index]
    };
    let frames = 1 + (n + 2 * half - length) / hop;
    (0..frames)
        .map(|i| {
            for (k, slot) in frame.iter_mut().enumerate() {
                let hann = 0.5 - 0.5 * (TAU * k as f64 / length as f64).cos();
                *slot = hann * reflected(i * hop + k);
            }
            let mut spectrum = plan.make_output_vec();
            plan.process(&mut frame, &mut spectrum).map_err(|e| Error::data(e.to_string()))?;
            Ok(spectrum)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_stands_in_its_bin() {
        let sine = |n: usize| (TAU * 12.0 * n as f64 / 256.0).sin();
        let mut periodogram = Periodogram::new(256);
        let power = periodogram.power((0..256).map(sine)).unwrap();
        let largest = (0..power.len()).max_by(|&a, &b| power[a].total_cmp(&power[b]));
        assert_eq!((power.len(), largest), (129, Some(12)));
        assert!(periodogram.power((0..255).map(sine)).is_none());
    }

    #[test]
    fn transform_is_centred_and_reflected() {
        let squares: Vec<f64> = (0..10).map(|i| f64::from(i * i)).collect();
        let frames = stft(&squares, 8, 4).unwrap();
        assert_eq!((frames.len(), frames[0].len()), (3, 5));
        // Frame 0 is symmetric about sample 0: 16,9,4,1,0,1,4,9 under the window.
        let hann = [0.0, 0.146_446_609_406_726_24, 0.5, 0.853_553_390_593_273_7, 1.0];
        let centre = 2.0 * (hann[3] + hann[2] * 4.0 + hann[1] * 9.0);
        assert!((frames[0][0].re - centre).abs() < 1e-12);
        assert!(frames[0].iter().all(|c| c.im.abs() < 1e-12));
        assert!(stft(&squares, 0, 4).is_err() && stft(&squares, 8, 0).is_err());
        assert!(stft(&[1.0, 2.0], 8, 4).is_err());
    }
}
