//! `temblor convert`: station files of any format as miniSEED, SAC or WAV.

use std::io::Write;
use std::path::PathBuf;

use temblor_miniseed::Encoding;

use super::Outcome;
use super::trace_files::{OutputFormat, free_place, stem, write_trace};
use super::waveform_reading::WaveformReading;
use crate::error::{Error, Result};
use crate::output::replace_atomically;
use crate::progress;
use crate::read::format::FormatOptions;
use crate::read::miniseed::{self, WriteOptions};
use crate::read::{Archive, ArchiveOptions, Samples, StreamId, StreamPattern, Trace};
use crate::time::{Span, UtcTime};

/// Rewrite station files as miniSEED (a file a channel), or SAC or WAV (a file a contiguous trace).
///
/// Overlaps are resolved as everywhere: the better quality, else what came first.
#[derive(clap::Args)]
pub struct Args {
    /// Files, folders, globs or SDS trees of any format that `temblor inspect` reads.
    #[arg(required = true, value_name = "INPUT")]
    input: Vec<PathBuf>,
    /// The format to write.
    #[arg(long, value_enum, default_value = "mseed")]
    to: OutputFormat,
    /// Folder for the files, made if missing.
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// Only these channels, e.g. 'TA.C26K..BH?'; repeatable.
    #[arg(long, value_name = "PATTERN")]
    channels: Vec<StreamPattern>,
    /// Only samples at or after this time.
    #[arg(long, value_name = "TIME")]
    from: Option<UtcTime>,
    /// Only samples before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<UtcTime>,
    /// How miniSEED packs integers; floats are written as they are.
    #[arg(long, value_enum, default_value = "steim2")]
    encoding: Integers,
    /// Bytes a miniSEED record, a power of two; in version 3 the most a record may have.
    #[arg(long, value_name = "BYTES", default_value_t = 512)]
    record_length: usize,
    /// Overwrite files that are there.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    reading: WaveformReading,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Integers {
    Steim2,
    Steim1,
    Int32,
    Int16,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    let options = ArchiveOptions {
        span: Span::between(args.from, args.until)?,
        channels: args.channels.clone(),
        format: FormatOptions::from(&args.reading),
    };
    let (archive, report) = Archive::open(&args.input, &options)?;
    report.say();
    let mut all_good = report.is_clean();
    let records = WriteOptions {
        version: args.to.version(),
        record_length: args.record_length,
        integers: match args.encoding {
            Integers::Steim2 => Encoding::Steim2,
            Integers::Steim1 => Encoding::Steim1,
            Integers::Int32 => Encoding::Int32,
            Integers::Int16 => Encoding::Int16,
        },
        ..WriteOptions::default()
    };
    for id in archive.channels() {
        progress::check_interrupt()?;
        let written = match args.to.holds_one_trace() {
            true => to_trace_files(&archive, &id, &args),
            false => to_miniseed(&archive, &id, &args, &records),
        };
        match written {
            Ok(good) => all_good &= good,
            Err(error @ (Error::Usage(_) | Error::Interrupted)) => return Err(error),
            Err(error) => {
                all_good = false;
                progress::note(format_args!("{id}: {error}"));
            }
        }
    }
    Ok(if all_good { Outcome::Done } else { Outcome::SomeInputsFailed })
}

/// One file, piece after piece, so that no more than a piece is in memory. Whether all was good.
fn to_miniseed(
    archive: &Archive,
    id: &StreamId,
    args: &Args,
    options: &WriteOptions,
) -> Result<bool> {
    let name = format!("{}.{}", stem(id), args.to.suffix());
    let path = free_place(&args.out, &name, args.force)?;
    let (mut all_good, mut samples) = (true, 0);
    replace_atomically(&path, |temporary| {
        let fault = || Error::io(temporary);
        let mut file = std::fs::File::create(temporary).map_err(fault())?;
        for piece in archive.pieces(id) {
            progress::check_interrupt()?;
            match piece {
                Ok(piece) => {
                    let bytes = miniseed::to_bytes(&piece, options)?;
                    file.write_all(&bytes).map_err(fault())?;
                    samples += piece.samples.len();
                }
                Err(error) => {
                    all_good = false;
                    progress::note(format_args!("{error}"));
                }
            }
        }
        Ok(())
    })?;
    println!("{}: {samples} samples", path.display());
    Ok(all_good)
}

/// One file a contiguous trace, which SAC and WAV ask for. Whether all was good.
fn to_trace_files(archive: &Archive, id: &StreamId, args: &Args) -> Result<bool> {
    let mut all_good = true;
    let mut open: Option<Trace> = None;
    for piece in archive.pieces(id) {
        progress::check_interrupt()?;
        match piece {
            Ok(piece) => match &mut open {
                Some(trace) if trace.is_continued_by(&piece) => join(trace, piece.samples),
                _ => {
                    if let Some(trace) = open.replace(piece) {
                        write_and_say(&trace, args)?;
                    }
                }
            },
            Err(error) => {
                all_good = false;
                progress::note(format_args!("{error}"));
            }
        }
    }
    if let Some(trace) = open {
        write_and_say(&trace, args)?;
    }
    Ok(all_good)
}

/// Appends samples; of two types both become doubles, which hold either exactly.
fn join(trace: &mut Trace, samples: Samples) {
    match (&mut trace.samples, samples) {
        (Samples::I32(all), Samples::I32(new)) => all.extend(new),
        (Samples::F32(all), Samples::F32(new)) => all.extend(new),
        (all, new) => {
            let mut doubles = all.to_f64();
            doubles.extend(new.to_f64());
            *all = Samples::F64(doubles);
        }
    }
}

fn write_and_say(trace: &Trace, args: &Args) -> Result<()> {
    let path = write_trace(&args.out, trace, args.to, args.force)?;
    println!("{}: {} samples", path.display(), trace.samples.len());
    Ok(())
}
