//! What a training run leaves behind, and who is told of it.

use std::collections::BTreeMap;

/// One line of `history.jsonl`.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct EpochRecord {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// Optimiser steps done at its end.
    pub step: u64,
    /// Mean training loss over the epoch's batches, with the weights moving.
    pub train_loss: f64,
    /// Mean validation loss at the epoch's end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub valid_loss: Option<f64>,
    /// The task's readings in training, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub train: BTreeMap<String, f64>,
    /// The task's readings in validation, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub valid: BTreeMap<String, f64>,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Mean norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Wall-clock seconds of the epoch.
    pub seconds: f64,
}

/// One batch done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchRecord {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Batch within the epoch, from 1.
    pub batch: usize,
    /// Mean loss of the batch; `None` if none of its targets counted.
    pub loss: Option<f64>,
}

/// A finished training run; `metrics.json` holds it.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// Every epoch.
    pub epochs: Vec<EpochRecord>,
    /// The epoch, from 1, whose weights the model holds now.
    pub kept_epoch: usize,
    /// Its validation loss.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub best_valid_loss: Option<f64>,
    /// Whether patience ran out before the last epoch.
    pub stopped_early: bool,
    /// Optimiser steps done.
    pub steps: u64,
    /// Wall-clock seconds, those before an interruption included.
    pub seconds: f64,
}

/// Is told what happened, and cannot change the mathematics.
pub trait Observer {
    /// A batch was learnt from.
    fn after_batch(&mut self, record: &BatchRecord) {
        let _ = record;
    }

    /// An epoch and its validation are done.
    fn after_epoch(&mut self, record: &EpochRecord) {
        let _ = record;
    }

    /// Training is done; best weights are in place.
    fn after_training(&mut self, report: &Report) {
        let _ = report;
    }
}
