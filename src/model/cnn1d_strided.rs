//! `cnn1d_strided` and `cnn_lstm`: strided convolutions over raw waveforms.

use tch::Tensor;

use super::layers::{
    BatchNorm, Builder, Cell, Conv1d, HeadSettings, Kernel, Readout, Recurrent, RecurrentShape,
    SequenceHead,
};
use super::shape::{Axes, Sequence, check_fraction, check_positive, with_batch};
use super::{Input, Mode, Network};
use crate::error::{Error, Result};

/// `kind = "cnn1d_strided"`: (convolution → batch norm → ReLU) … → readout over time → head. Reads
/// whole windows: lengths are not looked at.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cnn1dStrided {
    /// Channels out of each convolution.
    pub channels: Vec<usize>,
    /// Taps of each; half of them are padded on either side.
    pub kernels: Vec<usize>,
    /// Stride of each.
    pub strides: Vec<usize>,
    /// Dropout in front of the output layer.
    pub dropout: f64,
    /// What is read from the last convolution.
    pub readout: Readout,
    /// Width of a hidden layer behind the readout; 0 for none.
    pub head_hidden: usize,
    /// Whether the output layer starts at zero.
    pub zero_output: bool,
}

impl Default for Cnn1dStrided {
    fn default() -> Self {
        Self {
            channels: vec![16, 32, 48, 64],
            kernels: vec![15, 7, 7, 7],
            strides: vec![4, 2, 2, 2],
            dropout: 0.3,
            readout: Readout::MeanMax,
            head_hidden: 0,
            zero_output: false,
        }
    }
}

/// `kind = "cnn_lstm"`: strided convolutions → LSTM → readout over its steps → head. Reads whole
/// windows: lengths are not looked at.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CnnLstm {
    /// Channels out of each convolution.
    pub channels: Vec<usize>,
    /// Taps of each; half of them are padded on either side.
    pub kernels: Vec<usize>,
    /// Stride of each.
    pub strides: Vec<usize>,
    /// Width of the recurrent state in one direction.
    pub hidden: usize,
    /// Whether a second recurrent layer reads backwards in time.
    pub bidirectional: bool,
    /// Dropout in front of the output layer.
    pub dropout: f64,
    /// What is read from the recurrent states.
    pub readout: Readout,
    /// Width of a hidden layer behind the readout; 0 for none.
    pub head_hidden: usize,
    /// Whether the output layer starts at zero.
    pub zero_output: bool,
}

impl Default for CnnLstm {
    fn default() -> Self {
        Self {
            channels: vec![16, 32, 48, 48],
            kernels: vec![15, 7, 7, 7],
            strides: vec![4, 2, 2, 2],
            hidden: 32,
            bidirectional: true,
            dropout: 0.3,
            readout: Readout::AttentionMax,
            head_hidden: 0,
            zero_output: false,
        }
    }
}

impl Cnn1dStrided {
    /// Layers `convs.0`, `norms.0` …, `attention`, `head_hidden`, `head`.
    pub fn build(
        &self,
        builder: &Builder<'_>,
        axes: &Axes,
        outputs: i64,
    ) -> Result<Box<dyn Network>> {
        check_fraction("dropout", self.dropout)?;
        let sequence = axes.sequence("cnn1d_strided")?;
        let stem = Stem::new(builder, sequence, &self.channels, &self.kernels, &self.strides)?;
        let settings = HeadSettings {
            hidden: self.head_hidden,
            dropout: self.dropout,
            zero_output: self.zero_output,
        };
        let (width, features) = (stem.channels, axes.features);
        let head = SequenceHead::new(builder, self.readout, settings, width, features, outputs);
        Ok(Box::new(StridedNetwork { stem, recurrent: None, head }))
    }
}

