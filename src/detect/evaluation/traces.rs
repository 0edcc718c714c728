//! Traces of a set as streams, and their labels.

use crate::data::picks::{LabelledTrace, TraceSet};
use crate::detect::annotate::Piece;
use crate::error::Result;
use crate::read::{Samples, StreamId};

/// The phases that are judged.
pub const PHASES: [&str; 2] = ["P", "S"];

/// `P` of `Pg`, `pP` or `P`; likewise `S`; none for others.
pub fn phase_of(label: &str) -> Option<&'static str> {
    let first = label.chars().next()?.to_ascii_uppercase().to_string();
    PHASES.into_iter().find(|phase| *phase == first)
}

/// Times of the labels of `phase`, ns after the first sample.
pub(super) fn labels(trace: &LabelledTrace, phase: &str) -> Vec<i64> {
    let own = trace.picks.iter().filter(|pick| phase_of(&pick.phase) == Some(phase));
    own.map(|pick| (pick.sample / trace.rate.hz() * 1e9).round() as i64).collect()
}

/// The samples of a trace `[C, T]`, without those that are missing, as pieces of a stream that
/// begins at time 0.
pub(super) fn pieces(set: &TraceSet, number: usize) -> Result<Vec<Piece>> {
    let trace = &set.traces[number];
    let values = set.read(number)?;
    let codes: Vec<&str> = trace.trace_id.split('.').collect();
    let code = |place: usize| codes.get(place).copied().unwrap_or_default().to_string();
    // Filters of weight files go by channel codes.
    let band = if code(3).is_empty() { "HH".to_string() } else { code(3) };
    let mut pieces = Vec::new();
    for (letter, row) in trace.components.chars().zip(values.chunks_exact(trace.samples.max(1))) {
        let id = StreamId {
            network: code(0),
            station: code(1),
            location: code(2),
            channel: format!("{band}{letter}"),
        };
        let mut start = 0;
        for run in row.split(|x| x.is_nan()) {
            if !run.is_empty() {
                pieces.push(Piece {
                    id: id.clone(),
                    start: trace.rate.offset(start as u64),
                    rate: trace.rate.hz(),
                    samples: Samples::F32(run.to_vec()),
                });
            }
            start += run.len() + 1;
        }
    }
    Ok(pieces)
}

/// The row of component `letter`, missing samples 0; none where it holds no data.
pub(super) fn component(set: &TraceSet, number: usize, letter: char) -> Result<Option<Vec<f64>>> {
    let trace = &set.traces[number];
    let Some(row) = trace.components.chars().position(|c| c == letter) else { return Ok(None) };
    let values = set.read(number)?;
    let row: Vec<f64> = values[row * trace.samples..][..trace.samples]
        .iter()
        .map(|&x| if x.is_nan() { 0.0 } else { f64::from(x) })
        .collect();
    Ok(Some(row).filter(|row| row.iter().any(|&x| x != 0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::picks::{LabelledPick, MemorySamples};
    use crate::time::SampleRate;

    #[test]
    fn missing_samples_part_pieces_and_labels_have_times() {
        let pick = |phase: &str, sample| LabelledPick {
            phase: phase.into(),
            sample,
            ..LabelledPick::default()
        };
        let trace = LabelledTrace {
            name: "a".into(),
            trace_id: "XX.A..".into(),
            station: "XX.A".into(),
            start: None,
            rate: SampleRate::from_hz(50.0).unwrap(),
            samples: 4,
            components: "ZN".into(),
            live: "ZN".into(),
            event: String::new(),
            category: String::new(),
            split: String::new(),
            picks: vec![pick("Pn", 1.5), pick("Sg", 2.0), pick("LR", 3.0)],
        };
        let values = vec![1.0, f32::NAN, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0];
        let samples = Box::new(MemorySamples::new(values, std::iter::once(8)));
        let set = TraceSet { name: "set".into(), traces: vec![trace], samples };
        let starts: Vec<(String, i64, usize)> = pieces(&set, 0)
            .unwrap()
            .into_iter()
            .map(|piece| (piece.id.channel, piece.start, piece.samples.len()))
            .collect();
        let expected = [("HHZ", 0, 1), ("HHZ", 40_000_000, 2), ("HHN", 0, 4)];
        assert_eq!(starts, expected.map(|(channel, start, n)| (channel.to_string(), start, n)));
        assert_eq!(labels(&set.traces[0], "P"), [30_000_000]);
        assert_eq!(labels(&set.traces[0], "S"), [40_000_000]);
        assert_eq!(component(&set, 0, 'Z').unwrap().unwrap(), [1.0, 0.0, 3.0, 4.0]);
        assert_eq!(component(&set, 0, 'N').unwrap(), None);
        assert_eq!(component(&set, 0, 'E').unwrap(), None);
    }
}
