//! The ground between events: microseism, cultural noise, instrument floor and tremor.

use std::f64::consts::TAU;

use super::level::{self, Levels};
use super::network::{COUNTS_PER_METRE_PER_SECOND, Station, VENT};
use super::random::{Purpose, Random};
use crate::time::{SECOND, UtcTime};

/// Typical velocities in m/s (root mean square) of the parts.
const MICROSEISM: f64 = 8.0e-7;
const CULTURE: f64 = 6.0e-8;
const FLOOR: f64 = 1.0e-8;
/// Tremor at 5 km from the vent.
const TREMOR: f64 = 3.0e-7;

/// A band-pass section: two poles, two zeros.
#[derive(Clone)]
struct Band {
    b0: f64,
    a1: f64,
    a2: f64,
    s1: f64,
    s2: f64,
}

impl Band {
    /// Centre in Hz, quality factor, rate in Hz (bilinear transform of `s/Q / (s² + s/Q + 1)`).
    fn new(centre: f64, quality: f64, rate: f64) -> Self {
        let w = TAU * centre / rate;
        let alpha = w.sin() / (2.0 * quality);
        let a0 = 1.0 + alpha;
        let (a1, a2) = (-2.0 * w.cos() / a0, (1.0 - alpha) / a0);
        Self { b0: alpha / a0, a1, a2, s1: 0.0, s2: 0.0 }
    }

    #[inline]
    fn next(&mut self, x: f64) -> f64 {
        let y = self.b0 * x + self.s1;
        self.s1 = self.s2 - self.a1 * y;
        self.s2 = -self.b0 * x - self.a2 * y;
        y
    }
}

/// Two sections in a row, scaled so that white noise of standard deviation 1 leaves them with
/// standard deviation 1.
struct Colour {
    sections: [Band; 2],
    gain: f64,
}

impl Colour {
    /// Centre in Hz and quality factor of the two sections.
    fn new(sections: [(f64, f64); 2], rate: f64) -> Self {
        let slowest = sections.iter().map(|(centre, quality)| quality / centre).fold(0.0, f64::max);
        let length = (slowest * rate * 30.0) as usize + 100;
        let sections = sections.map(|(centre, quality)| Band::new(centre, quality, rate));
        // The energy of the impulse response is the variance of filtered white noise.
        let mut probe = Self { sections: sections.clone(), gain: 1.0 };
        let energy: f64 =
            (0..length).map(|n| probe.next(if n == 0 { 1.0 } else { 0.0 }).powi(2)).sum();
        Self { sections, gain: 1.0 / energy.sqrt() }
    }

    #[inline]
    fn next(&mut self, x: f64) -> f64 {
        let [first, second] = &mut self.sections;
        self.gain * second.next(first.next(x))
    }
}

/// The background of one channel at one station.
pub(super) struct Background<'a> {
    pub(super) seed: u64,
    pub(super) levels: &'a Levels,
    pub(super) station: &'a Station,
    /// Number of the channel in the whole network; keys its random numbers.
    pub(super) channel: u64,
    /// Hz.
    pub(super) rate: u32,
    /// Factor on the tremor; 0 for none.
    pub(super) tremor: f64,
}

/// Filters start this many minutes early: the slowest forgets its start within a few minutes.
const WARM_UP_MINUTES: i64 = 5;

