//! A list of steps.

use serde::{Deserialize, Serialize};

use super::registry::Step;
use super::stage::{Begun, Context, RunOptions};
use super::stream::{ComponentStream, Placed, Stream, Work};
use crate::error::{Error, Result};
use crate::read::StreamId;
use crate::time::{SampleRate, UtcTime};

/// Steps in the order in which they are done; in TOML an array `[[step]]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// The steps.
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
}

/// `error` with the place it concerns before it.
pub(super) fn at_step(number: usize, kind: &str, error: Error) -> Error {
    let text = format!("step {number} ({kind}): {error}");
    match error {
        Error::Usage(_) => Error::Usage(text),
        Error::Interrupted => Error::Interrupted,
        _ => Error::Data(text),
    }
}

impl Pipeline {
    /// Checks values that are wrong whatever the sampling rate.
    ///
    /// # Errors
    /// `Usage`, naming the number of the step.
    pub fn new(steps: Vec<Step>) -> Result<Self> {
        for (number, step) in (1..).zip(&steps) {
            step.settings().check().map_err(|e| at_step(number, step.kind(), e))?;
        }
        Ok(Self { steps })
    }

    /// Reads `[[step]]` tables.
    ///
    /// # Errors
    /// `Usage` in one line, naming the number of the step at fault.
    pub fn from_toml(text: &str) -> Result<Self> {
        let one_line = |e: &dyn std::fmt::Display| {
            let text = e.to_string();
            let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
            lines.join("; ")
        };
        let table: toml::Table = toml::from_str(text).map_err(|e: toml::de::Error| {
            let line = e.span().map_or(0, |at| text[..at.start.min(text.len())].lines().count());
            Error::usage(format!("line {}: {}", line.max(1), e.message().replace('\n', "; ")))
        })?;
        if let Some(key) = table.keys().find(|key| *key != "step") {
            return Err(Error::usage(format!(
                "unknown key '{key}'; steps stand as [[step]] with kind = \"…\""
            )));
        }
        let listed = match table.get("step") {
            Some(toml::Value::Array(steps)) => steps.clone(),
            _ => Vec::new(),
        };
        if listed.is_empty() {
            let text = "no steps; write each as [[step]] with kind = \"…\"";
            return Err(Error::usage(text));
        }
        let steps = (1..).zip(listed).map(|(number, value): (usize, toml::Value)| {
            let kind = value.get("kind").and_then(|k| k.as_str()).unwrap_or("no kind").to_string();
            value.try_into().map_err(|e: toml::de::Error| {
                at_step(number, &kind, Error::usage(one_line(&e.message())))
            })
        });
        Self::new(steps.collect::<Result<_>>()?)
    }

    /// The steps as TOML that [`Pipeline::from_toml`] reads back.
    ///
    /// # Errors
    /// `Data` if a value cannot be written.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| Error::data(e.to_string()))
    }

    /// That no value it makes depends on a later sample.
    ///
    /// # Errors
    /// `Usage`, naming the first step that looks ahead.
    pub fn require_causal(&self) -> Result<()> {
        for (number, step) in (1..).zip(&self.steps) {
            if !step.is_causal() {
                let instead = step.settings().causal_instead();
                let advice =
                    if instead.is_empty() { String::new() } else { format!("; use {instead}") };
                return Err(Error::usage(format!(
                    "step {number} ({}) looks into the future; a forecaster takes causal steps \
                     only{advice}",
                    step.kind()
                )));
            }
        }
        Ok(())
    }

    /// Begins on a contiguous run of one channel.
    ///
    /// # Errors
    /// `Usage`, naming the number of the step that cannot work at this rate or needs several
    /// components.
    pub fn begin(&self, rate: SampleRate) -> Result<Stream> {
        let (channels, start) = ([StreamId::default()], UtcTime::default());
        Ok(Stream(self.begin_channels(rate, &channels, start, &RunOptions::default())?))
    }

    /// Begins on a contiguous run that several channels share and that begins at `start`. Station
    /// metadata are those that hold then.
    ///
    /// # Errors
    /// As [`Pipeline::begin`]; also if a component a step needs is not among the channels.
    pub fn begin_channels(
        &self,
        rate: SampleRate,
        channels: &[StreamId],
        start: UtcTime,
        options: &RunOptions<'_>,
    ) -> Result<ComponentStream> {
        let mut stream = ComponentStream::new(rate, channels);
        for (number, step) in (1..).zip(&self.steps) {
            let fault = |e| at_step(number, step.kind(), e);
            step.settings().check().map_err(fault)?;
            let work = work(step, &mut stream, start, options).map_err(fault)?;
            stream.placed.push(Placed { number, kind: step.kind(), work });
        }
        Ok(stream)
    }

    /// The components that all its steps together ask of a group of channels, by the last letters
    /// of the channel codes; empty if every step works on each channel by itself.
    pub fn components(&self) -> Vec<char> {
        self.steps.iter().find_map(Step::components).unwrap_or_default()
    }
}

/// Begins a step behind those of `stream`, whose channels, rate and delay become those behind it.
fn work(
    step: &Step,
    stream: &mut ComponentStream,
    start: UtcTime,
    options: &RunOptions<'_>,
) -> Result<Work> {
    let mut stages = Vec::new();
    let before = stream.rate;
    for channel in &stream.channels {
        let channels = &stream.channels;
        let context = Context { rate: before, channel, channels, start, options: *options };
        match step.settings().begin(&context)? {
            Begun::Channel { stage, rate, skipped } => {
                stages.push(stage);
                stream.rate = rate;
                if stages.len() == 1 {
                    stream.delay = stream.delay.saturating_add(before.offset(skipped));
                }
            }
            Begun::Components(mixing) => {
                let placed = mixing.among(&stream.channels)?;
                stream.channels = placed.renamed(&stream.channels);
                return Ok(Work::Mix(placed));
            }
        }
    }
    Ok(Work::Each(stages))
}
