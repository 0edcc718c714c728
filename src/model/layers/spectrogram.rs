//! A log power spectrogram as the first layer of a network over waveforms.

use std::f64::consts::TAU;

use tch::{Kind, Tensor};

use super::super::{DropoutSource, Mode};
use super::batch_norm::BatchNorm;
use super::builder::Builder;
use crate::error::{Error, Result};

/// What bands and frames the spectrogram has.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpectrogramSettings {
    /// Samples of the periodic Hann window.
    pub window: usize,
    /// Samples between frames.
    pub hop: usize,
    /// Neighbouring bins averaged into one band; bins left over are dropped.
    pub group: usize,
    /// Sampling rate of the waveforms in Hz.
    pub rate_hz: f64,
    /// Lowest frequency in Hz: the first bin is `round(low_hz · window / rate_hz)`.
    pub low_hz: f64,
    /// Frequency in Hz at which the bands end, that bin itself excluded.
    pub high_hz: f64,
    /// Added to the power before the logarithm.
    pub floor: f64,
    /// Whether training hides one random span of bands and one of frames in each window.
    pub mask: bool,
}

impl Default for SpectrogramSettings {
    fn default() -> Self {
        let (window, hop, group) = (64, 20, 1);
        let (rate_hz, low_hz, high_hz) = (40.0, 1.0, 15.0);
        Self { window, hop, group, rate_hz, low_hz, high_hz, floor: 1e-3, mask: true }
    }
}

impl SpectrogramSettings {
    /// First bin and number of bands, or why there are none.
    fn bins(&self) -> Result<(usize, usize)> {
        let fits = |hz: f64| hz.is_finite() && (0.0..=self.rate_hz / 2.0).contains(&hz);
        if self.window < 2 || self.hop == 0 || self.group == 0 {
            return Err(Error::usage("front_end: window must be at least 2, hop and group 1"));
        }
        if !fits(self.low_hz) || !fits(self.high_hz) || self.floor.is_nan() || self.floor <= 0.0 {
            return Err(Error::usage(format!(
                "front_end: bands {}–{} Hz must lie in 0–{} Hz and floor must be positive",
                self.low_hz,
                self.high_hz,
                self.rate_hz / 2.0
            )));
        }
        let bin = |hz: f64| (hz * self.window as f64 / self.rate_hz).round() as usize;
        let (first, end) = (bin(self.low_hz), bin(self.high_hz));
        match end.saturating_sub(first) / self.group {
            0 => Err(Error::usage(format!(
                "front_end: {}–{} Hz holds no band of {} bins at window {}",
                self.low_hz, self.high_hz, self.group, self.window
            ))),
            bands => Ok((first, bands)),
        }
    }
}

/// Centred short-time spectra with reflected ends: `ln(|Z|² / window + floor)`, batch norm per
/// channel and band, in training masks of bands and frames set to 0 after it.
pub struct LogSpectrogram {
    settings: SpectrogramSettings,
    /// Windowed cosines and sines `[window, 2·bands·group]` of the wanted bins only: one matrix
    /// product is cheaper than a transform of which a third is used.
    basis: Tensor,
    norm: BatchNorm,
    channels: i64,
    bands: i64,
    frames: i64,
}

impl LogSpectrogram {
    /// For waveforms `[N, channels, samples]`; the batch norm is called `norm`.
    pub fn new(
        builder: &Builder<'_>,
        settings: &SpectrogramSettings,
        channels: i64,
        samples: i64,
    ) -> Result<Self> {
        let (first, bands) = settings.bins()?;
        let window = settings.window as i64;
        if samples <= window / 2 {
            return Err(Error::usage(format!(
                "front_end: window {window} needs waveforms of more than {} samples along axis 2, \
                 they are (N, {channels}, {samples})",
                window / 2
            )));
        }
        let basis = basis(settings, first, bands).to_device(builder.device());
        let bands = bands as i64;
        let frames = (samples + 2 * (window / 2) - window) / settings.hop as i64 + 1;
        let place = builder.at("norm");
        builder.row("log spectrogram", &[channels, bands, frames], &[]);
        let norm = BatchNorm::new(&place, channels * bands, &[channels * bands, frames]);
        Ok(Self { settings: settings.clone(), basis, norm, channels, bands, frames })
    }

