//! Exact time: UTC nanoseconds as integers, rates as ratios.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Nanoseconds in a second.
pub const SECOND: i64 = 1_000_000_000;

/// Nanoseconds in a day.
pub const DAY: i64 = 86_400 * SECOND;

/// An instant: nanoseconds since 1970-01-01T00:00:00 UTC, leap seconds not counted.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UtcTime(pub i64);

impl UtcTime {
    /// Nanoseconds since 1970.
    pub fn nanoseconds(self) -> i64 {
        self.0
    }

    /// `self + nanoseconds`, clamped at the ends of the representable range (1677 to 2262).
    pub fn plus(self, nanoseconds: i64) -> Self {
        Self(self.0.saturating_add(nanoseconds))
    }

    /// Midnight at or before this instant.
    pub fn day_start(self) -> Self {
        Self(self.0.div_euclid(DAY).saturating_mul(DAY))
    }

    /// Midnight at the beginning of a day of the calendar; `None` if there is no such day or it
    /// lies outside the representable range.
    pub fn from_date(year: i16, month: i8, day: i8) -> Option<Self> {
        let date = jiff::civil::Date::new(year, month, day).ok()?;
        let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        i64::try_from(zoned.timestamp().as_nanosecond()).ok().map(Self)
    }

    fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }

    /// Year and day of year, as SDS names its files.
    pub fn year_and_day(self) -> (i16, i16) {
        let date = self.timestamp().to_zoned(jiff::tz::TimeZone::UTC).date();
        (date.year(), date.day_of_year())
    }

    /// Text by `strftime` pattern, in UTC (axis labels).
    pub fn format(self, pattern: &str) -> String {
        self.timestamp().strftime(pattern).to_string()
    }
}

impl fmt::Display for UtcTime {
    /// ISO 8601 with as many fractional digits as needed: `2018-08-12T14:59:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().fmt(f)
    }
}

impl FromStr for UtcTime {
    type Err = Error;

    /// Reads `2018-08-12`, `2018-08-12T14:59`, `…:59:00.25`, with `Z`, an offset or nothing (UTC).
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let nanoseconds = if let Ok(stamp) = text.parse::<jiff::Timestamp>() {
            stamp.as_nanosecond()
        } else {
            let civil =
                text.trim_end_matches('Z').parse::<jiff::civil::DateTime>().map_err(|_| {
                    Error::usage(format!(
                        "expected a time such as 2018-08-12T14:59:00, found '{text}'"
                    ))
                })?;
            civil
                .to_zoned(jiff::tz::TimeZone::UTC)
                .map_err(|e| Error::usage(e.to_string()))?
                .timestamp()
                .as_nanosecond()
        };
        i64::try_from(nanoseconds)
            .map(Self)
            .map_err(|_| Error::usage(format!("'{text}' lies outside the years 1678 to 2261")))
    }
}

/// A half-open range of time, `start <= t < end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First instant inside.
    pub start: UtcTime,
    /// First instant after.
    pub end: UtcTime,
}

impl Span {
    /// All representable time.
    pub const ALL: Self = Self { start: UtcTime(i64::MIN), end: UtcTime(i64::MAX) };

    /// From `from`, if given, up to `until`, if given.
    ///
    /// # Errors
    /// [`Error::Usage`] if nothing lies between.
    pub fn between(from: Option<UtcTime>, until: Option<UtcTime>) -> Result<Self> {
        let start = from.unwrap_or(Self::ALL.start);
        let end = until.unwrap_or(Self::ALL.end);
        if start >= end {
            return Err(Error::usage(format!("nothing lies from {start} up to {end}")));
        }
        Ok(Self { start, end })
    }

    /// Whether `time` lies inside.
    pub fn contains(&self, time: UtcTime) -> bool {
        self.start <= time && time < self.end
    }

    /// Whether two spans share an instant.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// A sampling rate in Hz, kept as the exact ratio `numerator / denominator`, always positive.
///
/// A rate such as 99.99971 Hz stays what it is, and sample times never drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SampleRate {
    numerator: u64,
    denominator: u64,
}

impl SampleRate {
    /// 100 Hz.
    pub const HUNDRED: Self = Self { numerator: 100, denominator: 1 };

    /// The exact ratio; `None` unless both parts are positive.
    pub fn from_ratio(numerator: u64, denominator: u64) -> Option<Self> {
        if numerator == 0 || denominator == 0 {
            return None;
        }
        let (mut a, mut b) = (numerator, denominator);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        Some(Self { numerator: numerator / a, denominator: denominator / a })
    }

