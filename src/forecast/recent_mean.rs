//! The mean of the last rows stays.

use super::{Forecaster, History, Record, Training, not_fitted, state};
use crate::data::level_features::trailing_mean;
use crate::error::{Error, Result};

/// The mean of the last `rows` values (forward filled) at every horizon.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct RecentMean {
    rows: usize,
    horizons: usize,
}

impl RecentMean {
    /// Averages over this many rows.
    pub fn new(rows: usize) -> Self {
        Self { rows, horizons: 0 }
    }
}

impl Forecaster for RecentMean {
    fn name(&self) -> String {
        format!("mean({})", self.rows)
    }

    fn state(&self) -> Result<serde_json::Value> {
        state::of(self)
    }

    fn restore(&mut self, state: &serde_json::Value) -> Result<()> {
        *self = state::read(&self.name(), state)?;
        Ok(())
    }

    fn fit(&mut self, training: &Training<'_>) -> Result<()> {
        if self.rows == 0 {
            return Err(Error::usage("a mean needs at least 1 row"));
        }
        self.horizons = training.horizons().len();
        Ok(())
    }

    fn issue(&self, history: &History<'_>) -> Result<Vec<f64>> {
        if self.horizons == 0 {
            return Err(not_fitted(&self.name()));
        }
        let last = trailing_mean(history.level(), self.rows).last().copied();
        Ok(vec![last.unwrap_or(f64::NAN); self.horizons])
    }

    fn issue_all(&self, record: &Record, issues: &[usize]) -> Result<Vec<f64>> {
        if self.horizons == 0 {
            return Err(not_fitted(&self.name()));
        }
        let known = issues.last().map_or(record.until(0), |&last| record.at(last));
        let means = trailing_mean(known.level(), self.rows);
        let of = |&issue: &usize| means.get(issue).copied().unwrap_or(f64::NAN);
        Ok(issues.iter().flat_map(|issue| vec![of(issue); self.horizons]).collect())
    }
}
