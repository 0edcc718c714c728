//! Floats as the hexadecimal digits of their bits: exact, NaN included, and quick to read back.

use std::fmt::Write;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

fn text(values: &[f64]) -> String {
    values.iter().fold(String::with_capacity(16 * values.len()), |mut text, x| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{:016x}", x.to_bits());
        text
    })
}

fn parsed(text: &str) -> Option<Vec<f64>> {
    let (digits, rest) = text.as_bytes().as_chunks::<16>();
    let value = |digits: &[u8; 16]| {
        let bits = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        Some(f64::from_bits(bits))
    };
    if rest.is_empty() { digits.iter().map(value).collect() } else { None }
}

/// For `#[serde(with = …)]` of one vector.
pub(crate) mod one {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(values: &[f64], to: S) -> Result<S::Ok, S::Error> {
        text(values).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
        parsed(&String::deserialize(from)?).ok_or_else(|| D::Error::custom("not bits of floats"))
    }
}

/// For `#[serde(with = …)]` of an array of vectors.
pub(super) mod several {
    use super::*;

    pub(crate) fn serialize<S: Serializer, const N: usize>(
        values: &[Vec<f64>; N],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().map(|values| text(values)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        from: D,
    ) -> Result<[Vec<f64>; N], D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        let values: Option<Vec<Vec<f64>>> = texts.iter().map(|text| parsed(text)).collect();
        let values = values.ok_or_else(|| D::Error::custom("not bits of floats"))?;
        values.try_into().map_err(|_| D::Error::custom("another number of vectors"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_float_comes_back_and_nonsense_does_not() {
        let values = [0.1, -0.0, f64::NAN, f64::INFINITY, 5e-324];
        let back = parsed(&text(&values)).unwrap();
        assert!(values.iter().zip(&back).all(|(a, b)| a.to_bits() == b.to_bits()));
        assert_eq!(back.len(), values.len());
        assert_eq!(parsed("3ff000000000000"), None);
        assert_eq!(parsed("3ff000000000000g"), None);
        assert_eq!(parsed("3ff00000000000é"), None);
    }
}
