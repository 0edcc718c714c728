//! Which events happen: a self-exciting process of earthquakes, quarry blasts, surface events.

use super::level::{Levels, working_hours};
use super::network::Place;
use super::random::{Purpose, Random};
use crate::time::{DAY, UtcTime};

/// What an event is; its name is also the label of its windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Slip on a fault, 1 to 12 km deep.
    Earthquake,
    /// A blast at the surface, at one of few quarries, in working hours.
    Explosion,
    /// Rock fall, avalanche or flow: long, emergent, on the flanks.
    Surface,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Earthquake, Self::Explosion, Self::Surface];

    /// The label used in tables.
    pub fn label(self) -> &'static str {
        match self {
            Self::Earthquake => "earthquake",
            Self::Explosion => "explosion",
            Self::Surface => "surface",
        }
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What it is.
    pub kind: Kind,
    /// Origin time.
    pub time: UtcTime,
    /// Hypocentre.
    pub place: Place,
    /// Moment magnitude (equivalent for blasts and surface events).
    pub magnitude: f64,
    /// Number in its own sequence of random draws; keys its waveforms.
    pub key: u64,
}

/// The self-exciting (ETAS) process: background rate `mu`, and after every earthquake of magnitude
/// `m` a rate `k 10^(alpha (m - smallest)) (t + c)^-p` of further ones (Ogata 1988, with the
/// exponent written to base 10).
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct SelfExciting {
    /// Background earthquakes a day.
    pub background_per_day: f64,
    /// Mean number of direct aftershocks of an earthquake; below 1.
    pub branching_ratio: f64,
    /// Productivity exponent.
    pub alpha: f64,
    /// Gutenberg–Richter slope.
    pub b: f64,
    /// Omori offset in days.
    pub c_days: f64,
    /// Omori exponent, above 1.
    pub p: f64,
    /// Smallest magnitude.
    pub smallest: f64,
    /// Largest magnitude.
    pub largest: f64,
    /// Response of the background rate to unrest: rate `× exp(unrest_response × unrest)`.
    pub unrest_response: f64,
}

impl Default for SelfExciting {
    fn default() -> Self {
        Self {
            background_per_day: 24.0,
            branching_ratio: 0.55,
            alpha: 0.7,
            b: 1.0,
            c_days: 0.005,
            p: 1.15,
            smallest: 0.5,
            largest: 4.5,
            unrest_response: 0.8,
        }
    }
}

impl SelfExciting {
    /// Gutenberg–Richter magnitude, cut at both ends, by inversion.
    pub(super) fn magnitude(&self, random: &mut Random) -> f64 {
        let cut = 1.0 - 10f64.powf(-self.b * (self.largest - self.smallest));
        self.smallest - (1.0 - cut * random.uniform()).log10() / self.b
    }

    /// Mean number of direct aftershocks of an earthquake of this magnitude: `branching_ratio` on
    /// average over Gutenberg–Richter magnitudes.
    pub(super) fn productivity(&self, magnitude: f64) -> f64 {
        let (range, gap) = (self.largest - self.smallest, self.b - self.alpha);
        let mean = if gap.abs() < 1e-9 {
            self.b * range * std::f64::consts::LN_10 / (1.0 - 10f64.powf(-self.b * range))
        } else {
            self.b / gap * (1.0 - 10f64.powf(-gap * range)) / (1.0 - 10f64.powf(-self.b * range))
        };
        self.branching_ratio / mean * 10f64.powf(self.alpha * (magnitude - self.smallest))
    }

    /// Days from an earthquake to one of its direct aftershocks (Omori–Utsu, by inversion).
    fn delay_days(&self, random: &mut Random) -> f64 {
        self.c_days * ((1.0 - random.uniform()).powf(1.0 / (1.0 - self.p)) - 1.0)
    }
}

/// Days before the start in which the process runs already, so that the archive begins amid
/// aftershocks and not in a silence.
const RUN_IN_DAYS: usize = 4;

/// A stop for the rare cascade that a branching ratio near 1 could bring.
const MOST_EVENTS: usize = 1_000_000;

