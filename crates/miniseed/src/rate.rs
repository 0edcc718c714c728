//! Sampling rates as the header states them.

/// A sampling rate: its value in Hz and, where it fits, the exact ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// In Hz, by the arithmetic of other readers; 0 where samples have no times.
    pub hz: f64,
    /// The exact value `numerator / denominator`; `None` for rate 0 and beyond 2⁻³⁰..2³⁰ Hz.
    pub ratio: Option<(u64, u64)>,
}

impl Rate {
    /// From factor and multiplier of the fixed header (SEED 2.4, chapter 8).
    pub fn nominal(factor: i16, multiplier: i16) -> Self {
        let (f, m) = (f64::from(factor), f64::from(multiplier));
        let base = match factor {
            0 => 0.0,
            1.. => f,
            _ => -1.0 / f,
        };
        let hz = match multiplier {
            0 => base,
            1.. => base * m,
            _ => -base / m,
        };
        let (mut numerator, mut denominator) = (1u64, 1u64);
        for part in [factor, multiplier] {
            match part {
                0 => {}
                1.. => numerator *= u64::from(part.unsigned_abs()),
                _ => denominator *= u64::from(part.unsigned_abs()),
            }
        }
        Self { hz, ratio: (factor != 0).then_some((numerator, denominator)) }
    }

    /// From blockette 100; `None` if the value is not a rate (negative, infinite, NaN).
    pub fn actual(value: f32) -> Option<Self> {
        if !value.is_finite() || value < 0.0 {
            return None;
        }
        let bits = value.to_bits();
        let exponent = i64::from(bits >> 23 & 0xFF) - 150;
        let mantissa = u64::from(bits & 0x7F_FFFF | 0x80_0000);
        // A value of 2^-30..2^30 has an exponent of -53..=7.
        let ratio = match exponent {
            0..=7 => Some((mantissa << exponent, 1)),
            -53..0 => Some((mantissa, 1 << -exponent)),
            _ => None,
        };
        Some(Self { hz: f64::from(value), ratio })
    }

    /// From the field of version 3: Hz if positive, the period in seconds if negative, 0 for none;
    /// `None` if it is neither (infinite, NaN).
    pub fn hz_or_period(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let hz = if value < 0.0 { -1.0 / value } else { value };
        let ratio = binary_ratio(value.abs());
        let ratio = if value < 0.0 { ratio.map(|(n, d)| (d, n)) } else { ratio };
        Some(Self { hz, ratio })
    }

    /// Factor and multiplier for `numerator / denominator`, and whether they are exact to 1e-9.
    pub(crate) fn to_factors(numerator: u64, denominator: u64) -> (i16, i16, bool) {
        let exact = |n: u64, d: u64| -> Option<(i16, i16)> {
            let (n, d) = (i16::try_from(n).ok()?, i16::try_from(d).ok()?);
            Some(match (n, d) {
                (_, 1) => (n, 1),
                (1, _) => (-d, -1),
                _ if n > d => (n, -d),
                _ => (-d, n),
            })
        };
        if let Some((factor, multiplier)) = exact(numerator, denominator) {
            return (factor, multiplier, true);
        }
        // A product of two factors reaches rates (or periods) above 32767.
        let whole = if denominator == 1 { Some((numerator, 1)) } else { None };
        let whole = whole.or((numerator == 1).then_some((denominator, -1)));
        if let Some((product, sign)) = whole
            && let Some((a, b)) = (1..=32_767).rev().find_map(|a| {
                let b = i16::try_from(product / a).ok()?;
                (product % a == 0).then_some((i16::try_from(a).ok()?, b))
            })
        {
            return (sign * a, sign * b, true);
        }
        let (n, d) = closest_ratio(numerator, denominator);
        let (factor, multiplier) = exact(n, d).unwrap_or((32_767, 1));
        let wanted = numerator as f64 / denominator as f64;
        let error = Self::nominal(factor, multiplier).hz / wanted - 1.0;
        (factor, multiplier, error.abs() <= 1e-9)
    }
}

/// The exact value of a double as a ratio in lowest terms, if it lies in 2^-30..2^30; digits below
/// 2^-62 are dropped.
fn binary_ratio(value: f64) -> Option<(u64, u64)> {
    let limit = (1u64 << 30) as f64;
    if !(1.0 / limit..=limit).contains(&value) {
        return None;
    }
    let bits = value.to_bits();
    let exponent = (bits >> 52 & 0x7FF) as i64 - 1075;
    let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    let (mut numerator, mut below) = (mantissa, -exponent);
    let zeros = i64::from(numerator.trailing_zeros()).min(below);
    numerator >>= zeros;
    below -= zeros;
    if below > 62 {
        numerator >>= below - 62;
        below = 62;
    }
    Some((numerator, 1 << below))
}

