//! `temblor inspect`: what is in station files.

mod coverage;
mod printer;

use std::io::Write;
use std::path::PathBuf;

use rayon::prelude::*;

use self::printer::{Looked, Printer};
use super::Outcome;
use super::waveform_figure::FigureArgs;
use super::waveform_reading::WaveformReading;
use crate::error::{Error, Result};
use crate::progress;
use crate::read::files;
use crate::read::format::FormatOptions;
use crate::read::scan;
use crate::read::{Indices, Source};
use crate::signal::{CheckSettings, TraceChecker};

/// Files scanned before their lines are printed.
const BATCH: usize = 256;

/// List the contiguous traces of station files (files, folders, globs, SDS trees), or what an
/// archive covers.
#[derive(clap::Args)]
pub struct Args {
    /// Files, folders or globs.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// One JSON object a trace (with --coverage a channel) and line.
    #[arg(long)]
    json: bool,
    /// Add SHA-256 over the samples as little-endian `sample_type` (decodes everything).
    #[arg(long)]
    checksum: bool,
    /// Look for clipping, flat stretches and spikes (decodes everything).
    #[arg(long)]
    check: bool,
    /// Seconds of one value that make a flat stretch.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, requires = "check")]
    flat: f64,
    /// Robust standard deviations from the median that make an outlier.
    #[arg(long, value_name = "NUMBER", default_value_t = 10.0, requires = "check")]
    spike: f64,
    /// Instead of traces: what each channel covers, its gaps and overlaps; of all the time, or a
    /// line a day. Draws bars with --figure.
    #[arg(long, value_enum, value_name = "BY", num_args = 0..=1, default_missing_value = "all",
        conflicts_with_all = ["check", "checksum"])]
    coverage: Option<coverage::By>,
    #[command(flatten)]
    reading: WaveformReading,
    #[command(flatten)]
    figure: FigureArgs,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    args.figure.check(args.coverage.is_some())?;
    let checks = check_settings(&args)?;
    let options = FormatOptions::from(&args.reading);
    if let Some(by) = args.coverage {
        return coverage::run(&args.paths, by, args.json, options, &args.figure);
    }
    let found = files::find(&args.paths)?;
    let stdout = std::io::stdout();
    let mut out = std::io::BufWriter::new(stdout.lock());
    let mut printer = Printer::new(args.json, !found.failed.is_empty(), &mut out);
    printer.heading()?;
    for (path, problem) in &found.failed {
        printer.refused(path, problem)?;
    }
    let indices = Indices::above(&found.files);
    let look = |source: &Source| {
        progress::check_interrupt()?;
        if checks.is_none() && !args.checksum {
            let (file, scan) = indices.headers(source, &options)?;
            return Ok(Looked { format: file.format.name(), scan, checks: Vec::new() });
        }
        let file = files::recognise(source)?;
        let (scan, sinks) =
            scan::scan_samples(source, file.format, &options, args.checksum, |block| {
                Some(TraceChecker::new(block.rate, checks?))
            })?;
        let checks = sinks.into_iter().map(|sink| Some(sink?.finish())).collect();
        Ok(Looked { format: file.format.name(), scan, checks })
    };
    for batch in found.files.chunks(BATCH) {
        progress::check_interrupt()?;
        // A single file needs no thread pool; its start-up would be felt.
        let looked: Vec<Result<Looked>> = match batch {
            [source] => vec![look(source)],
            _ => batch.par_iter().map(look).collect(),
        };
        for (source, looked) in batch.iter().zip(looked) {
            let path = source.path();
            match looked {
                Ok(looked) => printer.file(path, &looked)?,
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                Err(error) => printer.refused(path, &without_name(&error))?,
            }
        }
    }
    indices.say_what_is_stale(&args.paths, &found.files);
    let failed = printer.failed;
    out.flush().map_err(Error::io("standard output"))?;
    let drawn = args.figure.draw(&args.paths, options)?;
    Ok(if failed || !drawn { Outcome::SomeInputsFailed } else { Outcome::Done })
}

fn check_settings(args: &Args) -> Result<Option<CheckSettings>> {
    for (flag, value) in [("--flat", args.flat), ("--spike", args.spike)] {
        if !(value.is_finite() && value > 0.0) {
            return Err(Error::usage(format!("{flag}: expected a number above 0, found {value}")));
        }
    }
    Ok(args.check.then_some(CheckSettings { flat_s: args.flat, spike: args.spike }))
}

/// The line names the file already.
fn without_name(error: &Error) -> String {
    match error {
        Error::Input { problem, .. } => problem.clone(),
        Error::Io { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}
