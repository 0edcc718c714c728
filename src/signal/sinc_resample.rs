//! Values of evenly sampled data at other evenly spaced instants, from their neighbourhood only.

use std::f64::consts::PI;

use super::polyphase::bessel_i0;

/// Zero crossings of the sinc on each side.
const HALF_WIDTH: f64 = 24.0;

/// Shape of the Kaiser window: side lobes 80 dB down.
const BETA: f64 = 8.0;

/// Where the pass band ends, as a part of the lower Nyquist frequency.
const PASS: f64 = 0.92;

/// Points of the kernel's table for each zero crossing.
const RESOLUTION: f64 = 512.0;

/// A low-pass below the lower of two Nyquist frequencies, read off at any position: a sinc under a
/// Kaiser window (Smith 2002, Digital Audio Resampling). Every value depends on the samples nearby
/// only, so that a long record may be resampled in parts.
pub struct SincResampler {
    /// The right half of the kernel.
    table: Vec<f64>,
    /// Kernel units (zero crossings) for one sample.
    scale: f64,
}

impl SincResampler {
    /// `ratio` is the old rate over the new one.
    pub fn new(ratio: f64) -> Self {
        let points = (HALF_WIDTH * RESOLUTION) as usize;
        let at_centre = bessel_i0(BETA);
        let value = |i: usize| {
            let x = i as f64 / RESOLUTION;
            let share = x / HALF_WIDTH;
            let window = bessel_i0(BETA * (1.0 - share * share).max(0.0).sqrt()) / at_centre;
            let sinc = if i == 0 { 1.0 } else { (PI * x).sin() / (PI * x) };
            sinc * window
        };
        // One point more, so that there is a next one everywhere.
        let table = (0..points + 2).map(|i| if i > points { 0.0 } else { value(i) }).collect();
        Self { table, scale: PASS / ratio.max(1.0) }
    }

    /// How many samples on each side a value depends on.
    pub fn reach(&self) -> usize {
        (HALF_WIDTH / self.scale).ceil() as usize
    }

    /// The value at `position`, in samples from the first. Near the ends the weights of what is
    /// there are scaled up; 0 without samples.
    pub fn value(&self, samples: &[f32], position: f64) -> f32 {
        let reach = HALF_WIDTH / self.scale;
        let first = (position - reach).ceil().max(0.0) as usize;
        let end = ((position + reach).floor() + 1.0).clamp(0.0, samples.len() as f64) as usize;
        let (mut sum, mut weights) = (0.0, 0.0);
        for (i, &sample) in samples.iter().enumerate().take(end).skip(first) {
            let x = (i as f64 - position).abs() * self.scale * RESOLUTION;
            let below = x as usize;
            let share = x - below as f64;
            let weight = match self.table.get(below..below + 2) {
                Some(pair) => pair[0] + share * (pair[1] - pair[0]),
                None => 0.0,
            };
            sum += weight * f64::from(sample);
            weights += weight;
        }
        if weights == 0.0 { 0.0 } else { (sum / weights) as f32 }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    #[test]
    fn what_both_rates_can_hold_comes_through_and_the_rest_does_not() {
        for (from, to, hz, gain) in [
            (200.0, 100.0, 20.0, 1.0),
            (200.0, 100.0, 70.0, 0.0),
            (40.0, 100.0, 12.0, 1.0),
            (250.0, 100.0, 35.0, 1.0),
            (99.5, 100.0, 30.0, 1.0),
        ] {
            let sine = |t: f64| (TAU * hz * t).sin();
            let samples: Vec<f32> = (0..4000).map(|i| sine(f64::from(i) / from) as f32).collect();
            let resampler = SincResampler::new(from / to);
            let worst = (500..900)
                .map(|k| {
                    let time = f64::from(k) / to + 0.0013;
                    let value = f64::from(resampler.value(&samples, time * from));
                    (value - gain * sine(time)).abs()
                })
                .fold(0.0, f64::max);
            assert!(worst < 2e-3, "{from} {to} {hz}: {worst}");
        }
    }

    #[test]
    fn a_constant_stays_one_to_the_ends() {
        let resampler = SincResampler::new(0.4);
        for position in [0.0, 0.3, 5.0, 18.99, 19.0] {
            let value = resampler.value(&[7.0; 20], position);
            assert!((value - 7.0).abs() < 1e-5, "{position} {value}");
        }
        assert_eq!(resampler.value(&[], 0.0), 0.0);
    }
}
