//! What training held, whatever was seen since.

use super::{Forecaster, History, LEVELS, Outcome, Training, state};
use crate::error::{Error, Result};
use crate::score::quantile;

/// The quantiles of the training observations at every horizon.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Climatology {
    levels: Vec<f64>,
    quantiles: Vec<f64>,
    horizons: usize,
}

impl Climatology {
    /// Forecasts these levels, rising; `[0.5]` for the training median alone.
    pub fn new(levels: Vec<f64>) -> Self {
        Self { levels, quantiles: Vec::new(), horizons: 0 }
    }
}

impl Default for Climatology {
    fn default() -> Self {
        Self::new(LEVELS.to_vec())
    }
}

impl Forecaster for Climatology {
    fn name(&self) -> String {
        "climatology".into()
    }

    fn state(&self) -> Result<serde_json::Value> {
        state::of(self)
    }

    fn restore(&mut self, state: &serde_json::Value) -> Result<()> {
        *self = state::read(&self.name(), state)?;
        Ok(())
    }

    fn fit(&mut self, training: &Training<'_>) -> Result<()> {
        let observed = &training.history().observed()[training.rows()];
        self.quantiles = quantile::of(observed, &self.levels);
        self.horizons = training.horizons().len();
        if self.quantiles.iter().any(|q| q.is_nan()) {
            return Err(Error::data("climatology: nothing was observed in training"));
        }
        Ok(())
    }

    fn outcome(&self) -> Outcome {
        Outcome::Quantiles(self.levels.clone())
    }

    fn issue(&self, _history: &History<'_>) -> Result<Vec<f64>> {
        Ok(self.quantiles.repeat(self.horizons))
    }
}
