//! Times as loggers and agencies write them, to nanoseconds since 1970 UTC.

const SECOND: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * SECOND;
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// How a bare number is meant; `Auto` covers calendar dates and epochs by magnitude.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeFormat {
    /// Calendar text, `yyyymmdd`, `YYMMMDD`, or epochs by magnitude.
    #[default]
    Auto,
    /// Seconds since 1970.
    EpochSeconds,
    /// Modified Julian day.
    Mjd,
    /// Decimal year.
    DecimalYear,
    /// Year and day of year, two fields.
    YearDay,
}

/// What the text leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRules {
    /// How numbers are meant.
    pub format: TimeFormat,
    /// Day before month where the year is last.
    pub dayfirst: bool,
    /// Two-digit years from this on are 19xx.
    pub pivot: u16,
}

impl Default for TimeRules {
    fn default() -> Self {
        Self { format: TimeFormat::Auto, dayfirst: true, pivot: 69 }
    }
}

fn leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days since 1970 of a proleptic Gregorian date; `None` if there is no such day.
fn days(year: i64, month: i64, day: i64) -> Option<i128> {
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = lengths.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    if !(1..=*length).contains(&day) || !(1600..2400).contains(&year) {
        return None;
    }
    let before: i64 = lengths[..(month - 1) as usize].iter().sum();
    let y = year - 1;
    Some(i128::from(y * 365 + y / 4 - y / 100 + y / 400 + before + day - 1 - 719_162))
}

fn full_year(text: &str, pivot: u16) -> Option<i64> {
    let year: i64 = text.parse().ok()?;
    match text.len() {
        4 => Some(year),
        1 | 2 => Some(if year >= i64::from(pivot) { 1900 + year } else { 2000 + year }),
        _ => None,
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.len() <= 19 && text.bytes().all(|b| b.is_ascii_digit())
}

/// The parts of a numeric date that names its month last or first, for the file-level decision.
pub(crate) fn ambiguous_fields(text: &str) -> Option<(u32, u32)> {
    let date = text.trim().split([' ', 'T']).next()?;
    let parts: Vec<&str> = date.split(['/', '-', '.']).collect();
    match parts.as_slice() {
        [a, b, c] if a.len() <= 2 && b.len() <= 2 && digits(c) => {
            Some((a.parse().ok()?, b.parse().ok()?))
        }
        _ => None,
    }
}

/// The parts of a text that begins with `YYMMMDD` (95MAY19).
fn named_month(text: &str) -> Option<(&str, i64, i64)> {
    let (year, name, day) = (text.get(..2)?, text.get(2..5)?, text.get(5..7)?);
    let month = MONTHS.iter().position(|m| name.eq_ignore_ascii_case(m))? as i64 + 1;
    (digits(year) && digits(day)).then_some(())?;
    Some((year, month, day.parse().ok()?))
}

fn date(text: &str, rules: &TimeRules) -> Option<i128> {
    if digits(text) && text.len() == 8 {
        let n = |r: std::ops::Range<usize>| text.get(r)?.parse::<i64>().ok();
        return days(n(0..4)?, n(4..6)?, n(6..8)?);
    }
    if let Some((year, month, day)) = named_month(text).filter(|_| text.len() == 7) {
        return days(full_year(year, rules.pivot)?, month, day);
    }
    let parts: Vec<&str> = text.split(['/', '-', '.']).collect();
    let [a, b, c] = parts.as_slice() else { return None };
    if !(digits(a) && digits(b) && digits(c)) {
        return None;
    }
    if a.len() == 4 {
        return days(a.parse().ok()?, b.parse().ok()?, c.parse().ok()?);
    }
    let (day, month) = if rules.dayfirst { (a, b) } else { (b, a) };
    days(full_year(c, rules.pivot)?, month.parse().ok()?, day.parse().ok()?)
}

/// Decimal digits after the point as nanoseconds; finer digits are cut.
fn fraction(text: &str) -> Option<i128> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nine: String = text.chars().chain("000000000".chars()).take(9).collect();
    nine.parse().ok()
}

