//! Settings of a training run.

use super::{AdamConstants, OptimizerKind, Schedule};
use crate::data::Order;
use crate::error::{Error, Result};

/// Everything that decides how a model is trained. Written whole into `run.toml`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainSettings {
    /// Seed of everything random (0).
    pub seed: u64,
    /// Epochs at most (50).
    pub epochs: usize,
    /// Examples per batch (32).
    pub batch_size: usize,
    /// Base of the schedule (1e-3); the top of the one-cycle schedule.
    pub learning_rate: f64,
    /// Weight decay (0): decoupled in AdamW, in the gradient elsewhere.
    pub weight_decay: f64,
    /// Weight decay leaves biases and normalisation alone (no).
    pub spare_biases: bool,
    /// Batches whose gradients make one step (1).
    pub accumulate: usize,
    /// Leave out a last batch that is not full (no).
    pub drop_last: bool,
    /// A last batch of one example joins the batch before it (yes): batch normalisation fails on
    /// one.
    pub join_single: bool,
    /// Threads within an operation of libtorch (1). The last digits of the result depend on it.
    pub threads: usize,
    /// Threads that fill batches ahead (1); 0 fills them on the training thread. Without
    /// influence on the result.
    pub loader_threads: usize,
    /// Seconds between checkpoints (60); one is written after the batch that passes them. 0: after
    /// every step.
    pub checkpoint_seconds: f64,
    /// Batches per epoch; one pass over the data if absent. Longer epochs draw from an endlessly
    /// reshuffled stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps_per_epoch: Option<usize>,
    /// Largest norm of the gradient over all parameters; not bounded if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Largest size of each number of the gradient; not bounded if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_value: Option<f64>,
    /// Stop after this many epochs without a lower validation loss; never if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// End with the weights of the epoch of the lowest validation loss (yes); else with the last.
    pub restore_best: bool,
    /// Decay of the running average of the weights, which then replaces them in validation and at
    /// the end: `min(decay, t/(t + 10))` at step `t`; no average if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_average: Option<f64>,
    /// Order of the examples in each pass (shuffled).
    pub order: Order,
    /// The optimiser (AdamW).
    pub optimizer: OptimizerKind,
    /// The schedule (constant).
    pub schedule: Schedule,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            seed: 0,
            epochs: 50,
            batch_size: 32,
            learning_rate: 1e-3,
            weight_decay: 0.0,
            spare_biases: false,
            accumulate: 1,
            drop_last: false,
            join_single: true,
            threads: 1,
            loader_threads: 1,
            checkpoint_seconds: 60.0,
            steps_per_epoch: None,
            order: Order::Shuffled,
            clip_norm: None,
            clip_value: None,
            patience: None,
            restore_best: true,
            weight_average: None,
            optimizer: OptimizerKind::Adamw(AdamConstants::default()),
            schedule: Schedule::Constant,
        }
    }
}

impl TrainSettings {
    /// Refuses numbers that cannot be meant.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: &str| Err(Error::usage(format!("training settings: {what}")));
        if self.threads == 0 || self.threads > 1024 {
            return wrong("threads must lie in 1..=1024");
        }
        if self.epochs == 0 || self.batch_size == 0 || self.accumulate == 0 {
            return wrong("epochs, batch_size and accumulate must be at least 1");
        }
        if self.steps_per_epoch == Some(0) {
            return wrong("steps_per_epoch must be at least 1");
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return wrong("learning_rate must be a positive number");
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            return wrong("weight_decay must be 0 or a positive number");
        }
        for limit in [self.clip_norm, self.clip_value].into_iter().flatten() {
            if !(limit.is_finite() && limit > 0.0) {
                return wrong("clip_norm and clip_value must be positive numbers");
            }
        }
        if self.weight_average.is_some_and(|d| !(0.0..1.0).contains(&d)) {
            return wrong("weight_average must lie in 0..1");
        }
        if self.checkpoint_seconds.is_nan() || self.checkpoint_seconds < 0.0 {
            return wrong("checkpoint_seconds must be 0 or a positive number");
        }
        Ok(())
    }
}