/// Earthquakes of `[start, start + days)` in order of time, with the number of their mother.
fn earthquakes(
    seed: u64,
    start: UtcTime,
    days: usize,
    process: &SelfExciting,
    levels: &Levels,
) -> Vec<Event> {
    let end = start.plus(days as i64 * DAY);
    let mut events = Vec::new();
    // Day by day, so that a longer archive repeats the background of a shorter one.
    for day in 0..days + RUN_IN_DAYS {
        let midnight = start.plus((day as i64 - RUN_IN_DAYS as i64) * DAY);
        let number = midnight.0.div_euclid(DAY) as u64;
        let mut random = Random::new(seed, Purpose::Earthquakes, number, 0);
        // Thinning: candidates at the highest rate, kept with the odds of the rate at their time.
        let highest = (process.unrest_response * 3.5).exp();
        for _ in 0..random.poisson(process.background_per_day * highest) {
            let time = midnight.plus((random.uniform() * DAY as f64) as i64);
            let keep = random.uniform() * highest;
            let place = fault_place(&mut random);
            let magnitude = process.magnitude(&mut random);
            if keep < (process.unrest_response * levels.unrest.at(time)).exp() {
                let key = (number << 24) ^ events.len() as u64;
                events.push(Event { kind: Kind::Earthquake, time, place, magnitude, key });
            }
        }
    }
    // Every event bears its direct aftershocks; these, appended, bear theirs.
    let mut mother = 0;
    while mother < events.len() && events.len() < MOST_EVENTS {
        let of = events[mother].clone();
        let mut random = Random::new(seed, Purpose::Earthquakes, of.key, 1);
        for child in 0..random.poisson(process.productivity(of.magnitude).min(500.0)) {
            let time =
                of.time.plus((process.delay_days(&mut random) * DAY as f64).min(1e17) as i64);
            let place = aftershock_place(&mut random, &of);
            let magnitude = process.magnitude(&mut random);
            if time < end {
                let key = of.key.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(child as u64 + 1);
                events.push(Event { kind: Kind::Earthquake, time, place, magnitude, key });
            }
        }
        mother += 1;
    }
    events.retain(|event| event.time >= start);
    events
}

/// One of three fault zones near the summit.
pub(super) fn fault_place(random: &mut Random) -> Place {
    let (east, north, depth) =
        [(0.5, -0.5, 2.5), (4.0, 3.0, 6.0), (-6.0, 1.0, 9.0)][random.below(3)];
    Place {
        east: east + 1.2 * random.normal(),
        north: north + 1.2 * random.normal(),
        depth: (depth + 0.9 * random.normal()).clamp(0.8, 14.0),
    }
}

/// Aftershocks cluster within the length of the rupture and a little beyond.
fn aftershock_place(random: &mut Random, of: &Event) -> Place {
    let reach = 0.1 + 10f64.powf(0.5 * of.magnitude - 2.0);
    Place {
        east: of.place.east + reach * random.normal(),
        north: of.place.north + reach * random.normal(),
        depth: (of.place.depth + reach * random.normal()).clamp(0.5, 15.0),
    }
}

/// One of two quarries.
pub(super) fn quarry(random: &mut Random) -> Place {
    let (east, north) = [(11.0, -7.0), (-9.0, 12.0)][random.below(2)];
    Place { east: east + 0.2 * random.normal(), north: north + 0.2 * random.normal(), depth: 0.0 }
}

/// A place on the flanks.
pub(super) fn flank(random: &mut Random) -> Place {
    let (azimuth, distance) =
        (random.between(0.0, std::f64::consts::TAU), random.between(0.5, 3.0));
    Place { east: distance * azimuth.sin(), north: distance * azimuth.cos(), depth: 0.0 }
}

/// Events that excite no others, day by day.
fn independent(seed: u64, start: UtcTime, days: usize, kind: Kind, per_day: f64) -> Vec<Event> {
    let purpose = match kind {
        Kind::Explosion => Purpose::Explosions,
        _ => Purpose::SurfaceEvents,
    };
    let mut events = Vec::new();
    for day in 0..days {
        let midnight = start.plus(day as i64 * DAY);
        let number = midnight.0.div_euclid(DAY) as u64;
        let mut random = Random::new(seed, purpose, number, 0);
        for k in 0..random.poisson(per_day) {
            let time = midnight.plus((random.uniform() * DAY as f64) as i64);
            let (place, magnitude) = match kind {
                Kind::Explosion => (quarry(&mut random), random.between(1.0, 2.3)),
                _ => (flank(&mut random), random.between(1.6, 2.8)),
            };
            if kind != Kind::Explosion || working_hours(time) {
                let key = (number << 24) ^ ((kind as u64) << 60) ^ k as u64;
                events.push(Event { kind, time, place, magnitude, key });
            }
        }
    }
    events
}

