//! BTIME: year, day of year and a fraction of 0.1 ms, to and from nanoseconds since 1970.

use crate::bytes::ByteOrder;

pub(crate) const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

/// Years in which a date is believed; outside them the byte order was guessed wrong.
pub(crate) const YEARS: std::ops::RangeInclusive<u16> = 1900..=2100;

/// Days from 1970-01-01 to January 1st of `year`, proleptic Gregorian.
fn days_to_year(year: i64) -> i64 {
    let before = year - 1;
    365 * (year - 1970) + (before.div_euclid(4) - 492) - (before.div_euclid(100) - 19)
        + (before.div_euclid(400) - 4)
}

/// Whether year and day of year at the start of `btime` make sense in `order`.
pub(crate) fn is_sane(btime: &[u8], order: ByteOrder) -> bool {
    YEARS.contains(&order.u16(btime, 0)) && (1..=366).contains(&order.u16(btime, 2))
}

/// Nanoseconds since 1970 of a sane 10-byte BTIME. Second 60, day 366 of a common year and a
/// fraction above 9999 carry, as plain arithmetic makes them.
pub(crate) fn read(btime: &[u8], order: ByteOrder) -> i64 {
    let byte = |at: usize| i64::from(btime.get(at).copied().unwrap_or(0));
    let days = days_to_year(i64::from(order.u16(btime, 0))) + i64::from(order.u16(btime, 2)) - 1;
    let seconds = days * DAY + byte(4) * 3600 + byte(5) * 60 + byte(6);
    seconds * SECOND + i64::from(order.u16(btime, 8)) * 100_000
}

/// Years of version 3: all whose every instant fits nanoseconds since 1970 in 64 bits.
const WHOLE_YEARS: std::ops::RangeInclusive<u16> = 1678..=2261;

/// Nanoseconds since 1970 of a date of version 3; `None` outside [`WHOLE_YEARS`] and for a day of the year that is none. Second 60 is the next minute's second 0.
pub(crate) fn from_parts(year: u16, day: u16, time: [u8; 3], nanosecond: u32) -> Option<i64> {
    if !WHOLE_YEARS.contains(&year) || !(1..=366).contains(&day) {
        return None;
    }
    let [hour, minute, second] = time.map(i64::from);
    let days = days_to_year(i64::from(year)) + i64::from(day) - 1;
    let seconds = days * DAY + hour * 3600 + minute * 60 + second;
    seconds.checked_mul(SECOND)?.checked_add(i64::from(nanosecond))
}

/// Year, day of the year, hour, minute, second and nanosecond; `None` outside [`WHOLE_YEARS`].
pub(crate) fn to_parts(nanoseconds: i64) -> Option<(u16, u16, [u8; 3], u32)> {
    let (seconds, nanosecond) = (nanoseconds.div_euclid(SECOND), nanoseconds.rem_euclid(SECOND));
    let (year, day) = year_and_day(seconds.div_euclid(DAY));
    let of_day = seconds.rem_euclid(DAY);
    let time = [of_day / 3600, of_day / 60 % 60, of_day % 60].map(|part| part as u8);
    let year = u16::try_from(year).ok().filter(|year| WHOLE_YEARS.contains(year))?;
    Some((year, day as u16, time, nanosecond as u32))
}

/// The year of a day counted from 1970, and the day of that year from 1.
fn year_and_day(day_number: i64) -> (i64, i64) {
    let mut year = 1970 + day_number.div_euclid(366);
    while days_to_year(year + 1) <= day_number {
        year += 1;
    }
    while days_to_year(year) > day_number {
        year -= 1;
    }
    (year, day_number - days_to_year(year) + 1)
}

/// A big-endian BTIME and the microseconds left over (-50..=49) for blockette 1001;
/// `None` outside the years 1900 to 2100.
pub(crate) fn write(nanoseconds: i64) -> Option<([u8; 10], i8)> {
    let microseconds =
        nanoseconds.div_euclid(1000) + i64::from(nanoseconds.rem_euclid(1000) >= 500);
    let tenths = (microseconds + 50).div_euclid(100);
    let rest = i8::try_from(microseconds - tenths * 100).ok()?;
    let seconds = tenths.div_euclid(10_000);
    let (year, day) = year_and_day(seconds.div_euclid(DAY));
    let year16 = u16::try_from(year).ok().filter(|year| YEARS.contains(year))?;
    let day = u16::try_from(day).ok()?;
    let of_day = seconds.rem_euclid(DAY);
    let mut out = [0; 10];
    out[0..2].copy_from_slice(&year16.to_be_bytes());
    out[2..4].copy_from_slice(&day.to_be_bytes());
    out[4] = (of_day / 3600) as u8;
    out[5] = (of_day / 60 % 60) as u8;
    out[6] = (of_day % 60) as u8;
    out[8..10].copy_from_slice(&(tenths.rem_euclid(10_000) as u16).to_be_bytes());
    Some((out, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants() {
        assert_eq!(days_to_year(1970), 0);
        assert_eq!(days_to_year(1973), 1096);
        assert_eq!(days_to_year(2000), 10957);
        assert_eq!(days_to_year(1900), -25567);
        assert_eq!(days_to_year(2100), 47482);
    }

    #[test]
    fn instants_survive_writing_to_the_microsecond() {
        for time in [0, 999_999_999, -1_000, 1_534_032_000_019_538_000, 1_609_372_800_999_950_000] {
            let (btime, rest) = write(time).unwrap();
            assert!(is_sane(&btime, ByteOrder::Big));
            let back = read(&btime, ByteOrder::Big) + i64::from(rest) * 1000;
            assert!((back - time).abs() <= 500, "{time} came back as {back}");
        }
        for time in [0, -1, 1_613_347_198_123_456_789, i64::MAX / 2, -9_000_000_000_000_000_000] {
            let (year, day, clock, nanosecond) = to_parts(time).unwrap();
            assert_eq!(from_parts(year, day, clock, nanosecond), Some(time));
        }
        assert_eq!(from_parts(2016, 366, [23, 59, 60], 0), Some(1_483_228_800 * SECOND));
        assert_eq!(from_parts(2016, 0, [0; 3], 0), None);
        assert_eq!(from_parts(2300, 1, [0; 3], 0), None);
        // The first and last years fit in part: what is not read back is not written.
        assert_eq!((to_parts(i64::MIN), to_parts(i64::MAX)), (None, None));
        assert!(write(i64::MAX).is_none());
        assert!(write(i64::MIN).is_none());
    }
}
