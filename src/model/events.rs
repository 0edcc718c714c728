//! Whether something happens within each horizon.

use tch::{Kind, Tensor};

use super::losses;
use super::masks::{counted, known};
use super::task::{Loss, Reading, Task};
use crate::data::Batch;

/// A probability a horizon.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventTask {
    /// Number of horizons.
    pub horizons: usize,
    /// How many times a positive target counts; probabilities are calibrated without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive_weight: Option<f64>,
    /// Horizons are nested (within 1, within 5 steps …), so probabilities may not fall from one to
    /// the next: their logits are a first one plus cumulated softplus.
    #[serde(default)]
    pub nested: bool,
}

impl EventTask {
    /// Logits `[N, H]` of raw outputs.
    fn logits(&self, output: &Tensor) -> Tensor {
        if !self.nested || self.horizons < 2 {
            return output.shallow_clone();
        }
        let first = output.narrow(1, 0, 1);
        let rises = output.narrow(1, 1, self.horizons as i64 - 1).softplus();
        let later = &first + rises.cumsum(1, output.kind());
        Tensor::cat(&[first, later], 1)
    }
}

impl Task for EventTask {
    fn outputs(&self) -> usize {
        self.horizons
    }

    fn loss(&self, output: &Tensor, batch: &Batch) -> Loss {
        let (target, counted) = (known(batch), counted(batch));
        let logits = self.logits(output);
        let elements = losses::binary_cross_entropy(&logits, &target, self.positive_weight);
        let sum = (elements * &counted).sum(Kind::Float);
        Loss { sum, weight: counted.sum(Kind::Float) }
    }

    /// Probabilities `[N, H]`.
    fn decode(&self, output: &Tensor) -> Tensor {
        self.logits(output).sigmoid()
    }

    /// The Brier score.
    fn readings(&self, output: &Tensor, batch: &Batch) -> Vec<Reading> {
        let elements = losses::squared(&self.decode(output), &known(batch));
        vec![Reading::weighted("brier", &elements, &counted(batch))]
    }
}
