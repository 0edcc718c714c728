//! Autoregression, one linear model per horizon (direct).

use super::linear::Linear;
use super::{Forecaster, History, Training, not_fitted, state};
use crate::error::{Error, Result};

/// Penalty on the weights: keeps the system solvable, too small to shrink anything.
const PENALTY: f64 = 1e-6;

/// Linear in the last `order` values, inputs and target centred on their training means,
/// fitted by ridge regression on pairs whose target lies in training.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Ar {
    order: usize,
    models: Vec<Linear>,
}

impl Ar {
    /// `order` last values are inputs.
    pub fn new(order: usize) -> Self {
        Self { order, models: Vec::new() }
    }

    /// The fitted model of each horizon; weights from the newest value to the oldest, `[H]`.
    pub fn models(&self) -> &[Linear] {
        &self.models
    }
}

impl Forecaster for Ar {
    fn name(&self) -> String {
        format!("ar({})", self.order)
    }

    fn state(&self) -> Result<serde_json::Value> {
        state::of(self)
    }

    fn restore(&mut self, state: &serde_json::Value) -> Result<()> {
        *self = state::read(&self.name(), state)?;
        Ok(())
    }

    fn fit(&mut self, training: &Training<'_>) -> Result<()> {
        if self.order == 0 {
            return Err(Error::usage("the order of an autoregression must be at least 1"));
        }
        let (level, observed) = (training.history().level(), training.history().observed());
        let name = self.name();
        let fit = |&horizon: &usize| {
            let pairs = training.enough_pairs(&name, horizon, self.order, self.order + 2)?;
            let inputs: Vec<f64> = pairs
                .iter()
                .flat_map(|&t| (0..self.order).map(move |lag| level[t - lag]))
                .collect();
            let target: Vec<f64> = pairs.iter().map(|t| observed[t + horizon]).collect();
            Linear::centred_ridge(&name, &inputs, &target, PENALTY)
        };
        self.models = training.horizons().iter().map(fit).collect::<Result<_>>()?;
        Ok(())
    }

    fn issue(&self, history: &History<'_>) -> Result<Vec<f64>> {
        if self.models.is_empty() {
            return Err(not_fitted(&self.name()));
        }
        let inputs: Vec<f64> = history.level().iter().rev().take(self.order).copied().collect();
        if inputs.len() < self.order {
            return Ok(vec![f64::NAN; self.models.len()]);
        }
        Ok(self.models.iter().map(|model| model.predict(&inputs)).collect())
    }
}
