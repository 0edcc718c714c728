//! PhaseNetLight (Kim et al. 2023, as in SeisBench): a U-net of 23,305 parameters.

use tch::Tensor;

use super::super::layers::{BatchNorm, Builder, Conv1d, ConvTranspose1d, Kernel, TransposedKernel};
use super::super::shape::{Axes, Sequence};
use super::super::{Input, Mode, Network};
use super::phasenet::SAMPLES;
use super::window_of;
use crate::error::Result;

/// `kind = "phasenet-light"`: four levels down and up, kernels of 7, strides of 4, for windows of
/// 3001 samples.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhaseNetLight {}

/// Channels from the top level to the lowest.
const WIDTHS: [i64; 5] = [8, 11, 16, 22, 32];

/// Padding and output padding on the way up, which bring 12, 47, 188 and 751 samples to 47, 188,
/// 751 and 3001.
const RISING: [[i64; 2]; 4] = [[2, 0], [2, 1], [2, 0], [3, 0]];

impl PhaseNetLight {
    pub(in crate::model) fn build(
        &self,
        builder: &Builder<'_>,
        axes: &Axes,
        outputs: i64,
    ) -> Result<Box<dyn Network>> {
        let window = window_of("phasenet-light", axes, SAMPLES)?;
        let norm = |name: &str, channels: i64, length: i64| {
            BatchNorm::new(&builder.at(name), channels, &[channels, length])
        };
        let steps = window.steps;
        let inc =
            Conv1d::new(&builder.at("inc"), window.channels, WIDTHS[0], Kernel::new(1), steps);
        let in_bn = norm("in_bn", WIDTHS[0], steps);
        let strided = Kernel { stride: 4, padding: 3, ..Kernel::new(7) };
        let mut length = steps;
        let mut down = Vec::new();
        for (level, widths) in (1..).zip(WIDTHS.windows(2)) {
            let place = builder.at(&format!("conv{level}.conv"));
            let conv = Conv1d::new(&place, widths[0], widths[1], strided, length);
            length = strided.output_length(length);
            down.push((conv, norm(&format!("bnd{level}"), widths[1], length)));
        }
        let mut up = Vec::new();
        for (number, [padding, output_padding]) in (1..).zip(RISING) {
            let kernel =
                TransposedKernel { size: 7, stride: 4, padding, output_padding, bias: true };
            let below = WIDTHS.len() - number;
            // Behind the lowest level, the skipped branch comes on top of as many channels.
            let inputs = WIDTHS[below] * if number == 1 { 1 } else { 2 };
            let outputs = WIDTHS[below - 1];
            let place = builder.at(&format!("up{number}"));
            let conv = ConvTranspose1d::new(&place, inputs, outputs, kernel, length);
            length = kernel.output_length(length);
            up.push((conv, norm(&format!("bnu{number}"), outputs, length)));
        }
        let last =
            TransposedKernel { size: 1, stride: 1, padding: 0, output_padding: 0, bias: true };
        let out = ConvTranspose1d::new(&builder.at("out"), 2 * WIDTHS[0], outputs, last, length);
        Ok(Box::new(LightNetwork { window, inc, in_bn, down, up, out }))
    }
}

struct LightNetwork {
    window: Sequence,
    inc: Conv1d,
    in_bn: BatchNorm,
    down: Vec<(Conv1d, BatchNorm)>,
    up: Vec<(ConvTranspose1d, BatchNorm)>,
    out: ConvTranspose1d,
}

impl Network for LightNetwork {
    fn forward(&self, input: &Input<'_>, mode: Mode<'_>) -> Tensor {
        let values = self.window.channels_first(input.values);
        let mut x = self.in_bn.forward(&self.inc.forward(&values), mode).relu();
        let mut skipped = Vec::new();
        for (conv, norm) in &self.down {
            let below = norm.forward(&conv.forward(&x), mode).relu();
            skipped.push(std::mem::replace(&mut x, below));
        }
        for (conv, norm) in &self.up {
            let risen = norm.forward(&conv.forward(&x), mode).relu();
            let Some(skip) = skipped.pop() else { break };
            x = Tensor::cat(&[&risen, &skip], 1);
        }
        self.out.forward(&x)
    }
}
