//! Random numbers that depend on what they are for, not on who asks first.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a generator is for; with the seed and two indices it decides every number drawn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Stations = 1,
    Tremor = 2,
    Unrest = 3,
    SeaState = 4,
    Background = 5,
    Earthquakes = 6,
    Explosions = 7,
    SurfaceEvents = 8,
    Packet = 9,
    Gaps = 10,
    Dither = 12,
    Windows = 13,
    Texture = 14,
    TextureSample = 15,
}

/// A generator of its own for every (seed, purpose, index, index).
pub(super) struct Random {
    bits: ChaCha8Rng,
    spare: Option<f64>,
}

impl Random {
    pub(super) fn new(seed: u64, purpose: Purpose, first: u64, second: u64) -> Self {
        let mut key = [0; 32];
        for (part, value) in key.chunks_exact_mut(8).zip([seed, purpose as u64, first, second]) {
            part.copy_from_slice(&value.to_le_bytes());
        }
        Self { bits: ChaCha8Rng::from_seed(key), spare: None }
    }

    /// Uniform in `[0, 1)`, 53 bits.
    pub(super) fn uniform(&mut self) -> f64 {
        (self.bits.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `[low, high)`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// One of `0..count`; `count` at least 1.
    pub(super) fn below(&mut self, count: usize) -> usize {
        ((self.uniform() * count as f64) as usize).min(count.saturating_sub(1))
    }

    /// Standard normal, by the polar method (Marsaglia and Bray 1964).
    pub(super) fn normal(&mut self) -> f64 {
        if let Some(value) = self.spare.take() {
            return value;
        }
        loop {
            let word = self.bits.next_u64();
            // Two coordinates of 32 bits from one word: ample for noise, half the work.
            let unit = 1.0 / f64::from(1u32 << 31);
            let u = (word as u32 as f64 + 0.5) * unit - 1.0;
            let v = ((word >> 32) as f64 + 0.5) * unit - 1.0;
            let s = u * u + v * v;
            if s < 1.0 && s > 0.0 {
                let scale = (-2.0 * s.ln() / s).sqrt();
                self.spare = Some(v * scale);
                return u * scale;
            }
        }
    }

    /// Exponential with mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        -(1.0 - self.uniform()).ln()
    }

    /// Poisson by counting exponential gaps; for means of at most a few hundred.
    pub(super) fn poisson(&mut self, mean: f64) -> usize {
        let mut count = 0;
        let mut passed = self.exponential();
        while passed < mean {
            count += 1;
            passed += self.exponential();
        }
        count
    }

    /// Log-uniform in `[low, high)`, both positive.
    pub(super) fn log_between(&mut self, low: f64, high: f64) -> f64 {
        self.between(low.ln(), high.ln()).exp()
    }

    /// Rounds to an integer, up or down at random with the odds that keep the mean: the last
    /// digits then carry no trace of what was added up before.
    pub(super) fn dither(&mut self, value: f64) -> i32 {
        // Steim-2 holds differences of 30 bits; a digitiser of 24 bits clips long before.
        let limit = f64::from(1 << 23);
        (value + self.uniform()).floor().clamp(-limit, limit - 1.0) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_numbers_have_their_moments() {
        let mut random = Random::new(1, Purpose::Background, 0, 0);
        let values: Vec<f64> = (0..200_000).map(|_| random.normal()).collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|x| x * x).sum::<f64>() / n;
        let fourth = values.iter().map(|x| x.powi(4)).sum::<f64>() / n;
        assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
        assert!((fourth - 3.0).abs() < 0.1, "{fourth}");
    }

    #[test]
    fn every_purpose_and_index_has_its_own_numbers() {
        let first = |seed, purpose, a, b| Random::new(seed, purpose, a, b).uniform();
        let base = first(1, Purpose::Background, 2, 3);
        assert_eq!(base, first(1, Purpose::Background, 2, 3));
        for other in [
            first(2, Purpose::Background, 2, 3),
            first(1, Purpose::Dither, 2, 3),
            first(1, Purpose::Background, 3, 3),
            first(1, Purpose::Background, 2, 4),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn dithering_keeps_the_mean_and_hides_the_fraction() {
        let mut random = Random::new(3, Purpose::Dither, 0, 0);
        let n = 100_000;
        let sum: i64 = (0..n).map(|_| i64::from(random.dither(-7.3))).sum();
        assert!((sum as f64 / f64::from(n) + 7.3).abs() < 0.01);
        assert_eq!(random.dither(f64::INFINITY), (1 << 23) - 1);
        assert_eq!(random.dither(f64::NAN), 0);
    }

    #[test]
    fn poisson_counts_have_their_mean() {
        let mut random = Random::new(4, Purpose::Gaps, 0, 0);
        let sum: usize = (0..20_000).map(|_| random.poisson(3.5)).sum();
        assert!((sum as f64 / 20_000.0 - 3.5).abs() < 0.06);
    }
}
