//! PhaseNet (Zhu and Beroza 2019): a U-net over three components, as SeisBench keeps it.

use tch::Tensor;

use super::super::layers::{BatchNorm, Builder, Conv1d, ConvTranspose1d, Kernel, TransposedKernel};
use super::super::shape::{Axes, Sequence, check_positive};
use super::super::{Input, Mode, Network};
use super::{centre, window_of};
use crate::error::Result;

/// `kind = "phasenet"`: five levels down and four up, kernels of 7, strides of 4, for windows of
/// 3001 samples.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhaseNet {
    /// How many times 8 channels the first level has; each level below has twice as many.
    pub filter_factor: usize,
}

impl Default for PhaseNet {
    fn default() -> Self {
        Self { filter_factor: 1 }
    }
}

/// `kind = "phasenet-variable"`: PhaseNet for windows of any length, padded alike on both sides.
/// Parameters have the names and shapes of PhaseNet's.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhaseNetVariable {}

/// Samples of a window of PhaseNet and PhaseNetLight: 30 s at 100 Hz.
pub(super) const SAMPLES: i64 = 3001;

const LEVELS: usize = 5;
const TAPS: i64 = 7;
const STRIDE: i64 = 4;
const EPSILON: f64 = 1e-3;

/// Zeros before each strided convolution, left and right, where windows have 3001 samples.
const PADDING: [[i64; 2]; LEVELS - 1] = [[3, 3], [2, 3], [1, 3], [2, 3]];

impl PhaseNet {
    pub(in crate::model) fn build(
        &self,
        builder: &Builder<'_>,
        axes: &Axes,
        outputs: i64,
    ) -> Result<Box<dyn Network>> {
        check_positive("filter_factor", self.filter_factor)?;
        let window = window_of("phasenet", axes, SAMPLES)?;
        let channels = 8 * self.filter_factor.min(512) as i64;
        Ok(Box::new(UNet::new(builder, window, channels, outputs, Lengths::Fixed)))
    }
}

impl PhaseNetVariable {
    pub(in crate::model) fn build(
        &self,
        builder: &Builder<'_>,
        axes: &Axes,
        outputs: i64,
    ) -> Result<Box<dyn Network>> {
        let window = axes.sequence("phasenet-variable")?;
        Ok(Box::new(UNet::new(builder, window, 8, outputs, Lengths::Any)))
    }
}

/// How lengths are brought together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lengths {
    /// [`PADDING`], and one sample off the start and two off the end of what goes up.
    Fixed,
    /// Three zeros on either side.
    Any,
}

impl Lengths {
    fn padding(self, level: usize) -> [i64; 2] {
        match self {
            Self::Fixed => PADDING[level],
            Self::Any => [3, 3],
        }
    }

    /// What is left out at the start and the end behind a transposed convolution.
    fn trimmed(self) -> [i64; 2] {
        match self {
            Self::Fixed => [1, 2],
            Self::Any => [0, 0],
        }
    }
}

struct UNet {
    window: Sequence,
    lengths: Lengths,
    inc: Conv1d,
    in_bn: BatchNorm,
    down: Vec<Down>,
    up: Vec<Up>,
    out: Conv1d,
}

struct Down {
    same: Conv1d,
    same_norm: BatchNorm,
    /// All but the lowest level.
    strided: Option<(Conv1d, BatchNorm)>,
}

struct Up {
    transposed: ConvTranspose1d,
    transposed_norm: BatchNorm,
    same: Conv1d,
    same_norm: BatchNorm,
}

