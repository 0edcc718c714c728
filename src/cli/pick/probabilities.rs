//! Probabilities over time as miniSEED.

use std::path::Path;

use crate::detect::annotate::CurvePiece;
use crate::error::Result;
use crate::read::miniseed::{self, WriteOptions};
use crate::read::{Samples, StreamId, Trace};

/// A curve as a trace: band code of the instrument, `Y` for no specific instrument, and the first
/// letter of the label: `HYP` are the P probabilities of `HH?`.
pub fn trace(codes: &StreamId, label: &str, curve: CurvePiece) -> Trace {
    let band = codes.channel.chars().next().unwrap_or('H');
    let letter = label.chars().next().unwrap_or('X');
    let CurvePiece { start, rate, values, .. } = curve;
    let channel = format!("{band}Y{letter}");
    let id = StreamId { channel, ..codes.clone() };
    Trace { id, start, rate, samples: Samples::F32(values) }
}

/// Writes traces by label and time; those that go on without a gap become one.
pub fn write(path: &Path, mut traces: Vec<Trace>) -> Result<()> {
    traces.sort_by(|a, b| (&a.id, a.start).cmp(&(&b.id, b.start)));
    let mut joined: Vec<Trace> = Vec::with_capacity(traces.len());
    for trace in traces {
        match joined.last_mut() {
            Some(last) if last.is_continued_by(&trace) => {
                if let (Samples::F32(all), Samples::F32(more)) = (&mut last.samples, trace.samples)
                {
                    all.extend(more);
                }
            }
            _ => joined.push(trace),
        }
    }
    let options = WriteOptions { record_length: 4096, ..WriteOptions::default() };
    miniseed::write(path, &joined, &options)
}
