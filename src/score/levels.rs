//! Scores of level forecasts. `y` are observations, `q` one quantile, quantiles `[N, Q]`
//! row-major. Definitions as in Gneiting and Raftery (2007) and Hyndman and Koehler (2006).

/// Mean; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// |y − f|, `[N]`.
pub fn absolute_errors(y: &[f64], forecast: &[f64]) -> Vec<f64> {
    y.iter().zip(forecast).map(|(y, f)| (y - f).abs()).collect()
}

/// (y − f)², `[N]`; RMSE is the root of their mean.
pub fn squared_errors(y: &[f64], forecast: &[f64]) -> Vec<f64> {
    y.iter().zip(forecast).map(|(y, f)| (y - f).powi(2)).collect()
}

/// The unit of MASE: mean |y_t − y_{t−period}| over pairs of rows that are both observed.
pub fn mean_naive_change(training: &[f64], period: usize) -> f64 {
    let changes: Vec<f64> = training
        .iter()
        .skip(period)
        .zip(training)
        .map(|(now, before)| (now - before).abs())
        .filter(|change| change.is_finite())
        .collect();
    mean(&changes)
}

/// 1 − score/reference: the share of the reference's error that is gone.
pub fn skill(score: f64, reference: f64) -> f64 {
    1.0 - score / reference
}

/// Quantile (pinball) loss of one observation: max(τ(y−q), (τ−1)(y−q)).
pub fn pinball(y: f64, q: f64, level: f64) -> f64 {
    let d = y - q;
    (level * d).max((level - 1.0) * d)
}

/// Pinball loss averaged over the levels, `[N]`.
pub fn mean_pinball(y: &[f64], quantiles: &[f64], levels: &[f64]) -> Vec<f64> {
    per_row(y, quantiles, levels, |y, row| {
        let losses = row.iter().zip(levels).map(|(&q, &level)| pinball(y, q, level));
        losses.sum::<f64>() / levels.len() as f64
    })
}

/// Continuous ranked probability score from quantiles, `[N]`: twice the trapezoid integral of
/// the pinball loss over the level, which is 0 at levels 0 and 1.
pub fn crps(y: &[f64], quantiles: &[f64], levels: &[f64]) -> Vec<f64> {
    per_row(y, quantiles, levels, |y, row| {
        let (mut integral, mut before) = (0.0, (0.0, 0.0));
        for (&q, &level) in row.iter().zip(levels) {
            let loss = pinball(y, q, level);
            integral += 0.5 * (loss + before.1) * (level - before.0);
            before = (level, loss);
        }
        2.0 * (integral + 0.5 * before.1 * (1.0 - before.0))
    })
}

/// 1 where lower ≤ y ≤ upper, else 0, `[N]`; their mean is the coverage.
pub fn covered(y: &[f64], lower: &[f64], upper: &[f64]) -> Vec<f64> {
    let bounds = lower.iter().zip(upper);
    y.iter().zip(bounds).map(|(y, (lo, hi))| f64::from(lo <= y && y <= hi)).collect()
}

/// Interval score of Winkler (1972) for intervals that miss a share `miss`, `[N]`.
pub fn winkler(y: &[f64], lower: &[f64], upper: &[f64], miss: f64) -> Vec<f64> {
    let bounds = lower.iter().zip(upper);
    let score = |y: f64, lo: f64, hi: f64| {
        (hi - lo) + 2.0 / miss * (lo - y).max(0.0) + 2.0 / miss * (y - hi).max(0.0)
    };
    y.iter().zip(bounds).map(|(&y, (&lo, &hi))| score(y, lo, hi)).collect()
}

/// Share of y ≤ q for each level, `[Q]`: equal to the level if calibrated (for the diagram).
pub fn quantile_rates(y: &[f64], quantiles: &[f64], levels: &[f64]) -> Vec<f64> {
    (0..levels.len())
        .map(|level| {
            let below = quantiles.iter().skip(level).step_by(levels.len()).zip(y);
            mean(&below.map(|(q, y)| f64::from(y <= q)).collect::<Vec<_>>())
        })
        .collect()
}

/// Smallest mean over any run of `rows` successive samples; `None` if there are fewer.
pub fn worst_running_share(covered: &[f64], rows: usize) -> Option<f64> {
    covered.windows(rows.max(1)).map(mean).min_by(f64::total_cmp)
}

fn per_row(
    y: &[f64],
    quantiles: &[f64],
    levels: &[f64],
    score: impl Fn(f64, &[f64]) -> f64,
) -> Vec<f64> {
    y.iter().zip(quantiles.chunks(levels.len().max(1))).map(|(&y, row)| score(y, row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVELS: [f64; 3] = [0.1, 0.5, 0.9];

    #[test]
    fn hand_worked_values() {
        assert_eq!(pinball(3.0, 1.0, 0.9), 1.8);
        assert!((pinball(1.0, 3.0, 0.9) - 0.2).abs() < 1e-15);
        // y = 2 with quantiles 0, 2, 3: losses .2, 0, .1.
        let loss = mean_pinball(&[2.0], &[0.0, 2.0, 3.0], &LEVELS)[0];
        assert!((loss - 0.1).abs() < 1e-15);
        let expected = 2.0 * 0.5 * (0.2 * 0.1 + 0.2 * 0.4 + 0.1 * 0.4 + 0.1 * 0.1);
        assert!((crps(&[2.0], &[0.0, 2.0, 3.0], &LEVELS)[0] - expected).abs() < 1e-15);
        assert_eq!(winkler(&[5.0], &[0.0], &[4.0], 0.5), [8.0]);
        assert_eq!(covered(&[0.0, 4.0, 5.0], &[0.0; 3], &[4.0; 3]), [1.0, 1.0, 0.0]);
        assert_eq!(mean_naive_change(&[1.0, 3.0, f64::NAN, 7.0, 8.0], 1), 1.5);
        assert_eq!(quantile_rates(&[1.0, 3.0], &[0.0, 2.0, 3.0, 0.0, 2.0, 3.0], &LEVELS)[2], 1.0);
        assert_eq!(worst_running_share(&[1.0, 0.0, 1.0, 1.0], 2), Some(0.5));
    }

    #[test]
    fn crps_of_one_point_mass_is_about_the_absolute_error() {
        let levels: Vec<f64> = (1..1000).map(|k| f64::from(k) / 1000.0).collect();
        let score = crps(&[3.0], &vec![1.0; levels.len()], &levels)[0];
        assert!((score - 2.0).abs() < 0.01, "{score}");
    }
}
