//! Transposed convolutions over time.

use tch::Tensor;

use super::builder::Builder;

/// Sizes of a transposed convolution.
#[derive(Clone, Copy, Debug)]
pub struct TransposedKernel {
    /// Taps.
    pub size: i64,
    /// Samples put out for one read.
    pub stride: i64,
    /// Samples left out at either end.
    pub padding: i64,
    /// Samples added at the right end.
    pub output_padding: i64,
    /// Whether a bias is added.
    pub bias: bool,
}

impl TransposedKernel {
    /// Length of the output for an input of `length`.
    pub fn output_length(&self, length: i64) -> i64 {
        (length - 1) * self.stride - 2 * self.padding + self.size + self.output_padding
    }
}

/// A transposed convolution over `[N, C, T]`; parameters `weight` `[inputs, outputs, size]`,
/// `bias`. Initial values are PyTorch's: uniform in ±1/√(outputs · size).
pub struct ConvTranspose1d {
    weight: Tensor,
    bias: Option<Tensor>,
    kernel: TransposedKernel,
}

impl ConvTranspose1d {
    /// `length` is that of the input's time axis, for the summary alone.
    pub fn new(
        builder: &Builder<'_>,
        inputs: i64,
        outputs: i64,
        kernel: TransposedKernel,
        length: i64,
    ) -> Self {
        let bound = ((outputs * kernel.size).max(1) as f64).sqrt().recip();
        let weight = builder.uniform("weight", &[inputs, outputs, kernel.size], bound);
        let bias = kernel.bias.then(|| builder.uniform("bias", &[outputs], bound));
        let listed: Vec<&Tensor> = std::iter::once(&weight).chain(&bias).collect();
        let kind = format!("transposed conv1d kernel {} stride {}", kernel.size, kernel.stride);
        builder.row(kind, &[outputs, kernel.output_length(length)], &listed);
        Self { weight, bias, kernel }
    }

    /// `[N, inputs, T]` to `[N, outputs, T']`.
    pub fn forward(&self, values: &Tensor) -> Tensor {
        let TransposedKernel { stride, padding, output_padding, .. } = self.kernel;
        let (weight, bias) = (&self.weight, self.bias.as_ref());
        values.conv_transpose1d(weight, bias, stride, padding, output_padding, 1, [1i64])
    }
}
