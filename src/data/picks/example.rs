//! One window on its way to the network: samples and what arrives in them.

use rand::RngExt;

use crate::data::Rng;

/// An arrival in a window.
#[derive(Clone, Debug, PartialEq)]
pub struct ExamplePick {
    /// As the source names it.
    pub phase: String,
    /// Place in samples after the first of the window.
    pub sample: f64,
    /// Seconds by which it may be off, if stated.
    pub uncertainty: Option<f64>,
    /// +1 for up, -1 for down, 0 if not known.
    pub polarity: i8,
    /// Arrivals of one event share this number.
    pub event: usize,
}

/// A window `[C, T]` with its arrivals.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Row-major `[C, T]`.
    pub values: Vec<f32>,
    /// Samples `T`.
    pub samples: usize,
    /// The letter of each row.
    pub components: Vec<char>,
    /// Whether each row holds data.
    pub live: Vec<bool>,
    /// What arrives, in any order. Those before and behind the window are kept by shifts and cuts:
    /// the wave of an arrival just before the window is still there.
    pub picks: Vec<ExamplePick>,
    /// Samples per second.
    pub rate_hz: f64,
}

impl Example {
    /// Row number `row`.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.values[row * self.samples..][..self.samples]
    }

    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.samples.max(1))
    }

    /// Arrivals within the window.
    pub fn visible(&self) -> impl Iterator<Item = &ExamplePick> {
        let end = self.samples as f64;
        self.picks.iter().filter(move |pick| pick.sample >= 0.0 && pick.sample < end)
    }

    /// The part from sample `start` on, `samples` long; what lies outside is zero.
    pub fn cut(&self, start: i64, samples: usize) -> Self {
        let mut values = vec![0.0; self.components.len() * samples];
        let from = start.clamp(0, self.samples as i64) as usize;
        let until = (start + samples as i64).clamp(0, self.samples as i64) as usize;
        if until > from {
            let at = (from as i64 - start) as usize;
            for (row, out) in self.rows().zip(values.chunks_exact_mut(samples)) {
                out[at..at + until - from].copy_from_slice(&row[from..until]);
            }
        }
        let mut cut = Self { values, samples, ..self.without_values() };
        cut.picks.iter_mut().for_each(|pick| pick.sample -= start as f64);
        cut
    }

    fn without_values(&self) -> Self {
        Self {
            values: Vec::new(),
            samples: 0,
            components: self.components.clone(),
            live: self.live.clone(),
            picks: self.picks.clone(),
            rate_hz: self.rate_hz,
        }
    }

    /// Takes the mean from every row over the samples that are there; missing ones (NaN) become 0.
    pub fn fill_missing(&mut self) {
        let samples = self.samples.max(1);
        for row in self.values.chunks_exact_mut(samples) {
            let there = row.iter().filter(|v| v.is_finite());
            let (sum, count) =
                there.fold((0.0, 0u32), |(sum, count), &v| (sum + f64::from(v), count + 1));
            let mean = sum / f64::from(count.max(1));
            for value in row {
                *value = if value.is_finite() { (f64::from(*value) - mean) as f32 } else { 0.0 };
            }
        }
    }

    /// Standard deviation of the live rows together, over samples `from..until`.
    pub fn deviation(&self, from: usize, until: usize) -> f64 {
        let until = until.min(self.samples);
        let (mut square, mut count) = (0.0, 0usize);
        for (row, _) in self.rows().zip(&self.live).filter(|(_, live)| **live) {
            let part = row.get(from..until).unwrap_or_default();
            let mean = part.iter().map(|&v| f64::from(v)).sum::<f64>() / part.len().max(1) as f64;
            square += part.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>();
            count += part.len();
        }
        (square / count.max(1) as f64).sqrt()
    }
}

/// Whether an event of this probability happens.
pub fn happens(rng: &mut Rng, probability: f64) -> bool {
    rng.random_range(0.0..1.0) < probability
}

/// A number evenly from `[low, high]`.
pub fn between(rng: &mut Rng, [low, high]: [f64; 2]) -> f64 {
    low + (high - low) * rng.random_range(0.0..1.0)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Three rows; every row counts its samples from `1000 · row` on; P at `p`, S at `s`.
    pub fn example(samples: usize, p: f64, s: f64) -> Example {
        let pick = |phase: &str, sample| ExamplePick {
            phase: phase.into(),
            sample,
            uncertainty: None,
            polarity: 1,
            event: 0,
        };
        Example {
            values: (0..3).flat_map(|r| (0..samples).map(move |t| (1000 * r + t) as f32)).collect(),
            samples,
            components: vec!['Z', 'N', 'E'],
            live: vec![true; 3],
            picks: vec![pick("P", p), pick("S", s)],
            rate_hz: 100.0,
        }
    }

    #[test]
    fn picks_stay_at_their_samples_when_cut() {
        let whole = example(100, 40.5, 60.0);
        for (start, samples) in [(20, 50), (-10, 120), (45, 10), (95, 30)] {
            let cut = whole.cut(start, samples);
            assert_eq!(cut.values.len(), 3 * samples);
            for (before, after) in whole.picks.iter().zip(&cut.picks) {
                assert_eq!(after.sample, before.sample - start as f64);
                let at = after.sample.floor();
                if (0.0..samples as f64).contains(&at) {
                    assert_eq!(cut.values[at as usize], before.sample.floor() as f32);
                }
            }
            let seen = cut.visible().count();
            let inside = |s: &&ExamplePick| (0.0..samples as f64).contains(&s.sample);
            assert_eq!(seen, cut.picks.iter().filter(inside).count());
        }
        assert!(whole.cut(95, 30).values[5..30].iter().all(|&v| v == 0.0));
    }

    #[test]
    fn missing_samples_are_at_the_mean() {
        let mut holed = example(10, 1.0, 2.0);
        holed.values[3] = f32::NAN;
        holed.fill_missing();
        assert_eq!(holed.values[3], 0.0);
        assert!(holed.rows().all(|row| row.iter().sum::<f32>().abs() < 1e-3));
    }
}