    /// The exact binary value of a float; `None` unless finite, positive and between
    /// 2⁻³⁰ and 2³⁰ Hz (a day file of anything else is a broken header).
    pub fn from_hz(hz: f64) -> Option<Self> {
        let limit = f64::from(1u32 << 30);
        if !(1.0 / limit..limit).contains(&hz) {
            return None;
        }
        // 33 fractional bits keep every f32 rate above 2⁻⁹ exact and leave room in u64.
        let mut denominator = 1u64;
        let mut scaled = hz;
        while scaled.fract() != 0.0 && denominator < 1 << 33 && scaled < 2f64.powi(62) {
            scaled *= 2.0;
            denominator *= 2;
        }
        Self::from_ratio(scaled.round() as u64, denominator)
    }

    /// Numerator and denominator, in lowest terms.
    pub fn ratio(self) -> (u64, u64) {
        (self.numerator, self.denominator)
    }

    /// In Hz.
    pub fn hz(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }

    /// The round rate that this one is meant to be, within 500 ppm, and the deviation from it in
    /// ppm: 99.99971 Hz is 2.9 ppm below 100 Hz. Round are whole rates, quarters of them, and
    /// whole periods. `None` if this rate is round itself, or near no round one.
    pub fn nominal(self) -> Option<(f64, f64)> {
        let hz = self.hz();
        let rounds = match hz < 1.0 {
            true => [1.0 / (1.0 / hz).round(), (4.0 * hz).round() / 4.0],
            false => [hz.round(), (4.0 * hz).round() / 4.0],
        };
        let ppm = |round: f64| (hz - round) / round * 1e6;
        // Closer than double precision can tell is equal.
        if rounds.iter().any(|&round| ppm(round).abs() < 1e-3) {
            return None;
        }
        let near = rounds.into_iter().find(|&round| round > 0.0 && ppm(round).abs() < 500.0)?;
        Some((near, ppm(near)))
    }

    /// Nanoseconds from sample 0 to sample `index`, rounded to the nearest.
    pub fn offset(self, index: u64) -> i64 {
        let p = i128::from(self.numerator);
        let ns =
            (i128::from(index) * i128::from(SECOND) * i128::from(self.denominator) + p / 2) / p;
        i64::try_from(ns).unwrap_or(i64::MAX)
    }

    /// Nanoseconds between samples, rounded.
    pub fn period(self) -> i64 {
        self.offset(1)
    }

    /// The sample nearest to `nanoseconds` after sample 0 (negative before it).
    pub fn nearest_index(self, nanoseconds: i64) -> i64 {
        let (p, q) =
            (i128::from(self.numerator), i128::from(self.denominator) * i128::from(SECOND));
        let index = (2 * i128::from(nanoseconds) * p + q).div_euclid(2 * q);
        i64::try_from(index).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for SampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Hz", self.hz())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_round_trip_to_the_nanosecond() {
        let time: UtcTime = "2018-08-12T14:59:00.000000001Z".parse().unwrap();
        assert_eq!(time.to_string(), "2018-08-12T14:59:00.000000001Z");
        assert_eq!("2018-08-12".parse::<UtcTime>().unwrap(), time.day_start());
        assert_eq!(time.year_and_day(), (2018, 224));
        assert!("yesterday".parse::<UtcTime>().is_err());
    }

    #[test]
    fn a_year_at_an_odd_rate_does_not_drift() {
        let rate = SampleRate::from_hz(f64::from(99.99971_f32)).unwrap();
        let samples = 365 * 86_400 * 100;
        let offset = rate.offset(samples);
        assert_eq!(rate.nearest_index(offset), samples as i64);
        assert_eq!(SampleRate::from_hz(100.0).unwrap().offset(1), 10_000_000);
    }

    #[test]
    fn a_rate_that_is_not_quite_round_is_named() {
        let nominal = |hz: f64| SampleRate::from_hz(hz).unwrap().nominal();
        for round in [100.0, 0.1, 62.5, 31.25, 1.0, 0.5, 1000.0, 1.0 / 3.0] {
            assert_eq!(nominal(round), None, "{round}");
        }
        let (hz, ppm) = nominal(99.99971).unwrap();
        assert!(hz == 100.0 && (ppm + 2.9).abs() < 1e-3, "{ppm}");
        assert_eq!(nominal(0.10001).map(|(hz, ppm)| (hz, ppm.round())), Some((0.1, 100.0)));
        assert_eq!(nominal(62.502).map(|(hz, _)| hz), Some(62.5));
        assert_eq!(nominal(3.9), None);
    }

    #[test]
    fn impossible_rates_are_refused() {
        for hz in [0.0, -5.0, f64::NAN, f64::INFINITY, 1e300] {
            assert!(SampleRate::from_hz(hz).is_none(), "{hz}");
        }
    }
}
