//! What of a batch's targets counts.

use tch::{Kind, Tensor};

use super::task::Reading;
use crate::data::Batch;

/// `[N, H]`: the example's weight where the target was observed, else 0.
pub(super) fn counted(batch: &Batch) -> Tensor {
    &batch.observed * batch.weight.unsqueeze(1)
}

/// `[N, H]` targets with 0 where none was observed: NaN times 0 would be NaN.
pub(super) fn known(batch: &Batch) -> Tensor {
    batch.target.masked_fill(&batch.observed.le(0.0), 0.0)
}

impl Reading {
    /// The sum of `elements · weights`, both `[N, H]`.
    pub(super) fn weighted(name: &'static str, elements: &Tensor, weights: &Tensor) -> Self {
        let sum = (elements * weights).sum(Kind::Double).double_value(&[]);
        Self { name, sum, weight: weights.sum(Kind::Double).double_value(&[]) }
    }
}