/// The last continued-fraction convergent whose parts fit 15 bits.
fn closest_ratio(mut n: u64, mut d: u64) -> (u64, u64) {
    let (mut h, mut k) = ((1u64, 0u64), (0u64, 1u64));
    while d != 0 {
        let next =
            |pair: (u64, u64)| (n / d).checked_mul(pair.0).and_then(|x| x.checked_add(pair.1));
        match (next(h), next(k)) {
            (Some(a), Some(b)) if a <= 32_767 && b <= 32_767 => {
                (h, k) = ((a, h.0), (b, k.0));
            }
            _ => break,
        }
        (n, d) = (d, n % d);
    }
    (h.0.max(1), k.0.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_signs() {
        for (factor, multiplier, hz) in [
            (20, 1, 20.0),
            (-20, 1, 0.05),
            (1, -20, 0.05),
            (-1, -20, 0.05),
            (1000, -3, 1000.0 / 3.0),
            (33, 10, 330.0),
            (20, 0, 20.0),
            (-10, 0, 0.1),
            (0, 7, 0.0),
            (-32_768, -32_768, 1.0 / (1u64 << 30) as f64),
        ] {
            let rate = Rate::nominal(factor, multiplier);
            assert_eq!(rate.hz, hz, "({factor}, {multiplier})");
            if let Some((n, d)) = rate.ratio {
                assert!((n as f64 / d as f64 / hz - 1.0).abs() < 1e-15);
            }
        }
    }

    #[test]
    fn a_measured_rate_is_widened_not_rounded() {
        let rate = Rate::actual(99.99971).unwrap();
        assert_eq!(rate.hz, 99.99971008300781);
        let (n, d) = rate.ratio.unwrap();
        assert_eq!(n as f64 / d as f64, rate.hz);
        assert!(Rate::actual(f32::NAN).is_none() && Rate::actual(-5.0).is_none());
        assert_eq!(Rate::actual(0.0).unwrap().ratio, None);
        assert_eq!(Rate::actual(f32::MAX).unwrap().ratio, None);
    }

    #[test]
    fn the_field_of_version_3_is_a_rate_or_a_period() {
        for (value, hz, ratio) in [
            (20.0, 20.0, Some((20, 1))),
            (-10.0, 0.1, Some((1, 10))),
            (0.125, 0.125, Some((1, 8))),
            (-0.5, 2.0, Some((2, 1))),
            (1e9, 1e9, Some((1_000_000_000, 1))),
            (0.0, 0.0, None),
            (1e12, 1e12, None),
        ] {
            assert_eq!(Rate::hz_or_period(value), Some(Rate { hz, ratio }), "{value}");
        }
        let measured = Rate::hz_or_period(99.99971).unwrap();
        let (n, d) = measured.ratio.unwrap();
        assert_eq!(n as f64 / d as f64, 99.99971);
        let slow = Rate::hz_or_period(1e-8).unwrap().ratio.unwrap();
        assert!((slow.0 as f64 / slow.1 as f64 / 1e-8 - 1.0).abs() < 1e-9);
        assert!(Rate::hz_or_period(f64::NAN).is_none());
        assert!(Rate::hz_or_period(f64::INFINITY).is_none());
    }

    #[test]
    fn written_factors_read_back_as_the_same_rate() {
        for (n, d) in [(40, 1), (1, 10), (1, 100_000), (1000, 3), (2, 5), (100_000, 1), (5, 2)] {
            let (factor, multiplier, exact) = Rate::to_factors(n, d);
            assert!(exact, "{n}/{d}");
            let hz = Rate::nominal(factor, multiplier).hz;
            assert!((hz / (n as f64 / d as f64) - 1.0).abs() < 1e-15, "{n}/{d}: {hz}");
        }
        assert_eq!(Rate::to_factors(1, 10), (-10, -1, true));
        assert!(!Rate::to_factors(8_388_583, 83_886).2);
        assert!(!Rate::to_factors(u64::MAX, 1).2);
        assert!(!Rate::to_factors(1, u64::MAX).2);
    }
}