/// All events of `days` days from `start`, in order of time.
pub(super) fn catalogue(
    seed: u64,
    start: UtcTime,
    days: usize,
    process: &SelfExciting,
    levels: &Levels,
) -> Vec<Event> {
    let mut events = earthquakes(seed, start, days, process, levels);
    // Blasts fall into working hours only: about a quarter of the candidates stay.
    events.extend(independent(seed, start, days, Kind::Explosion, 8.0));
    events.extend(independent(seed, start, days, Kind::Surface, 3.0));
    // Whole seconds are too coarse to order by; the key settles what nanoseconds leave open.
    events.sort_by_key(|event| (event.time, event.key));
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND;

    fn hours(time: UtcTime, since: UtcTime) -> f64 {
        (time.0 - since.0) as f64 / (3600.0 * SECOND as f64)
    }

    fn long_catalogue(process: &SelfExciting) -> (UtcTime, Vec<Event>) {
        let start: UtcTime = "2024-01-01".parse().unwrap();
        let levels = Levels::new(3, start, 60);
        (start, catalogue(3, start, 60, process, &levels))
    }

    #[test]
    fn magnitudes_follow_gutenberg_and_richter() {
        let process = SelfExciting::default();
        let mut random = Random::new(1, Purpose::Earthquakes, 0, 0);
        let magnitudes: Vec<f64> = (0..100_000).map(|_| process.magnitude(&mut random)).collect();
        // Aki (1965): b = log10(e) / (mean - smallest), for a range that is long enough.
        let mean = magnitudes.iter().sum::<f64>() / magnitudes.len() as f64;
        assert!((std::f64::consts::LOG10_E / (mean - 0.5) - 1.0).abs() < 0.02);
        assert!(magnitudes.iter().all(|m| (0.5..=4.5).contains(m)));
    }

    #[test]
    fn mean_productivity_is_the_branching_ratio() {
        let process = SelfExciting::default();
        let mut random = Random::new(2, Purpose::Earthquakes, 0, 0);
        let n = 400_000;
        let sum: f64 = (0..n).map(|_| process.productivity(process.magnitude(&mut random))).sum();
        assert!(
            (sum / f64::from(n) - process.branching_ratio).abs() < 0.02,
            "{}",
            sum / f64::from(n)
        );
    }

    #[test]
    fn earthquakes_cluster_and_the_rest_does_not() {
        let (start, events) = long_catalogue(&SelfExciting::default());
        assert!(events.windows(2).all(|pair| pair[0].time <= pair[1].time));
        let counts = |kind: Kind| {
            let mut counts = vec![0.0; 60 * 24];
            for event in events.iter().filter(|event| event.kind == kind) {
                counts[hours(event.time, start) as usize] += 1.0;
            }
            counts
        };
        let fano = |counts: &[f64]| {
            let mean = counts.iter().sum::<f64>() / counts.len() as f64;
            counts.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / counts.len() as f64 / mean
        };
        assert!(fano(&counts(Kind::Earthquake)) > 1.8, "{}", fano(&counts(Kind::Earthquake)));
        assert!((0.8..1.25).contains(&fano(&counts(Kind::Surface))));
        for event in events.iter().filter(|event| event.kind == Kind::Explosion) {
            assert!(working_hours(event.time));
        }
    }

    #[test]
    fn without_excitation_only_the_background_remains() {
        let quiet =
            SelfExciting { branching_ratio: 0.0, unrest_response: 0.0, ..Default::default() };
        let (_, events) = long_catalogue(&quiet);
        let count = events.iter().filter(|event| event.kind == Kind::Earthquake).count() as f64;
        let expected = 24.0 * 60.0;
        assert!((count - expected).abs() < 4.0 * f64::sqrt(expected), "{count}");
    }

    #[test]
    fn keys_are_distinct() {
        let (_, events) = long_catalogue(&SelfExciting::default());
        let keys: std::collections::BTreeSet<u64> = events.iter().map(|event| event.key).collect();
        assert_eq!(keys.len(), events.len());
    }
}
