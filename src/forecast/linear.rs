//! Small linear systems of linear forecasters.

use crate::error::{Error, Result};

/// Solves `A x = b` for a symmetric positive definite `A` `[F, F]` by Cholesky's method.
/// `name` says whose system it is in the error when `A` is not positive definite.
pub fn solve_positive(name: &str, mut a: Vec<f64>, mut b: Vec<f64>) -> Result<Vec<f64>> {
    let n = b.len();
    for j in 0..n {
        let mut pivot = a[j * n + j];
        for k in 0..j {
            pivot -= a[j * n + k] * a[j * n + k];
        }
        if !pivot.is_finite() || pivot <= 0.0 {
            return Err(Error::data(format!(
                "{name}: input {} adds nothing to the others; raise the penalty",
                j + 1
            )));
        }
        let pivot = pivot.sqrt();
        a[j * n + j] = pivot;
        for i in j + 1..n {
            let mut sum = a[i * n + j];
            for k in 0..j {
                sum -= a[i * n + k] * a[j * n + k];
            }
            a[i * n + j] = sum / pivot;
        }
    }
    for i in 0..n {
        for k in 0..i {
            b[i] -= a[i * n + k] * b[k];
        }
        b[i] /= a[i * n + i];
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            b[i] -= a[k * n + i] * b[k];
        }
        b[i] /= a[i * n + i];
    }
    Ok(b)
}

/// Weighted least squares with ridge penalty: `(Xᵀ Q X + λ I) w = Xᵀ Q d`.
///
/// `rows` is `[N, F]` row-major, `target` `[N]`, `weights` `[N]` or `None` for ones.
pub fn ridge(
    name: &str,
    rows: &[f64],
    target: &[f64],
    weights: Option<&[f64]>,
    penalty: f64,
) -> Result<Vec<f64>> {
    let features = rows.len() / target.len().max(1);
    let mut gram = vec![0.0; features * features];
    let mut moment = vec![0.0; features];
    for (number, row) in rows.chunks_exact(features.max(1)).enumerate() {
        let weight = weights.map_or(1.0, |weights| weights[number]);
        for i in 0..features {
            let scaled = weight * row[i];
            moment[i] += scaled * target[number];
            for (sum, value) in gram[i * features..=i * features + i].iter_mut().zip(row) {
                *sum += scaled * value;
            }
        }
    }
    for i in 0..features {
        for j in 0..i {
            gram[j * features + i] = gram[i * features + j];
        }
        gram[i * features + i] += penalty;
    }
    solve_positive(name, gram, moment)
}

/// A linear forecast: `intercept + weights · inputs`.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Linear {
    /// `[F]`.
    pub weights: Vec<f64>,
    /// Value at zero inputs.
    pub intercept: f64,
}

impl Linear {
    /// Ridge regression with inputs and target centred on their means, so that the penalty
    /// spares the intercept.
    pub fn centred_ridge(name: &str, rows: &[f64], target: &[f64], penalty: f64) -> Result<Self> {
        let count = target.len() as f64;
        let features = rows.len() / target.len().max(1);
        let mut means = vec![0.0; features];
        for row in rows.chunks_exact(features.max(1)) {
            means.iter_mut().zip(row).for_each(|(mean, value)| *mean += value / count);
        }
        let middle = target.iter().sum::<f64>() / count;
        let centred: Vec<f64> =
            rows.chunks_exact(features.max(1)).flat_map(|row| difference(row, &means)).collect();
        let deviations: Vec<f64> = target.iter().map(|value| value - middle).collect();
        let weights = ridge(name, &centred, &deviations, None, penalty)?;
        let intercept = middle - dot(&weights, &means);
        Ok(Self { weights, intercept })
    }

    /// The forecast for one row of inputs `[F]`.
    pub fn predict(&self, inputs: &[f64]) -> f64 {
        self.intercept + dot(&self.weights, inputs)
    }
}

fn difference(row: &[f64], means: &[f64]) -> Vec<f64> {
    row.iter().zip(means).map(|(value, mean)| value - mean).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ridge_recovers_a_line_and_names_a_singular_system() {
        let rows = [0.0, 1.0, 1.0, 0.5, 2.0, 0.0, 3.0, 4.0];
        let target: Vec<f64> = rows.chunks(2).map(|r| 5.0 + 2.0 * r[0] - r[1]).collect();
        let line = Linear::centred_ridge("test", &rows, &target, 1e-12).unwrap();
        assert!((line.intercept - 5.0).abs() < 1e-9);
        assert!((line.weights[0] - 2.0).abs() < 1e-9 && (line.weights[1] + 1.0).abs() < 1e-9);
        let same = [1.0, 1.0, 2.0, 2.0];
        assert!(ridge("test", &same, &[1.0, 2.0], None, 0.0).is_err());
    }
}
