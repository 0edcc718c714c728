//! Traces of three components with their picks, wherever their samples lie.

use crate::data::Fingerprint;
use crate::error::{Error, Result};
use crate::time::{SampleRate, UtcTime};

/// The arrival of a wave within a trace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelledPick {
    /// `P`, `Pg`, `S` …, as the source names it.
    pub phase: String,
    /// Place in samples after the first of the trace, between samples too.
    pub sample: f64,
    /// Seconds by which it may be off, if stated.
    pub uncertainty: Option<f64>,
    /// `positive`, `negative`, `undecidable`; empty if not stated.
    pub polarity: String,
    /// The event it belongs to, which need not be the trace's own; empty if not known.
    pub event: String,
}

/// What is known of one trace `[C, T]` beside its samples.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledTrace {
    /// Name for messages: `NET.STA.LOC.CH` and start, or that of the source.
    pub name: String,
    /// `NET.STA.LOC.CH`: channels without the letter of the component.
    pub trace_id: String,
    /// `NET.STA`.
    pub station: String,
    /// Time of the first sample, if known.
    pub start: Option<UtcTime>,
    /// Sampling rate.
    pub rate: SampleRate,
    /// Samples `T` of each component.
    pub samples: usize,
    /// The letter of each row: `ZNE`.
    pub components: String,
    /// The rows that hold data; the others are zero. Of three, `Z` where only the vertical recorded.
    pub live: String,
    /// The event the trace was cut for; empty if not known, and for noise.
    pub event: String,
    /// `earthquake`, `noise` …
    pub category: String,
    /// The part the source puts it in: `train`, `dev`, `test`; empty if none.
    pub split: String,
    /// In order of their samples.
    pub picks: Vec<LabelledPick>,
}

/// The category of traces without any arrival.
pub const NOISE: &str = "noise";

impl LabelledTrace {
    /// Whether the source says that nothing arrives in it.
    pub fn is_noise(&self) -> bool {
        self.category == NOISE
    }

    /// Time behind the last sample.
    pub fn end(&self) -> Option<UtcTime> {
        self.start.map(|start| start.plus(self.rate.offset(self.samples as u64)))
    }

    /// `2014-08-24`; empty without a time.
    pub fn day(&self) -> String {
        self.start.map(|start| start.format("%Y-%m-%d")).unwrap_or_default()
    }
}

/// Where samples lie.
pub trait SampleSource: Send + Sync {
    /// Appends the samples `[C, T]` of trace number `trace` to `into`; missing ones are NaN.
    fn read(&self, trace: usize, into: &mut Vec<f32>) -> Result<()>;
}

/// Traces whose samples count for a fingerprint.
const MOST_FINGERPRINTED: usize = 2000;

/// Samples in memory, `[C, T]` of one trace behind those of another.
pub struct MemorySamples {
    values: Vec<f32>,
    starts: Vec<usize>,
}

impl MemorySamples {
    /// `values` of traces of `[C, T]` numbers each as `sizes` says, in their order.
    pub fn new(values: Vec<f32>, sizes: impl Iterator<Item = usize>) -> Self {
        let mut starts = vec![0];
        let mut end = 0;
        starts.extend(sizes.map(|size| {
            end += size;
            end
        }));
        Self { values, starts }
    }
}

impl SampleSource for MemorySamples {
    fn read(&self, trace: usize, into: &mut Vec<f32>) -> Result<()> {
        let range = self.starts.get(trace).zip(self.starts.get(trace + 1));
        let values = range.and_then(|(&start, &end)| self.values.get(start..end));
        let values = values.ok_or_else(|| Error::data(format!("trace {trace} has no samples")))?;
        into.extend_from_slice(values);
        Ok(())
    }
}

/// Traces with picks.
pub struct TraceSet {
    /// What it is called in messages: its path.
    pub name: String,
    /// What is known of each trace.
    pub traces: Vec<LabelledTrace>,
    /// Their samples.
    pub samples: Box<dyn SampleSource>,
}

impl TraceSet {
    /// Number of traces.
    pub fn len(&self) -> usize {
        self.traces.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.traces.is_empty()
    }

    /// The samples `[C, T]` of one trace; missing ones are NaN.
    pub fn read(&self, trace: usize) -> Result<Vec<f32>> {
        let about = &self.traces[trace];
        let count = about.components.chars().count() * about.samples;
        let mut values = Vec::with_capacity(count);
        self.samples.read(trace, &mut values)?;
        if values.len() != count {
            return Err(Error::data(format!(
                "{}: {} samples of {}, expected {count}",
                self.name,
                values.len(),
                about.name
            )));
        }
        Ok(values)
    }

