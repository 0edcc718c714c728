//! Minimisation without derivatives.

/// The downhill simplex of Nelder and Mead (1965) from `start` with first steps of `step`.
/// Stops when the values of the corners differ by less than `tolerance` or after `evaluations`.
/// Returns the best point and its value; values that are not finite count as worst.
pub fn minimise(
    start: &[f64],
    step: f64,
    tolerance: f64,
    evaluations: usize,
    value_at: impl Fn(&[f64]) -> f64,
) -> (Vec<f64>, f64) {
    let value_at = |point: &[f64]| {
        let value = value_at(point);
        if value.is_finite() { value } else { f64::INFINITY }
    };
    let mut corners: Vec<(Vec<f64>, f64)> = (0..=start.len())
        .map(|axis| {
            let mut point = start.to_vec();
            if let Some(coordinate) = point.get_mut(axis) {
                *coordinate += step;
            }
            let value = value_at(&point);
            (point, value)
        })
        .collect();
    let last = start.len();
    for _ in 0..evaluations.max(1) / 2 {
        corners.sort_by(|a, b| a.1.total_cmp(&b.1));
        if last == 0 || corners[last].1 - corners[0].1 < tolerance {
            break;
        }
        improve(&mut corners, &value_at);
    }
    corners.sort_by(|a, b| a.1.total_cmp(&b.1));
    corners.swap_remove(0)
}

/// Replaces the worst of the sorted corners, or draws all towards the best.
fn improve(corners: &mut [(Vec<f64>, f64)], value_at: &impl Fn(&[f64]) -> f64) {
    let last = corners.len() - 1;
    let middle: Vec<f64> = (0..last)
        .map(|axis| corners[..last].iter().map(|c| c.0[axis]).sum::<f64>() / last as f64)
        .collect();
    let towards = |factor: f64| {
        let point: Vec<f64> =
            middle.iter().zip(&corners[last].0).map(|(m, w)| m + factor * (m - w)).collect();
        let value = value_at(&point);
        (point, value)
    };
    let reflected = towards(1.0);
    let candidate = if reflected.1 < corners[0].1 {
        let expanded = towards(2.0);
        if expanded.1 < reflected.1 { expanded } else { reflected }
    } else if reflected.1 < corners[last - 1].1 {
        reflected
    } else if reflected.1 < corners[last].1 {
        towards(0.5)
    } else {
        towards(-0.5)
    };
    if candidate.1 < corners[last].1 {
        corners[last] = candidate;
        return;
    }
    let best = corners[0].0.clone();
    for (point, value) in &mut corners[1..] {
        point.iter_mut().zip(&best).for_each(|(p, b)| *p = 0.5 * (*p + b));
        *value = value_at(point);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_bottom_of_a_curved_valley() {
        let valley = |p: &[f64]| (1.0 - p[0]).powi(2) + 100.0 * (p[1] - p[0] * p[0]).powi(2);
        let (point, value) = minimise(&[-1.0, 1.0], 0.5, 1e-14, 2000, valley);
        assert!(value < 1e-10 && (point[0] - 1.0).abs() < 1e-4, "{point:?} {value}");
        let one = minimise(&[3.0], 1.0, 1e-14, 500, |p| (p[0] + 2.0).powi(2));
        assert!((one.0[0] + 2.0).abs() < 1e-5);
    }
}
