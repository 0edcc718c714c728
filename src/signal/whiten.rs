//! Spectral whitening, the envelope, and normalised cross-correlation.

use std::collections::VecDeque;

use realfft::RealFftPlanner;
use realfft::num_complex::Complex64;

use super::running_sum::RunningSum;
use super::taper::tukey;
use crate::error::{Error, Result};
use crate::time::SampleRate;

/// The trace with the spectrum that `change` makes of its own (bins `0..=N/2`).
fn through_spectrum(
    mut samples: Vec<f64>,
    change: impl FnOnce(&mut [Complex64]),
) -> Result<Vec<f64>> {
    let n = samples.len();
    if n == 0 {
        return Ok(samples);
    }
    let mut planner = RealFftPlanner::new();
    let forward = planner.plan_fft_forward(n);
    let mut spectrum = forward.make_output_vec();
    let fault = |e: realfft::FftError| Error::data(e.to_string());
    forward.process(&mut samples, &mut spectrum).map_err(fault)?;
    change(&mut spectrum);
    spectrum[0].im = 0.0;
    if n.is_multiple_of(2) {
        spectrum[n / 2].im = 0.0;
    }
    planner.plan_fft_inverse(n).process(&mut spectrum, &mut samples).map_err(fault)?;
    samples.iter_mut().for_each(|x| *x /= n as f64);
    Ok(samples)
}

/// How a trace is whitened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Whitening {
    /// Lower edge of the band kept, Hz; everything outside becomes 0.
    pub low: f64,
    /// Upper edge, Hz.
    pub high: f64,
    /// Bins of the running mean of the amplitude by which it is divided, an odd number; 1 gives
    /// every frequency the amplitude 1.
    pub bins: usize,
    /// Share of the trace under the Tukey taper before the transform; 0 for none.
    pub taper: f64,
}

/// Whitens a whole trace (Bensen et al. 2007, Geophys. J. Int. 169, 1239-1260).
///
/// # Errors
/// `Usage` if the band is empty or the number of bins is even.
pub fn whiten(samples: &[f64], rate: SampleRate, how: &Whitening) -> Result<Vec<f64>> {
    if !(how.low >= 0.0 && how.low < how.high) {
        return Err(Error::usage(format!("the band {} to {} Hz is empty", how.low, how.high)));
    }
    if how.bins.is_multiple_of(2) {
        return Err(Error::usage(format!("a running mean over {} bins has no middle", how.bins)));
    }
    let mut tapered = samples.to_vec();
    tukey(&mut tapered, how.taper);
    let length = samples.len() as f64;
    through_spectrum(tapered, |spectrum| {
        let amplitudes: Vec<f64> = spectrum.iter().map(|x| x.norm()).collect();
        let divisors = running_mean(&amplitudes, how.bins);
        for (k, (value, divisor)) in spectrum.iter_mut().zip(divisors).enumerate() {
            let frequency = k as f64 * rate.hz() / length;
            let inside = (how.low..=how.high).contains(&frequency) && divisor > 0.0;
            *value = if inside { *value / divisor } else { Complex64::ZERO };
        }
    })
}

/// The mean over `bins` values around each, values outside counting as zero.
fn running_mean(values: &[f64], bins: usize) -> Vec<f64> {
    if bins == 1 {
        return values.to_vec();
    }
    let half = bins / 2;
    let mut sum = RunningSum::default();
    let mut inside = VecDeque::new();
    let mut means = Vec::with_capacity(values.len());
    let behind = std::iter::repeat_n(0.0, half.min(values.len()));
    for (i, value) in values.iter().copied().chain(behind).enumerate() {
        sum.add(value);
        inside.push_back(value);
        if inside.len() > bins
            && let Some(left) = inside.pop_front()
        {
            sum.add(-left);
        }
        if i >= half {
            means.push(sum.total() / bins as f64);
        }
    }
    // A window wider than twice the trace never slides.
    means.resize(values.len(), sum.total() / bins as f64);
    means
}

