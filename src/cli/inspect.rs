//! `temblor inspect`: what is in station files.

use std::io::Write;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use super::Outcome;
use super::waveform_figure::FigureArgs;
use super::waveform_reading::WaveformReading;
use crate::error::{Error, Result};
use crate::progress;
use crate::read::Source;
use crate::read::files;
use crate::read::format::FormatOptions;
use crate::read::scan::{self, Breaks, FileScan, Segment};

/// Files scanned before their lines are printed.
const BATCH: usize = 256;

/// List the contiguous traces of station files (files, folders, globs, SDS trees).
#[derive(clap::Args)]
pub struct Args {
    /// Files, folders or globs.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// One JSON object a trace and line.
    #[arg(long)]
    json: bool,
    /// Add SHA-256 over the samples as little-endian `sample_type` (decodes everything).
    #[arg(long)]
    checksum: bool,
    #[command(flatten)]
    figure: FigureArgs,
    #[command(flatten)]
    reading: WaveformReading,
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
    samples: u64,
    sample_type: &'static str,
    encoding: &'static str,
    byte_order: char,
    record_length: u32,
    gaps: usize,
    overlaps: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
}

/// One line: a file that was refused.
#[derive(Serialize)]
struct ErrorLine<'a> {
    file: &'a Path,
    error: &'a str,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    args.figure.check()?;
    let found = files::find(&args.paths)?;
    let options = FormatOptions::from(&args.reading);
    let stdout = std::io::stdout();
    let mut out = std::io::BufWriter::new(stdout.lock());
    let mut printer = Printer { json: args.json, failed: !found.failed.is_empty(), out: &mut out };
    printer.heading()?;
    for (path, problem) in &found.failed {
        printer.refused(path, problem)?;
    }
    let scan = |source: &Source| {
        let file = files::recognise(source)?;
        let scan = scan::scan(source, file.format, &options, args.checksum)?;
        Ok((file.format.name(), scan))
    };
    for batch in found.files.chunks(BATCH) {
        progress::check_interrupt()?;
        // A single file needs no thread pool; its start-up would be felt.
        let scans: Vec<Result<(&'static str, FileScan)>> = match batch {
            [source] => vec![scan(source)],
            _ => batch.par_iter().map(scan).collect(),
        };
        for (source, scan) in batch.iter().zip(&scans) {
            let path = source.path();
            match scan {
                Ok((format, scan)) => printer.file(path, format, scan)?,
                Err(error) => printer.refused(path, &without_name(error))?,
            }
        }
    }
    let failed = printer.failed;
    out.flush().map_err(Error::io("standard output"))?;
    let drawn = args.figure.draw(&args.paths, options)?;
    Ok(if failed || !drawn { Outcome::SomeInputsFailed } else { Outcome::Done })
}

/// The line names the file already.
fn without_name(error: &Error) -> String {
    match error {
        Error::Input { problem, .. } => problem.clone(),
        Error::Io { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

struct Printer<'a, W> {
    json: bool,
    failed: bool,
    out: &'a mut W,
}

impl<W: Write> Printer<'_, W> {
    fn line(&mut self, text: std::fmt::Arguments<'_>) -> Result<()> {
        writeln!(self.out, "{text}").map_err(Error::io("standard output"))
    }

    fn json_line(&mut self, line: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(line).map_err(|e| Error::data(e.to_string()))?;
        self.line(format_args!("{text}"))
    }

    fn heading(&mut self) -> Result<()> {
        if self.json {
            return Ok(());
        }
        self.line(format_args!(
            "{:<17} {:<30} {:<30} {:>10} {:>10} {:<4} {:<12} {:>4} {:>8}  file",
            "id", "start", "end", "rate (Hz)", "samples", "type", "encoding", "gaps", "overlaps"
        ))
    }

    fn refused(&mut self, file: &Path, error: &str) -> Result<()> {
        self.failed = true;
        if self.json {
            self.json_line(&ErrorLine { file, error })?;
        }
        eprintln!("refused {}: {error}", file.display());
        Ok(())
    }

    fn file(&mut self, file: &Path, format: &'static str, scan: &FileScan) -> Result<()> {
        for note in &scan.notes {
            progress::note(format_args!("{}: {note}", file.display()));
        }
        let breaks = scan.breaks();
        for segment in &scan.segments {
            let breaks = breaks.get(&segment.id).copied().unwrap_or_default();
            let Breaks { gaps, overlaps } = breaks;
            if self.json {
                self.json_line(&TraceLine {
                    file,
                    format,
                    id: segment.id.to_string(),
                    start_ns: segment.start.0,
                    end_ns: segment.last_time().0,
                    rate_hz: segment.rate_hz,
                    samples: segment.samples,
                    sample_type: segment.sample_type.name(),
                    encoding: segment.encoding,
                    byte_order: segment.byte_order,
                    record_length: segment.record_length,
                    gaps,
                    overlaps,
                    sha256: segment.sha256.as_deref(),
                })?;
            } else {
                self.row(file, segment, breaks)?;
            }
        }
        Ok(())
    }

    fn row(&mut self, file: &Path, segment: &Segment, breaks: Breaks) -> Result<()> {
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
        match &segment.sha256 {
            Some(sum) => self.line(format_args!("{:<17} sha256 {sum}", "")),
            None => Ok(()),
        }
    }
}
