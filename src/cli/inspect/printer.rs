//! The lines of `temblor inspect`, as text or JSON.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::progress;
use crate::read::scan::{Breaks, FileScan, Segment};
use crate::read::{RecorderFlag, StreamId};
use crate::signal::TraceChecks;

/// What was found in one file.
pub struct Looked {
    /// Its format.
    pub format: &'static str,
    /// Its segments.
    pub scan: FileScan,
    /// What is wrong with each segment, if asked for.
    pub checks: Vec<Option<TraceChecks>>,
}

/// One line: a trace. `end_ns` is the time of the last sample; `gaps` and `overlaps` count the
/// breaks of the whole channel in the file.
#[derive(Serialize)]
struct TraceLine<'a> {
    file: &'a Path,
    format: &'static str,
    id: String,
    start_ns: i64,
    end_ns: i64,
    rate_hz: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nominal_rate_hz: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_deviation_ppm: Option<f64>,
    samples: u64,
    sample_type: &'static str,
    encoding: &'a str,
    byte_order: char,
    record_length: u32,
    gaps: usize,
    overlaps: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    timing_quality: Option<TimingQuality>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<Flags<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<&'a TraceChecks>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
}

/// In percent, over the records that state one.
#[derive(Serialize)]
struct TimingQuality {
    lowest: u8,
    median: u8,
    records: u64,
}

/// How many of the records carry each flag.
#[derive(Serialize)]
struct Flags<'a> {
    records: u64,
    #[serde(flatten)]
    flagged: &'a BTreeMap<RecorderFlag, u64>,
}

/// One line: a file that was refused.
#[derive(Serialize)]
struct ErrorLine<'a> {
    file: &'a Path,
    error: &'a str,
}

/// Writes the lines.
pub struct Printer<'a, W> {
    json: bool,
    /// Whether a file was refused.
    pub failed: bool,
    out: &'a mut W,
}

impl<'a, W: Write> Printer<'a, W> {
    /// Onto `out`.
    pub fn new(json: bool, failed: bool, out: &'a mut W) -> Self {
        Self { json, failed, out }
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) -> Result<()> {
        writeln!(self.out, "{text}").map_err(Error::io("standard output"))
    }

    fn json_line(&mut self, line: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(line).map_err(|e| Error::data(e.to_string()))?;
        self.line(format_args!("{text}"))
    }

    /// The heading of the table.
    pub fn heading(&mut self) -> Result<()> {
        if self.json {
            return Ok(());
        }
        self.line(format_args!(
            "{:<17} {:<30} {:<30} {:>10} {:>10} {:<4} {:<12} {:>4} {:>8}  file",
            "id", "start", "end", "rate (Hz)", "samples", "type", "encoding", "gaps", "overlaps"
        ))
    }

    /// A file that was refused.
    pub fn refused(&mut self, file: &Path, error: &str) -> Result<()> {
        self.failed = true;
        if self.json {
            self.json_line(&ErrorLine { file, error })?;
        }
        eprintln!("refused {}: {error}", file.display());
        Ok(())
    }

    /// The traces of a file.
    pub fn file(&mut self, file: &Path, looked: &Looked) -> Result<()> {
        let scan = &looked.scan;
        for note in scan.notes.iter().cloned().chain(rates_that_differ(scan)) {
            progress::note(format_args!("{}: {note}", file.display()));
        }
        let breaks = scan.breaks();
        for (number, segment) in scan.segments.iter().enumerate() {
            let breaks = breaks.get(&segment.id).copied().unwrap_or_default();
            let checks = looked.checks.get(number).and_then(Option::as_ref);
            if self.json {
                self.json_line(&trace_line(file, looked.format, segment, breaks, checks))?;
            } else {
                self.row(file, segment, breaks, checks)?;
            }
        }
        Ok(())
    }

    fn row(
        &mut self,
        file: &Path,
        segment: &Segment,
        breaks: Breaks,
        checks: Option<&TraceChecks>,
    ) -> Result<()> {
        let Breaks { gaps, overlaps } = breaks;
        self.line(format_args!(
            "{:<17} {:<30} {:<30} {:>10} {:>10} {:<4} {:<12} {gaps:>4} {overlaps:>8}  {}",
            segment.id.to_string(),
            segment.start.to_string(),
            segment.last_time().to_string(),
            segment.rate_hz,
            segment.samples,
            segment.sample_type.name(),
            segment.encoding,
            file.display(),
        ))?;
        for remark in remarks(segment, checks) {
            self.line(format_args!("{:<17} {remark}", ""))?;
        }
        Ok(())
    }
}