/// The envelope of a whole trace: the absolute value of its analytic signal (Kanasewich 1981,
/// Time Sequence Analysis in Geophysics; `envelope` of ObsPy).
pub fn envelope(samples: &[f64]) -> Result<Vec<f64>> {
    let n = samples.len();
    let quadrature = through_spectrum(samples.to_vec(), |spectrum| {
        for value in spectrum.iter_mut() {
            *value = Complex64::new(value.im, -value.re);
        }
        // The mean and the frequency at half the rate have no quadrature.
        spectrum[0] = Complex64::ZERO;
        if n.is_multiple_of(2) {
            spectrum[n / 2] = Complex64::ZERO;
        }
    })?;
    Ok(samples.iter().zip(quadrature).map(|(x, h)| x.hypot(h)).collect())
}

/// Cross-correlation of two traces of one length, means removed, divided by the root of the
/// product of their energies; shifts `−shift..=shift` of the second (`correlate` of ObsPy). 0
/// where either has no energy.
///
/// # Errors
/// `Data` if the lengths differ or the shift is not below the length.
pub fn correlate(a: &[f64], b: &[f64], shift: usize) -> Result<Vec<f64>> {
    let n = a.len();
    if n != b.len() || shift >= n {
        return Err(Error::data(format!(
            "correlation over shifts of {shift} needs two longer traces of one length, found {n} \
             and {} samples",
            b.len()
        )));
    }
    let centred = |x: &[f64]| -> Vec<f64> {
        let mut x = x.to_vec();
        super::demean(&mut x);
        x
    };
    let (a, b) = (centred(a), centred(b));
    let energy = |x: &[f64]| x.iter().map(|v| v * v).sum::<f64>();
    let scale = (energy(&a) * energy(&b)).sqrt();
    let at = |lag: i64| -> f64 {
        let (from_a, from_b) = (lag.max(0) as usize, (-lag).max(0) as usize);
        let sum: f64 = a[from_a..].iter().zip(&b[from_b..]).map(|(x, y)| x * y).sum();
        if scale <= f64::EPSILON { 0.0 } else { sum / scale }
    };
    let shift = shift as i64;
    Ok((-shift..=shift).map(at).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_and_silence_are_harmless() {
        let rate = SampleRate::from_hz(100.0).unwrap();
        let how = Whitening { low: 1.0, high: 20.0, bins: 41, taper: 0.1 };
        for n in 0..60 {
            let out = whiten(&vec![0.0; n], rate, &how).unwrap();
            assert!(out.len() == n && out.iter().all(|x| *x == 0.0));
            assert_eq!(envelope(&vec![1.0; n]).unwrap().len(), n);
        }
        assert!(whiten(&[1.0], rate, &Whitening { bins: 4, ..how }).is_err());
        assert!(whiten(&[1.0], rate, &Whitening { low: 30.0, ..how }).is_err());
        assert!(whiten(&[1.0], rate, &Whitening { high: f64::NAN, ..how }).is_err());
    }

    #[test]
    fn running_means_count_zeros_outside() {
        assert_eq!(running_mean(&[3.0, 6.0, 9.0], 3), [3.0, 6.0, 5.0]);
        assert_eq!(running_mean(&[3.0, 6.0], 7), [9.0 / 7.0, 9.0 / 7.0]);
    }

    #[test]
    fn a_shifted_trace_correlates_at_its_shift() {
        let a: Vec<f64> = (0..200).map(|i| f64::from(i * i % 17)).collect();
        let mut b = vec![0.0; 200];
        b[5..].copy_from_slice(&a[..195]);
        let correlation = correlate(&a, &b, 10).unwrap();
        let best = (0..21).max_by(|&i, &j| correlation[i].total_cmp(&correlation[j]));
        assert_eq!(best, Some(5));
        assert!(correlate(&a, &b[1..], 10).is_err());
    }
}
