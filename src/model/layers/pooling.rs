//! From states over time to one state.

use tch::{Kind, Tensor};

use super::builder::Builder;
use super::linear::Linear;

/// What is read from the states `[N, T, C]` of a sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readout {
    /// The state at the last valid step.
    #[default]
    Last,
    /// The mean over valid steps.
    Mean,
    /// The maximum over valid steps.
    Max,
    /// Mean and maximum side by side.
    MeanMax,
    /// Last, mean and maximum side by side.
    LastMeanMax,
    /// A learned weighted mean: softmax over time of a linear score.
    Attention,
    /// The learned mean and the maximum side by side.
    AttentionMax,
}

impl Readout {
    /// How many times as wide as a state the result is.
    pub fn parts(self) -> i64 {
        match self {
            Self::Last | Self::Mean | Self::Max | Self::Attention => 1,
            Self::MeanMax | Self::AttentionMax => 2,
            Self::LastMeanMax => 3,
        }
    }
}

/// Applies a [`Readout`].
pub struct Pooling {
    readout: Readout,
    score: Option<Linear>,
}

impl Pooling {
    /// `channels` is the width of a state; attention has a layer `attention` of its own.
    pub fn new(builder: &Builder<'_>, readout: Readout, channels: i64) -> Self {
        let attends = matches!(readout, Readout::Attention | Readout::AttentionMax);
        let score = attends.then(|| Linear::new(&builder.at("attention"), channels, 1));
        Self { readout, score }
    }

    /// `[N, T, C]` to `[N, parts × C]`; steps from `lengths` `[N]` on do not count.
    pub fn forward(&self, states: &Tensor, lengths: Option<&Tensor>) -> Tensor {
        let steps = states.size()[1];
        // Lengths come on the processor, wherever the states are.
        let lengths = lengths.map(|l| l.clamp(1, steps).to_device(states.device()));
        let beyond = lengths.as_ref().map(|lengths| {
            let step = Tensor::arange(steps, (Kind::Int64, lengths.device()));
            step.unsqueeze(0).ge_tensor(&lengths.unsqueeze(1)).unsqueeze(2)
        });
        let (beyond, lengths) = (beyond.as_ref(), lengths.as_ref());
        match self.readout {
            Readout::Last => last(states, lengths),
            Readout::Mean => mean(states, beyond, lengths),
            Readout::Max => maximum(states, beyond),
            Readout::MeanMax => {
                Tensor::cat(&[mean(states, beyond, lengths), maximum(states, beyond)], 1)
            }
            Readout::LastMeanMax => Tensor::cat(
                &[last(states, lengths), mean(states, beyond, lengths), maximum(states, beyond)],
                1,
            ),
            Readout::Attention => self.attention(states, beyond),
            Readout::AttentionMax => {
                Tensor::cat(&[self.attention(states, beyond), maximum(states, beyond)], 1)
            }
        }
    }

    fn attention(&self, states: &Tensor, beyond: Option<&Tensor>) -> Tensor {
        let Some(score) = &self.score else { return mean(states, None, None) };
        let scores = masked(&score.forward(states), beyond);
        let weights = scores.softmax(1, Kind::Float);
        weights.transpose(1, 2).bmm(states).squeeze_dim(1)
    }
}

fn last(states: &Tensor, lengths: Option<&Tensor>) -> Tensor {
    match lengths {
        None => states.select(1, -1),
        Some(lengths) => {
            let index: Tensor = (lengths - 1).view([-1, 1, 1]);
            let index = index.expand([-1, 1, states.size()[2]], true);
            states.gather(1, &index, false).squeeze_dim(1)
        }
    }
}

fn mean(states: &Tensor, beyond: Option<&Tensor>, lengths: Option<&Tensor>) -> Tensor {
    match (beyond, lengths) {
        (Some(beyond), Some(lengths)) => {
            let sum = states.masked_fill(beyond, 0.0).sum_dim_intlist(1, false, Kind::Float);
            sum / lengths.unsqueeze(1)
        }
        _ => states.mean_dim(1, false, Kind::Float),
    }
}

fn maximum(states: &Tensor, beyond: Option<&Tensor>) -> Tensor {
    masked(states, beyond).amax(1, false)
}

fn masked(states: &Tensor, beyond: Option<&Tensor>) -> Tensor {
    match beyond {
        Some(beyond) => states.masked_fill(beyond, f64::NEG_INFINITY),
        None => states.shallow_clone(),
    }
}
