//! What a step does while samples pass through.

use super::rotate::Mixing;
use crate::error::{Error, Result};
use crate::read::{ChannelEpoch, Stations, StreamId};
use crate::time::{SampleRate, UtcTime};

/// Most samples that a step which needs the whole run holds in memory, if not told otherwise: 128
/// MiB, 46 hours at 100 Hz.
pub const MOST_HELD: usize = 1 << 24;

/// What is known of a step before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nature {
    /// No value depends on a later sample.
    pub causal: bool,
    /// Values come out while samples go in; otherwise the whole contiguous run is held.
    pub streams: bool,
}

impl Nature {
    /// Causal, with carried state.
    pub const CAUSAL: Self = Self { causal: true, streams: true };
    /// A bounded number of later samples is needed.
    pub const LOOKS_AHEAD: Self = Self { causal: false, streams: true };
    /// Everything is needed.
    pub const WHOLE_RUN: Self = Self { causal: false, streams: false };
}

/// What steps may use beside the samples.
#[derive(Clone, Copy)]
pub struct RunOptions<'a> {
    /// Most samples a channel that a step which needs the whole run may hold.
    pub most_held: usize,
    /// Coordinates, orientations and instrument responses.
    pub stations: Option<&'a Stations>,
}

impl Default for RunOptions<'_> {
    fn default() -> Self {
        Self { most_held: MOST_HELD, stations: None }
    }
}

/// Where a step begins.
pub(super) struct Context<'a> {
    pub rate: SampleRate,
    pub channel: &'a StreamId,
    /// All channels that go through together.
    pub channels: &'a [StreamId],
    /// Time of the first sample of the run.
    pub start: UtcTime,
    pub options: RunOptions<'a>,
}

impl<'a> Context<'a> {
    /// The station metadata.
    pub fn stations(&self) -> Result<&'a Stations> {
        self.options.stations.ok_or_else(|| {
            Error::usage("needs station metadata: give --stations FILE.xml (StationXML)")
        })
    }

    /// What the metadata say of the channel at the beginning of the run.
    pub fn epoch(&self) -> Result<&'a ChannelEpoch> {
        self.stations()?.channel_or_say(self.channel, self.start)
    }
}

/// A step at work on one contiguous run of one channel.
pub(super) trait Stage: Send {
    /// Takes the next samples, yields what is known now.
    fn push(&mut self, samples: Vec<f64>) -> Result<Vec<f64>>;

    /// Yields what remains at the end of the run.
    fn finish(&mut self) -> Result<Vec<f64>> {
        Ok(Vec::new())
    }
}

/// A step that has begun.
pub(super) enum Begun {
    /// Works on each channel by itself.
    Channel {
        stage: Box<dyn Stage>,
        /// The rate of what comes out.
        rate: SampleRate,
        /// Incoming samples before the time of the first value that comes out.
        skipped: u64,
    },
    /// Mixes components.
    Components(Mixing),
}

impl Begun {
    fn same_rate(stage: impl Stage + 'static, context: &Context<'_>) -> Self {
        Self::Channel { stage: Box::new(stage), rate: context.rate, skipped: 0 }
    }

    /// Changes samples where they are, in order.
    pub fn in_place(
        context: &Context<'_>,
        change: impl FnMut(&mut [f64]) + Send + 'static,
    ) -> Self {
        Self::same_rate(InPlace(change), context)
    }

    /// Holds the whole run and changes it at its end.
    pub fn whole_run(
        context: &Context<'_>,
        change: impl FnMut(Vec<f64>) -> Result<Vec<f64>> + Send + 'static,
    ) -> Self {
        Self::whole_run_to(context, context.rate, change)
    }

    /// [`Begun::whole_run`] with another rate behind it.
    pub fn whole_run_to(
        context: &Context<'_>,
        rate: SampleRate,
        change: impl FnMut(Vec<f64>) -> Result<Vec<f64>> + Send + 'static,
    ) -> Self {
        let stage = Held { held: Vec::new(), most: context.options.most_held, change };
        Self::Channel { stage: Box::new(stage), rate, skipped: 0 }
    }

