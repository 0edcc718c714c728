//! `dlinear`: one linear layer over a running mean and one over the remainder (Zeng et al. 2023).

use tch::Tensor;

use super::layers::{Builder, Linear};
use super::shape::{Axes, Sequence, check_positive};
use super::{Input, Mode, Network};
use crate::error::Result;

/// `kind = "dlinear"`: values of all steps → running mean within the window, its ends repeated →
/// linear; values less the running mean, and the features if there are any → linear; their sum.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dlinear {
    /// Steps of the running mean.
    pub average: usize,
    /// Whether both layers start at zero, which is persistence.
    pub zero_output: bool,
}

impl Default for Dlinear {
    fn default() -> Self {
        Self { average: 25, zero_output: true }
    }
}

impl Dlinear {
    /// The layers `trend` and `head`.
    pub fn build(
        &self,
        builder: &Builder<'_>,
        axes: &Axes,
        outputs: i64,
    ) -> Result<Box<dyn Network>> {
        check_positive("average", self.average)?;
        let sequence = axes.sequence("dlinear")?;
        let inputs = sequence.steps * sequence.channels;
        let layer = |name: &str, inputs: i64| {
            let place = builder.at(name);
            match self.zero_output {
                true => Linear::zero(&place, inputs, outputs),
                false => Linear::new(&place, inputs, outputs),
            }
        };
        Ok(Box::new(DlinearNetwork {
            sequence,
            average: self.average as i64,
            features: axes.features > 0,
            trend: layer("trend", inputs),
            head: layer("head", inputs + axes.features),
        }))
    }
}

struct DlinearNetwork {
    sequence: Sequence,
    average: i64,
    features: bool,
    trend: Linear,
    head: Linear,
}

impl Network for DlinearNetwork {
    fn forward(&self, input: &Input<'_>, _mode: Mode<'_>) -> Tensor {
        let values = self.sequence.channels_first(input.values);
        let (before, after) = ((self.average - 1) / 2, self.average / 2);
        let (kernel, stride, padding): (&[i64], &[i64], &[i64]) = (&[self.average], &[1], &[0]);
        let padded = values.replication_pad1d([before, after]);
        let trend = padded.avg_pool1d(kernel, stride, padding, false, true);
        let remainder = (values - &trend).flatten(1, -1);
        let remainder = match input.features.filter(|_| self.features) {
            Some(features) => Tensor::cat(&[&remainder, features], 1),
            None => remainder,
        };
        self.trend.forward(&trend.flatten(1, -1)) + self.head.forward(&remainder)
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::super::ModelSpec;
    use super::*;
    use crate::data::{ExampleSpec, Layout, Target};

    #[test]
    fn trend_and_remainder_equal_the_formula() {
        let spec = ExampleSpec {
            layout: Layout::Series,
            values: vec![4, 1],
            features: 0,
            lengths: false,
            target: Target::Levels { horizons: 1 },
        };
        let settings = Dlinear { average: 3, zero_output: true };
        let model = ModelSpec::Dlinear(settings).build(&spec, 1, 0, Device::Cpu).unwrap();
        let values = Tensor::from_slice(&[1f32, 2.0, 3.0, 4.0]).view([1, 4, 1]);
        let answer = || {
            let input = Input { values: &values, features: None, lengths: None };
            model.network.forward(&input, Mode::Evaluate).double_value(&[0, 0])
        };
        assert_eq!(answer(), 0.0);
        let tensors = model.named_tensors();
        {
            let _guard = tch::no_grad_guard();
            let weights = Tensor::arange_start(1, 5, (Kind::Float, Device::Cpu)).view([1, 4]);
            let _ = tensors["trend.weight"].shallow_clone().fill_(1.0);
            tensors["head.weight"].shallow_clone().copy_(&weights);
        }
        // Means of 1,1,2 1,2,3 2,3,4 3,4,4 add up to 10; remainders −1/3, 0, 0, 1/3 give 1.
        assert!((answer() - 11.0).abs() < 1e-6, "{}", answer());
    }
}
