//! Which of several classes an example is.

use tch::{Kind, Tensor};

use super::losses::{self, SmoothingWeights};
use super::task::{Loss, Reading, Task};
use crate::data::Batch;

/// What the sum of weighted losses is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalise {
    /// The sum of the weights, as PyTorch does.
    #[default]
    BySumOfWeights,
    /// The number of examples, as Keras does.
    ByCount,
}

/// One class an example.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassTask {
    /// Number of classes.
    pub classes: usize,
    /// Weight of each class in the loss; all 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<Vec<f64>>,
    /// The part of the target that is spread evenly over all classes.
    #[serde(default)]
    pub label_smoothing: f64,
    /// How class weights act on that part.
    #[serde(default)]
    pub smoothing_weights: SmoothingWeights,
    /// What the sum of weighted losses is divided by.
    #[serde(default)]
    pub normalise: Normalise,
    /// Exponent of the focal loss, which replaces cross-entropy if given (smoothing is unused).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focal_gamma: Option<f64>,
}

impl ClassTask {
    /// Plain cross-entropy over `classes`.
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            class_weights: None,
            label_smoothing: 0.0,
            smoothing_weights: SmoothingWeights::default(),
            normalise: Normalise::default(),
            focal_gamma: None,
        }
    }
}

impl Task for ClassTask {
    fn outputs(&self) -> usize {
        self.classes
    }

    fn loss(&self, output: &Tensor, batch: &Batch) -> Loss {
        let class_weights = self.class_weights.as_ref().map(|weights| {
            Tensor::from_slice(weights).to_kind(Kind::Float).to_device(output.device())
        });
        let class_weights = class_weights.as_ref();
        let elements = match self.focal_gamma {
            Some(gamma) => losses::focal(output, &batch.target, class_weights, gamma),
            None => losses::cross_entropy(
                output,
                &batch.target,
                class_weights,
                self.label_smoothing,
                self.smoothing_weights,
            ),
        };
        let sum = (elements * &batch.weight).sum(Kind::Float);
        let weight = match (self.normalise, class_weights) {
            (Normalise::ByCount, _) => batch.weight.ones_like().sum(Kind::Float),
            (Normalise::BySumOfWeights, None) => batch.weight.sum(Kind::Float),
            (Normalise::BySumOfWeights, Some(weights)) => {
                (weights.index_select(0, &batch.target) * &batch.weight).sum(Kind::Float)
            }
        };
        Loss { sum, weight }
    }

    /// Probabilities `[N, C]`.
    fn decode(&self, output: &Tensor) -> Tensor {
        output.softmax(1, Kind::Float)
    }

    /// Accuracy, every example counted once.
    fn readings(&self, output: &Tensor, batch: &Batch) -> Vec<Reading> {
        let right = output.argmax(1, false).eq_tensor(&batch.target).sum(Kind::Int64);
        vec![Reading {
            name: "accuracy",
            sum: right.int64_value(&[]) as f64,
            weight: batch.target.numel() as f64,
        }]
    }
}
