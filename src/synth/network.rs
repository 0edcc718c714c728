//! The made-up volcano: where it lies, where its stations stand, how waves travel.

use super::random::{Purpose, Random};

/// Speed of P waves in km/s.
pub const P_SPEED: f64 = 5.5;
/// Speed of S waves in km/s (Poisson's ratio 0.25).
pub const S_SPEED: f64 = P_SPEED / 1.732_050_807_568_877_2;
/// Speed of short-period surface waves in km/s.
pub const SURFACE_SPEED: f64 = 1.8;
/// Velocity to counts, in counts per m/s, as of a broadband sensor with a 24-bit digitiser.
pub const COUNTS_PER_METRE_PER_SECOND: f64 = 6.0e8;

/// The summit, in degrees north and east.
const SUMMIT: (f64, f64) = (-39.2, 175.5);
const KM_PER_DEGREE: f64 = 111.195;

/// A place in the local frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Kilometres east of the summit.
    pub east: f64,
    /// Kilometres north of the summit.
    pub north: f64,
    /// Kilometres below the surface.
    pub depth: f64,
}

impl Place {
    /// Straight-line distance in km, never below 0.3 km (no station stands in a source).
    pub fn distance(&self, other: &Self) -> f64 {
        let (e, n) = (self.east - other.east, self.north - other.north);
        let d = self.depth - other.depth;
        (e * e + n * n + d * d).sqrt().max(0.3)
    }

    /// Latitude and longitude in degrees.
    pub fn latitude_longitude(&self) -> (f64, f64) {
        let latitude = SUMMIT.0 + self.north / KM_PER_DEGREE;
        (latitude, SUMMIT.1 + self.east / (KM_PER_DEGREE * SUMMIT.0.to_radians().cos()))
    }
}

/// The vent, source of the tremor.
pub const VENT: Place = Place { east: 0.0, north: 0.0, depth: 0.8 };

/// A station.
#[derive(Clone, Debug, PartialEq)]
pub struct Station {
    /// Station code, `SYA`, `SYB`, …
    pub code: String,
    /// Where it stands.
    pub place: Place,
    /// How strong its cultural noise is: 1 is ordinary.
    pub culture: f64,
    /// Amplification by the ground below it.
    pub site: f64,
}

/// The stations, the nearest to the vent first; more of them leave the earlier ones unchanged.
pub(super) fn stations(seed: u64, count: usize) -> Vec<Station> {
    (0..count)
        .map(|index| {
            let mut random = Random::new(seed, Purpose::Stations, index as u64, 0);
            // The golden angle spreads any number of stations evenly around the summit.
            let azimuth = 2.399_963 * index as f64 + random.between(-0.4, 0.4);
            let distance = 3.0 + 4.0 * (index as f64).sqrt() + random.between(0.0, 2.0);
            Station {
                code: code(index),
                place: Place {
                    east: distance * azimuth.sin(),
                    north: distance * azimuth.cos(),
                    depth: 0.0,
                },
                culture: random.log_between(0.5, 2.0),
                site: random.log_between(0.7, 1.4),
            }
        })
        .collect()
}

/// `SYA` … `SYZ`, then `SYBA`, `SYBB`, …: the index in base 26.
fn code(index: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = index;
    loop {
        letters.push(char::from(b'A' + (rest % 26) as u8));
        rest /= 26;
        if rest == 0 {
            break;
        }
    }
    format!("SY{}", letters.iter().rev().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_fit_five_letters() {
        let codes: std::collections::BTreeSet<String> = (0..800).map(code).collect();
        assert_eq!(codes.len(), 800);
        assert!(codes.iter().all(|code| code.len() <= 5));
        assert_eq!(code(0), "SYA");
    }

    #[test]
    fn a_larger_network_keeps_its_first_stations() {
        assert_eq!(stations(7, 2), stations(7, 5)[..2]);
    }
}
