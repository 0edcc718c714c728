//! `cnn2d`: convolutions over images, or over log spectrograms of waveforms.

use tch::{Kind, Tensor};

use super::layers::{
    BatchNorm, Builder, Conv2d, Initialisation, Kernel, Linear, LogSpectrogram,
    SpectrogramSettings, dropout,
};
use super::shape::{Axes, check_fraction, check_positive};
use super::{Input, Mode, Network};
use crate::data::Layout;
use crate::error::{Error, Result};

/// Zeros around the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// None: each convolution takes `kernel - 1` off height and width.
    Valid,
    /// Half the kernel on either side: height and width stay (odd kernels).
    #[default]
    Same,
}

/// Where 2×2 maximum pooling stands between the convolutions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxPool {
    /// Nowhere.
    None,
    /// After every convolution.
    #[default]
    Each,
    /// After every convolution but the last.
    Between,
}

/// What the last convolution's maps become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImagePooling {
    /// They stay as they are; needs `flatten`.
    None,
    /// One 2×2 maximum pooling; needs `flatten`.
    Max,
    /// The mean over height and width.
    #[default]
    GlobalAverage,
    /// The mean over height, then mean and maximum over width side by side: for spectrograms,
    /// whose height is frequency and whose width is time.
    MeanMax,
}

/// `kind = "cnn2d"`: (convolution → batch norm → ReLU → maximum pooling) … → pooling → (flatten) →
/// dropout → linear. The default is a small strong network for images of 48 pixels and more;
/// [`Cnn2d::article`] is the network of many Keras notebooks.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cnn2d {
    /// Channels out of each convolution.
    pub channels: Vec<usize>,
    /// Height and width of every kernel.
    pub kernel: usize,
    /// Whether a further channel holds the height, −1 to 1 (Liu et al. 2018): convolutions then
    /// know the frequency in a spectrogram.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub height_channel: bool,
    /// Zeros around the image.
    pub padding: Padding,
    /// Whether batch norm follows each convolution, which then has no bias.
    pub batch_norm: bool,
    /// Where 2×2 maximum pooling stands between the convolutions.
    pub max_pool: MaxPool,
    /// What the last convolution's maps become.
    pub pooling: ImagePooling,
    /// Whether they are flattened in the order height, width, channel (Keras).
    pub flatten: bool,
    /// Dropout in front of the output layer.
    pub dropout: f64,
    /// Which library's initial values it starts from.
    pub initialisation: Initialisation,
    /// A log spectrogram in front, for waveforms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub front_end: Option<SpectrogramSettings>,
}

impl Default for Cnn2d {
    fn default() -> Self {
        Self {
            channels: vec![16, 32, 64, 96],
            kernel: 3,
            height_channel: false,
            padding: Padding::Same,
            batch_norm: true,
            max_pool: MaxPool::Each,
            pooling: ImagePooling::GlobalAverage,
            flatten: false,
            dropout: 0.3,
            initialisation: Initialisation::PyTorch,
            front_end: None,
        }
    }
}

impl Cnn2d {
    /// Conv 32 3×3 ReLU, conv 64 3×3 ReLU, (pooling, flatten,) dense; Keras initial values.
    ///
    /// To take weights over from Keras: kernels `[H, W, in, out]` permuted by (3, 2, 0, 1), dense
    /// weights `[in, out]` transposed; flattened rows have the same order.
    pub fn article(pooling: ImagePooling, flatten: bool) -> Self {
        Self {
            channels: vec![32, 64],
            padding: Padding::Valid,
            batch_norm: false,
            max_pool: MaxPool::None,
            pooling,
            flatten,
            dropout: 0.0,
            initialisation: Initialisation::Keras,
            ..Self::default()
        }
    }

    /// Three convolutions over log spectrograms of waveforms at 40 Hz.
    pub fn spectrogram() -> Self {
        let front_end = SpectrogramSettings {
            window: 128,
            hop: 40,
            group: 2,
            ..SpectrogramSettings::default()
        };
        Self {
            channels: vec![16, 32, 64],
            max_pool: MaxPool::Between,
            pooling: ImagePooling::MeanMax,
            front_end: Some(front_end),
            ..Self::default()
        }
    }

    /// Layers `front_end.norm`, `convs.0`, `norms.0` …, `head`.
    pub fn build(
        &self,
        builder: &Builder<'_>,
        axes: &Axes,
        outputs: i64,
    ) -> Result<Box<dyn Network>> {
        check_fraction("dropout", self.dropout)?;
        check_positive("kernel", self.kernel)?;
        if self.channels.is_empty() {
            return Err(Error::usage("cnn2d: channels is empty, expected one a convolution"));
        }
        let (front_end, [channels, height, width]) = self.images(builder, axes)?;
        let mut extent = [height, width];
        let mut blocks = Vec::new();
        let mut inputs = channels + i64::from(self.height_channel);
        for (number, &outputs) in self.channels.iter().enumerate() {
            check_positive("channels", outputs)?;
            let (block, next) = self.block(builder, number, inputs, outputs as i64, extent)?;
            blocks.push(block);
            (inputs, extent) = (outputs as i64, next);
        }
        let state = self.state(inputs, extent, outputs)?;
        let head = Linear::new(&builder.at("head"), state, outputs);
        Ok(Box::new(Cnn2dNetwork { settings: self.clone(), front_end, blocks, head }))
    }