    /// Several sets as one, in their order.
    pub fn joined(mut sets: Vec<Self>) -> Result<Self> {
        if sets.len() == 1
            && let Some(only) = sets.pop()
        {
            return Ok(only);
        }
        if sets.is_empty() {
            return Err(Error::usage("no data set is named"));
        }
        let name = sets.iter().map(|set| set.name.as_str()).collect::<Vec<_>>().join(" + ");
        let mut traces = Vec::new();
        let mut parts = Vec::new();
        for set in sets {
            parts.push((traces.len(), set.samples));
            traces.extend(set.traces);
        }
        Ok(Self { name, traces, samples: Box::new(JoinedSamples(parts)) })
    }

    /// The content of all traces and picks and of the samples of up to 2000 traces, spread evenly,
    /// as one number: large sets are not read whole.
    ///
    /// # Errors
    /// Samples that cannot be read.
    pub fn fingerprint(&self) -> Result<String> {
        let mut whole = Fingerprint::default();
        let apart = self.len().div_ceil(MOST_FINGERPRINTED).max(1);
        for (trace, about) in self.traces.iter().enumerate() {
            whole.add(format!("{about:?}").as_bytes());
            if trace % apart == 0 {
                whole.singles(&self.read(trace)?);
            }
        }
        Ok(whole.finish())
    }
}

/// The sets' samples, each with the number of its first trace.
struct JoinedSamples(Vec<(usize, Box<dyn SampleSource>)>);

impl SampleSource for JoinedSamples {
    fn read(&self, trace: usize, into: &mut Vec<f32>) -> Result<()> {
        let part = self.0.partition_point(|(first, _)| *first <= trace);
        match part.checked_sub(1).and_then(|part| self.0.get(part)) {
            Some((first, samples)) => samples.read(trace - first, into),
            None => Err(Error::data(format!("no set holds trace {trace}"))),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Traces at 100 Hz of 3 × `samples` numbers: row r of trace t counts on from 1000 t + 100000 r.
    pub fn counting(picks: &[&[(&str, f64)]], samples: usize) -> TraceSet {
        let mut values = Vec::new();
        let traces = picks.iter().enumerate().map(|(number, picks)| {
            for row in 0..3 {
                values.extend((0..samples).map(|at| (1000 * number + 100_000 * row + at) as f32));
            }
            trace(number, picks, samples)
        });
        let traces: Vec<LabelledTrace> = traces.collect();
        let samples = MemorySamples::new(values, traces.iter().map(|_| 3 * samples));
        TraceSet { name: "counting".into(), traces, samples: Box::new(samples) }
    }

    /// A trace of three components with picks of phases at these samples.
    pub fn trace(number: usize, picks: &[(&str, f64)], samples: usize) -> LabelledTrace {
        let event = if picks.is_empty() { String::new() } else { format!("event{number}") };
        let picks = picks.iter().map(|&(phase, sample)| LabelledPick {
            phase: phase.into(),
            sample,
            event: event.clone(),
            ..LabelledPick::default()
        });
        let picks: Vec<LabelledPick> = picks.collect();
        LabelledTrace {
            name: format!("trace {number}"),
            trace_id: format!("XX.S{number}..HH"),
            station: format!("XX.S{number}"),
            start: Some(UtcTime(number as i64 * 3_600_000_000_000)),
            rate: SampleRate::from_hz(100.0).unwrap(),
            samples,
            components: "ZNE".into(),
            live: "ZNE".into(),
            category: if picks.is_empty() { NOISE.into() } else { "earthquake".into() },
            event,
            split: String::new(),
            picks,
        }
    }

    #[test]
    fn joined_sets_keep_their_samples() {
        let set = || counting(&[&[("P", 3.0)], &[]], 10);
        let joined = TraceSet::joined(vec![set(), set()]).unwrap();
        assert_eq!(joined.len(), 4);
        assert_eq!(joined.read(3).unwrap(), set().read(1).unwrap());
        assert_ne!(joined.read(2).unwrap(), joined.read(3).unwrap());
        assert_eq!(joined.fingerprint().unwrap().len(), 64);
        assert!(TraceSet::joined(Vec::new()).is_err());
    }
}
