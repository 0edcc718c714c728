//! Forecasts as numbers.

use super::{Forecaster, Record};
use crate::error::Result;
use crate::time::UtcTime;

/// The quantile levels of level forecasts unless others are asked for.
pub const LEVELS: [f64; 7] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];

/// What the numbers of a forecast mean.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Quantiles of these rising levels, `[Q]`.
    Quantiles(Vec<f64>),
    /// The probability of an event up to the horizon.
    Probability,
}

impl Outcome {
    /// Numbers per horizon, `Q`.
    pub fn width(&self) -> usize {
        match self {
            Self::Quantiles(levels) => levels.len(),
            Self::Probability => 1,
        }
    }

    /// The quantile levels, empty for probabilities.
    pub fn levels(&self) -> &[f64] {
        match self {
            Self::Quantiles(levels) => levels,
            Self::Probability => &[],
        }
    }
}

/// One forecast with its times.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// When it was issued.
    pub issued: UtcTime,
    /// The ends of the rows forecast, `[H]`.
    pub valid: Vec<UtcTime>,
    /// What the numbers mean.
    pub outcome: Outcome,
    /// `[H, Q]`.
    pub values: Vec<f64>,
}

/// The forecasts of one forecaster at many issue times.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecasts {
    /// Whose they are.
    pub name: String,
    /// Issue rows, rising, `[N]`.
    pub issues: Vec<usize>,
    /// Horizons in rows, `[H]`.
    pub horizons: Vec<usize>,
    /// What the numbers mean.
    pub outcome: Outcome,
    /// `[N, H, Q]`.
    pub values: Vec<f64>,
}

impl Forecasts {
    /// Lets a fitted forecaster forecast at every issue row.
    pub fn issue(
        forecaster: &dyn Forecaster,
        record: &Record,
        issues: &[usize],
        horizons: &[usize],
    ) -> Result<Self> {
        Ok(Self {
            name: forecaster.name(),
            issues: issues.to_vec(),
            horizons: horizons.to_vec(),
            outcome: forecaster.outcome(),
            values: forecaster.issue_all(record, issues)?,
        })
    }

    /// The numbers of issue number `n` and horizon number `h`, `[Q]`.
    pub fn at(&self, n: usize, h: usize) -> &[f64] {
        let width = self.outcome.width();
        let first = (n * self.horizons.len() + h) * width;
        &self.values[first..first + width]
    }

    /// All numbers of horizon number `h`, `[N, Q]`.
    pub fn of_horizon(&self, h: usize) -> Vec<f64> {
        (0..self.issues.len()).flat_map(|n| self.at(n, h).iter().copied()).collect()
    }

    /// The median (or the probability) of horizon number `h`, `[N]`.
    pub fn point(&self, h: usize) -> Vec<f64> {
        let levels = self.outcome.levels();
        let far = |level: usize| (levels[level] - 0.5).abs();
        let middle = (0..levels.len()).min_by(|&a, &b| far(a).total_cmp(&far(b))).unwrap_or(0);
        (0..self.issues.len()).map(|n| self.at(n, h)[middle]).collect()
    }

    /// One forecast with its times, as rows of `record` give them.
    pub fn forecast(&self, record: &Record, n: usize) -> Forecast {
        let series = record.series();
        let issue = self.issues[n];
        let size = self.horizons.len() * self.outcome.width();
        Forecast {
            issued: series.known_at(issue),
            valid: self.horizons.iter().map(|h| series.known_at(issue + h)).collect(),
            outcome: self.outcome.clone(),
            values: self.values[n * size..(n + 1) * size].to_vec(),
        }
    }
}
