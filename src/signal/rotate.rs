//! Rotation of components.

use crate::error::{Error, Result};

/// Radial and transverse from north and east, for a back azimuth in degrees: radial points away
/// from the source (`rotate_ne_rt` of ObsPy).
pub fn rotate_ne_rt(north: &[f64], east: &[f64], back_azimuth: f64) -> [Vec<f64>; 2] {
    let (sin, cos) = back_azimuth.to_radians().sin_cos();
    mix2(north, east, [[-cos, -sin], [sin, -cos]])
}

/// North and east from radial and transverse: the inverse of [`rotate_ne_rt`].
pub fn rotate_rt_ne(radial: &[f64], transverse: &[f64], back_azimuth: f64) -> [Vec<f64>; 2] {
    let (sin, cos) = back_azimuth.to_radians().sin_cos();
    mix2(radial, transverse, [[-cos, sin], [-sin, -cos]])
}

/// Three numbers each for three components.
pub type Matrix = [[f64; 3]; 3];

/// The matrix from Z, N, E to L (along the ray), Q, T, for the back azimuth and the inclination of
/// the ray in degrees (`rotate_zne_lqt` of ObsPy; Plešinger et al. 1986, J. Geophys. 59).
pub fn lqt_matrix(back_azimuth: f64, incidence: f64) -> Matrix {
    let (sin_b, cos_b) = back_azimuth.to_radians().sin_cos();
    let (sin_i, cos_i) = incidence.to_radians().sin_cos();
    [
        [cos_i, -sin_i * cos_b, -sin_i * sin_b],
        [sin_i, cos_i * cos_b, cos_i * sin_b],
        [0.0, sin_b, -cos_b],
    ]
}

/// The matrix from three components to Z, N, E, for their azimuth (degrees from north) and dip
/// (degrees down from horizontal; SEED manual). They need not be at right angles (`rotate2zne` of
/// ObsPy).
///
/// # Errors
/// `Usage` if the directions do not span space.
pub fn zne_matrix(azimuth_and_dip: [(f64, f64); 3]) -> Result<Matrix> {
    let rows = azimuth_and_dip.map(|(azimuth, dip)| {
        let (sin_d, cos_d) = dip.to_radians().sin_cos();
        let (sin_a, cos_a) = azimuth.to_radians().sin_cos();
        [-sin_d, cos_a * cos_d, sin_a * cos_d]
    });
    inverse(rows).ok_or_else(|| {
        let found: Vec<String> =
            azimuth_and_dip.iter().map(|(a, d)| format!("azimuth {a}° dip {d}°")).collect();
        Error::usage(format!("the directions {} do not span space", found.join(", ")))
    })
}

/// The inverse, if the determinant is a number not below 10⁻⁶.
pub fn inverse(m: Matrix) -> Option<Matrix> {
    let minor = |r: usize, c: usize| {
        let ([r1, r2], [c1, c2]) = ([(r + 1) % 3, (r + 2) % 3], [(c + 1) % 3, (c + 2) % 3]);
        m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
    };
    let determinant: f64 = (0..3).map(|c| m[0][c] * minor(0, c)).sum();
    if !determinant.is_finite() || determinant.abs() <= 1e-6 {
        return None;
    }
    let row = |r: usize| std::array::from_fn(|c| minor(c, r) / determinant);
    Some(std::array::from_fn(row))
}

/// Applies a matrix to three components, sample by sample up to the shortest.
pub fn rotate(components: [&[f64]; 3], matrix: &Matrix) -> [Vec<f64>; 3] {
    let [a, b, c] = components;
    matrix
        .map(|[x, y, z]| a.iter().zip(b).zip(c).map(|((a, b), c)| x * a + y * b + z * c).collect())
}

fn mix2(a: &[f64], b: &[f64], matrix: [[f64; 2]; 2]) -> [Vec<f64>; 2] {
    matrix.map(|[x, y]| a.iter().zip(b).map(|(a, b)| x * a + y * b).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(a: &[f64], b: &[f64]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9)
    }

    proptest! {
        #[test]
        fn rotations_are_undone_by_their_inverses(
            samples in prop::collection::vec((-1e3..1e3f64, -1e3..1e3f64, -1e3..1e3f64), 0..20),
            back_azimuth in 0.0..360.0f64,
            incidence in 0.0..180.0f64,
        ) {
            let part = |f: fn(&(f64, f64, f64)) -> f64| -> Vec<f64> {
                samples.iter().map(f).collect()
            };
            let (z, n, e) = (part(|s| s.0), part(|s| s.1), part(|s| s.2));
            let [r, t] = rotate_ne_rt(&n, &e, back_azimuth);
            let [n2, e2] = rotate_rt_ne(&r, &t, back_azimuth);
            prop_assert!(close(&n, &n2) && close(&e, &e2));
            let matrix = lqt_matrix(back_azimuth, incidence);
            let [l, q, t] = rotate([&z, &n, &e], &matrix);
            let back = rotate([&l, &q, &t], &inverse(matrix).unwrap());
            prop_assert!(close(&z, &back[0]) && close(&n, &back[1]) && close(&e, &back[2]));
        }
    }

    #[test]
    fn directions_in_a_plane_are_refused() {
        assert!(zne_matrix([(0.0, 0.0), (90.0, 0.0), (45.0, 0.0)]).is_err());
        assert!(zne_matrix([(f64::NAN, 0.0), (90.0, 0.0), (0.0, -90.0)]).is_err());
        let [z, n, e] = rotate(
            [&[1.0], &[2.0], &[3.0]],
            &zne_matrix([(0.0, -90.0), (0.0, 0.0), (90.0, 0.0)]).unwrap(),
        );
        assert!(close(&[z[0], n[0], e[0]], &[1.0, 2.0, 3.0]));
    }
}
