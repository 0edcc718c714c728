//! The last layers of a network: state and features become outputs.

use tch::Tensor;

use super::super::Mode;
use super::builder::Builder;
use super::dropout;
use super::linear::Linear;
use super::pooling::{Pooling, Readout};

/// Sizes of a [`Head`].
#[derive(Clone, Copy, Debug)]
pub struct HeadSettings {
    /// Width of a hidden layer with GELU in front of the output layer; 0 for none.
    pub hidden: usize,
    /// Dropout in front of the output layer.
    pub dropout: f64,
    /// Whether the output layer starts at zero.
    pub zero_output: bool,
}

/// `concat(state, features) → (linear → GELU) → dropout → linear`; layers `head_hidden`, `head`.
pub struct Head {
    features: i64,
    hidden: Option<Linear>,
    output: Linear,
    dropout: f64,
}

impl Head {
    /// `state` and `features` are the widths of what is joined.
    pub fn new(
        builder: &Builder<'_>,
        settings: HeadSettings,
        state: i64,
        features: i64,
        outputs: i64,
    ) -> Self {
        let joined = state + features;
        let width = settings.hidden as i64;
        let hidden = (width > 0).then(|| Linear::new(&builder.at("head_hidden"), joined, width));
        let inputs = if width > 0 { width } else { joined };
        let place = builder.at("head");
        let output = if settings.zero_output {
            Linear::zero(&place, inputs, outputs)
        } else {
            Linear::new(&place, inputs, outputs)
        };
        Self { features, hidden, output, dropout: settings.dropout }
    }

    /// `[N, state]` and `[N, features]` to `[N, outputs]`.
    pub fn forward(&self, state: Tensor, features: Option<&Tensor>, mode: Mode<'_>) -> Tensor {
        let joined = match features {
            Some(features) if self.features > 0 => Tensor::cat(&[&state, features], 1),
            _ => state,
        };
        let last = match &self.hidden {
            Some(hidden) => hidden.forward(&joined).gelu("none"),
            None => joined,
        };
        self.output.forward(&dropout(last, self.dropout, mode))
    }
}

/// One state read from the states of a sequence, and a [`Head`] behind it; layers `attention` where
/// the readout has it, `head_hidden`, `head`.
pub struct SequenceHead {
    pooling: Pooling,
    head: Head,
}

impl SequenceHead {
    /// `channels` is the width of the states, `features` that of what joins the state read.
    pub fn new(
        builder: &Builder<'_>,
        readout: Readout,
        settings: HeadSettings,
        channels: i64,
        features: i64,
        outputs: i64,
    ) -> Self {
        let pooling = Pooling::new(builder, readout, channels);
        let head = Head::new(builder, settings, channels * readout.parts(), features, outputs);
        Self { pooling, head }
    }

    /// `[N, T, C]` and `[N, features]` to `[N, outputs]`; steps from `lengths` on do not count.
    pub fn forward(
        &self,
        states: &Tensor,
        lengths: Option<&Tensor>,
        features: Option<&Tensor>,
        mode: Mode<'_>,
    ) -> Tensor {
        self.head.forward(self.pooling.forward(states, lengths), features, mode)
    }
}
