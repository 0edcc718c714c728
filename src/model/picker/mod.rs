//! Networks that say at every sample of a three-component window how likely each phase is there,
//! and those that name the phase of a short window. Layers, their names and shapes are those of
//! SeisBench 0.12 (Woollam et al. 2022), so that its weights fit as they are.

mod eqtransformer;
mod gpd;
mod phasenet;
mod phasenet_light;
#[cfg(test)]
mod tests;

pub use eqtransformer::{EqTransformer, Gates};
pub use gpd::Gpd;
pub use phasenet::{PhaseNet, PhaseNetVariable};
pub use phasenet_light::PhaseNetLight;

use super::shape::{Axes, Sequence};
use crate::error::{Error, Result};

/// The window's axes; lengths other than `samples` are refused in the name of `kind`.
fn window_of(kind: &str, axes: &Axes, samples: i64) -> Result<Sequence> {
    let sequence = axes.sequence(kind)?;
    if sequence.steps != samples {
        return Err(Error::usage(format!(
            "{kind} reads windows of {samples} samples; the examples are {} along {}",
            axes.shape(),
            axes.layout.axes()
        )));
    }
    Ok(sequence)
}

/// Cuts `length` samples from the middle of `values` `[N, C, T]`, the odd one off the end.
fn centre(values: &tch::Tensor, length: i64) -> tch::Tensor {
    let offset = (values.size()[2] - length) / 2;
    values.narrow(2, offset, length)
}
