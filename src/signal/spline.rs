//! Cubic splines through evenly spaced samples.

use crate::error::{Error, Result};

/// Second derivatives (times the squared interval) of the cubic spline through `samples` whose
/// third derivative is continuous across the second and the last but one sample ("not a knot",
/// as FITPACK's interpolating spline of degree 3).
fn curvatures(samples: &[f64]) -> Vec<f64> {
    let n = samples.len();
    let bend = |i: usize| 6.0 * (samples[i - 1] - 2.0 * samples[i] + samples[i + 1]);
    // With M0 = 2·M1 − M2 (and so at the end) the first and the last equation are 6·M1 = bend.
    let mut curvature = vec![0.0; n];
    curvature[1] = bend(1) / 6.0;
    curvature[n - 2] = bend(n - 2) / 6.0;
    // Between them M[i−1] + 4·M[i] + M[i+1] = bend: elimination downward, then upward.
    let mut factor = vec![0.0; n];
    for i in 2..n - 2 {
        let pivot = 4.0 - factor[i - 1];
        factor[i] = 1.0 / pivot;
        curvature[i] = (bend(i) - curvature[i - 1]) / pivot;
    }
    for i in (2..n.saturating_sub(2)).rev() {
        curvature[i] -= factor[i] * curvature[i + 1];
    }
    curvature[0] = 2.0 * curvature[1] - curvature[2];
    curvature[n - 1] = 2.0 * curvature[n - 2] - curvature[n - 3];
    curvature
}

/// The integral of the cubic spline through a trace, from its first sample to each
/// (`method="spline"` of ObsPy); `interval` in seconds.
///
/// # Errors
/// `Data` for fewer than four samples.
pub fn integrate_spline(samples: &[f64], interval: f64) -> Result<Vec<f64>> {
    if samples.len() < 4 {
        return Err(Error::data(format!(
            "integration by cubic spline needs at least 4 samples, found {}",
            samples.len()
        )));
    }
    let curvature = curvatures(samples);
    let mut sum = 0.0;
    let areas = samples.windows(2).zip(curvature.windows(2)).map(|(x, m)| {
        sum += interval * ((x[0] + x[1]) / 2.0 - (m[0] + m[1]) / 24.0);
        sum
    });
    Ok(std::iter::once(0.0).chain(areas).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cubic_is_integrated_exactly_whatever_its_length() {
        for n in 4..20 {
            let cubic: Vec<f64> = (0..n).map(|i| f64::from(i * i * i - 3 * i)).collect();
            let integral = integrate_spline(&cubic, 1.0).unwrap();
            for (i, area) in integral.iter().enumerate() {
                let t = i as f64;
                let expected = t.powi(4) / 4.0 - 1.5 * t * t;
                assert!((area - expected).abs() < 1e-9 * (1.0 + expected.abs()), "{n} {i}");
            }
        }
        assert!(integrate_spline(&[1.0; 3], 1.0).is_err());
    }
}
