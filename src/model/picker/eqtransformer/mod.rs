//! EQTransformer (Mousavi et al. 2020): detection and phases from one encoder, with attention.

mod attention;
mod blocks;
mod lstm;

use tch::Tensor;

use super::super::layers::{BatchNorm, Builder, Conv1d, Kernel, dropout};
use super::super::shape::{Axes, Sequence, check_fraction, check_positive};
use super::super::{Input, Mode, Network};
use crate::error::{Error, Result};
use attention::{Attention, Transformer};
use blocks::{Decoder, Encoder, ResidualBlock, decoder_crops};
use lstm::Lstm;

/// Which recurrent cells a network has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gates {
    /// PyTorch's cells.
    #[default]
    Plain,
    /// As the first published network, with sigmoid gates.
    NonConservative,
    /// As the first published network, with gates `clip(0.2 x + 0.5, 0, 1)`.
    Conservative,
}

/// `kind = "eqtransformer"`: seven convolutions down, residual blocks, recurrent blocks, two
/// transformers; then a decoder for the detection (label 0) and one a phase.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EqTransformer {
    /// Recurrent blocks.
    pub lstm_blocks: usize,
    /// Dropout in training.
    pub drop_rate: f64,
    /// Cells, and what goes with them: the published network needs windows of 6000 samples.
    pub gates: Gates,
}

impl Default for EqTransformer {
    fn default() -> Self {
        Self { lstm_blocks: 3, drop_rate: 0.1, gates: Gates::Plain }
    }
}

const RESIDUAL_TAPS: [i64; 7] = [3, 3, 3, 3, 2, 3, 2];
const ENCODED: i64 = 64;
const STATES: i64 = 16;
const EPSILON: f64 = 1e-3;
/// Neighbours that a phase's attention sees.
const PICK_WIDTH: i64 = 3;
/// Samples of the windows of the published network.
const PUBLISHED: i64 = 6000;

impl EqTransformer {
    pub(in crate::model) fn build(
        &self,
        builder: &Builder<'_>,
        axes: &Axes,
        outputs: i64,
    ) -> Result<Box<dyn Network>> {
        check_positive("lstm_blocks", self.lstm_blocks)?;
        check_fraction("drop_rate", self.drop_rate)?;
        let window = axes.sequence("eqtransformer")?;
        let compatible = self.gates != Gates::Plain;
        if compatible && window.steps != PUBLISHED {
            return Err(Error::usage(format!(
                "eqtransformer with the published gates reads {PUBLISHED} samples; the examples \
                 are {}",
                axes.shape()
            )));
        }
        let attention_epsilon = if compatible { 1e-7 } else { 1e-5 };
        let encoder = Encoder::new(&builder.at("encoder"), window);
        let steps = encoder.steps();
        let residual = RESIDUAL_TAPS.iter().enumerate().map(|(number, &taps)| {
            ResidualBlock::new(&builder.at(&format!("res_cnn_stack.members.{number}")), taps, steps)
        });
        let residual = residual.collect();
        let recurrent = (0..self.lstm_blocks).map(|number| {
            let inputs = if number == 0 { ENCODED } else { STATES };
            let place = builder.at(&format!("bi_lstm_stack.members.{number}"));
            RecurrentBlock::new(&place, inputs, self.gates, steps)
        });
        let recurrent = recurrent.collect();
        let transformer =
            |name: &str| Transformer::new(&builder.at(name), STATES, attention_epsilon, steps);
        let transformers = [transformer("transformer_d0"), transformer("transformer_d")];
        let crops = decoder_crops(window.steps, compatible);
        let last = Kernel { padding: 5, ..Kernel::new(11) };
        let branch = |decoder: &str, conv: &str| Branch {
            decoder: Decoder::new(&builder.at(decoder), steps, crops),
            conv: Conv1d::new(&builder.at(conv), 8, 1, last, window.steps),
        };
        let detection = branch("decoder_d", "conv_d");
        let picks = (0..outputs - 1).map(|k| PickBranch {
            lstm: match self.gates {
                Gates::Conservative => {
                    let place = builder.at(&format!("pick_lstms.{k}.cell_f"));
                    Lstm::hard(&place, STATES, STATES)
                }
                _ => Lstm::named(&builder.at(&format!("pick_lstms.{k}")), STATES, STATES),
            },
            attention: Attention::new(
                &builder.at(&format!("pick_attentions.{k}")),
                STATES,
                Some(PICK_WIDTH),
                attention_epsilon,
                steps,
            ),
            branch: branch(&format!("pick_decoders.{k}"), &format!("pick_convs.{k}")),
        });
        let picks = picks.collect();
        let drop_rate = self.drop_rate;
        let network = EqTransformerNetwork {
            window,
            drop_rate,
            encoder,
            residual,
            recurrent,
            transformers,
            detection,
            picks,
        };
        Ok(Box::new(network))
    }
}

