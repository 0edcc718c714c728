//! Linear in trailing means, anchored on the mean of the last rows: free of the absolute level.

use super::linear::{Linear, ridge};
use super::{Forecaster, History, Record, Training, not_fitted, state};
use crate::data::level_features::{LAGS, TRAILING, lagged, trailing_mean};
use crate::error::Result;
use crate::score::quantile::median;

/// Rows of the mean that anchors inputs and target.
const ANCHOR: usize = 12;

/// Rows a pair must have behind it to be fitted on.
const LOOKBACK: usize = 61;

/// Penalty on the weights.
const PENALTY: f64 = 1.0;

/// Reweighting steps of the median regression.
const STEPS: usize = 25;

/// What the fit minimises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Norm {
    /// Absolute errors: one mainshock in training does not bend the weights.
    Absolute,
    /// Squared errors.
    Squared,
}

/// One linear model per horizon of the change from the mean of the last 12 rows. Inputs are the
/// last 12 values and the trailing means over 2 to 120 rows, all minus that mean.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct TrailingMeans {
    norm: Norm,
    models: Vec<Linear>,
}

impl TrailingMeans {
    /// A forecaster fitted by `norm`.
    pub fn new(norm: Norm) -> Self {
        Self { norm, models: Vec::new() }
    }

    fn forecasts(&self, history: &History<'_>, issues: &[usize]) -> Result<Vec<f64>> {
        if self.models.is_empty() {
            return Err(not_fitted(&self.name()));
        }
        let (anchor, inputs) = inputs(history.level());
        let features = LAGS + TRAILING.len();
        let mut values = Vec::with_capacity(issues.len() * self.models.len());
        for &issue in issues {
            let row = inputs.get(issue * features..(issue + 1) * features);
            values.extend(self.models.iter().map(|model| match row {
                Some(row) => anchor[issue] + model.predict(row),
                None => f64::NAN,
            }));
        }
        Ok(values)
    }
}

/// The anchor `[T]` and the inputs `[T, F]` of every row.
fn inputs(level: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let anchor = trailing_mean(level, ANCHOR);
    let lags = (0..LAGS).map(|lag| lagged(level, lag));
    let means = TRAILING.into_iter().map(|rows| trailing_mean(level, rows));
    let columns: Vec<Vec<f64>> = lags.chain(means).collect();
    let row = |t: usize| columns.iter().map(move |column| (t, column[t]));
    let rows = (0..level.len()).flat_map(row).map(|(t, value)| value - anchor[t]).collect();
    (anchor, rows)
}

/// Median regression by iteratively reweighted least squares with ridge penalty, no intercept.
/// Errors below 2 % of the median |target| weigh alike, which keeps the weights bounded.
fn median_regression(name: &str, rows: &[f64], target: &[f64]) -> Result<Linear> {
    let features = rows.len() / target.len().max(1);
    let sizes: Vec<f64> = target.iter().map(|d| d.abs()).collect();
    let floor = 0.02 * (median(&sizes) + 1e-9);
    let mut line = Linear { weights: ridge(name, rows, target, None, PENALTY)?, intercept: 0.0 };
    for _ in 0..STEPS {
        let errors = rows.chunks_exact(features.max(1)).zip(target);
        let mut weights: Vec<f64> =
            errors.map(|(row, d)| 1.0 / (d - line.predict(row)).abs().max(floor)).collect();
        let unit = weights.len() as f64 / weights.iter().sum::<f64>();
        weights.iter_mut().for_each(|weight| *weight *= unit);
        line.weights = ridge(name, rows, target, Some(&weights), PENALTY)?;
    }
    Ok(line)
}

impl Forecaster for TrailingMeans {
    fn name(&self) -> String {
        match self.norm {
            Norm::Absolute => "lad".into(),
            Norm::Squared => "trailing-ridge".into(),
        }
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
        let features = LAGS + TRAILING.len();
        let name = self.name();
        let fit = |&horizon: &usize| {
            let pairs = training.enough_pairs(&name, horizon, LOOKBACK, features + 2)?;
            let rows: Vec<f64> = pairs
                .iter()
                .flat_map(|&t| inputs[t * features..(t + 1) * features].iter().copied())
                .collect();
            let target: Vec<f64> =
                pairs.iter().map(|&t| history.observed()[t + horizon] - anchor[t]).collect();
            match self.norm {
                Norm::Absolute => median_regression(&name, &rows, &target),
                Norm::Squared => Linear::centred_ridge(&name, &rows, &target, PENALTY),
            }
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
