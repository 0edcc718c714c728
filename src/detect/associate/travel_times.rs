//! How long P and S take from a place below the ground to a station, in flat layers.

use crate::error::{Error, Result};

/// P or S.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub enum Wave {
    /// The first to arrive.
    P,
    /// The second.
    S,
}

impl Wave {
    /// The wave that a phase name begins with: `Pg` and `Pn` are P. `None` for others.
    pub fn of(phase: &str) -> Option<Self> {
        match phase.trim().as_bytes().first()?.to_ascii_uppercase() {
            b'P' => Some(Self::P),
            b'S' => Some(Self::S),
            _ => None,
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// A layer of the ground.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct VelocityLayer {
    /// Depth of its top below sea level, km; the first layer reaches up to the stations.
    pub top: f64,
    /// Speed of P, km/s.
    pub vp: f64,
    /// Speed of S, km/s.
    pub vs: f64,
}

/// Flat layers, the topmost first.
#[derive(Clone, Debug, PartialEq)]
pub struct VelocityModel {
    layers: Vec<VelocityLayer>,
}

impl VelocityModel {
    /// One speed of each wave everywhere.
    pub fn uniform(vp: f64, vs: f64) -> Result<Self> {
        Self::layered(vec![VelocityLayer { top: 0.0, vp, vs }])
    }

    /// # Errors
    /// No layer; tops that do not rise; speeds not above zero or beyond 20 km/s.
    pub fn layered(layers: Vec<VelocityLayer>) -> Result<Self> {
        let speed = |v: f64| v.is_finite() && (0.01..=20.0).contains(&v);
        let sane = layers.iter().all(|l| speed(l.vp) && speed(l.vs) && l.top.is_finite());
        let rising = layers.windows(2).all(|pair| pair[0].top < pair[1].top);
        if layers.is_empty() || !sane || !rising {
            return Err(Error::usage(
                "a velocity model needs layers with rising tops (km) and speeds from 0.01 to 20 km/s",
            ));
        }
        Ok(Self { layers })
    }

    /// The lowest speed, km/s: no change of place by 1 km changes a travel time by more than its
    /// inverse.
    pub fn slowest(&self, wave: Wave) -> f64 {
        self.layers.iter().map(|layer| speed(layer, wave)).fold(f64::INFINITY, f64::min)
    }

    /// Seconds of the first arrival over `distance` km between depths `from` and `to`, km below
    /// sea level: the direct ray, or a head wave below both (e.g. Lay and Wallace 1995, section
    /// 3.2).
    pub fn seconds(&self, wave: Wave, distance: f64, from: f64, to: f64) -> f64 {
        let (upper, lower) = (from.min(to), from.max(to));
        if let [only] = self.layers.as_slice() {
            return distance.hypot(lower - upper) / speed(only, wave);
        }
        let direct = self.direct(wave, distance, upper, lower);
        (0..self.layers.len())
            .filter_map(|n| self.head_wave(wave, distance, upper, lower, n))
            .fold(direct, f64::min)
    }

    /// Thickness and speed of what lies between two depths, topmost first.
    fn between(&self, wave: Wave, upper: f64, lower: f64) -> Vec<(f64, f64)> {
        let mut parts = Vec::new();
        for (n, layer) in self.layers.iter().enumerate() {
            let top = if n == 0 { f64::NEG_INFINITY } else { layer.top };
            let bottom = self.layers.get(n + 1).map_or(f64::INFINITY, |next| next.top);
            let thickness = lower.min(bottom) - upper.max(top);
            if thickness > 0.0 {
                parts.push((thickness, speed(layer, wave)));
            }
        }
        parts
    }

    fn direct(&self, wave: Wave, distance: f64, upper: f64, lower: f64) -> f64 {
        let parts = self.between(wave, upper, lower);
        let fastest = parts.iter().map(|part| part.1).fold(0.0, f64::max);
        if parts.is_empty() || fastest == 0.0 {
            return distance / self.speed_at(wave, upper);
        }
        // Horizontal reach and time of the ray with slowness `p`; the reach rises with it.
        let ray = |p: f64| {
            parts.iter().fold((0.0, 0.0), |(reach, time), &(h, v)| {
                let cosine = (1.0 - (p * v).powi(2)).max(1e-14).sqrt();
                (reach + h * p * v / cosine, time + h / (v * cosine))
            })
        };
        let (mut low, mut high) = (0.0, 1.0 / fastest);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if ray(middle).0 < distance { low = middle } else { high = middle }
        }
        let p = 0.5 * (low + high);
        let (reach, time) = ray(p);
        // What rounding leaves of the distance is travelled along the ray's slowness.
        time + p * (distance - reach)
    }

    /// Along the top of layer `n`, if that lies below both ends and is faster than all above.
    fn head_wave(
        &self,
        wave: Wave,
        distance: f64,
        upper: f64,
        lower: f64,
        n: usize,
    ) -> Option<f64> {
        let layer = self.layers.get(n).filter(|layer| n > 0 && layer.top >= lower)?;
        let along = speed(layer, wave);
        let (mut time, mut reach) = (distance / along, 0.0);
        for depth in [upper, lower] {
            for (h, v) in self.between(wave, depth, layer.top) {
                if v >= along {
                    return None;
                }
                let sine = v / along;
                let cosine = (1.0 - sine * sine).sqrt();
                time += h * cosine / v;
                reach += h * sine / cosine;
            }
        }
        (distance >= reach).then_some(time)
    }

    fn speed_at(&self, wave: Wave, depth: f64) -> f64 {
        let at = self.layers.iter().rev().find(|layer| layer.top <= depth);
        speed(at.unwrap_or(&self.layers[0]), wave)
    }
}

fn speed(layer: &VelocityLayer, wave: Wave) -> f64 {
    match wave {
        Wave::P => layer.vp,
        Wave::S => layer.vs,
    }
}

/// Travel times to one station from a grid of distances and depths, interpolated between.
pub(super) struct StationTimes {
    model: VelocityModel,
    /// Depth of the station, km below sea level.
    depth: f64,
    /// Of P and S, unless the model is uniform.
    tables: Option<[Vec<f64>; 2]>,
    distance_step: f64,
    top: f64,
    depth_step: f64,
}

const DISTANCES: usize = 400;
const DEPTHS: usize = 100;

impl StationTimes {
    /// For places no farther than `distance` km and from `depths[0]` to `depths[1]` km deep.
    pub fn new(model: &VelocityModel, depth: f64, distance: f64, depths: [f64; 2]) -> Self {
        let distance_step = distance.max(1.0) / (DISTANCES - 1) as f64;
        let depth_step = (depths[1] - depths[0]).max(0.1) / (DEPTHS - 1) as f64;
        let table = |wave| {
            let mut times = Vec::with_capacity(DISTANCES * DEPTHS);
            for row in 0..DEPTHS {
                let below = depths[0] + row as f64 * depth_step;
                let time = |n: usize| model.seconds(wave, n as f64 * distance_step, below, depth);
                times.extend((0..DISTANCES).map(time));
            }
            times
        };
        let tables = (model.layers.len() > 1).then(|| [table(Wave::P), table(Wave::S)]);
        Self { model: model.clone(), depth, tables, distance_step, top: depths[0], depth_step }
    }