/// `hh:mm[:ss[.f]]`, or a bare hour 0–24 (24 is the next midnight).
fn clock(text: &str) -> Option<i128> {
    let mut parts = text.split(':');
    let hour: i128 = parts.next().filter(|h| digits(h) && h.len() <= 2)?.parse().ok()?;
    let minute: i128 = parts.next().map_or(Some(0), |m| digits(m).then(|| m.parse().ok())?)?;
    let (second, ns) = match parts.next() {
        None => (0, 0),
        Some(s) => {
            let (whole, part) = s.split_once(['.', ',']).unwrap_or((s, ""));
            (digits(whole).then(|| whole.parse::<i128>().ok())??, fraction(part)?)
        }
    };
    let total = (hour * 3600 + minute * 60 + second) * SECOND + ns;
    (parts.next().is_none() && minute < 60 && second < 60 && total <= DAY).then_some(total)
}

/// Splits a trailing `Z` or offset from a clock; seconds east of Greenwich.
fn offset(text: &str) -> Option<(&str, Option<i128>)> {
    if let Some(rest) = text.strip_suffix(['Z', 'z']) {
        return Some((rest, Some(0)));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, None)) };
    let sign = if text[at..].starts_with('-') { -1 } else { 1 };
    let plain: String = text[at + 1..].chars().filter(|c| *c != ':').collect();
    if !digits(&plain) || !(plain.len() == 2 || plain.len() == 4) {
        return None;
    }
    let hours: i128 = plain[..2].parse().ok()?;
    let minutes: i128 = if plain.len() == 4 { plain[2..].parse().ok()? } else { 0 };
    (hours <= 18 && minutes < 60).then_some(())?;
    Some((&text[..at], Some(sign * (hours * 3600 + minutes * 60))))
}

fn number(text: &str, rules: &TimeRules) -> Option<i128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let value: f64 = text.parse().ok().filter(|v: &f64| v.is_finite())?;
    let sign = if whole.starts_with('-') { -1 } else { 1 };
    let exact = |scale: i128| {
        let part = sign * fraction(part)? * scale / SECOND;
        whole.parse::<i128>().ok()?.checked_mul(scale)?.checked_add(part)
    };
    match rules.format {
        TimeFormat::Mjd => exact(DAY)?.checked_sub(40_587 * DAY),
        TimeFormat::EpochSeconds => exact(SECOND),
        TimeFormat::DecimalYear => {
            let year = value.floor() as i64;
            let length = if leap(year) { 366.0 } else { 365.0 };
            Some(days(year, 1, 1)? * DAY + (value.fract() * length * DAY as f64) as i128)
        }
        _ => match value {
            v if (1e9..1e10).contains(&v) => exact(SECOND),
            v if (1e12..1e13).contains(&v) => exact(SECOND / 1000),
            v if (1e15..1e16).contains(&v) => exact(1000),
            v if (1e18..1e19).contains(&v) => exact(1),
            v if (1600.0..2400.0).contains(&v) && !part.is_empty() => {
                number(text, &TimeRules { format: TimeFormat::DecimalYear, ..*rules })
            }
            _ => None,
        },
    }
}