impl CnnLstm {
    /// Layers `convs.0`, `norms.0` …, `rnn`, `attention`, `head_hidden`, `head`.
    pub fn build(
        &self,
        builder: &Builder<'_>,
        axes: &Axes,
        outputs: i64,
    ) -> Result<Box<dyn Network>> {
        check_fraction("dropout", self.dropout)?;
        check_positive("hidden", self.hidden)?;
        let sequence = axes.sequence("cnn_lstm")?;
        let stem = Stem::new(builder, sequence, &self.channels, &self.kernels, &self.strides)?;
        let shape = RecurrentShape {
            inputs: stem.channels,
            hidden: self.hidden as i64,
            layers: 1,
            bidirectional: self.bidirectional,
        };
        let recurrent = Recurrent::new(&builder.at("rnn"), Cell::Lstm, shape, 0.0, stem.steps);
        let settings = HeadSettings {
            hidden: self.head_hidden,
            dropout: self.dropout,
            zero_output: self.zero_output,
        };
        let (width, features) = (shape.width(), axes.features);
        let head = SequenceHead::new(builder, self.readout, settings, width, features, outputs);
        Ok(Box::new(StridedNetwork { stem, recurrent: Some(recurrent), head }))
    }
}

/// The convolutions.
struct Stem {
    sequence: Sequence,
    layers: Vec<(Conv1d, BatchNorm)>,
    channels: i64,
    steps: i64,
}

impl Stem {
    fn new(
        builder: &Builder<'_>,
        sequence: Sequence,
        channels: &[usize],
        kernels: &[usize],
        strides: &[usize],
    ) -> Result<Self> {
        let count = channels.len();
        if count == 0 || kernels.len() != count || strides.len() != count {
            return Err(Error::usage(format!(
                "channels, kernels and strides must be of one length, at least 1: they have \
                 {count}, {} and {}",
                kernels.len(),
                strides.len()
            )));
        }
        let (mut inputs, mut steps) = (sequence.channels, sequence.steps);
        let mut layers = Vec::new();
        for (number, ((&outputs, &size), &stride)) in
            channels.iter().zip(kernels).zip(strides).enumerate()
        {
            check_positive("channels", outputs)?;
            check_positive("kernels", size)?;
            check_positive("strides", stride)?;
            let (outputs, size) = (outputs as i64, size as i64);
            let kernel = Kernel {
                stride: stride as i64,
                padding: size / 2,
                bias: false,
                ..Kernel::new(size)
            };
            let length = kernel.output_length(steps);
            if length < 1 {
                return Err(Error::usage(format!(
                    "convolution {number}: kernel {size} does not fit the time axis of {} left \
                     by the layers before it (examples have {} steps)",
                    with_batch(&[inputs as usize, steps as usize]),
                    sequence.steps
                )));
            }
            let conv = Conv1d::new(
                &builder.at(&format!("convs.{number}")),
                inputs,
                outputs,
                kernel,
                steps,
            );
            let place = builder.at(&format!("norms.{number}"));
            layers.push((conv, BatchNorm::new(&place, outputs, &[outputs, length])));
            (inputs, steps) = (outputs, length);
        }
        Ok(Self { sequence, layers, channels: inputs, steps })
    }

    /// `[N, T', C']` from the values of a batch.
    fn forward(&self, values: &Tensor, mode: Mode<'_>) -> Tensor {
        let mut values = self.sequence.channels_first(values);
        for (conv, norm) in &self.layers {
            values = norm.forward(&conv.forward(&values), mode).relu_();
        }
        values.transpose(1, 2)
    }
}

struct StridedNetwork {
    stem: Stem,
    recurrent: Option<Recurrent>,
    head: SequenceHead,
}

impl Network for StridedNetwork {
    fn forward(&self, input: &Input<'_>, mode: Mode<'_>) -> Tensor {
        let steps = self.stem.forward(input.values, mode);
        let states = match &self.recurrent {
            Some(recurrent) => recurrent.forward(&steps, None, None, mode).states,
            None => steps,
        };
        self.head.forward(&states, None, input.features, mode)
    }
}
