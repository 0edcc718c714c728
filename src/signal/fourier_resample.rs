//! Resampling in the frequency domain.

use std::f64::consts::TAU;

use realfft::RealFftPlanner;
use realfft::num_complex::Complex64;

use crate::error::{Error, Result};
use crate::time::SampleRate;

/// Resamples a whole trace: its spectrum, with a Hann window over it if `hann`, is read off by
/// linear interpolation at the frequencies of the new length (`Trace.resample` of ObsPy). The
/// window weakens everything but the lowest frequencies; neither way is an anti-alias filter, and
/// the trace counts as periodic. `floor(N · to / from)` values come out, at least one.
///
/// # Errors
/// `Data` for more than 2³¹ values.
pub fn resample_fourier(
    samples: &[f64],
    from: SampleRate,
    to: SampleRate,
    hann: bool,
) -> Result<Vec<f64>> {
    let n = samples.len();
    if n == 0 {
        return Ok(Vec::new());
    }
    let ((from_p, from_q), (to_p, to_q)) = (from.ratio(), to.ratio());
    let up = u128::from(to_p) * u128::from(from_q);
    let down = u128::from(to_q) * u128::from(from_p);
    let exact = (n as u128).checked_mul(up).map(|scaled| (scaled / down).max(1));
    let number = exact.filter(|number| *number <= 1 << 31).ok_or_else(|| {
        Error::data(format!("resampling {n} samples from {from} to {to} would give too many"))
    })? as usize;
    resample_fourier_to(samples, down as f64 / up as f64, number, hann)
}

/// Like [`resample_fourier`], with the ratio of the old rate to the new one as a number, to a given
/// number of values.
///
/// # Errors
/// `Data` if the transform refuses.
pub fn resample_fourier_to(
    samples: &[f64],
    ratio: f64,
    number: usize,
    hann: bool,
) -> Result<Vec<f64>> {
    let n = samples.len();
    if n == 0 || number == 0 {
        return Ok(Vec::new());
    }
    let mut planner = RealFftPlanner::new();
    let forward = planner.plan_fft_forward(n);
    let (mut input, mut spectrum) = (samples.to_vec(), forward.make_output_vec());
    let fault = |e: realfft::FftError| Error::data(e.to_string());
    forward.process(&mut input, &mut spectrum).map_err(fault)?;
    if hann {
        // SciPy's periodic window, rotated by N/2: of an odd length it is not centred on 0 Hz.
        let shift = (n / 2) as f64;
        for (k, value) in spectrum.iter_mut().enumerate() {
            *value *= 0.5 - 0.5 * (TAU * ((k as f64 + shift) / n as f64)).cos();
        }
    }
    // A new bin lies at this many old bins, a little more or less than 1.
    let step = n as f64 / ratio / number as f64;
    let last = spectrum.len() - 1;
    let at = |k: usize| -> Complex64 {
        let position = k as f64 * step;
        let below = position.floor() as usize;
        if below >= last {
            return spectrum[last];
        }
        let share = position - below as f64;
        spectrum[below] + (spectrum[below + 1] - spectrum[below]) * share
    };
    let backward = planner.plan_fft_inverse(number);
    let mut new: Vec<Complex64> = (0..number / 2 + 1).map(at).collect();
    new[0].im = 0.0;
    if number.is_multiple_of(2) {
        new[number / 2].im = 0.0;
    }
    let mut out = backward.make_output_vec();
    backward.process(&mut new, &mut out).map_err(fault)?;
    out.iter_mut().for_each(|x| *x /= n as f64);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_sine_is_the_same_sine_at_another_rate() {
        let rate = |hz| SampleRate::from_hz(hz).unwrap();
        let sine = |n: usize, hz: f64| -> Vec<f64> {
            (0..n).map(|i| (TAU * 2.0 * i as f64 / hz).sin()).collect()
        };
        let out = resample_fourier(&sine(1000, 100.0), rate(100.0), rate(40.0), false).unwrap();
        let worst = out.iter().zip(sine(400, 40.0)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(out.len() == 400 && worst < 1e-9, "{worst}");
        for n in 0..5 {
            let out = resample_fourier(&vec![1.0; n], rate(100.0), rate(1.0), true).unwrap();
            assert_eq!(out.len(), n.min(1));
        }
        assert!(resample_fourier(&[1.0; 9], rate(1e-9), rate(1e9), true).is_err());
    }
}