/// Nanoseconds since 1970 and whether an offset from UTC was stated. `None` for what is no time
/// or no day of the calendar (29 February 2003); nothing rolls over.
pub fn parse_time(text: &str, rules: &TimeRules) -> Option<(i64, bool)> {
    let text = text.trim();
    // The T of OCT parts no clock from its date.
    let (month_name, rest) =
        if named_month(text).is_some() { text.split_at(7) } else { ("", text) };
    let mut fields = rest.split([' ', 'T', 't']).filter(|f| !f.is_empty());
    let first = if month_name.is_empty() { fields.next()? } else { month_name };
    if rules.format == TimeFormat::YearDay {
        let year: i64 = first.parse().ok()?;
        let day: i64 = fields.next()?.parse().ok()?;
        (1..=365 + i64::from(leap(year))).contains(&day).then_some(())?;
        let ns = (days(year, 1, 1)? + i128::from(day) - 1) * DAY;
        return Some((i64::try_from(ns).ok()?, false));
    }
    let calendar = if rules.format == TimeFormat::Auto { date(first, rules) } else { None };
    let Some(day) = calendar else {
        let ns = number(text, rules)?;
        return Some((i64::try_from(ns).ok()?, true));
    };
    let mut ns = day * DAY;
    let mut stated = false;
    if let Some(time) = fields.next() {
        let (time, shift) = offset(time)?;
        ns += clock(time)?;
        stated = shift.is_some();
        ns -= shift.unwrap_or(0) * SECOND;
    }
    for rest in fields {
        if digits(rest) && rest.len() <= 3 {
            ns += rest.parse::<i128>().ok()? * 1_000_000;
        } else {
            let ("", Some(shift)) = offset(rest)? else { return None };
            ns -= shift * SECOND;
            stated = true;
        }
    }
    Some((i64::try_from(ns).ok()?, stated))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<i64> {
        parse_time(text, &TimeRules::default()).map(|t| t.0 / 1_000_000_000)
    }

    #[test]
    fn every_way_of_writing_the_same_instant_agrees() {
        let noon = 800_884_800; // 1995-05-19 12:00 UTC
        for text in [
            "1995-05-19T12:00:00Z",
            "1995-05-19 12:00",
            "19/5/1995 12:00:00",
            "1995/05/19 12:00:00.0",
            "19-05-95 12:00",
            "19950519 12",
            "1995-05-19T14:00:00+02:00",
            "19/05/1995 14:00:00 +02:00",
            "95MAY19 12:00",
        ] {
            assert_eq!(seconds(text), Some(noon), "{text}");
        }
        assert_eq!(seconds("95MAY19"), Some(noon - 43_200));
        assert_eq!(seconds("95OCT19"), seconds("1995-10-19"));
        assert_eq!(seconds("95OCT19 12:00"), seconds("1995-10-19T12:00"));
        assert_eq!(seconds("20100101 24"), seconds("20100102"));
        assert_eq!(seconds("1696181572"), Some(1_696_181_572));
        assert_eq!(seconds("1696181572000"), Some(1_696_181_572));
        assert_eq!(seconds("1696181572000000"), Some(1_696_181_572));
        assert_eq!(seconds("1696181572000000000"), Some(1_696_181_572));
        let with = |text, format| {
            parse_time(text, &TimeRules { format, ..TimeRules::default() }).unwrap().0
        };
        assert_eq!(with("49856.5", TimeFormat::Mjd) / 1_000_000_000, noon);
        assert_eq!(with("1995 139", TimeFormat::YearDay) / 1_000_000_000, noon - 43_200);
        assert_eq!(with("1995 13", TimeFormat::YearDay), with("1995 013", TimeFormat::YearDay));
        assert_eq!(with("20100101", TimeFormat::EpochSeconds) / 1_000_000_000, 20_100_101);
        assert_eq!(with("-1.25", TimeFormat::EpochSeconds), -1_250_000_000);
        assert!(
            (with("1995.378082", TimeFormat::DecimalYear) / 1_000_000_000 - noon + 43_200).abs()
                < 60
        );
        assert_eq!(
            parse_time("2013/06/06 12:57:35 125", &TimeRules::default()).unwrap().0 % 1_000_000_000,
            125_000_000
        );
        assert_eq!(
            parse_time("2018-08-12T14:59:00.000000001Z", &TimeRules::default()).unwrap().0
                % 1_000_000_000,
            1
        );
    }

    #[test]
    fn impossible_times_are_refused_and_never_rolled_over() {
        for text in [
            "2003-02-29",
            "31/4/2001",
            "2001-01-01 25:00",
            "2001-01-01 12:60",
            "20010101 24:01",
            "",
            "x",
            "2",
            "99999999",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
        for format in [TimeFormat::EpochSeconds, TimeFormat::Mjd, TimeFormat::DecimalYear] {
            for text in ["9".repeat(38), format!("-{}", "9".repeat(38)), "1e300".into()] {
                assert_eq!(parse_time(&text, &TimeRules { format, ..TimeRules::default() }), None);
            }
        }
        let pivot = TimeRules { pivot: 0, ..TimeRules::default() };
        assert_eq!(parse_time("01-01-01", &pivot).unwrap().0 / 1_000_000_000, -2_177_452_800);
    }
}
