//! What is at each sample of a window: noise, P, S, an earthquake.

use tch::{Kind, Tensor};

use super::losses;
use super::task::{Loss, Task};
use crate::data::Batch;

/// How raw outputs become probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Labels exclude one another and sum to 1 at each sample: one of them must be noise.
    #[default]
    Softmax,
    /// Each label for itself.
    Sigmoid,
}

impl Activation {
    /// Raw outputs `[N, K, …]` as probabilities.
    pub fn apply(self, output: &Tensor) -> Tensor {
        match self {
            Self::Softmax => output.softmax(1, Kind::Float),
            Self::Sigmoid => output.sigmoid(),
        }
    }
}

/// Labels at every sample; targets `[N, K, T]` lie in 0..1.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PickTask {
    /// Number of labels `K`.
    pub labels: usize,
    /// How raw outputs become probabilities.
    #[serde(default)]
    pub activation: Activation,
    /// Weight of each label in the loss; all 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_weights: Option<Vec<f64>>,
}

impl Task for PickTask {
    fn outputs(&self) -> usize {
        self.labels
    }

    /// Cross-entropy at each sample: over all labels for softmax, of each by itself for sigmoid;
    /// the mean is one over samples (softmax) or over samples and labels.
    fn loss(&self, output: &Tensor, batch: &Batch) -> Loss {
        let counted = &batch.observed * batch.weight.view([-1, 1, 1]);
        let target = batch.target.masked_fill(&batch.observed.le(0.0), 0.0);
        let elements = match self.activation {
            Activation::Softmax => -(output.log_softmax(1, Kind::Float) * target),
            Activation::Sigmoid => losses::binary_cross_entropy(output, &target, None),
        };
        let weights = match &self.label_weights {
            Some(weights) => Tensor::from_slice(weights).to_kind(Kind::Float),
            None => Tensor::ones([self.labels as i64], (Kind::Float, output.device())),
        };
        let weights = weights.to_device(output.device()).view([1, -1, 1]);
        let sum = (elements * &counted * &weights).sum(Kind::Float);
        let weight = match self.activation {
            Activation::Softmax => counted.sum(Kind::Float) / self.labels as f64,
            Activation::Sigmoid => (counted * weights).sum(Kind::Float),
        };
        Loss { sum, weight }
    }

    /// Probabilities `[N, K, T]`.
    fn decode(&self, output: &Tensor) -> Tensor {
        self.activation.apply(output)
    }
}