    /// Yields values that lag behind, at the given rate.
    pub fn lagging(worker: impl Lagging + Send + 'static, rate: SampleRate) -> Self {
        Self::Channel { stage: Box::new(Lag(Some(worker))), rate, skipped: 0 }
    }
}

struct InPlace<F>(F);

impl<F: FnMut(&mut [f64]) + Send> Stage for InPlace<F> {
    fn push(&mut self, mut samples: Vec<f64>) -> Result<Vec<f64>> {
        (self.0)(&mut samples);
        Ok(samples)
    }
}

struct Held<F> {
    held: Vec<f64>,
    most: usize,
    change: F,
}

impl<F: FnMut(Vec<f64>) -> Result<Vec<f64>> + Send> Stage for Held<F> {
    fn push(&mut self, samples: Vec<f64>) -> Result<Vec<f64>> {
        if self.held.len().saturating_add(samples.len()) > self.most {
            return Err(Error::data(format!(
                "needs the whole contiguous run in memory, and this one has more than {} samples; \
                 take less time at once, lower the rate before it, or allow more (--hold)",
                self.most
            )));
        }
        if self.held.is_empty() {
            self.held = samples;
        } else {
            self.held.extend(samples);
        }
        Ok(Vec::new())
    }

    fn finish(&mut self) -> Result<Vec<f64>> {
        let held = std::mem::take(&mut self.held);
        if held.is_empty() { Ok(held) } else { (self.change)(held) }
    }
}

/// Work whose values lag behind its samples by a bounded number.
pub(super) trait Lagging {
    fn run(&mut self, samples: &[f64], out: &mut Vec<f64>);
    fn finish(self, out: &mut Vec<f64>);
}

struct Lag<T>(Option<T>);

impl<T: Lagging + Send> Stage for Lag<T> {
    fn push(&mut self, samples: Vec<f64>) -> Result<Vec<f64>> {
        let mut out = Vec::new();
        if let Some(worker) = &mut self.0 {
            worker.run(&samples, &mut out);
        }
        Ok(out)
    }

    fn finish(&mut self) -> Result<Vec<f64>> {
        let mut out = Vec::new();
        if let Some(worker) = self.0.take() {
            worker.finish(&mut out);
        }
        Ok(out)
    }
}

impl Lagging for crate::signal::Gradient {
    fn run(&mut self, samples: &[f64], out: &mut Vec<f64>) {
        self.run(samples, out);
    }

    fn finish(self, out: &mut Vec<f64>) {
        self.finish(out);
    }
}

impl Lagging for crate::signal::Interpolator {
    fn run(&mut self, samples: &[f64], out: &mut Vec<f64>) {
        self.run(samples, out);
    }

    fn finish(self, out: &mut Vec<f64>) {
        self.finish(out);
    }
}

impl Lagging for crate::signal::PolyphaseResampler {
    fn run(&mut self, samples: &[f64], out: &mut Vec<f64>) {
        self.run(samples, out);
    }

    fn finish(self, out: &mut Vec<f64>) {
        self.finish(out);
    }
}

/// `rate · up / down`, exactly.
pub(super) fn scaled(rate: SampleRate, up: u64, down: u64) -> Result<SampleRate> {
    let (numerator, denominator) = rate.ratio();
    let refused = || {
        Error::usage(format!("{rate} times {up} over {down} is no rate that can be kept exactly"))
    };
    // Lowest terms crosswise first, so that only a truly large result overflows.
    let first = SampleRate::from_ratio(numerator, down).ok_or_else(refused)?.ratio();
    let second = SampleRate::from_ratio(up, denominator).ok_or_else(refused)?.ratio();
    first
        .0
        .checked_mul(second.0)
        .zip(first.1.checked_mul(second.1))
        .and_then(|(p, q)| SampleRate::from_ratio(p, q))
        .ok_or_else(refused)
}

/// A number of seconds as samples, rounded to the nearest.
pub(super) fn samples_in(seconds: f64, rate: SampleRate, what: &str) -> Result<usize> {
    let samples = (seconds * rate.hz()).round();
    if !(samples >= 1.0 && samples <= MOST_HELD as f64) {
        return Err(Error::usage(format!(
            "{what} of {seconds} s is {samples} samples at {rate}; it must be between 1 and \
             {MOST_HELD}"
        )));
    }
    Ok(samples as usize)
}
