//! Differentiation in time.

/// Central differences with carried state, one-sided at both ends (`numpy.gradient`, the
/// `gradient` method of ObsPy): each value needs the sample that follows it.
#[derive(Clone, Debug)]
pub struct Gradient {
    interval: f64,
    /// The last but one and the last sample.
    last: [Option<f64>; 2],
}

impl Gradient {
    /// `interval` is the time between samples in seconds.
    pub fn new(interval: f64) -> Self {
        Self { interval, last: [None; 2] }
    }

    /// Takes the next samples; appends what is known now, which lags one sample behind.
    pub fn run(&mut self, samples: &[f64], out: &mut Vec<f64>) {
        for &x in samples {
            match self.last {
                [Some(before), Some(_)] => out.push((x - before) / (2.0 * self.interval)),
                [None, Some(last)] => out.push((x - last) / self.interval),
                _ => {}
            }
            self.last = [self.last[1], Some(x)];
        }
    }

    /// Appends the value of the last sample; a trace of one sample has slope 0.
    pub fn finish(self, out: &mut Vec<f64>) {
        match self.last {
            [Some(before), Some(last)] => out.push((last - before) / self.interval),
            [None, Some(_)] => out.push(0.0),
            _ => {}
        }
    }
}

/// [`Gradient`] of a whole trace `[T]`.
pub fn gradient(samples: &[f64], interval: f64) -> Vec<f64> {
    let mut out = Vec::with_capacity(samples.len());
    let mut gradient = Gradient::new(interval);
    gradient.run(samples, &mut out);
    gradient.finish(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_has_a_slope() {
        assert_eq!(gradient(&[0.0, 1.0, 4.0, 9.0], 0.5), [2.0, 4.0, 8.0, 10.0]);
        assert_eq!(gradient(&[5.0], 0.5), [0.0]);
        assert!(gradient(&[], 0.5).is_empty());
    }
}
