//! Integration in time.

/// Cumulative trapezoid rule with carried state: the first value is 0
/// (`scipy.integrate.cumulative_trapezoid` with `initial=0`).
#[derive(Clone, Debug)]
pub struct TrapezoidIntegrator {
    interval: f64,
    previous: Option<f64>,
    sum: f64,
}

impl TrapezoidIntegrator {
    /// `interval` is the time between samples in seconds.
    pub fn new(interval: f64) -> Self {
        Self { interval, previous: None, sum: 0.0 }
    }

    /// The integral up to the next sample.
    pub fn next(&mut self, sample: f64) -> f64 {
        if let Some(previous) = self.previous {
            self.sum += self.interval * (sample + previous) / 2.0;
        }
        self.previous = Some(sample);
        self.sum
    }

    /// The integral at each of the next samples, appended to `out`.
    pub fn run(&mut self, samples: &[f64], out: &mut Vec<f64>) {
        out.extend(samples.iter().map(|&x| self.next(x)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integral_of_a_ramp_is_exact_and_blocks_join() {
        let ramp: Vec<f64> = (0..100).map(f64::from).collect();
        let mut out = Vec::new();
        let mut integral = TrapezoidIntegrator::new(0.5);
        integral.run(&ramp[..37], &mut out);
        integral.run(&ramp[37..], &mut out);
        assert_eq!(out[0], 0.0);
        assert!(out.iter().enumerate().all(|(i, y)| *y == (i * i) as f64 / 4.0));
    }
}
