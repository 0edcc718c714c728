//! GPD, generalised phase detection (Ross et al. 2018): which phase a window of 4 s shows.

use tch::{Kind, Tensor};

use super::super::layers::{BatchNorm, Builder, Conv1d, Kernel, Linear};
use super::super::shape::{Axes, Sequence};
use super::super::{Input, Mode, Network};
use crate::error::{Error, Result};

/// `kind = "gpd"`: four convolutions with pooling, three linear layers; the window's class is
/// that of its middle. Amplitudes are divided by the window's peak first.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gpd {
    /// Added to the peak.
    pub epsilon: f64,
    /// Whether the linear layers read time by time instead of channel by channel, as the first
    /// published weights do.
    pub original_compatible: bool,
}

impl Default for Gpd {
    fn default() -> Self {
        Self { epsilon: 1e-10, original_compatible: false }
    }
}

const WIDTHS: [i64; 4] = [32, 64, 128, 256];
const TAPS: [i64; 4] = [21, 15, 11, 9];
const HIDDEN: i64 = 200;
const EPSILON: f64 = 1e-3;

impl Gpd {
    pub(in crate::model) fn build(
        &self,
        builder: &Builder<'_>,
        axes: &Axes,
        outputs: i64,
    ) -> Result<Box<dyn Network>> {
        let window = axes.sequence("gpd")?;
        if window.steps < 1 << WIDTHS.len() {
            let text = format!("gpd reads at least 16 samples; the examples are {}", axes.shape());
            return Err(Error::usage(text));
        }
        if !(self.epsilon.is_finite() && self.epsilon > 0.0) {
            return Err(Error::usage(format!("epsilon = {}: expected above 0", self.epsilon)));
        }
        let norm = |name: &str, output: &[i64]| {
            BatchNorm::with_epsilon(&builder.at(name), output[0], output, EPSILON)
        };
        let (mut inputs, mut length) = (window.channels, window.steps);
        let mut convolutions = Vec::new();
        for (number, (width, taps)) in (1..).zip(WIDTHS.into_iter().zip(TAPS)) {
            let kernel = Kernel { padding: taps / 2, ..Kernel::new(taps) };
            let place = builder.at(&format!("conv{number}"));
            let conv = Conv1d::new(&place, inputs, width, kernel, length);
            convolutions.push((conv, norm(&format!("bn{number}"), &[width, length])));
            (inputs, length) = (width, length / 2);
        }
        let linear = |name: &str, from: i64, to: i64| Linear::new(&builder.at(name), from, to);
        let hidden = [
            (linear("fc1", inputs * length, HIDDEN), norm("bn5", &[HIDDEN])),
            (linear("fc2", HIDDEN, HIDDEN), norm("bn6", &[HIDDEN])),
        ];
        let out = linear("fc3", HIDDEN, outputs);
        Ok(Box::new(GpdNetwork { settings: self.clone(), window, convolutions, hidden, out }))
    }
}

struct GpdNetwork {
    settings: Gpd,
    window: Sequence,
    convolutions: Vec<(Conv1d, BatchNorm)>,
    hidden: [(Linear, BatchNorm); 2],
    out: Linear,
}

impl Network for GpdNetwork {
    fn forward(&self, input: &Input<'_>, mode: Mode<'_>) -> Tensor {
        let values = self.window.channels_first(input.values);
        let peak = values.abs().amax([1i64, 2], true) + self.settings.epsilon;
        let mut x = values / peak;
        for (conv, norm) in &self.convolutions {
            let active = norm.forward(&conv.forward(&x), mode).relu();
            x = active.max_pool1d(2, 2, 0, 1, false);
        }
        if self.settings.original_compatible {
            x = x.transpose(1, 2);
        }
        x = x.flatten(1, -1).to_kind(Kind::Float);
        for (linear, norm) in &self.hidden {
            x = norm.forward(&linear.forward(&x), mode).relu();
        }
        self.out.forward(&x)
    }
}
