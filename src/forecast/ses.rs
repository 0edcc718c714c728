//! Simple exponential smoothing.

use super::{Forecaster, History, Record, Training, not_fitted, state};
use crate::error::{Error, Result};

/// How the rate of smoothing is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SmoothingRate {
    /// One rate for all horizons: smallest squared one-step error over training.
    #[default]
    OneStep,
    /// One rate a horizon: smallest absolute error over the last 15 % of training.
    PerHorizon,
    /// This rate, whatever the training rows say: it survives a change of regime.
    Fixed(f64),
}

/// Rates tried for [`SmoothingRate::PerHorizon`].
const RATES: [f64; 10] = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.7, 1.0];

/// Share of training that chooses the rate a horizon.
const INNER: f64 = 0.15;

/// The smoothed level `l ← l + α (y − l)` at every horizon; rows without an observation leave
/// it as it is.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Ses {
    choice: SmoothingRate,
    rates: Vec<f64>,
}

impl Ses {
    /// Smoothing with rates chosen in training as `choice` says.
    pub fn new(choice: SmoothingRate) -> Self {
        Self { choice, rates: Vec::new() }
    }

    /// The chosen rate of each horizon, `[H]`.
    pub fn rates(&self) -> &[f64] {
        &self.rates
    }
}

/// The smoothed level at each row, NaN before the first observation, `[T]`.
fn smoothed(observed: &[f64], rate: f64) -> Vec<f64> {
    let mut level = f64::NAN;
    let step = |&value: &f64| {
        if level.is_nan() {
            level = value;
        } else if value.is_finite() {
            level += rate * (value - level);
        }
        level
    };
    observed.iter().map(step).collect()
}

impl Forecaster for Ses {
    fn name(&self) -> String {
        match self.choice {
            SmoothingRate::OneStep => "ses".into(),
            SmoothingRate::PerHorizon => "ses-per-horizon".into(),
            SmoothingRate::Fixed(rate) => format!("ses({rate})"),
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
        let observed = training.history().observed();
        let best = |rates: &[f64], pairs: &[usize], horizon: usize, power: i32| -> f64 {
            let loss = |&rate: &f64| {
                let level = smoothed(observed, rate);
                pairs.iter().map(|t| (observed[t + horizon] - level[*t]).abs().powi(power)).sum()
            };
            let losses: Vec<f64> = rates.iter().map(loss).collect();
            let first = (0..rates.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b]));
            first.map_or(1.0, |number| rates[number])
        };
        self.rates = match self.choice {
            SmoothingRate::Fixed(rate) => vec![rate; training.horizons().len()],
            SmoothingRate::OneStep => {
                let grid: Vec<f64> = (0..39).map(|k| 0.05 + 0.95 * f64::from(k) / 38.0).collect();
                let pairs = training.enough_pairs("ses", 1, 1, 1)?;
                vec![best(&grid, &pairs, 1, 2); training.horizons().len()]
            }
            SmoothingRate::PerHorizon => {
                let rows = training.rows();
                let inner = rows.end - (INNER * rows.len() as f64).ceil() as usize;
                let choose = |&horizon: &usize| {
                    let pairs = training.enough_pairs("ses", horizon, 1, 1)?;
                    let late: Vec<usize> =
                        pairs.iter().copied().filter(|t| t + horizon >= inner).collect();
                    let pairs = if late.is_empty() { pairs } else { late };
                    Ok(best(&RATES, &pairs, horizon, 1))
                };
                training.horizons().iter().map(choose).collect::<Result<_, Error>>()?
            }
        };
        Ok(())
    }

    fn issue(&self, history: &History<'_>) -> Result<Vec<f64>> {
        if self.rates.is_empty() {
            return Err(not_fitted("ses"));
        }
        let last = |&rate: &f64| smoothed(history.observed(), rate).last().copied();
        Ok(self.rates.iter().map(|rate| last(rate).unwrap_or(f64::NAN)).collect())
    }

    fn issue_all(&self, record: &Record, issues: &[usize]) -> Result<Vec<f64>> {
        if self.rates.is_empty() {
            return Err(not_fitted("ses"));
        }
        let known = issues.last().map_or(record.until(0), |&last| record.at(last));
        let levels: Vec<Vec<f64>> =
            self.rates.iter().map(|&rate| smoothed(known.observed(), rate)).collect();
        let at = |issue: usize, level: &Vec<f64>| level.get(issue).copied().unwrap_or(f64::NAN);
        Ok(issues.iter().flat_map(|&t| levels.iter().map(move |level| at(t, level))).collect())
    }
}
