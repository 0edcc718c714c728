//! Ground motion of one event at one station: noise shaped by an envelope in time and by the
//! spectrum of source, path and site (the stochastic method of Boore 1983).

use std::f64::consts::{PI, TAU};
use std::sync::Arc;

use realfft::num_complex::Complex64;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::network::{COUNTS_PER_METRE_PER_SECOND, P_SPEED, S_SPEED, SURFACE_SPEED, Station};
use super::random::{Purpose, Random};
use super::seismicity::{Event, Kind};
use crate::time::{SECOND, UtcTime};

/// Density of rock in kg/m³.
const DENSITY: f64 = 2700.0;
/// Stress drop in Pa.
const STRESS_DROP: f64 = 3.0e6;
/// Attenuation in the uppermost hundred metres, in s (Anderson and Hough 1984).
const KAPPA: f64 = 0.025;

/// One of the waves an event sends out.
struct Wave {
    /// Seconds from origin to arrival.
    travel: f64,
    /// Low-frequency level of the displacement spectrum in m·s.
    level: f64,
    /// Corner frequency in Hz.
    corner: f64,
    /// Travel time over Q, plus the site's, in s.
    attenuation: f64,
    /// Seconds from onset to the peak of the envelope, and of its decay to 1/e after it.
    rise: f64,
    decay: f64,
    /// Share on the vertical and on each horizontal.
    shares: (f64, f64),
    /// A surface wave: its spectrum is a bump around this many Hz.
    bump: Option<f64>,
}

impl Wave {
    /// Velocity spectrum in m (that is, m/s per Hz) at `f` Hz, with its causal phase: the Brune
    /// (1970) pulse is `t exp(-2π fc t)`, whose transform is `1 / (1 + i f/fc)²`.
    fn spectrum(&self, f: f64) -> Complex64 {
        let pole = Complex64::new(1.0, f / self.corner);
        let mut value = Complex64::new(0.0, TAU * f * self.level) / (pole * pole);
        if let Some(centre) = self.bump {
            value *= (-((f.max(1e-3) / centre).ln() / 0.6).powi(2) / 2.0).exp();
        }
        value * (-PI * f * self.attenuation).exp()
    }

    /// Relative amplitude `t` seconds after the onset.
    fn envelope(&self, t: f64) -> f64 {
        if t < self.rise { (t / self.rise).max(0.0) } else { (-(t - self.rise) / self.decay).exp() }
    }

    /// Seconds after which nothing is left to see (seven decays: a thousandth).
    fn duration(&self) -> f64 {
        self.rise + 7.0 * self.decay
    }
}

/// Seismic moment in N·m (Hanks and Kanamori 1979).
pub(super) fn moment(magnitude: f64) -> f64 {
    10f64.powf(1.5 * magnitude + 9.1)
}

/// Corner frequency in Hz of an S wave (Brune 1970, in SI units).
pub(super) fn corner_frequency(magnitude: f64, stress_drop: f64) -> f64 {
    0.49 * S_SPEED * 1e3 * (stress_drop / moment(magnitude)).cbrt()
}

/// Far-field displacement level in m·s at `distance` km for waves of `speed` km/s: radiation
/// pattern × free surface × M0 / (4π ρ v³ r).
fn far_field(magnitude: f64, speed: f64, radiation: f64, distance: f64) -> f64 {
    let v = speed * 1e3;
    radiation * 2.0 * moment(magnitude) / (4.0 * PI * DENSITY * v.powi(3) * distance * 1e3)
}