    /// The front end if asked for, and channels, height and width of what the convolutions see.
    fn images(
        &self,
        builder: &Builder<'_>,
        axes: &Axes,
    ) -> Result<(Option<LogSpectrogram>, [i64; 3])> {
        match (&self.front_end, axes.layout, axes.values.as_slice()) {
            (None, Layout::Image, &[channels, height, width]) => {
                Ok((None, [channels, height, width]))
            }
            (Some(settings), Layout::Waveform, &[channels, samples]) => {
                let place = builder.at("front_end");
                let front_end = LogSpectrogram::new(&place, settings, channels, samples)?;
                let shape = [channels, front_end.bands(), front_end.frames()];
                Ok((Some(front_end), shape))
            }
            (front_end, layout, _) => Err(Error::usage(format!(
                "cnn2d {} reads {}; the examples are {} along {}",
                if front_end.is_some() { "with front_end" } else { "without front_end" },
                if front_end.is_some() {
                    "waveforms (N, channel, time)"
                } else {
                    "images (N, channel, height, width)"
                },
                axes.shape(),
                layout.axes()
            ))),
        }
    }

    fn block(
        &self,
        builder: &Builder<'_>,
        number: usize,
        inputs: i64,
        outputs: i64,
        extent: [i64; 2],
    ) -> Result<(Block, [i64; 2])> {
        let size = self.kernel as i64;
        let kernel = Kernel {
            padding: if self.padding == Padding::Same { size / 2 } else { 0 },
            bias: !self.batch_norm,
            ..Kernel::new(size)
        };
        let mut after = extent.map(|length| kernel.output_length(length));
        let pool = match self.max_pool {
            MaxPool::None => false,
            MaxPool::Each => true,
            MaxPool::Between => number + 1 < self.channels.len(),
        };
        let place = builder.at(&format!("convs.{number}"));
        let [height, width] = after;
        if pool {
            after = after.map(|length| length / 2);
        }
        if after.iter().any(|&length| length < 1) {
            return Err(Error::usage(format!(
                "cnn2d: convolution {number} of {} leaves nothing of (N, {inputs}, {}, {}); \
                 use larger images or fewer convolutions",
                self.channels.len(),
                extent[0],
                extent[1]
            )));
        }
        let conv = Conv2d::new(&place, inputs, outputs, kernel, extent);
        let norm = self.batch_norm.then(|| {
            let place = builder.at(&format!("norms.{number}"));
            BatchNorm::new(&place, outputs, &[outputs, height, width])
        });
        Ok((Block { conv, norm, pool }, after))
    }

    /// Numbers an image that reach the last layer, or why its output would not be `(N, outputs)`.
    fn state(&self, channels: i64, [height, width]: [i64; 2], outputs: i64) -> Result<i64> {
        let [height, width] = match self.pooling {
            ImagePooling::GlobalAverage => return Ok(channels),
            ImagePooling::MeanMax => return Ok(2 * channels),
            ImagePooling::None => [height, width],
            ImagePooling::Max => [height / 2, width / 2],
        };
        if height < 1 || width < 1 {
            return Err(Error::usage(format!(
                "cnn2d: pooling = \"max\" leaves nothing of (N, {channels}, {height}, {width})"
            )));
        }
        if self.flatten {
            return Ok(channels * height * width);
        }
        Err(Error::usage(format!(
            "cnn2d: without flatten or global pooling the output is \
             (N,{height},{width},{outputs}), but the labels are (N,{outputs}): set flatten = true \
             or pooling = \"global_average\""
        )))
    }
}

struct Block {
    conv: Conv2d,
    norm: Option<BatchNorm>,
    pool: bool,
}

struct Cnn2dNetwork {
    settings: Cnn2d,
    front_end: Option<LogSpectrogram>,
    blocks: Vec<Block>,
    head: Linear,
}

impl Network for Cnn2dNetwork {
    fn forward(&self, input: &Input<'_>, mode: Mode<'_>) -> Tensor {
        let mut maps = match &self.front_end {
            Some(front_end) => front_end.images(input.values, mode),
            None => input.values.shallow_clone(),
        };
        if self.settings.height_channel {
            maps = with_height(&maps);
        }
        for block in &self.blocks {
            maps = block.conv.forward(&maps);
            if let Some(norm) = &block.norm {
                maps = norm.forward(&maps, mode);
            }
            maps = maps.relu_();
            if block.pool {
                maps = halved(&maps);
            }
        }
        let state = match self.settings.pooling {
            ImagePooling::GlobalAverage => maps.mean_dim([2i64, 3].as_slice(), false, Kind::Float),
            ImagePooling::MeanMax => {
                let over_time = maps.mean_dim(2, false, Kind::Float);
                let mean = over_time.mean_dim(2, false, Kind::Float);
                Tensor::cat(&[mean, over_time.amax(2, false)], 1)
            }
            ImagePooling::None => maps.permute([0, 2, 3, 1]).flatten(1, -1),
            ImagePooling::Max => halved(&maps).permute([0, 2, 3, 1]).flatten(1, -1),
        };
        self.head.forward(&dropout(state, self.settings.dropout, mode))
    }
}

/// `[N, C, H, W]` and a channel of the height, -1 to 1.
fn with_height(maps: &Tensor) -> Tensor {
    let (count, _, height, width) = maps.size4().unwrap_or((0, 0, 0, 0));
    let rows = Tensor::linspace(-1.0, 1.0, height, (Kind::Float, maps.device()));
    let rows = rows.view([1, 1, height, 1]).expand([count, 1, height, width], false);
    Tensor::cat(&[maps, &rows], 1)
}

/// 2×2 maximum pooling.
fn halved(maps: &Tensor) -> Tensor {
    maps.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false)
}
