//! Convolutions down, residual blocks, convolutions up.

use tch::Tensor;

use super::super::super::layers::{BatchNorm, Builder, Conv1d, Kernel};
use super::super::super::shape::Sequence;
use super::super::super::{Mode, layers::dropout_channels};
use super::{ENCODED, EPSILON, STATES};

const STAGES: usize = 7;
const WIDTHS: [i64; STAGES] = [8, 16, 16, 32, 32, 64, 64];
const TAPS: [i64; STAGES] = [11, 9, 7, 7, 5, 5, 3];

/// Stands in for the sample that an odd length lacks before pooling; never the maximum.
const NOTHING: f64 = -1e10;

/// Seven times convolution, ReLU, pooling by 2; odd lengths are rounded up.
pub struct Encoder {
    convolutions: Vec<Conv1d>,
    steps: i64,
}

impl Encoder {
    /// For windows of these channels and samples.
    pub fn new(builder: &Builder<'_>, window: Sequence) -> Self {
        let (mut inputs, mut steps) = (window.channels, window.steps);
        let mut convolutions = Vec::new();
        for (number, (width, taps)) in WIDTHS.into_iter().zip(TAPS).enumerate() {
            let kernel = Kernel { padding: taps / 2, ..Kernel::new(taps) };
            let place = builder.at(&format!("convs.{number}"));
            convolutions.push(Conv1d::new(&place, inputs, width, kernel, steps));
            (inputs, steps) = (width, halved(steps));
        }
        Self { convolutions, steps }
    }

    /// Length of what it puts out.
    pub fn steps(&self) -> i64 {
        self.steps
    }

    /// `[N, C, samples]` to `[N, 64, steps]`.
    pub fn forward(&self, values: &Tensor) -> Tensor {
        let mut x = values.shallow_clone();
        for conv in &self.convolutions {
            x = conv.forward(&x).relu();
            if x.size()[2] % 2 != 0 {
                x = x.pad([0, 1], "constant", NOTHING);
            }
            x = x.max_pool1d(2, 2, 0, 1, false);
        }
        x
    }
}

fn halved(length: i64) -> i64 {
    (length + length % 2) / 2
}

/// `x + conv(relu(norm(conv(relu(norm(x))))))`.
pub struct ResidualBlock {
    norm1: BatchNorm,
    conv1: Conv1d,
    norm2: BatchNorm,
    conv2: Conv1d,
    /// Zeros on the right before each convolution of two taps.
    uneven: bool,
}

impl ResidualBlock {
    /// `steps` is the length, for the summary alone.
    pub fn new(builder: &Builder<'_>, taps: i64, steps: i64) -> Self {
        let uneven = taps % 2 == 0;
        let kernel = Kernel { padding: if uneven { 0 } else { taps / 2 }, ..Kernel::new(taps) };
        let norm = |name: &str| {
            BatchNorm::with_epsilon(&builder.at(name), ENCODED, &[ENCODED, steps], EPSILON)
        };
        let length = steps + i64::from(uneven);
        let conv = |name: &str| Conv1d::new(&builder.at(name), ENCODED, ENCODED, kernel, length);
        Self {
            norm1: norm("norm1"),
            conv1: conv("conv1"),
            norm2: norm("norm2"),
            conv2: conv("conv2"),
            uneven,
        }
    }

    /// `[N, 64, T]`, same shape out.
    pub fn forward(&self, values: &Tensor, drop_rate: f64, mode: Mode<'_>) -> Tensor {
        let half = |norm: &BatchNorm, conv: &Conv1d, x: &Tensor| {
            let active = dropout_channels(norm.forward(x, mode).relu(), drop_rate, mode);
            conv.forward(&if self.uneven { active.constant_pad_nd([0, 1]) } else { active })
        };
        let first = half(&self.norm1, &self.conv1, values);
        values + half(&self.norm2, &self.conv2, &first)
    }
}

/// What is cut off behind each stage's upsampling, at the start and the end.
pub type Crops = [[i64; 2]; STAGES];

/// The cuts that bring the decoder back to `samples`. The `published` network takes one sample
/// off either side at its fourth stage instead.
pub fn decoder_crops(samples: i64, published: bool) -> Crops {
    let mut crops = [[0, 0]; STAGES];
    if published {
        crops[3] = [1, 1];
        return crops;
    }
    let mut length = samples;
    for stage in (0..STAGES).rev() {
        crops[stage][1] = length % 2;
        length = halved(length);
    }
    crops
}

/// Seven times nearest upsampling by 2, convolution, ReLU.
pub struct Decoder {
    convolutions: Vec<Conv1d>,
    crops: Crops,
}

impl Decoder {
    /// From `steps` back to as many samples as the crops leave.
    pub fn new(builder: &Builder<'_>, steps: i64, crops: Crops) -> Self {
        let (mut inputs, mut length) = (STATES, steps);
        let mut convolutions = Vec::new();
        for (number, (width, taps)) in WIDTHS.into_iter().zip(TAPS).rev().enumerate() {
            length = 2 * length - crops[number].iter().sum::<i64>();
            let kernel = Kernel { padding: taps / 2, ..Kernel::new(taps) };
            let place = builder.at(&format!("convs.{number}"));
            convolutions.push(Conv1d::new(&place, inputs, width, kernel, length));
            inputs = width;
        }
        Self { convolutions, crops }
    }

    /// `[N, 16, steps]` to `[N, 8, samples]`.
    pub fn forward(&self, values: &Tensor) -> Tensor {
        let mut x = values.shallow_clone();
        for (conv, [start, end]) in self.convolutions.iter().zip(self.crops) {
            let doubled = 2 * x.size()[2];
            x = x.upsample_nearest1d([doubled], None);
            if start + end > 0 {
                x = x.narrow(2, start, doubled - start - end);
            }
            x = conv.forward(&x).relu();
        }
        x
    }
}
