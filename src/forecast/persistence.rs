//! The last observation stays.

use super::{Forecaster, History, Training, state};
use crate::error::Result;

/// The last observed value at every horizon.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Persistence {
    horizons: usize,
}

impl Forecaster for Persistence {
    fn name(&self) -> String {
        "persistence".into()
    }

    fn state(&self) -> Result<serde_json::Value> {
        state::of(self)
    }

    fn restore(&mut self, state: &serde_json::Value) -> Result<()> {
        *self = state::read(&self.name(), state)?;
        Ok(())
    }

    fn fit(&mut self, training: &Training<'_>) -> Result<()> {
        self.horizons = training.horizons().len();
        Ok(())
    }

    fn issue(&self, history: &History<'_>) -> Result<Vec<f64>> {
        let last = history.level().last().copied().unwrap_or(f64::NAN);
        Ok(vec![last; self.horizons])
    }
}
