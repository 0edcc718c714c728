//! The order of the examples in a pass over the data.

use rand::{Rng as _, SeedableRng};

use super::{Rng, derive_seed};

/// Which example comes when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// The dataset's own, in every pass.
    Listed,
    /// New in every pass, from the seed of the training.
    #[default]
    Shuffled,
    /// As Keras' directory iterators hand out batches when asked for them by number, which is what
    /// its `fit` does: NumPy's legacy generator, seeded anew before every batch.
    Keras {
        /// The iterator's own seed.
        seed: u32,
    },
}

impl Order {
    /// The numbers 0 to `count - 1` in the order of pass `pass` in batches of `batch_size`.
    pub fn of_pass(self, count: usize, batch_size: usize, pass: usize, seed: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        match self {
            Self::Listed => {}
            Self::Shuffled => {
                let mut rng = Rng::seed_from_u64(derive_seed(seed, &[1, pass as u64]));
                for i in (1..count).rev() {
                    let j = (u128::from(rng.next_u64()) * (i as u128 + 1)) >> 64;
                    order.swap(i, j as usize);
                }
            }
            Self::Keras { seed } => {
                let mut rng = keras_generator(seed, count, batch_size, pass);
                for i in (1..count).rev() {
                    order.swap(i, rng.up_to(i as u32) as usize);
                }
            }
        }
        order
    }
}

/// The generator as it stands when the order of a pass is drawn: for the first pass when its first
/// batch is asked for, for a later one when the last batch of the pass before was made. Every
/// image of that batch has drawn two 53-bit numbers (whether to mirror it), wanted or not.
fn keras_generator(seed: u32, count: usize, batch_size: usize, pass: usize) -> MersenneTwister {
    let batch_size = batch_size.max(1);
    let seen = pass * count.div_ceil(batch_size);
    let Some(before) = seen.checked_sub(1) else { return MersenneTwister::new(seed) };
    let mut rng = MersenneTwister::new(seed.wrapping_add(before as u32));
    let last = (count - 1) % batch_size + 1;
    (0..4 * last).for_each(|_| _ = rng.draw());
    rng
}

/// Words of the state of MT19937 (Matsumoto and Nishimura 1998).
const WORDS: usize = 624;
/// Distance of the word mixed in.
const SHIFT: usize = 397;

/// MT19937 as NumPy's `RandomState` seeds and reads it.
struct MersenneTwister {
    state: [u32; WORDS],
    next: usize,
}

impl MersenneTwister {
    fn new(seed: u32) -> Self {
        let mut state = [seed; WORDS];
        for i in 1..WORDS {
            let before = state[i - 1] ^ (state[i - 1] >> 30);
            state[i] = before.wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        Self { state, next: WORDS }
    }

    fn twist(&mut self) {
        for i in 0..WORDS {
            let joined =
                (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % WORDS] & 0x7fff_ffff);
            let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + SHIFT) % WORDS] ^ (joined >> 1) ^ odd;
        }
        self.next = 0;
    }

    fn draw(&mut self) -> u32 {
        if self.next == WORDS {
            self.twist();
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// Uniform in `0..=last`: masked draws until one fits.
    fn up_to(&mut self, last: u32) -> u32 {
        let mask = u32::MAX.checked_shr(last.leading_zeros()).unwrap_or(0);
        loop {
            let value = self.draw() & mask;
            if value <= last {
                return value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_the_published_numbers() {
        // Matsumoto and Nishimura: the 10 000th word from seed 5489 is 4123659995.
        let mut rng = MersenneTwister::new(5489);
        let words: Vec<u32> = (0..10_000).map(|_| rng.draw()).collect();
        assert_eq!(words[0], 3_499_211_612);
        assert_eq!(words[9_999], 4_123_659_995);
    }

    #[test]
    fn every_order_holds_every_example_once() {
        for order in [Order::Listed, Order::Shuffled, Order::Keras { seed: u32::MAX }] {
            for (count, pass) in [(0, 0), (1, 3), (17, 0), (17, 5)] {
                let mut drawn = order.of_pass(count, 4, pass, 9);
                drawn.sort_unstable();
                assert!(drawn.iter().copied().eq(0..count), "{order:?}");
            }
        }
    }
}
