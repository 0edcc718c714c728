//! Batch normalisation (Ioffe and Szegedy 2015) with running statistics.

use tch::Tensor;

use super::super::Mode;
use super::builder::Builder;

/// Normalises each channel (axis 1) over all other axes. Parameters `weight` (starts at 1),
/// `bias` (0); buffers `running_mean` (0), `running_var` (1).
///
/// Training uses the batch's mean and biased variance and moves the running values by a tenth
/// towards the batch (the variance unbiased); evaluation uses the running values. A training
/// batch with one number a channel has no variance: it is normalised by the running values, which
/// it leaves alone. So is every batch where the weight does not learn.
pub struct BatchNorm {
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    epsilon: f64,
}

const EPSILON: f64 = 1e-5;
const MOMENTUM: f64 = 0.1;

impl BatchNorm {
    /// `output` is the shape behind the batch axis, for the summary alone.
    pub fn new(builder: &Builder<'_>, channels: i64, output: &[i64]) -> Self {
        Self::with_epsilon(builder, channels, output, EPSILON)
    }

    /// `epsilon` is added to the variance; PyTorch's 1e-5 in [`BatchNorm::new`].
    pub fn with_epsilon(
        builder: &Builder<'_>,
        channels: i64,
        output: &[i64],
        epsilon: f64,
    ) -> Self {
        let layer = Self {
            weight: builder.constant("weight", &[channels], 1.0),
            bias: builder.constant("bias", &[channels], 0.0),
            running_mean: builder.buffer("running_mean", &[channels], 0.0),
            running_var: builder.buffer("running_var", &[channels], 1.0),
            epsilon,
        };
        builder.row("batch norm", output, &[&layer.weight, &layer.bias]);
        layer
    }

    /// `[N, channels, …]`, same shape out.
    pub fn forward(&self, values: &Tensor, mode: Mode<'_>) -> Tensor {
        let numbers_a_channel = values.numel() / self.weight.numel().max(1);
        let train =
            matches!(mode, Mode::Train(_)) && numbers_a_channel > 1 && self.weight.requires_grad();
        values.batch_norm(
            Some(&self.weight),
            Some(&self.bias),
            Some(&self.running_mean),
            Some(&self.running_var),
            train,
            MOMENTUM,
            self.epsilon,
            true,
        )
    }
}
