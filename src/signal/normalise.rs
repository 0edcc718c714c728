//! Bringing traces to one scale.

use serde::{Deserialize, Serialize};

/// By what a trace is divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// The largest absolute value; the mean stays.
    Peak,
    /// The standard deviation (n − 1), after the mean was subtracted.
    #[default]
    Std,
    /// Nothing: the mean is subtracted, no more.
    Demean,
}

/// Normalises one window in place. `floor` is added to the divisor, so that silence stays silence.
pub fn normalise(samples: &mut [f64], norm: Norm, floor: f64) {
    if norm != Norm::Peak {
        super::demean(samples);
    }
    let divisor = match norm {
        Norm::Peak => samples.iter().fold(0.0f64, |m, x| m.max(x.abs())),
        Norm::Std => Statistics::of(samples).std,
        Norm::Demean => return,
    };
    samples.iter_mut().for_each(|x| *x /= divisor + floor);
}

/// Mean and standard deviation (n − 1) of a stretch, to be applied elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub std: f64,
}

impl Statistics {
    /// Of one stretch; 0 for what too few samples do not determine.
    pub fn of(samples: &[f64]) -> Self {
        let mut fit = StatisticsFit::default();
        fit.add(samples);
        fit.statistics()
    }
}

/// [`Statistics`] of samples that come piece by piece (Welford's recurrence).
#[derive(Clone, Copy, Debug, Default)]
pub struct StatisticsFit {
    count: u64,
    mean: f64,
    squares: f64,
}

impl StatisticsFit {
    /// Takes the next samples.
    pub fn add(&mut self, samples: &[f64]) {
        for &x in samples {
            self.count += 1;
            let off = x - self.mean;
            self.mean += off / self.count as f64;
            self.squares += off * (x - self.mean);
        }
    }

    /// Number of samples taken.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Of all samples so far.
    pub fn statistics(&self) -> Statistics {
        let std =
            if self.count < 2 { 0.0 } else { (self.squares / (self.count - 1) as f64).sqrt() };
        Statistics { mean: self.mean, std }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norms_do_what_they_say_and_silence_stays() {
        let mut peak = [1.0, -4.0, 2.0];
        normalise(&mut peak, Norm::Peak, 0.0);
        assert_eq!(peak, [0.25, -1.0, 0.5]);
        let mut std = [1.0, 2.0, 3.0];
        normalise(&mut std, Norm::Std, 0.0);
        assert_eq!(std, [-1.0, 0.0, 1.0]);
        let mut silent = [5.0; 4];
        normalise(&mut silent, Norm::Std, 1e-10);
        assert_eq!(silent, [0.0; 4]);
        normalise(&mut [], Norm::Std, 1e-10);
        assert_eq!(Statistics::of(&[7.0]), Statistics { mean: 7.0, std: 0.0 });
    }
}
