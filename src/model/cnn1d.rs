//! `cnn1d`: dilated residual blocks over time (a temporal convolutional network, Bai et al. 2018).

use tch::Tensor;

use super::layers::{
    BatchNorm, Builder, Conv1d, HeadSettings, Kernel, Readout, SequenceHead, dropout,
};
use super::shape::{Axes, Sequence, check_fraction, check_positive};
use super::{Input, Mode, Network};
use crate::error::{Error, Result};

/// `kind = "cnn1d"`: residual blocks, one a dilation → readout → head.
///
/// With lengths the readout stops at the last valid step; what stands behind it is seen only by
/// blocks that are not causal.
///
/// The receptive field is `1 + 2 · (kernel - 1) · sum(dilations)` steps.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cnn1d {
    /// Channels of every block.
    pub width: usize,
    /// Taps of every convolution.
    pub kernel: usize,
    /// Step between the taps, block by block.
    pub dilations: Vec<usize>,
    /// Whether a step sees earlier steps alone; else as many on either side.
    pub causal: bool,
    /// Dropout behind each block and in front of the output layer.
    pub dropout: f64,
    /// What is read from the last block.
    pub readout: Readout,
    /// Width of a hidden layer behind the readout; 0 for none.
    pub head_hidden: usize,
    /// Whether the output layer starts at zero.
    pub zero_output: bool,
}

impl Default for Cnn1d {
    fn default() -> Self {
        Self {
            width: 32,
            kernel: 3,
            dilations: vec![1, 2, 4, 8],
            causal: true,
            dropout: 0.0,
            readout: Readout::Last,
            head_hidden: 0,
            zero_output: false,
        }
    }
}

impl Cnn1d {
    /// Layers `blocks.0.conv1`, `.bn1`, `.conv2`, `.bn2`, `.down` …, `head`.
    pub fn build(
        &self,
        builder: &Builder<'_>,
        axes: &Axes,
        outputs: i64,
    ) -> Result<Box<dyn Network>> {
        check_positive("width", self.width)?;
        check_positive("kernel", self.kernel)?;
        check_fraction("dropout", self.dropout)?;
        if self.dilations.is_empty() {
            return Err(Error::usage("cnn1d: dilations is empty, expected one a block"));
        }
        let sequence = axes.sequence("cnn1d")?;
        let width = self.width as i64;
        let mut inputs = sequence.channels;
        let mut blocks = Vec::new();
        for (number, &dilation) in self.dilations.iter().enumerate() {
            check_positive("dilations", dilation)?;
            let shape = BlockShape {
                inputs,
                outputs: width,
                kernel: self.kernel as i64,
                dilation: dilation as i64,
                causal: self.causal,
            };
            let place = builder.at(&format!("blocks.{number}"));
            blocks.push(ResidualBlock::new(&place, shape, sequence.steps));
            inputs = width;
        }
        let settings = HeadSettings {
            hidden: self.head_hidden,
            dropout: self.dropout,
            zero_output: self.zero_output,
        };
        let head =
            SequenceHead::new(builder, self.readout, settings, width, axes.features, outputs);
        Ok(Box::new(Cnn1dNetwork { sequence, blocks, dropout: self.dropout, head }))
    }
}

struct Cnn1dNetwork {
    sequence: Sequence,
    blocks: Vec<ResidualBlock>,
    dropout: f64,
    head: SequenceHead,
}

impl Network for Cnn1dNetwork {
    fn forward(&self, input: &Input<'_>, mode: Mode<'_>) -> Tensor {
        let mut values = self.sequence.channels_first(input.values);
        for block in &self.blocks {
            values = dropout(block.forward(&values, mode), self.dropout, mode);
        }
        self.head.forward(&values.transpose(1, 2), input.lengths, input.features, mode)
    }
}

/// Sizes of a [`ResidualBlock`].
#[derive(Clone, Copy, Debug)]
pub struct BlockShape {
    /// Channels in.
    pub inputs: i64,
    /// Channels out.
    pub outputs: i64,
    /// Taps.
    pub kernel: i64,
    /// Step between taps.
    pub dilation: i64,
    /// Whether padding stands on the left alone.
    pub causal: bool,
}

/// `pad → conv1 → bn1 → ReLU → pad → conv2 → bn2 → add shortcut → ReLU`; the shortcut is the input,
/// or a convolution of one tap (`down`) where the channels differ. Keeps the length.
pub struct ResidualBlock {
    conv1: Conv1d,
    bn1: BatchNorm,
    conv2: Conv1d,
    bn2: BatchNorm,
    down: Option<Conv1d>,
    /// Zeros in front and behind, where the convolution does not pad by itself.
    pad: Option<[i64; 2]>,
}

impl ResidualBlock {
    /// `length` is that of the time axis, for the summary alone.
    pub fn new(builder: &Builder<'_>, shape: BlockShape, length: i64) -> Self {
        let BlockShape { inputs, outputs, dilation, .. } = shape;
        let reach = (shape.kernel - 1) * dilation;
        let even = !shape.causal && reach % 2 == 0;
        let pad = match (shape.causal, even) {
            _ if reach == 0 => None,
            (true, _) => Some([reach, 0]),
            (false, false) => Some([reach / 2, reach - reach / 2]),
            (false, true) => None,
        };
        let kernel = Kernel {
            dilation,
            padding: if even { reach / 2 } else { 0 },
            ..Kernel::new(shape.kernel)
        };
        let padded = length + if pad.is_some() { reach } else { 0 };
        let conv = |name: &str, inputs: i64| {
            Conv1d::new(&builder.at(name), inputs, outputs, kernel, padded)
        };
        let norm = |name: &str| BatchNorm::new(&builder.at(name), outputs, &[outputs, length]);
        let (conv1, bn1) = (conv("conv1", inputs), norm("bn1"));
        let (conv2, bn2) = (conv("conv2", outputs), norm("bn2"));
        let down = (inputs != outputs)
            .then(|| Conv1d::new(&builder.at("down"), inputs, outputs, Kernel::new(1), length));
        Self { conv1, bn1, conv2, bn2, down, pad }
    }

    /// `[N, inputs, T]` to `[N, outputs, T]`.
    pub fn forward(&self, values: &Tensor, mode: Mode<'_>) -> Tensor {
        let inner = self.bn1.forward(&self.conv1.forward(&self.padded(values)), mode).relu_();
        let inner = self.bn2.forward(&self.conv2.forward(&self.padded(&inner)), mode);
        let sum = match &self.down {
            Some(down) => inner + down.forward(values),
            None => inner + values,
        };
        sum.relu()
    }

    fn padded(&self, values: &Tensor) -> Tensor {
        match self.pad {
            Some(pad) => values.constant_pad_nd(pad),
            None => values.shallow_clone(),
        }
    }
}