    /// Bands a channel.
    pub fn bands(&self) -> i64 {
        self.bands
    }

    /// Frames a waveform.
    pub fn frames(&self) -> i64 {
        self.frames
    }

    /// `[N, C, samples]` to `[N, frames, C·bands]`.
    pub fn forward(&self, waveforms: &Tensor, mode: Mode<'_>) -> Tensor {
        let count = waveforms.size()[0];
        let width = self.channels * self.bands;
        let power = self.power(waveforms).transpose(1, 2).reshape([-1, width]);
        let logarithm = (power + self.settings.floor).log();
        let normed = self.norm.forward(&logarithm, mode).view([count, self.frames, width]);
        match mode {
            Mode::Train(source) if self.settings.mask => normed * self.mask(count, source),
            _ => normed,
        }
    }

    /// `[N, C, samples]` to images of frequency and time `[N, C, bands, frames]`.
    pub fn images(&self, waveforms: &Tensor, mode: Mode<'_>) -> Tensor {
        let steps = self.forward(waveforms, mode);
        let shape = [-1, self.frames, self.channels, self.bands];
        steps.view(shape).permute([0, 2, 3, 1]).contiguous()
    }

    /// `[N, C, samples]` to the power `|Z|² / window`, `[N, C, frames, bands]`.
    pub fn power(&self, waveforms: &Tensor) -> Tensor {
        let window = self.settings.window as i64;
        let (half, group) = (window / 2, self.settings.group as i64);
        let frames =
            waveforms.reflection_pad1d([half, half]).unfold(-1, window, self.settings.hop as i64);
        let parts = frames.matmul(&self.basis).square();
        let shape = [-1, self.channels, self.frames, 2, self.bands, group];
        let dims: &[i64] = &[3, 5];
        parts.view(shape).sum_dim_intlist(dims, false, Kind::Float)
            / (self.settings.group * self.settings.window) as f64
    }

    /// Zeros over one span of bands and one of frames for each window, else ones:
    /// `[N, frames, C·bands]`. Widths are uniform below a sixth of the bands, an eighth of the
    /// frames.
    fn mask(&self, count: i64, source: &DropoutSource) -> Tensor {
        let (bands, frames) = (self.bands as usize, self.frames as usize);
        let span = |length: usize, part: usize| {
            let width = source.below((length / part).max(1));
            let start = source.below(length - width);
            start..start + width
        };
        let mut mask = vec![1f32; count as usize * frames * bands];
        for example in mask.chunks_mut((frames * bands).max(1)) {
            let (hidden_bands, hidden_frames) = (span(bands, 6), span(frames, 8));
            for (frame, row) in example.chunks_mut(bands).enumerate() {
                let hidden =
                    if hidden_frames.contains(&frame) { 0..bands } else { hidden_bands.clone() };
                row[hidden].fill(0.0);
            }
        }
        let mask = Tensor::from_slice(&mask).view([count, self.frames, self.bands]);
        mask.repeat([1, 1, self.channels]).to_device(self.basis.device())
    }
}

/// `[window, 2·bands·group]`: cosines of all bins, then sines, under a periodic Hann window.
fn basis(settings: &SpectrogramSettings, first: usize, bands: usize) -> Tensor {
    let (window, bins) = (settings.window, bands * settings.group);
    let mut values = vec![0f32; window * 2 * bins];
    for (sample, row) in values.chunks_mut(2 * bins).enumerate() {
        let hann = 0.5 - 0.5 * (TAU * sample as f64 / window as f64).cos();
        for bin in 0..bins {
            // The phase is reduced in integers, which keeps it exact.
            let turn = ((first + bin) * sample) % window;
            let angle = TAU * turn as f64 / window as f64;
            row[bin] = (hann * angle.cos()) as f32;
            row[bins + bin] = (hann * angle.sin()) as f32;
        }
    }
    Tensor::from_slice(&values).view([window as i64, 2 * bins as i64])
}
