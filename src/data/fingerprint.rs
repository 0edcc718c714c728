//! Whether data are the same data: the SHA-256 of their content.

use sha2::{Digest, Sha256};

/// Takes in numbers and words in a fixed order and gives their SHA-256.
#[derive(Default)]
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// Adds bytes with their length, so that no two sequences of calls run together.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// Adds numbers by their bits.
    pub fn numbers(&mut self, values: &[f64]) {
        self.add(&values.iter().flat_map(|v| v.to_bits().to_le_bytes()).collect::<Vec<u8>>());
    }

    /// Adds numbers by their bits.
    pub fn singles(&mut self, values: &[f32]) {
        self.add(&values.iter().flat_map(|v| v.to_bits().to_le_bytes()).collect::<Vec<u8>>());
    }

    /// The first sixteen of the digits, enough to know an example among millions.
    pub fn brief(self) -> String {
        let mut digits = self.finish();
        digits.truncate(16);
        digits
    }

    /// Sixty-four hexadecimal digits.
    pub fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_sees_every_bit_and_every_border() {
        let of = |parts: &[&[f64]]| {
            let mut fingerprint = Fingerprint::default();
            parts.iter().for_each(|part| fingerprint.numbers(part));
            fingerprint.finish()
        };
        assert_eq!(of(&[&[1.0], &[2.0]]), of(&[&[1.0], &[2.0]]));
        assert_ne!(of(&[&[1.0], &[2.0]]), of(&[&[1.0, 2.0]]));
        assert_ne!(of(&[&[0.0]]), of(&[&[-0.0]]));
    }
}
