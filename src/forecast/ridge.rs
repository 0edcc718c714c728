//! Ridge regression on exponentially weighted means, anchored on one of them.

use super::linear::Linear;
use super::{Forecaster, History, Record, Training, not_fitted, state};
use crate::data::level_features::{LAGS, SMOOTHING, lagged};
use crate::error::Result;

/// Smoothing of the anchor and of the mean size of a change.
const ANCHOR: f64 = 0.1;

/// Rows a pair must have behind it to be fitted on.
const LOOKBACK: usize = 60;

/// Penalties tried, on standardised inputs.
const PENALTIES: [f64; 4] = [1.0, 10.0, 100.0, 1000.0];

/// Share of training that chooses the penalty.
const INNER: f64 = 0.15;

const FEATURES: usize = SMOOTHING.len() + LAGS + 1;

/// One ridge regression per horizon of the change from an exponentially weighted mean (rate
/// .1). Inputs: six such means and the last 12 values, all minus the anchor, and the mean size
/// of a change; standardised on the fitted rows. The penalty is chosen on the last 15 % of
/// training, then all of training is fitted.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Ridge {
    models: Vec<Standardised>,
}

/// A linear model of standardised inputs.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Standardised {
    moments: Vec<(f64, f64)>,
    line: Linear,
}

impl Standardised {
    /// Fits on `pairs` of the inputs `[T, F]`.
    fn fit(inputs: &[f64], pairs: &[usize], target: &[f64], penalty: f64) -> Result<Self> {
        let moments: Vec<(f64, f64)> = (0..FEATURES)
            .map(|feature| {
                let column: Vec<f64> =
                    pairs.iter().map(|t| inputs[t * FEATURES + feature]).collect();
                crate::data::moments(&column)
            })
            .collect();
        let mut model = Self { moments, line: Linear::default() };
        let rows: Vec<f64> =
            pairs.iter().flat_map(|&t| model.standardise(row_of(inputs, t))).collect();
        model.line = Linear::centred_ridge("ridge", &rows, target, penalty)?;
        Ok(model)
    }

    fn standardise(&self, row: &[f64]) -> Vec<f64> {
        row.iter().zip(&self.moments).map(|(value, (mean, unit))| (value - mean) / unit).collect()
    }

    fn predict(&self, row: &[f64]) -> f64 {
        self.line.predict(&self.standardise(row))
    }
}

fn row_of(inputs: &[f64], row: usize) -> &[f64] {
    &inputs[row * FEATURES..(row + 1) * FEATURES]
}

/// Exponentially weighted mean with weights that sum to 1 at every row, so that the first value
/// has no more weight than its age gives it. NaN before the first observation, `[T]`.
fn smooth(values: &[f64], rate: f64) -> Vec<f64> {
    let (mut sum, mut weight) = (0.0, 0.0);
    let step = |&value: &f64| {
        if value.is_finite() {
            sum = value + (1.0 - rate) * sum;
            weight = 1.0 + (1.0 - rate) * weight;
        }
        if weight > 0.0 { sum / weight } else { f64::NAN }
    };
    values.iter().map(step).collect()
}

/// The anchor `[T]` and the inputs `[T, F]` of every row.
fn inputs(level: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let anchor = smooth(level, ANCHOR);
    let relative = |column: Vec<f64>| -> Vec<f64> {
        column.iter().zip(&anchor).map(|(value, anchor)| value - anchor).collect()
    };
    let means = SMOOTHING.into_iter().map(|rate| relative(smooth(level, rate)));
    let lags = (0..LAGS).map(|lag| relative(lagged(level, lag)));
    let change: Vec<f64> =
        (0..level.len()).map(|t| (level[t] - level[t.saturating_sub(1)]).abs()).collect();
    let columns: Vec<Vec<f64>> = means.chain(lags).chain([smooth(&change, ANCHOR)]).collect();
    let rows = (0..level.len()).flat_map(|t| columns.iter().map(move |column| column[t])).collect();
    (anchor, rows)
}

impl Ridge {
    fn forecasts(&self, history: &History<'_>, issues: &[usize]) -> Result<Vec<f64>> {
        if self.models.is_empty() {
            return Err(not_fitted("ridge"));
        }
        let (anchor, inputs) = inputs(history.level());
        let mut values = Vec::with_capacity(issues.len() * self.models.len());
        for &issue in issues {
            let known = issue < anchor.len();
            values.extend(self.models.iter().map(|model| match known {
                true => anchor[issue] + model.predict(row_of(&inputs, issue)),
                false => f64::NAN,
            }));
        }
        Ok(values)
    }
}

impl Forecaster for Ridge {
    fn name(&self) -> String {
        "ridge".into()
    }

    fn state(&self) -> Result<serde_json::Value> {
        state::of(self)
    }

    fn restore(&mut self, state: &serde_json::Value) -> Result<()> {
        *self = state::read(&self.name(), state)?;
        Ok(())
    }

    fn fit(&mut self, training: &Training<'_>) -> Result<()> {
        let history = training.history();
        let (anchor, inputs) = inputs(history.level());
        let rows = training.rows();
        let inner = rows.end - (INNER * rows.len() as f64).ceil() as usize;
        let fit = |&horizon: &usize| {
            let pairs = training.enough_pairs("ridge", horizon, LOOKBACK, FEATURES + 2)?;
            let target = |pairs: &[usize]| -> Vec<f64> {
                pairs.iter().map(|&t| history.observed()[t + horizon] - anchor[t]).collect()
            };
            let (early, late): (Vec<usize>, Vec<usize>) =
                pairs.iter().partition(|&t| t + horizon < inner);
            let mut best = (f64::INFINITY, PENALTIES[0]);
            if early.len() > FEATURES && !late.is_empty() {
                for penalty in PENALTIES {
                    let model = Standardised::fit(&inputs, &early, &target(&early), penalty)?;
                    let errors = late.iter().zip(target(&late));
                    let error =
                        |(&t, d): (&usize, f64)| (model.predict(row_of(&inputs, t)) - d).abs();
                    let sum: f64 = errors.map(error).sum();
                    if sum < best.0 {
                        best = (sum, penalty);
                    }
                }
            }
            Standardised::fit(&inputs, &pairs, &target(&pairs), best.1)
        };
        self.models = training.horizons().iter().map(fit).collect::<Result<_>>()?;
        Ok(())
    }

    fn issue(&self, history: &History<'_>) -> Result<Vec<f64>> {
        match history.rows().checked_sub(1) {
            Some(last) => self.forecasts(history, &[last]),
            None => Ok(vec![f64::NAN; self.models.len()]),
        }
    }

    fn issue_all(&self, record: &Record, issues: &[usize]) -> Result<Vec<f64>> {
        let known = issues.last().map_or(record.until(0), |&last| record.at(last));
        self.forecasts(&known, issues)
    }
}
