//! Distances and directions on the Earth.

/// The shortest way between two points on the WGS84 ellipsoid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geodesic {
    /// Metres.
    pub distance: f64,
    /// Direction at the first point towards the second, degrees from north, 0 to 360.
    pub azimuth: f64,
    /// Direction at the second point towards the first.
    pub back_azimuth: f64,
}

/// Between points given as latitude and longitude in degrees (Vincenty 1975, Survey Review 23,
/// 88-93, inverse formula). `None` for points outside the Earth's coordinates or so nearly opposite
/// that the formula does not converge.
pub fn geodesic(from: (f64, f64), to: (f64, f64)) -> Option<Geodesic> {
    const AXIS: f64 = 6_378_137.0;
    const FLATTENING: f64 = 1.0 / 298.257_223_563;
    let on_earth = |(latitude, longitude): (f64, f64)| {
        (-90.0..=90.0).contains(&latitude) && (-360.0..=360.0).contains(&longitude)
    };
    if !on_earth(from) || !on_earth(to) {
        return None;
    }
    let reduced = |latitude: f64| ((1.0 - FLATTENING) * latitude.to_radians().tan()).atan();
    let ((sin1, cos1), (sin2, cos2)) = (reduced(from.0).sin_cos(), reduced(to.0).sin_cos());
    let apart = (to.1 - from.1).to_radians();
    let mut lambda = apart;
    for _ in 0..200 {
        let (sin_l, cos_l) = lambda.sin_cos();
        let across = (cos2 * sin_l).hypot(cos1 * sin2 - sin1 * cos2 * cos_l);
        if across == 0.0 {
            return Some(Geodesic { distance: 0.0, azimuth: 0.0, back_azimuth: 0.0 });
        }
        let along = sin1 * sin2 + cos1 * cos2 * cos_l;
        let angle = across.atan2(along);
        let sin_alpha = cos1 * cos2 * sin_l / across;
        let cos2_alpha = 1.0 - sin_alpha * sin_alpha;
        // On the equator every point is the middle.
        let middle = if cos2_alpha < 1e-15 { 0.0 } else { along - 2.0 * sin1 * sin2 / cos2_alpha };
        let c = FLATTENING / 16.0 * cos2_alpha * (4.0 + FLATTENING * (4.0 - 3.0 * cos2_alpha));
        let turn = middle + c * along * (2.0 * middle * middle - 1.0);
        let next = apart + (1.0 - c) * FLATTENING * sin_alpha * (angle + c * across * turn);
        let change = (next - lambda).abs();
        lambda = next;
        if change < 1e-13 {
            let axis2 = (1.0 - FLATTENING) * AXIS;
            let u2 = cos2_alpha * (AXIS * AXIS - axis2 * axis2) / (axis2 * axis2);
            let a = 1.0 + u2 / 16384.0 * (4096.0 + u2 * (-768.0 + u2 * (320.0 - 175.0 * u2)));
            let b = u2 / 1024.0 * (256.0 + u2 * (-128.0 + u2 * (74.0 - 47.0 * u2)));
            let inner = along * (2.0 * middle * middle - 1.0)
                - b / 6.0 * middle * (4.0 * across * across - 3.0) * (4.0 * middle * middle - 3.0);
            let short = b * across * (middle + b / 4.0 * inner);
            let (sin_l, cos_l) = lambda.sin_cos();
            let azimuth = (cos2 * sin_l).atan2(cos1 * sin2 - sin1 * cos2 * cos_l);
            let onward = (cos1 * sin_l).atan2(cos1 * sin2 * cos_l - sin1 * cos2);
            return Some(Geodesic {
                distance: axis2 * a * (angle - short),
                azimuth: azimuth.to_degrees().rem_euclid(360.0),
                back_azimuth: (onward.to_degrees() + 180.0).rem_euclid(360.0),
            });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_equal_those_of_obspy() {
        // `obspy.geodetics.gps2dist_azimuth`, 1.5.1.
        for (from, to, distance, azimuth, back_azimuth) in [
            (
                (10.0, 20.0),
                (-35.0, 140.0),
                13_371_683.917_302_126,
                124.800_874_013_977_34,
                260.473_854_638_777_8,
            ),
            (
                (37.0, -122.0),
                (37.01, -121.9),
                8_969.503_826_751_681,
                82.862_611_659_066_6,
                262.922_800_140_576_6,
            ),
            (
                (64.9, -148.0),
                (69.56, -145.29),
                532_602.090_610_723_1,
                11.452_055_444_968_77,
                193.952_992_336_033_84,
            ),
            (
                (-41.3, 174.8),
                (36.0, 140.0),
                9_266_888.544_648_038,
                332.199_014_740_018_47,
                154.326_767_672_048_48,
            ),
            // A quarter of the equator, exactly; ObsPy is 1.3 mm short of it.
            ((0.0, 0.0), (0.0, 90.0), 10_018_754.171_394_62, 90.0, 270.0),
        ] {
            let way = geodesic(from, to).unwrap();
            assert!((way.distance - distance).abs() < 1e-3, "{way:?}");
            assert!((way.azimuth - azimuth).abs() < 1e-9, "{way:?}");
            assert!((way.back_azimuth - back_azimuth).abs() < 1e-9, "{way:?}");
        }
        assert_eq!(geodesic((5.0, 5.0), (5.0, 5.0)).unwrap().distance, 0.0);
        assert!(geodesic((95.0, 5.0), (5.0, 5.0)).is_none());
        assert!(geodesic((f64::NAN, 5.0), (5.0, 5.0)).is_none());
        // Nearly opposite: no way, or one of half the Earth.
        assert!(geodesic((0.0, 0.0), (0.5, 179.5)).is_none_or(|w| w.distance > 1.9e7));
    }
}
