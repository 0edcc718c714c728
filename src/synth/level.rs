//! Slowly varying levels: tremor, unrest, sea state, the working day.

use super::random::{Purpose, Random};
use crate::time::{DAY, SECOND, UtcTime};

/// A level on an even grid of instants, interpolated between them.
pub(super) struct Level {
    start: i64,
    step: i64,
    values: Vec<f64>,
}

impl Level {
    /// The level at `time`; beyond the ends, that of the end.
    pub(super) fn at(&self, time: UtcTime) -> f64 {
        let position = (time.0 - self.start) as f64 / self.step as f64;
        let last = self.values.len() - 1;
        let index = (position.max(0.0) as usize).min(last);
        let next = (index + 1).min(last);
        let fraction = (position - index as f64).clamp(0.0, 1.0);
        self.values[index] * (1.0 - fraction) + self.values[next] * fraction
    }

    /// Grid instants and values.
    pub(super) fn points(&self) -> impl Iterator<Item = (UtcTime, f64)> + '_ {
        self.values
            .iter()
            .enumerate()
            .map(|(k, &v)| (UtcTime(self.start + k as i64 * self.step), v))
    }
}

/// First-order autoregressive (Ornstein–Uhlenbeck) sequence: standard deviation 1, correlation
/// `exp(-lag / memory)`, both in steps.
fn autoregressive(random: &mut Random, count: usize, memory: f64) -> Vec<f64> {
    let keep = (-1.0 / memory).exp();
    let fresh = (1.0 - keep * keep).sqrt();
    let mut x = random.normal();
    (0..count)
        .map(|_| {
            let now = x;
            x = keep * x + fresh * random.normal();
            now
        })
        .collect()
}

/// All slow levels of an archive of `days` days from `start` (a midnight); a longer archive with
/// the same seed and start begins with the same values.
pub(super) struct Levels {
    /// Natural logarithm of the tremor amplitude relative to its usual one.
    pub(super) tremor: Level,
    /// Standardised unrest: drives tremor and the rate of earthquakes alike.
    pub(super) unrest: Level,
    /// Natural logarithm of the microseism amplitude relative to its usual one.
    pub(super) sea: Level,
}

const STEP: i64 = 600 * SECOND;
const STEPS_PER_DAY: usize = 144;

impl Levels {
    pub(super) fn new(seed: u64, start: UtcTime, days: usize) -> Self {
        let count = days * STEPS_PER_DAY + 1;
        let level = |values| Level { start: start.0, step: STEP, values };
        let draw = |purpose, memory_days: f64| {
            let memory = memory_days * STEPS_PER_DAY as f64;
            autoregressive(&mut Random::new(seed, purpose, 0, 0), count, memory)
        };
        let unrest = draw(Purpose::Unrest, 3.0);
        let restless = draw(Purpose::Tremor, 0.25);
        let tremor = (0..count)
            .map(|k| {
                let hour = k as f64 / 6.0;
                let daily = 0.15 * (std::f64::consts::TAU * (hour - 3.0) / 24.0).cos();
                0.55 * unrest[k] + 0.35 * restless[k] + daily
            })
            .collect();
        let sea = draw(Purpose::SeaState, 1.5).iter().map(|x| 0.35 * x).collect();
        Self { tremor: level(tremor), unrest: level(unrest), sea: level(sea) }
    }
}

/// Cultural activity relative to its mean on a working day: by day high, by night a sixth, at the
/// weekend less than half. The clock is local solar time of 175.5° E, 11.7 h ahead of UTC.
pub(super) fn culture(time: UtcTime) -> f64 {
    let local = time.0 + (11.7 * 3600.0) as i64 * SECOND;
    let hour = local.rem_euclid(DAY) as f64 / (3600.0 * SECOND as f64);
    // 1970-01-01 was a Thursday; day 0 is Monday.
    let weekday = (local.div_euclid(DAY) + 3).rem_euclid(7);
    let daylight = (0.5 - 0.5 * (std::f64::consts::TAU * (hour - 2.0) / 24.0).cos()).powi(2);
    let week = if weekday >= 5 { 0.45 } else { 1.0 };
    (0.3 + 1.7 * daylight) * week
}

/// Whether quarries work at `time`: 9 to 17 local time, Monday to Friday.
pub(super) fn working_hours(time: UtcTime) -> bool {
    let local = time.0 + (11.7 * 3600.0) as i64 * SECOND;
    let hour = local.rem_euclid(DAY) / (3600 * SECOND);
    (9..17).contains(&hour) && (local.div_euclid(DAY) + 3).rem_euclid(7) < 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn culture_is_loud_by_day_and_quiet_at_night_and_on_sundays() {
        // 00:00 UTC is about noon there; 2024-01-01 was a Monday, 2024-01-07 a Sunday.
        let at = |text: &str| culture(text.parse().unwrap());
        assert!(at("2024-01-03T02:00:00") > 4.0 * at("2024-01-03T14:00:00"));
        assert!(at("2024-01-07T02:00:00") < 0.5 * at("2024-01-03T02:00:00"));
        assert!(working_hours("2024-01-03T00:00:00".parse().unwrap()));
        assert!(!working_hours("2024-01-06T14:00:00".parse().unwrap()));
    }

    #[test]
    fn a_longer_archive_begins_like_a_shorter_one() {
        let start = UtcTime(0);
        let (short, long) = (Levels::new(5, start, 1), Levels::new(5, start, 9));
        for hour in 0..24 {
            let time = start.plus(hour * 3600 * SECOND);
            assert_eq!(short.tremor.at(time), long.tremor.at(time));
        }
    }
}