fn waves(event: &Event, station: &Station, random: &mut Random) -> Vec<Wave> {
    let r = event.place.distance(&station.place);
    let m = event.magnitude;
    let body = |speed: f64, q: f64| r / speed / q + KAPPA;
    match event.kind {
        Kind::Earthquake => {
            let stress = STRESS_DROP * (0.6 * random.normal()).exp();
            let corner = corner_frequency(m, stress);
            // The pattern of radiation favours P at some azimuths and S at others.
            let (p, s) =
                (0.52 * (0.35 * random.normal()).exp(), 0.63 * (0.25 * random.normal()).exp());
            vec![
                Wave {
                    travel: r / P_SPEED,
                    level: far_field(m, P_SPEED, p, r),
                    corner: 1.5 * corner,
                    attenuation: body(P_SPEED, 150.0),
                    rise: 0.03 + 0.5 / corner,
                    decay: 0.5 + 0.03 * r + 0.2 * m.max(0.0),
                    shares: (0.85, 0.4),
                    bump: None,
                },
                Wave {
                    travel: r / S_SPEED,
                    level: far_field(m, S_SPEED, s, r),
                    corner,
                    attenuation: body(S_SPEED, 100.0),
                    rise: 0.05 + 0.5 / corner,
                    decay: 1.2 + 0.07 * r + 0.6 * m.max(0.0),
                    shares: (0.5, 0.75),
                    bump: None,
                },
            ]
        }
        Kind::Explosion => {
            // Shots are fired in rows, which lowers the corner and smears the onset a little.
            let corner = 0.45 * corner_frequency(m, STRESS_DROP * (0.5 * random.normal()).exp());
            let p = (0.3 * random.normal()).exp();
            let surface =
                far_field(m, S_SPEED, 0.7 * (0.4 * random.normal()).exp(), r.sqrt() * 2.0);
            vec![
                Wave {
                    travel: r / P_SPEED,
                    level: far_field(m, P_SPEED, p, r),
                    corner,
                    attenuation: body(P_SPEED, 150.0),
                    rise: 0.08 + 0.5 / corner,
                    decay: 1.0 + 0.05 * r,
                    shares: (0.9, 0.35),
                    bump: None,
                },
                Wave {
                    travel: r / S_SPEED,
                    level: far_field(m, S_SPEED, 0.09 * (0.5 * random.normal()).exp(), r),
                    corner,
                    attenuation: body(S_SPEED, 100.0),
                    rise: 0.3,
                    decay: 1.5 + 0.06 * r,
                    shares: (0.5, 0.7),
                    bump: None,
                },
                Wave {
                    travel: r / SURFACE_SPEED,
                    level: surface,
                    corner,
                    attenuation: r / SURFACE_SPEED / 40.0,
                    rise: 0.08 * r,
                    decay: 0.8 + 0.12 * r,
                    shares: (0.8, 0.7),
                    bump: Some(0.9 * (0.2 * random.normal()).exp()),
                },
            ]
        }
        Kind::Surface => {
            let lasting = 18.0 * (0.4 * random.normal()).exp() + 4.0 * (m - 1.6);
            vec![Wave {
                travel: r / S_SPEED,
                level: far_field(m, S_SPEED, 0.6, r),
                corner: 1.6 * (0.25 * random.normal()).exp(),
                attenuation: body(S_SPEED, 80.0),
                rise: lasting * random.between(0.3, 0.5),
                decay: lasting * random.between(0.25, 0.4),
                shares: (0.7, 0.65),
                bump: None,
            }]
        }
    }
}

/// A stretch of ground velocity in counts, to be added where it belongs.
pub(super) struct Packet {
    /// Number of the first sample since 1970 at the rate of the channel.
    pub(super) first: i64,
    pub(super) samples: Vec<f32>,
}

/// Makes packets; keeps the plans of the transforms.
pub(super) struct PacketMaker {
    planner: RealFftPlanner<f64>,
    seed: u64,
    rate: u32,
}

impl PacketMaker {
    pub(super) fn new(seed: u64, rate: u32) -> Self {
        Self { planner: RealFftPlanner::new(), seed, rate }
    }

    /// All waves of `event` at `station` on `component` (`Z`, `N` or `E`). Depends on nothing but
    /// the seed and these, so both sides of a midnight agree.
    pub(super) fn packets(
        &mut self,
        event: &Event,
        station: &Station,
        station_number: u64,
        component: char,
    ) -> Vec<Packet> {
        // The pattern of the source is the same on all components of a station.
        let mut source = Random::new(self.seed, Purpose::Packet, event.key, station_number << 8);
        let waves = waves(event, station, &mut source);
        let mut random = Random::new(
            self.seed,
            Purpose::Packet,
            event.key,
            (station_number << 8) | u64::from(component as u8),
        );
        waves
            .iter()
            .map(|wave| {
                let share = if component == 'Z' { wave.shares.0 } else { wave.shares.1 };
                self.packet(
                    wave,
                    event.time,
                    share * station.site * COUNTS_PER_METRE_PER_SECOND,
                    &mut random,
                )
            })
            .collect()
    }

    fn packet(&mut self, wave: &Wave, origin: UtcTime, scale: f64, random: &mut Random) -> Packet {
        let rate = f64::from(self.rate);
        let arrival = origin.plus((wave.travel * SECOND as f64) as i64);
        let exact = i128::from(arrival.0) * i128::from(self.rate);
        let first = exact.div_euclid(i128::from(SECOND)) as i64 + 1;
        // How long after the arrival the first sample is taken.
        let late = (i128::from(first) * i128::from(SECOND) - exact) as f64 / (SECOND as f64 * rate);

        let length = (wave.duration() * rate).ceil().clamp(16.0, 131_072.0) as usize;
        // Room after the end takes what little the zero-phase attenuation sends before the onset.
        let padded = (length + length / 8 + 64).next_power_of_two();
        let forward: Arc<dyn RealToComplex<f64>> = self.planner.plan_fft_forward(padded);
        let inverse: Arc<dyn ComplexToReal<f64>> = self.planner.plan_fft_inverse(padded);

        let mut series = forward.make_input_vec();
        for (n, value) in series[..length].iter_mut().enumerate() {
            *value = random.normal() * wave.envelope(n as f64 / rate + late);
        }
        let energy: f64 = series.iter().map(|x| x * x).sum();
        let mut spectrum = forward.make_output_vec();
        if forward.process(&mut series, &mut spectrum).is_err() {
            return Packet { first, samples: Vec::new() }; // lengths come from the plan itself
        }
        // Shaped noise of unit energy has a mean squared transform of 1 (Parseval).
        let gain = scale * rate / energy.sqrt().max(f64::MIN_POSITIVE) / padded as f64;
        for (k, value) in spectrum.iter_mut().enumerate() {
            *value *= wave.spectrum(k as f64 * rate / padded as f64) * gain;
        }
        if let Some(value) = spectrum.last_mut() {
            value.im = 0.0; // at half the rate a real series has a real transform
        }
        if inverse.process(&mut spectrum, &mut series).is_err() {
            return Packet { first, samples: Vec::new() };
        }
        Packet { first, samples: series[..length].iter().map(|&x| x as f32).collect() }
    }
}