    /// Seconds from `distance` km away and `below` km deep.
    pub fn seconds(&self, wave: Wave, distance: f64, below: f64) -> f64 {
        let Some(tables) = &self.tables else {
            return self.model.seconds(wave, distance, below, self.depth);
        };
        let place = |value: f64, last: usize| {
            let at = value.clamp(0.0, last as f64);
            let cell = (at as usize).min(last - 1);
            (cell, at - cell as f64)
        };
        let (column, across) = place(distance / self.distance_step, DISTANCES - 1);
        let (row, down) = place((below - self.top) / self.depth_step, DEPTHS - 1);
        let times = &tables[wave.index()];
        let at = |row: usize| {
            let left = times[row * DISTANCES + column];
            left + across * (times[row * DISTANCES + column + 1] - left)
        };
        at(row) + down * (at(row + 1) - at(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crust() -> VelocityModel {
        let layer = |top, vp: f64| VelocityLayer { top, vp, vs: vp / 1.75 };
        VelocityModel::layered(vec![layer(0.0, 4.0), layer(5.0, 6.0), layer(20.0, 8.0)]).unwrap()
    }

    #[test]
    fn direct_rays_and_head_waves_arrive_as_the_textbook_says() {
        let model = crust();
        // Straight up from 5 km, and from 10 km through two layers.
        assert!((model.seconds(Wave::P, 0.0, 5.0, 0.0) - 1.25).abs() < 1e-9);
        assert!((model.seconds(Wave::P, 0.0, 10.0, 0.0) - (1.25 + 5.0 / 6.0)).abs() < 1e-9);
        // Far away, along the deepest interface: x / 8 + Σ 2 h √(1/v² - 1/8²).
        let part = |h: f64, v: f64| 2.0 * h * (1.0 / (v * v) - 1.0 / 64.0f64).sqrt();
        let expected = 300.0 / 8.0 + part(5.0, 4.0) + part(15.0, 6.0);
        assert!((model.seconds(Wave::P, 300.0, 0.0, 0.0) - expected).abs() < 1e-9);
        assert_eq!(
            model.seconds(Wave::S, 40.0, 7.0, -1.0),
            model.seconds(Wave::S, 40.0, -1.0, 7.0)
        );
        let near = model.seconds(Wave::S, 30.0, 0.0, 0.0);
        assert!((near / model.seconds(Wave::P, 30.0, 0.0, 0.0) - 1.75).abs() < 1e-9);
    }

    #[test]
    fn nearby_places_differ_by_no_more_than_the_slowest_speed_allows_and_tables_agree() {
        let model = crust();
        let times = StationTimes::new(&model, -0.7, 120.0, [-1.0, 30.0]);
        for step in 0..200 {
            let (distance, depth) = (step as f64 * 0.57, (step % 29) as f64);
            let exact = model.seconds(Wave::P, distance, depth, -0.7);
            let moved = model.seconds(Wave::P, distance + 0.3, depth + 0.4, -0.7);
            assert!((moved - exact).abs() <= 0.5 / model.slowest(Wave::P) + 1e-9);
            assert!((times.seconds(Wave::P, distance, depth) - exact).abs() < 0.02, "{distance}");
        }
        assert!(VelocityModel::uniform(0.0, 1.0).is_err());
        assert!(VelocityModel::layered(Vec::new()).is_err());
    }
}