struct EqTransformerNetwork {
    window: Sequence,
    drop_rate: f64,
    encoder: Encoder,
    residual: Vec<ResidualBlock>,
    recurrent: Vec<RecurrentBlock>,
    transformers: [Transformer; 2],
    detection: Branch,
    picks: Vec<PickBranch>,
}

/// A decoder with the convolution that makes a curve of it.
struct Branch {
    decoder: Decoder,
    conv: Conv1d,
}

impl Branch {
    fn forward(&self, values: &Tensor) -> Tensor {
        self.conv.forward(&self.decoder.forward(values))
    }
}

struct PickBranch {
    lstm: Lstm,
    attention: Attention,
    branch: Branch,
}

/// LSTM in both directions, a convolution of one tap, batch norm.
struct RecurrentBlock {
    directions: [Lstm; 2],
    conv: Conv1d,
    norm: BatchNorm,
}

impl RecurrentBlock {
    fn new(builder: &Builder<'_>, inputs: i64, gates: Gates, steps: i64) -> Self {
        let lstm = builder.at("lstm");
        let directions = match gates {
            Gates::Plain => {
                [Lstm::named(&lstm, inputs, STATES), Lstm::reversed(&lstm, inputs, STATES)]
            }
            Gates::NonConservative => {
                ["cell_f", "cell_b"].map(|name| Lstm::unnumbered(&lstm.at(name), inputs, STATES))
            }
            Gates::Conservative => {
                ["cell_f", "cell_b"].map(|name| Lstm::hard(&lstm.at(name), inputs, STATES))
            }
        };
        let place = builder.at("conv");
        let conv = Conv1d::new(&place, 2 * STATES, STATES, Kernel::new(1), steps);
        let norm = BatchNorm::with_epsilon(&builder.at("norm"), STATES, &[STATES, steps], EPSILON);
        Self { directions, conv, norm }
    }

    /// `[N, C, T]` to `[N, 16, T]`.
    fn forward(&self, values: &Tensor, drop_rate: f64, mode: Mode<'_>) -> Tensor {
        let steps = values.transpose(1, 2);
        let [forward, backward] = &self.directions;
        let back = backward.forward(&steps.flip([1])).flip([1]);
        let states = Tensor::cat(&[forward.forward(&steps), back], 2);
        let states = dropout(states, drop_rate, mode).transpose(1, 2);
        self.norm.forward(&self.conv.forward(&states), mode)
    }
}

impl Network for EqTransformerNetwork {
    fn forward(&self, input: &Input<'_>, mode: Mode<'_>) -> Tensor {
        self.forward_observed(input, mode, &mut |_, _| {})
    }

    /// All layers are shown as `[N, C, T]`.
    fn forward_observed(
        &self,
        input: &Input<'_>,
        mode: Mode<'_>,
        observe: &mut dyn FnMut(&str, &Tensor),
    ) -> Tensor {
        let mut x = self.encoder.forward(&self.window.channels_first(input.values));
        observe("encoder", &x);
        for block in &self.residual {
            x = block.forward(&x, self.drop_rate, mode);
        }
        observe("res_cnn_stack", &x);
        for (number, block) in self.recurrent.iter().enumerate() {
            x = block.forward(&x, self.drop_rate, mode);
            observe(&format!("bi_lstm_stack.members.{number}"), &x);
        }
        observe("bi_lstm_stack", &x);
        for (transformer, name) in self.transformers.iter().zip(["transformer_d0", "transformer_d"])
        {
            x = transformer.forward(&x, self.drop_rate, mode, &mut |attended| {
                observe(&format!("{name}.attention"), attended);
            });
            observe(name, &x);
        }
        let mut curves = vec![self.detection.forward(&x)];
        let steps = x.transpose(1, 2);
        for (k, pick) in self.picks.iter().enumerate() {
            let states = pick.lstm.forward(&steps).transpose(1, 2);
            observe(&format!("pick_lstms.{k}"), &states);
            let states = dropout(states, self.drop_rate, mode);
            let attended = pick.attention.forward(&states);
            observe(&format!("pick_attentions.{k}"), &attended);
            curves.push(pick.branch.forward(&attended));
        }
        Tensor::cat(&curves, 1)
    }
}