impl Background<'_> {
    /// Ground velocity in counts from `start` (a full minute), `out.len()` samples. What a sample
    /// is depends on its time only, not on where the stretch begins or ends (but for what the
    /// filters remember after the warm-up, far below one count).
    pub(super) fn fill(&self, start: UtcTime, out: &mut [f32]) {
        let rate = f64::from(self.rate);
        let minute_samples = self.rate as usize * 60;
        let mut sea = Colour::new([(0.18, 1.2), (0.24, 1.2)], rate);
        let mut town = Colour::new([(4.0, 0.5), (9.0, 0.5)], rate);
        let mut low_hum = Colour::new([(1.7, 1.6), (1.7, 1.0)], rate);
        let mut high_hum = Colour::new([(3.1, 2.2), (3.0, 1.0)], rate);
        let tremor_distance = self.station.place.distance(&VENT);
        // Body-wave spreading and attenuation at 2 Hz with Q = 60 from 5 km on.
        let spread = 5.0 / tremor_distance
            * (-TAU / 2.0 * 2.0 * (tremor_distance - 5.0) / (60.0 * 3.0)).exp();
        let scale = COUNTS_PER_METRE_PER_SECOND * self.station.site;
        let levels_at = |time: UtcTime| {
            [
                scale * MICROSEISM * self.levels.sea.at(time).exp(),
                scale * CULTURE * self.station.culture * level::culture(time),
                scale * TREMOR * self.tremor * spread * self.levels.tremor.at(time).exp(),
            ]
        };
        let first_minute = start.0.div_euclid(60 * SECOND) - WARM_UP_MINUTES;
        let minutes = WARM_UP_MINUTES as usize + out.len().div_ceil(minute_samples);
        for minute in 0..minutes {
            let number = first_minute + minute as i64;
            let begin = UtcTime(number * 60 * SECOND);
            let mut random =
                Random::new(self.seed, Purpose::Background, self.channel, number as u64);
            let (from, to) = (levels_at(begin), levels_at(begin.plus(60 * SECOND)));
            for index in 0..minute_samples {
                let part = index as f64 / minute_samples as f64;
                let now = |k: usize| from[k] + (to[k] - from[k]) * part;
                let swell = sea.next(random.normal());
                let traffic = town.next(random.normal());
                let shaking = random.normal();
                let hum = 0.8 * low_hum.next(shaking) - 0.6 * high_hum.next(shaking);
                let hiss = random.normal() * FLOOR * scale;
                let Some(at) = (minute * minute_samples + index)
                    .checked_sub(WARM_UP_MINUTES as usize * minute_samples)
                else {
                    continue;
                };
                let Some(sample) = out.get_mut(at) else { return };
                *sample = (now(0) * swell + now(1) * traffic + now(2) * hum + hiss) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::network::stations;

    fn background<'a>(levels: &'a Levels, station: &'a Station, tremor: f64) -> Background<'a> {
        Background { seed: 9, levels, station, channel: 0, rate: 20, tremor }
    }

    #[test]
    fn a_stretch_does_not_depend_on_where_it_begins() {
        let start: UtcTime = "2024-01-01".parse().unwrap();
        let levels = Levels::new(9, start, 1);
        let station = &stations(9, 1)[0];
        let source = background(&levels, station, 1.0);
        let mut whole = vec![0.0; 20 * 60 * 30];
        source.fill(start, &mut whole);
        let mut late = vec![0.0; 20 * 60 * 10];
        source.fill(start.plus(20 * 60 * SECOND), &mut late);
        for (a, b) in whole[20 * 60 * 20..].iter().zip(&late) {
            assert!((a - b).abs() < 0.05, "{a} {b}");
        }
    }

    #[test]
    fn spectrum_peaks_at_the_microseism_and_at_the_tremor() {
        let start: UtcTime = "2024-01-01".parse().unwrap();
        let levels = Levels::new(9, start, 1);
        let mut station = stations(9, 1)[0].clone();
        station.place = crate::synth::network::Place { east: 5.0, north: 0.0, depth: 0.0 };
        let mut samples = vec![0.0; 20 * 60 * 60];
        background(&levels, &station, 1.0).fill(start, &mut samples);
        // Power at single frequencies by direct sums over half-minutes.
        let power = |hz: f64| -> f64 {
            samples
                .chunks_exact(600)
                .map(|chunk| {
                    let (mut re, mut im) = (0.0, 0.0);
                    for (n, &x) in chunk.iter().enumerate() {
                        let (sin, cos) = (TAU * hz * n as f64 / 20.0).sin_cos();
                        let hann = 0.5 - 0.5 * (TAU * n as f64 / 600.0).cos();
                        re += f64::from(x) * hann * cos;
                        im += f64::from(x) * hann * sin;
                    }
                    re * re + im * im
                })
                .sum()
        };
        assert!(power(0.2) > 20.0 * power(0.6), "microseism {} {}", power(0.2), power(0.6));
        assert!(power(1.7) > 3.0 * power(0.8), "tremor {} {}", power(1.7), power(0.8));
        assert!(power(1.7) > 10.0 * power(7.0));
    }
}
