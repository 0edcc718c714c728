//! Convolutions over time and over images.

use tch::Tensor;

use super::builder::{Builder, Initialisation};

/// Size and steps of a convolution, the same along every axis.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// Taps.
    pub size: i64,
    /// Step between outputs.
    pub stride: i64,
    /// Step between taps.
    pub dilation: i64,
    /// Zeros on either side.
    pub padding: i64,
    /// Whether a bias is added; needless before batch norm.
    pub bias: bool,
}

impl Kernel {
    /// Stride 1, no dilation, no padding, with bias.
    pub fn new(size: i64) -> Self {
        Self { size, stride: 1, dilation: 1, padding: 0, bias: true }
    }

    /// Length of the output along an axis of `length`; 0 or less where the kernel does not fit.
    pub fn output_length(&self, length: i64) -> i64 {
        let room = length + 2 * self.padding - self.dilation * (self.size - 1) - 1;
        if room < 0 { 0 } else { room / self.stride + 1 }
    }
}

/// Weight and, if asked for, bias of a convolution with `taps` numbers a kernel.
fn parameters(
    builder: &Builder<'_>,
    shape: &[i64],
    taps: i64,
    bias: bool,
) -> (Tensor, Option<Tensor>) {
    let (outputs, inputs) = (shape[0], shape[1]);
    let fan_in = (inputs * taps).max(1) as f64;
    match builder.initialisation() {
        Initialisation::PyTorch => {
            let bound = fan_in.sqrt().recip();
            let weight = builder.uniform("weight", shape, bound);
            (weight, bias.then(|| builder.uniform("bias", &[outputs], bound)))
        }
        Initialisation::Keras => {
            let bound = (6.0 / (fan_in + (outputs * taps) as f64)).sqrt();
            let weight = builder.uniform("weight", shape, bound);
            (weight, bias.then(|| builder.constant("bias", &[outputs], 0.0)))
        }
    }
}

/// A convolution over `[N, C, T]`; parameters `weight` `[outputs, inputs, size]`, `bias`.
pub struct Conv1d {
    weight: Tensor,
    bias: Option<Tensor>,
    kernel: Kernel,
}

impl Conv1d {
    /// `length` is that of the time axis, for the summary alone.
    pub fn new(
        builder: &Builder<'_>,
        inputs: i64,
        outputs: i64,
        kernel: Kernel,
        length: i64,
    ) -> Self {
        let shape = [outputs, inputs, kernel.size];
        let (weight, bias) = parameters(builder, &shape, kernel.size, kernel.bias);
        let listed: Vec<&Tensor> = std::iter::once(&weight).chain(&bias).collect();
        let kind = format!("conv1d {}", describe(&kernel));
        builder.row(kind, &[outputs, kernel.output_length(length)], &listed);
        Self { weight, bias, kernel }
    }

    /// `[N, inputs, T]` to `[N, outputs, T']`.
    pub fn forward(&self, values: &Tensor) -> Tensor {
        let Kernel { stride, padding, dilation, .. } = self.kernel;
        values.conv1d(&self.weight, self.bias.as_ref(), stride, padding, dilation, 1)
    }
}

/// A convolution over `[N, C, H, W]`; parameters `weight` `[outputs, inputs, size, size]`, `bias`.
///
/// Keras keeps its kernels as `[H, W, inputs, outputs]`: permute by (3, 2, 0, 1).
pub struct Conv2d {
    weight: Tensor,
    bias: Option<Tensor>,
    kernel: Kernel,
}

impl Conv2d {
    /// `extent` is height and width of the input, for the summary alone.
    pub fn new(
        builder: &Builder<'_>,
        inputs: i64,
        outputs: i64,
        kernel: Kernel,
        extent: [i64; 2],
    ) -> Self {
        let shape = [outputs, inputs, kernel.size, kernel.size];
        let taps = kernel.size * kernel.size;
        let (weight, bias) = parameters(builder, &shape, taps, kernel.bias);
        let listed: Vec<&Tensor> = std::iter::once(&weight).chain(&bias).collect();
        let [height, width] = extent.map(|length| kernel.output_length(length));
        let kind = format!("conv2d {0}×{0}", kernel.size);
        builder.row(kind, &[outputs, height, width], &listed);
        Self { weight, bias, kernel }
    }

    /// `[N, inputs, H, W]` to `[N, outputs, H', W']`.
    pub fn forward(&self, values: &Tensor) -> Tensor {
        let Kernel { stride, padding, dilation, .. } = self.kernel;
        let (stride, padding, dilation) = ([stride; 2], [padding; 2], [dilation; 2]);
        values.conv2d(&self.weight, self.bias.as_ref(), stride, padding, dilation, 1)
    }
}

fn describe(kernel: &Kernel) -> String {
    let mut text = format!("kernel {}", kernel.size);
    if kernel.stride > 1 {
        text += &format!(" stride {}", kernel.stride);
    }
    if kernel.dilation > 1 {
        text += &format!(" dilation {}", kernel.dilation);
    }
    text
}