/// Arrival times by phase name, for the list of true arrivals.
pub(super) fn arrivals(event: &Event, station: &Station) -> Vec<(&'static str, UtcTime)> {
    let r = event.place.distance(&station.place);
    let at = |speed: f64| event.time.plus((r / speed * SECOND as f64) as i64);
    match event.kind {
        Kind::Earthquake | Kind::Explosion => vec![("P", at(P_SPEED)), ("S", at(S_SPEED))],
        Kind::Surface => vec![("emergent", at(S_SPEED))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::network::{Place, stations};

    fn event(kind: Kind, magnitude: f64) -> Event {
        let place = Place { east: 0.0, north: 10.0, depth: 8.0 };
        Event { kind, time: UtcTime(1_700_000_000 * SECOND), place, magnitude, key: 77 }
    }

    fn rms(samples: &[f32]) -> f64 {
        (samples.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / samples.len() as f64).sqrt()
    }

    #[test]
    fn p_and_s_arrive_after_distance_over_speed() {
        let station = &stations(1, 1)[0];
        let event = event(Kind::Earthquake, 2.0);
        let packets = PacketMaker::new(1, 100).packets(&event, station, 0, 'Z');
        let r = event.place.distance(&station.place);
        for (packet, speed) in packets.iter().zip([P_SPEED, S_SPEED]) {
            let seconds = packet.first as f64 / 100.0 - 1_700_000_000.0;
            assert!((seconds - r / speed).abs() <= 0.01, "{seconds}");
            // Nothing before, something soon after: the onset is at the start of the packet.
            assert!(
                rms(&packet.samples[..50])
                    > 5.0 * rms(&packet.samples[packet.samples.len() - 50..])
            );
        }
        assert!(rms(&packets[1].samples) > rms(&packets[0].samples), "S is larger than P");
    }

    #[test]
    fn one_magnitude_is_a_known_step_in_amplitude_below_the_corner() {
        // Below the corner the spectrum follows the moment: a factor 10^1.5 for one magnitude.
        let spectrum = |m| {
            let station = &stations(1, 1)[0];
            waves(&event(Kind::Earthquake, m), station, &mut Random::new(1, Purpose::Packet, 0, 0))
                [1]
            .spectrum(0.5)
            .norm()
        };
        assert!((spectrum(2.0) / spectrum(1.0) - 10f64.powf(1.5)).abs() < 0.3);
        // Corner frequency falls by 10^0.5 a magnitude (self-similarity).
        let ratio = corner_frequency(1.0, STRESS_DROP) / corner_frequency(2.0, STRESS_DROP);
        assert!((ratio - 10f64.sqrt()).abs() < 1e-9);
        assert!((corner_frequency(3.0, STRESS_DROP) - 6.57).abs() < 0.05);
    }

    #[test]
    fn packets_carry_the_energy_of_their_spectrum() {
        let wave = Wave {
            travel: 0.0,
            level: 1e-9,
            corner: 4.0,
            attenuation: 0.02,
            rise: 0.2,
            decay: 2.0,
            shares: (1.0, 1.0),
            bump: None,
        };
        let mut maker = PacketMaker::new(1, 100);
        let mut random = Random::new(1, Purpose::Packet, 5, 5);
        let mean: f64 = (0..50)
            .map(|_| {
                let packet = maker.packet(&wave, UtcTime(0), 1.0, &mut random);
                packet.samples.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / 100.0 / 50.0
            })
            .sum();
        let step = 0.01;
        let expected: f64 =
            (0..5000).map(|k| 2.0 * wave.spectrum(f64::from(k) * step).norm_sqr() * step).sum();
        assert!((mean / expected - 1.0).abs() < 0.15, "{mean} {expected}");
    }

    #[test]
    fn surface_events_last_longer_than_earthquakes() {
        let station = &stations(1, 1)[0];
        let mut maker = PacketMaker::new(1, 50);
        let mut length = |kind| maker.packets(&event(kind, 2.0), station, 0, 'Z')[0].samples.len();
        assert!(length(Kind::Surface) > 3 * length(Kind::Earthquake));
    }
}
