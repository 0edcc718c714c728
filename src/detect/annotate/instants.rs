//! Arithmetic of instants as ObsPy does it, down to the last bit: integers of nanoseconds, seconds
//! in double precision, comparisons to the microsecond.

/// `instant + seconds`, rounded to the nanosecond, half to even.
pub(super) fn plus(instant: i64, seconds: f64) -> i64 {
    instant.saturating_add((seconds * 1e9).round_ties_even() as i64)
}

/// `later - earlier` in seconds, rounded to six decimals.
pub(super) fn seconds_between(later: i64, earlier: i64) -> f64 {
    let seconds = (i128::from(later) - i128::from(earlier)) as f64 / 1e9;
    // Printing rounds the exact binary value, as Python's `round` does; multiplying by 1e6 would not.
    format!("{seconds:.6}").parse().unwrap_or(seconds)
}

/// What instants are compared by: microseconds, half to even.
pub(super) fn compared(instant: i64) -> i64 {
    let (whole, rest) = (instant.div_euclid(1000), instant.rem_euclid(1000));
    whole + i64::from(rest > 500 || (rest == 500 && whole % 2 != 0))
}

/// Seconds since 1970 in double precision: the nanoseconds are rounded first, then divided.
pub(super) fn epoch_seconds(instant: i64) -> f64 {
    instant as f64 / 1e9
}

/// The first of the earliest instants, by [`compared`].
pub(super) fn earliest(instants: impl Iterator<Item = i64>) -> Option<i64> {
    instants.reduce(|best, next| if compared(next) < compared(best) { next } else { best })
}

/// The first of the latest instants, by [`compared`].
pub(super) fn latest(instants: impl Iterator<Item = i64>) -> Option<i64> {
    instants.reduce(|best, next| if compared(next) > compared(best) { next } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_to_the_microsecond_half_to_even() {
        assert_eq!(compared(1_500), 2);
        assert_eq!(compared(2_500), 2);
        assert_eq!(compared(2_501), 3);
        assert_eq!(compared(-1_500), -2);
        assert_eq!(compared(-500), 0);
        assert_eq!(earliest([5_200, 4_900, 5_000].into_iter()), Some(5_200));
        assert_eq!(latest([4_900, 5_200, 5_000].into_iter()), Some(4_900));
    }

    #[test]
    fn differences_have_six_decimals_of_the_binary_value() {
        assert_eq!(seconds_between(289_999_999, 0), 0.29);
        assert_eq!(seconds_between(0, 290_000_001), -0.29);
        // Exactly representable: half to even.
        assert_eq!(seconds_between(7_812_500, 0), 0.007812);
        assert_eq!(seconds_between(23_437_500, 0), 0.023438);
    }

    #[test]
    fn seconds_are_added_to_the_nearest_nanosecond() {
        assert_eq!(plus(10, 0.5e-9), 10);
        assert_eq!(plus(10, 1.5e-9), 12);
        assert_eq!(plus(0, 17.0 / 99.99971), 170_000_493);
    }
}
