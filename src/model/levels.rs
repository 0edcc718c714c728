//! Levels ahead as single numbers.

use tch::{Kind, Tensor};

use super::losses;
use super::masks::{counted, known};
use super::task::{Loss, Reading, Task};
use crate::data::Batch;

/// What a level is fitted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LevelLoss {
    /// Absolute error: fits the median.
    #[default]
    Absolute,
    /// Squared error: fits the mean.
    Squared,
    /// Squared near 0, absolute beyond `delta`.
    Huber {
        /// Where the two meet.
        delta: f64,
    },
    /// Huber's loss divided by `beta`.
    SmoothAbsolute {
        /// Where the two meet.
        beta: f64,
    },
}

/// One number a horizon.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelTask {
    /// Number of horizons.
    pub horizons: usize,
    /// What it is fitted by.
    #[serde(default)]
    pub loss: LevelLoss,
}

impl Task for LevelTask {
    fn outputs(&self) -> usize {
        self.horizons
    }

    fn loss(&self, output: &Tensor, batch: &Batch) -> Loss {
        let (target, counted) = (known(batch), counted(batch));
        let elements = match self.loss {
            LevelLoss::Absolute => losses::absolute(output, &target),
            LevelLoss::Squared => losses::squared(output, &target),
            LevelLoss::Huber { delta } => losses::huber(output, &target, delta),
            LevelLoss::SmoothAbsolute { beta } => losses::smooth_absolute(output, &target, beta),
        };
        let sum = (elements * &counted).sum(Kind::Float);
        Loss { sum, weight: counted.sum(Kind::Float) }
    }

    /// `[N, H]`.
    fn decode(&self, output: &Tensor) -> Tensor {
        output.shallow_clone()
    }

    /// The mean absolute error.
    fn readings(&self, output: &Tensor, batch: &Batch) -> Vec<Reading> {
        vec![Reading::weighted("mae", &losses::absolute(output, &known(batch)), &counted(batch))]
    }
}
