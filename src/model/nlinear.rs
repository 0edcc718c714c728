//! `nlinear`: one linear layer over the values less their last (Zeng et al. 2023), the floor.

use tch::Tensor;

use super::layers::{Builder, Linear};
use super::shape::{Axes, Sequence};
use super::{Input, Mode, Network};
use crate::error::{Error, Result};

/// `kind = "nlinear"`: (value minus last value of its channel) of all steps, and the features if
/// there are any → linear. The last value is not added again: targets of a series are relative to
/// an anchor.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nlinear {
    /// The one channel that is read (0 is the first); all channels if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<usize>,
    /// Whether the layer starts at zero, which is persistence.
    pub zero_output: bool,
}

impl Default for Nlinear {
    fn default() -> Self {
        Self { channel: None, zero_output: true }
    }
}

impl Nlinear {
    /// The layer `head`.
    pub fn build(
        &self,
        builder: &Builder<'_>,
        axes: &Axes,
        outputs: i64,
    ) -> Result<Box<dyn Network>> {
        let sequence = axes.sequence("nlinear")?;
        if let Some(channel) = self.channel
            && channel as i64 >= sequence.channels
        {
            return Err(Error::usage(format!(
                "nlinear: channel {channel} asked for, the examples {} have {} along axis {}",
                axes.shape(),
                sequence.channels,
                if sequence.time_last { 1 } else { 2 }
            )));
        }
        let channels = if self.channel.is_some() { 1 } else { sequence.channels };
        let inputs = sequence.steps * channels + axes.features;
        let place = builder.at("head");
        let head = if self.zero_output {
            Linear::zero(&place, inputs, outputs)
        } else {
            Linear::new(&place, inputs, outputs)
        };
        let (channel, features) = (self.channel.map(|c| c as i64), axes.features > 0);
        Ok(Box::new(NlinearNetwork { sequence, channel, features, head }))
    }
}

struct NlinearNetwork {
    sequence: Sequence,
    channel: Option<i64>,
    features: bool,
    head: Linear,
}

impl Network for NlinearNetwork {
    fn forward(&self, input: &Input<'_>, _mode: Mode<'_>) -> Tensor {
        let mut steps = self.sequence.steps_first(input.values);
        if let Some(channel) = self.channel {
            steps = steps.narrow(2, channel, 1);
        }
        let relative: Tensor = &steps - steps.narrow(1, -1, 1);
        let flat = relative.flatten(1, -1);
        match input.features.filter(|_| self.features) {
            Some(features) => self.head.forward(&Tensor::cat(&[&flat, features], 1)),
            None => self.head.forward(&flat),
        }
    }
}
