//! Steps at work, one after the other.

use super::pipeline::at_step;
use super::rotate::PlacedMixing;
use super::stage::Stage;
use crate::error::{Error, Result};
use crate::read::StreamId;
use crate::time::{SampleRate, UtcTime};

pub(super) enum Work {
    /// One a channel.
    Each(Vec<Box<dyn Stage>>),
    Mix(PlacedMixing),
}

pub(super) struct Placed {
    pub number: usize,
    pub kind: &'static str,
    pub work: Work,
}

/// Steps at work on a contiguous run that several channels share, made by
/// [`super::Pipeline::begin_channels`].
pub struct ComponentStream {
    pub(super) placed: Vec<Placed>,
    pub(super) channels: Vec<StreamId>,
    pub(super) rate: SampleRate,
    /// Nanoseconds from the first sample that goes in to the first value that comes out.
    pub(super) delay: i64,
}

impl ComponentStream {
    pub(super) fn new(rate: SampleRate, channels: &[StreamId]) -> Self {
        Self { placed: Vec::new(), channels: channels.to_vec(), rate, delay: 0 }
    }

    /// The channels that come out, in the order of their samples; rotation renames them.
    pub fn channels(&self) -> &[StreamId] {
        &self.channels
    }

    /// The rate of what comes out.
    pub fn rate(&self) -> SampleRate {
        self.rate
    }

    /// The time of the first value that comes out of a run that begins at `start`.
    pub fn start(&self, start: UtcTime) -> UtcTime {
        start.plus(self.delay)
    }

    /// Takes the next samples, as many of each channel; yields what is known now.
    ///
    /// # Errors
    /// `Usage` if the channels differ in number or length; else the step's own, with its number.
    pub fn push(&mut self, samples: Vec<Vec<f64>>) -> Result<Vec<Vec<f64>>> {
        let length = samples.first().map_or(0, Vec::len);
        if samples.len() != self.channels.len() || samples.iter().any(|x| x.len() != length) {
            return Err(Error::usage(format!(
                "{} channels go in together, with as many samples each",
                self.channels.len()
            )));
        }
        let mut carried = samples;
        for placed in &mut self.placed {
            carried = placed.push(carried)?;
        }
        Ok(carried)
    }

    /// Ends the run, yields what remains.
    ///
    /// # Errors
    /// The step's own, with its number.
    pub fn finish(mut self) -> Result<Vec<Vec<f64>>> {
        let mut carried = vec![Vec::new(); self.channels.len()];
        for placed in &mut self.placed {
            carried = placed.push(carried)?;
            placed.finish(&mut carried)?;
        }
        Ok(carried)
    }
}

impl Placed {
    fn push(&mut self, samples: Vec<Vec<f64>>) -> Result<Vec<Vec<f64>>> {
        match &mut self.work {
            Work::Each(stages) => {
                let pushed = stages.iter_mut().zip(samples).map(|(stage, x)| stage.push(x));
                let pushed: Result<_> = pushed.collect();
                pushed.map_err(|e| at_step(self.number, self.kind, e))
            }
            Work::Mix(mixing) => Ok(mixing.apply(samples)),
        }
    }

    fn finish(&mut self, carried: &mut [Vec<f64>]) -> Result<()> {
        if let Work::Each(stages) = &mut self.work {
            for (stage, out) in stages.iter_mut().zip(carried) {
                let rest = stage.finish().map_err(|e| at_step(self.number, self.kind, e))?;
                out.extend(rest);
            }
        }
        Ok(())
    }
}

/// Steps at work on a contiguous run of one channel, made by [`super::Pipeline::begin`].
pub struct Stream(pub(super) ComponentStream);

impl Stream {
    /// The rate of what comes out.
    pub fn rate(&self) -> SampleRate {
        self.0.rate()
    }

    /// The time of the first value that comes out of a run that begins at `start`.
    pub fn start(&self, start: UtcTime) -> UtcTime {
        self.0.start(start)
    }

    /// Takes the next samples, yields what is known now.
    ///
    /// # Errors
    /// The step's own, with its number.
    pub fn push(&mut self, samples: &[f64]) -> Result<Vec<f64>> {
        Ok(self.0.push(vec![samples.to_vec()])?.pop().unwrap_or_default())
    }

    /// Ends the run, yields what remains.
    ///
    /// # Errors
    /// The step's own, with its number.
    pub fn finish(self) -> Result<Vec<f64>> {
        Ok(self.0.finish()?.pop().unwrap_or_default())
    }
}
