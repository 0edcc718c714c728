//! What is asked of a network: loss, decoding and scores of its raw outputs.

use tch::Tensor;

use crate::data::Batch;

/// A loss as a weighted sum, so that means over batches, epochs and devices are exact.
pub struct Loss {
    /// Sum of weighted losses over the batch; scalar with gradient.
    pub sum: Tensor,
    /// What to divide by for the mean: sum of weights, or number of observed targets; scalar.
    pub weight: Tensor,
}

/// One figure shown beside the loss, as a weighted sum.
pub struct Reading {
    /// Name in the history: `accuracy`, `pinball`.
    pub name: &'static str,
    /// Sum over the batch.
    pub sum: f64,
    /// Weight of the batch.
    pub weight: f64,
}

/// Gives meaning to raw outputs. A task knows nothing of architectures; any task runs on any
/// network whose output count fits.
pub trait Task: Sync {
    /// Numbers a network must put out per example (`K` of `[N, K]`).
    fn outputs(&self) -> usize;

    /// The loss of raw `output` `[N, K]` against the batch's targets.
    fn loss(&self, output: &Tensor, batch: &Batch) -> Loss;

    /// Raw outputs as predictions: quantiles `[N, H, Q]`, levels `[N, H]`, probabilities `[N, C]`.
    fn decode(&self, output: &Tensor) -> Tensor;

    /// Further figures for the history; none by default.
    fn readings(&self, output: &Tensor, batch: &Batch) -> Vec<Reading> {
        let _ = (output, batch);
        Vec::new()
    }
}