impl UNet {
    fn new(
        builder: &Builder<'_>,
        window: Sequence,
        channels: i64,
        outputs: i64,
        lengths: Lengths,
    ) -> Self {
        let norm = |name: String, channels: i64, length: i64| {
            BatchNorm::with_epsilon(&builder.at(&name), channels, &[channels, length], EPSILON)
        };
        let same = Kernel { padding: TAPS / 2, bias: false, ..Kernel::new(TAPS) };
        let strided = Kernel { stride: STRIDE, padding: 0, ..same };
        let transposed = TransposedKernel {
            size: TAPS,
            stride: STRIDE,
            padding: 0,
            output_padding: 0,
            bias: false,
        };
        let first = Kernel { bias: true, ..same };
        let inc = Conv1d::new(&builder.at("inc"), window.channels, channels, first, window.steps);
        let in_bn = norm("in_bn".into(), channels, window.steps);
        let width = |level: usize| channels << level;
        let mut length = window.steps;
        let mut skipped = Vec::new();
        let mut down = Vec::new();
        for level in 0..LEVELS {
            let at = |part: usize| builder.at(&format!("down_branch.{level}.{part}"));
            let inputs = if level == 0 { channels } else { width(level - 1) };
            let conv = Conv1d::new(&at(0), inputs, width(level), same, length);
            let conv_norm = norm(format!("down_branch.{level}.1"), width(level), length);
            let step = (level + 1 < LEVELS).then(|| {
                skipped.push(length);
                let padded = length + lengths.padding(level).iter().sum::<i64>();
                let conv = Conv1d::new(&at(2), width(level), width(level), strided, padded);
                length = strided.output_length(padded);
                (conv, norm(format!("down_branch.{level}.3"), width(level), length))
            });
            down.push(Down { same: conv, same_norm: conv_norm, strided: step });
        }
        let mut up = Vec::new();
        for (number, level) in (0..LEVELS - 1).rev().enumerate() {
            let at = |part: usize| builder.at(&format!("up_branch.{number}.{part}"));
            let wide = width(level);
            let rising = ConvTranspose1d::new(&at(0), width(level + 1), wide, transposed, length);
            let risen = transposed.output_length(length);
            let rising_norm = norm(format!("up_branch.{number}.1"), wide, risen);
            length = skipped[level];
            up.push(Up {
                transposed: rising,
                transposed_norm: rising_norm,
                same: Conv1d::new(&at(2), 2 * wide, wide, same, length),
                same_norm: norm(format!("up_branch.{number}.3"), wide, length),
            });
        }
        let out = Conv1d::new(&builder.at("out"), channels, outputs, Kernel::new(1), length);
        Self { window, lengths, inc, in_bn, down, up, out }
    }
}

impl Network for UNet {
    fn forward(&self, input: &Input<'_>, mode: Mode<'_>) -> Tensor {
        self.forward_observed(input, mode, &mut |_, _| {})
    }

    fn forward_observed(
        &self,
        input: &Input<'_>,
        mode: Mode<'_>,
        observe: &mut dyn FnMut(&str, &Tensor),
    ) -> Tensor {
        let values = self.window.channels_first(input.values);
        let mut x = self.in_bn.forward(&self.inc.forward(&values), mode).relu();
        let mut skipped = Vec::new();
        for (level, down) in self.down.iter().enumerate() {
            let normed = down.same_norm.forward(&down.same.forward(&x), mode);
            observe(&format!("down_branch.{level}.1"), &normed);
            x = normed.relu();
            if let Some((conv, norm)) = &down.strided {
                let padded = x.constant_pad_nd(self.lengths.padding(level));
                skipped.push(x);
                x = norm.forward(&conv.forward(&padded), mode).relu();
            }
        }
        for (number, up) in self.up.iter().enumerate() {
            let risen = up.transposed_norm.forward(&up.transposed.forward(&x), mode).relu();
            let [start, end] = self.lengths.trimmed();
            let risen = risen.narrow(2, start, risen.size()[2] - start - end);
            let Some(skip) = skipped.pop() else { break };
            let both = Tensor::cat(&[&skip, &centre(&risen, skip.size()[2])], 1);
            let normed = up.same_norm.forward(&up.same.forward(&both), mode);
            observe(&format!("up_branch.{number}.3"), &normed);
            x = normed.relu();
        }
        self.out.forward(&x)
    }
}