fn trace_line<'a>(
    file: &'a Path,
    format: &'static str,
    segment: &'a Segment,
    breaks: Breaks,
    checks: Option<&'a TraceChecks>,
) -> TraceLine<'a> {
    let nominal = segment.rate.and_then(|rate| rate.nominal());
    let recorder = &segment.recorder;
    TraceLine {
        file,
        format,
        id: segment.id.to_string(),
        start_ns: segment.start.0,
        end_ns: segment.last_time().0,
        rate_hz: segment.rate_hz,
        nominal_rate_hz: nominal.map(|(hz, _)| hz),
        rate_deviation_ppm: nominal.map(|(_, ppm)| ppm),
        samples: segment.samples,
        sample_type: segment.sample_type.name(),
        encoding: &segment.encoding,
        byte_order: segment.byte_order,
        record_length: segment.record_length,
        gaps: breaks.gaps,
        overlaps: breaks.overlaps,
        timing_quality: recorder.timing_quality().map(|(lowest, median)| TimingQuality {
            lowest,
            median,
            records: recorder.timed_blocks(),
        }),
        flags: (!recorder.flags.is_empty())
            .then_some(Flags { records: recorder.blocks, flagged: &recorder.flags }),
        checks,
        sha256: segment.sha256.as_deref(),
    }
}

/// What stands below the line of a trace.
fn remarks(segment: &Segment, checks: Option<&TraceChecks>) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some((round, ppm)) = segment.rate.and_then(|rate| rate.nominal()) {
        let side = if ppm < 0.0 { "below" } else { "above" };
        remarks.push(format!("rate {:.3} ppm {side} {round} Hz", ppm.abs()));
    }
    let recorder = &segment.recorder;
    let wrong = recorder.flags.iter().filter(|(flag, _)| !flag.is_harmless());
    let mut said: Vec<String> = wrong
        .map(|(flag, count)| format!("{} in {count} of {} records", flag, recorder.blocks))
        .collect();
    // Many writers put a zero where they know nothing.
    if let Some((lowest, median)) = recorder.timing_quality()
        && median > 0
        && (lowest < 100 || checks.is_some())
    {
        said.push(format!("timing quality {lowest} % at least, {median} % in the median"));
    }
    if !said.is_empty() {
        remarks.push(format!("recorder: {}", said.join("; ")));
    }
    if let Some(checks) = checks {
        remarks.push(format!("samples: {}", in_words(checks)));
    }
    if let Some(sum) = &segment.sha256 {
        remarks.push(format!("sha256 {sum}"));
    }
    remarks
}

fn in_words(checks: &TraceChecks) -> String {
    let mut words = vec![format!(
        "{} to {}, mean {:.4}, deviation {:.4}",
        checks.lowest, checks.highest, checks.mean, checks.deviation
    )];
    if checks.dead {
        words.push("dead: every sample is the same".into());
    }
    if checks.clipped > 0 {
        words.push(format!(
            "{} clipped ({:.3} %) in {} runs",
            checks.clipped,
            100.0 * checks.clipped_share,
            checks.clipped_runs
        ));
    }
    if checks.flat_stretches > 0 {
        words.push(format!(
            "{} s flat in {} stretches, the longest {} s",
            checks.flat_s, checks.flat_stretches, checks.longest_flat_s
        ));
    }
    if checks.spikes > 0 {
        words.push(format!("{} spikes", checks.spikes));
    }
    if checks.not_finite > 0 {
        words.push(format!("{} not finite", checks.not_finite));
    }
    if checks.is_clean() {
        words.push("nothing wrong".into());
    }
    words.join("; ")
}

/// A line a channel whose segments differ in rate.
fn rates_that_differ(scan: &FileScan) -> Vec<String> {
    let mut rates: BTreeMap<&StreamId, Vec<f64>> = BTreeMap::new();
    for segment in scan.segments.iter().filter(|segment| segment.rate.is_some()) {
        let known = rates.entry(&segment.id).or_default();
        if !known.contains(&segment.rate_hz) {
            known.push(segment.rate_hz);
        }
    }
    let several = rates.into_iter().filter(|(_, rates)| rates.len() > 1);
    several.map(|(id, rates)| format!("{id}: rates differ: {}", in_hz(&rates))).collect()
}

/// The first few rates in words.
pub fn in_hz(rates: &[f64]) -> String {
    let shown: Vec<String> = rates.iter().take(4).map(f64::to_string).collect();
    let more = if rates.len() > 4 { ", …" } else { "" };
    format!("{}{more} Hz", shown.join(", "))
}
