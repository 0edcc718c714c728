//! Networks, heads and losses. A network knows nothing of losses, files or plots.

mod device;
mod network;
mod task;

pub use device::DeviceChoice;
pub use network::{DropoutSource, Input, Mode, Network};
pub use task::{Loss, Reading, Task};

/// A network with its parameters, ready for the trainer.
///
/// Parameters and buffers live in `parameters`; names follow PyTorch (`encoder.weight_ih_l0`).
/// Initial values come from a [`crate::data::Rng`], never from libtorch's global generator.
pub struct Model {
    /// All trainable parameters and buffers by name.
    pub parameters: tch::nn::VarStore,
    /// The network over them.
    pub network: Box<dyn Network>,
}
