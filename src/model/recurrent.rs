//! `rnn`, `gru`, `lstm`: a recurrent stack, a readout and a head.

use tch::Tensor;

use super::layers::{
    Builder, Cell, Head, HeadSettings, LogSpectrogram, Pooling, Readout, Recurrent, RecurrentShape,
    SpectrogramSettings,
};
use super::shape::{Axes, Sequence, check_fraction, check_positive};
use super::{Input, Mode, Network};
use crate::data::Layout;
use crate::error::{Error, Result};

/// `kind = "rnn" | "gru" | "lstm"`: values (→ log spectrogram) → recurrent layers → readout, joined
/// with the features if there are any → (linear → GELU) → dropout → linear.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecurrentSettings {
    /// Layers on top of one another.
    pub layers: usize,
    /// Width of a state in one direction.
    pub hidden: usize,
    /// Whether a second set of layers reads backwards in time.
    pub bidirectional: bool,
    /// Dropout between the layers and in front of the output layer.
    pub dropout: f64,
    /// What is read from the states; `last` takes the final state of each direction.
    pub readout: Readout,
    /// Width of a hidden layer behind the readout; 0 for none.
    pub head_hidden: usize,
    /// Whether the output layer starts at zero.
    pub zero_output: bool,
    /// A log spectrogram in front, for waveforms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub front_end: Option<SpectrogramSettings>,
}

impl Default for RecurrentSettings {
    fn default() -> Self {
        Self {
            layers: 1,
            hidden: 64,
            bidirectional: false,
            dropout: 0.0,
            readout: Readout::Last,
            head_hidden: 0,
            zero_output: false,
            front_end: None,
        }
    }
}

impl RecurrentSettings {
    /// The network for waveform windows: log spectrogram, one bidirectional layer of 48, attention
    /// and maximum over the frames, dropout 0.3.
    pub fn spectrogram() -> Self {
        Self {
            hidden: 48,
            bidirectional: true,
            dropout: 0.3,
            readout: Readout::AttentionMax,
            front_end: Some(SpectrogramSettings::default()),
            ..Self::default()
        }
    }

    /// Layers `front_end.norm`, `rnn`, `attention`, `head_hidden`, `head`.
    pub fn build(
        &self,
        cell: Cell,
        builder: &Builder<'_>,
        axes: &Axes,
        outputs: i64,
    ) -> Result<Box<dyn Network>> {
        check_positive("hidden", self.hidden)?;
        check_positive("layers", self.layers)?;
        check_fraction("dropout", self.dropout)?;
        let sequence = axes.sequence(cell.name())?;
        let front_end = match &self.front_end {
            None => None,
            Some(settings) if axes.layout == Layout::Waveform => Some(LogSpectrogram::new(
                &builder.at("front_end"),
                settings,
                sequence.channels,
                sequence.steps,
            )?),
            Some(_) => {
                return Err(Error::usage(format!(
                    "front_end reads waveforms (N, channel, time); the examples are {} along {}",
                    axes.shape(),
                    axes.layout.axes()
                )));
            }
        };
        let (inputs, steps) = match &front_end {
            Some(spectrogram) => (sequence.channels * spectrogram.bands(), spectrogram.frames()),
            None => (sequence.channels, sequence.steps),
        };
        let shape = RecurrentShape {
            inputs,
            hidden: self.hidden as i64,
            layers: self.layers as i64,
            bidirectional: self.bidirectional,
        };
        let recurrent = Recurrent::new(&builder.at("rnn"), cell, shape, self.dropout, steps);
        let pooling = (self.readout != Readout::Last)
            .then(|| Pooling::new(builder, self.readout, shape.width()));
        let head = HeadSettings {
            hidden: self.head_hidden,
            dropout: self.dropout,
            zero_output: self.zero_output,
        };
        let state = shape.width() * self.readout.parts();
        let head = Head::new(builder, head, state, axes.features, outputs);
        let directions = shape.directions();
        Ok(Box::new(RecurrentNetwork { sequence, front_end, recurrent, directions, pooling, head }))
    }
}

struct RecurrentNetwork {
    sequence: Sequence,
    front_end: Option<LogSpectrogram>,
    recurrent: Recurrent,
    directions: i64,
    pooling: Option<Pooling>,
    head: Head,
}

impl Network for RecurrentNetwork {
    fn forward(&self, input: &Input<'_>, mode: Mode<'_>) -> Tensor {
        // Lengths count samples; frames of a spectrogram have none.
        let (steps, lengths) = match &self.front_end {
            Some(front_end) => (front_end.forward(input.values, mode), None),
            None => (self.sequence.steps_first(input.values), input.lengths),
        };
        let output = self.recurrent.forward(&steps, lengths, None, mode);
        let state = match &self.pooling {
            Some(pooling) => pooling.forward(&output.states, lengths),
            None => output.last(self.directions),
        };
        self.head.forward(state, input.features, mode)
    }
}
