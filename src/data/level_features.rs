//! What is known about a level at each row, from its past alone and free of its absolute height.

/// Smoothing weights of the exponentially weighted means offered as features.
pub const SMOOTHING: [f64; 6] = [0.02, 0.05, 0.1, 0.2, 0.4, 0.7];

/// Lengths in rows of the trailing means offered as features.
pub const TRAILING: [usize; 8] = [2, 3, 5, 8, 20, 30, 60, 120];

/// A longer trailing mean that only networks are given.
const LONG: usize = 240;

/// Number of last values offered as features.
pub const LAGS: usize = 12;

/// How spreads are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpreadScale {
    /// As they are: nothing is blown up where a record falls quiet.
    #[default]
    Plain,
    /// Logarithms: for records whose spread varies over decades without a change of regime.
    Logarithm,
}

/// Exponentially weighted mean, `e[t] = α·y[t] + (1 − α)·e[t−1]`, started at the first finite
/// value. `values` are forward filled; rows before the first observation stay NaN. `[T]`.
pub fn smooth(values: &[f64], alpha: f64) -> Vec<f64> {
    let mut mean = f64::NAN;
    values
        .iter()
        .map(|&value| {
            mean = if mean.is_finite() { alpha * value + (1.0 - alpha) * mean } else { value };
            mean
        })
        .collect()
}

/// Mean of the last `rows` values at each row; over what there is at the start. `[T]`.
pub fn trailing_mean(values: &[f64], rows: usize) -> Vec<f64> {
    // A running sum over deviations from the first value keeps rounding small and depends on
    // the past alone; NaN before the first observation is skipped.
    let first = values.iter().position(|v| v.is_finite()).unwrap_or(values.len());
    let origin = values.get(first).copied().unwrap_or(0.0);
    let mut sums = Vec::with_capacity(values.len() + 1);
    sums.push(0.0);
    let mut sum = 0.0;
    for (row, &value) in values.iter().enumerate() {
        sum += if row < first { 0.0 } else { value - origin };
        sums.push(sum);
    }
    (0..values.len())
        .map(|row| {
            if row < first {
                return f64::NAN;
            }
            let from = (row + 1).saturating_sub(rows).max(first);
            origin + (sums[row + 1] - sums[from]) / (row + 1 - from) as f64
        })
        .collect()
}

/// Standard deviation (population) of the last `rows` values at each row, `[T]`.
pub fn trailing_deviation(values: &[f64], rows: usize) -> Vec<f64> {
    over_windows(values, rows, |window| {
        let mean = window.iter().sum::<f64>() / window.len() as f64;
        (window.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / window.len() as f64).sqrt()
    })
}

/// The names and values `[F][T]` of the features of a forward-filled level: last values,
/// trailing means, exponentially weighted means and quantiles, all relative to `center` `[T]`,
/// then the mean size of a change and spreads. `deviation` (training) sets the floor of logarithms.
pub fn level_features(
    level: &[f64],
    center: &[f64],
    deviation: f64,
    scale: SpreadScale,
) -> Vec<(String, Vec<f64>)> {
    let relative =
        |values: &[f64]| -> Vec<f64> { values.iter().zip(center).map(|(v, c)| v - c).collect() };
    let mut features = Vec::new();
    for lag in 0..LAGS {
        features.push((format!("lag_{lag}"), relative(&lagged(level, lag))));
    }
    for rows in TRAILING.into_iter().chain([LONG]) {
        features.push((format!("mean_{rows}"), relative(&trailing_mean(level, rows))));
    }
    for alpha in SMOOTHING {
        features.push((format!("smooth_{alpha}"), relative(&smooth(level, alpha))));
    }
    for rows in [30, 60] {
        for share in [0.1, 0.5, 0.9] {
            let values = over_windows(level, rows, |window| quantile(window, share));
            features.push((format!("quantile_{share}_of_{rows}"), relative(&values)));
        }
    }
    let change: Vec<f64> =
        (0..level.len()).map(|t| (level[t] - level[t.saturating_sub(1)]).abs()).collect();
    let mut spreads = vec![("change".to_string(), smooth(&change, 0.1))];
    for rows in [12, 60] {
        spreads.push((format!("deviation_{rows}"), trailing_deviation(level, rows)));
    }
    let floor = 0.01 * deviation.max(1e-9);
    for (name, spread) in spreads {
        features.push(match scale {
            SpreadScale::Plain => (name, spread),
            SpreadScale::Logarithm => {
                (format!("log_{name}"), spread.iter().map(|s| (s + floor).ln()).collect())
            }
        });
    }
    features
}

/// The value `lag` rows earlier, the first one before that, `[T]`.
pub fn lagged(values: &[f64], lag: usize) -> Vec<f64> {
    let first = values.iter().position(|v| v.is_finite()).unwrap_or(0);
    (0..values.len()).map(|t| values[t.saturating_sub(lag).max(first.min(t))]).collect()
}

fn over_windows(values: &[f64], rows: usize, summary: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let first = values.iter().position(|v| v.is_finite()).unwrap_or(values.len());
    (0..values.len())
        .map(|row| match row < first {
            true => f64::NAN,
            false => summary(&values[(row + 1).saturating_sub(rows).max(first)..=row]),
        })
        .collect()
}

fn quantile(window: &[f64], share: f64) -> f64 {
    let mut sorted = window.to_vec();
    sorted.sort_by(f64::total_cmp);
    let position = share * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level() -> Vec<f64> {
        (0..200).map(|t| (f64::from(t) * 0.3).sin() + f64::from(t % 7) * 0.1).collect()
    }

    #[test]
    fn l2_features_do_not_see_later_rows() {
        let whole = level();
        let center = smooth(&whole, 0.1);
        let full = level_features(&whole, &center, 1.0, SpreadScale::Logarithm);
        for cut in [130, 150, 177] {
            let part = level_features(
                &whole[..cut],
                &smooth(&whole[..cut], 0.1),
                1.0,
                SpreadScale::Logarithm,
            );
            for ((name, a), (_, b)) in full.iter().zip(&part) {
                assert!(a[..cut].iter().zip(b).all(|(x, y)| x.to_bits() == y.to_bits()), "{name}");
            }
        }
    }

    #[test]
    fn l11_features_do_not_depend_on_the_absolute_level() {
        let shifted: Vec<f64> = level().iter().map(|v| v + 5.0).collect();
        let plain = level_features(&level(), &smooth(&level(), 0.1), 1.0, SpreadScale::Plain);
        let raised = level_features(&shifted, &smooth(&shifted, 0.1), 1.0, SpreadScale::Plain);
        for ((name, a), (_, b)) in plain.iter().zip(&raised) {
            assert!(a.iter().zip(b).all(|(x, y)| (x - y).abs() < 1e-6), "{name}");
        }
    }

    #[test]
    fn trailing_mean_is_the_mean() {
        let means = trailing_mean(&[f64::NAN, 1.0, 2.0, 6.0], 2);
        assert!(means[0].is_nan());
        assert_eq!(means[1..], [1.0, 1.5, 4.0]);
    }
}
