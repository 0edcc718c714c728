//! Kilometres east and north of a point, for networks small beside the Earth.

/// A plane that touches the WGS84 ellipsoid at a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalFrame {
    latitude: f64,
    longitude: f64,
    /// Kilometres a degree to the east and to the north.
    scale: [f64; 2],
}

const AXIS_KM: f64 = 6378.137;
const ECCENTRICITY2: f64 = 6.694_379_990_141_3e-3;

impl LocalFrame {
    /// The plane at a point given in degrees.
    pub fn at(latitude: f64, longitude: f64) -> Self {
        let sine = latitude.to_radians().sin();
        let bend = 1.0 - ECCENTRICITY2 * sine * sine;
        let across = AXIS_KM / bend.sqrt();
        let along = AXIS_KM * (1.0 - ECCENTRICITY2) / bend.powf(1.5);
        // At the poles any number serves; no station is there.
        let east = (across * latitude.to_radians().cos()).max(1e-6).to_radians();
        Self { latitude, longitude, scale: [east, along.to_radians()] }
    }

    /// Kilometres east and north of a point given in degrees.
    pub fn kilometres(&self, latitude: f64, longitude: f64) -> [f64; 2] {
        let around = (longitude - self.longitude + 540.0).rem_euclid(360.0) - 180.0;
        [around * self.scale[0], (latitude - self.latitude) * self.scale[1]]
    }

    /// Latitude and longitude of a place given in kilometres.
    pub fn degrees(&self, east: f64, north: f64) -> (f64, f64) {
        let longitude = self.longitude + east / self.scale[0];
        (self.latitude + north / self.scale[1], (longitude + 540.0).rem_euclid(360.0) - 180.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::geodesic;

    #[test]
    fn distances_near_the_point_are_those_on_the_ellipsoid_and_places_come_back() {
        let frame = LocalFrame::at(64.8, -16.9);
        let [east, north] = frame.kilometres(64.9, -17.1);
        let exact = geodesic((64.8, -16.9), (64.9, -17.1)).unwrap().distance / 1000.0;
        assert!((east.hypot(north) / exact - 1.0).abs() < 2e-3, "{east} {north} {exact}");
        let (latitude, longitude) = frame.degrees(east, north);
        assert!((latitude - 64.9).abs() < 1e-12 && (longitude + 17.1).abs() < 1e-12);
        let [across, _] = LocalFrame::at(0.0, 179.9).kilometres(0.0, -179.9);
        assert!((across - 22.26).abs() < 0.01, "{across}");
    }
}
