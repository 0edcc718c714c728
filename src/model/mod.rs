//! Networks, heads and losses. A network knows nothing of losses, files or plots.
//!
//! A new network is one file with a settings struct and its `build`, one variant of [`ModelSpec`]
//! and one line in [`KINDS`].

mod classes;
mod cnn1d;
mod cnn1d_strided;
mod cnn2d;
mod device;
mod dlinear;
mod events;
mod freeze;
pub mod layers;
mod levels;
pub mod losses;
mod masks;
mod mlp;
mod network;
mod nlinear;
mod pick_task;
pub mod picker;
mod quantiles;
mod recurrent;
mod shape;
mod spec;
mod task;
mod task_spec;
#[cfg(test)]
mod tests;
mod weights;

pub use classes::{ClassTask, Normalise};
pub use cnn1d::{BlockShape, Cnn1d, ResidualBlock};
pub use cnn1d_strided::{Cnn1dStrided, CnnLstm};
pub use cnn2d::{Cnn2d, ImagePooling, MaxPool, Padding};
pub use device::{DeviceChoice, device_name};
pub use dlinear::Dlinear;
pub use events::EventTask;
pub use levels::{LevelLoss, LevelTask};
pub use mlp::{Activation, Mlp};
pub use network::{DropoutSource, Input, Mode, Network};
pub use nlinear::Nlinear;
pub use pick_task::{Activation as PickActivation, PickTask};
pub use quantiles::{QuantileTask, quantiles};
pub use recurrent::RecurrentSettings;
pub use shape::{Axes, Sequence};
pub use spec::{KINDS, KindEntry, ModelSpec};
pub use task::{Loss, Reading, Task};
pub use task_spec::TaskSpec;
pub use weights::read_safetensors;

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
