//! The layers all networks are made of. Parameter names and default initial values are PyTorch's
//! (`torch.nn` 2.11), every random number comes from the one [`Rng`](crate::data::Rng).

mod batch_norm;
mod builder;
mod conv;
mod conv_transpose;
mod head;
mod layer_norm;
mod linear;
mod pooling;
mod recurrent;
mod spectrogram;

pub use batch_norm::BatchNorm;
pub use builder::{Builder, Initialisation, LayerRow, Registry};
pub use conv::{Conv1d, Conv2d, Kernel};
pub use conv_transpose::{ConvTranspose1d, TransposedKernel};
pub use head::{Head, HeadSettings, SequenceHead};
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use pooling::{Pooling, Readout};
pub use recurrent::{Cell, Recurrent, RecurrentOutput, RecurrentShape};
pub use spectrogram::{LogSpectrogram, SpectrogramSettings};

use tch::Tensor;

use super::Mode;

/// Zeroes each number with `probability` in training and scales the rest by `1 / (1 - probability)`.
pub fn dropout(values: Tensor, probability: f64, mode: Mode<'_>) -> Tensor {
    match mode {
        Mode::Train(source) | Mode::Sample(source) if probability > 0.0 => {
            let mask = source.mask(&values.size(), probability, &values);
            values * mask
        }
        _ => values,
    }
}

/// Zeroes each channel of `[N, C, T]` as a whole with `probability` in training.
pub fn dropout_channels(values: Tensor, probability: f64, mode: Mode<'_>) -> Tensor {
    match mode {
        Mode::Train(source) | Mode::Sample(source) if probability > 0.0 => {
            let size = values.size();
            let mask = source.mask(&[size[0], size[1], 1], probability, &values);
            values * mask
        }
        _ => values,
    }
}
