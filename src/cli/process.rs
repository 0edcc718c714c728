//! `temblor process`: preprocessing steps over station files, written as miniSEED, SAC or WAV.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rayon::prelude::*;
use temblor_miniseed::Encoding;

use super::Outcome;
use super::step_flags::StepFlags;
use super::trace_files::{OutputFormat, free_place, stem, write_trace};
use super::waveform_reading::WaveformReading;
use crate::error::{Error, Result};
use crate::output::{replace_atomically, write_atomically};
use crate::progress::{self, Progress};
use crate::read::format::FormatOptions;
use crate::read::miniseed::{self, WriteOptions};
use crate::read::{Archive, ArchiveOptions, Samples, Stations, StreamId, StreamPattern, Trace};
use crate::signal::StatisticsFit;
use crate::signal::steps::{Aligned, Bundle, MOST_HELD, Pipeline, Processed, RunOptions, Step};
use crate::time::{Span, UtcTime};

/// Filter, decimate, rotate … station files and write the result (a file a channel, or SAC and WAV: a
/// file a contiguous trace).
///
/// State is carried from file to file: a month of day files comes out as if it were one file. A
/// gap begins a new run. Which steps there are, and which are causal: docs/steps.md.
#[derive(clap::Args)]
pub struct Args {
    /// Files, folders, globs or SDS trees of any format that `temblor inspect` reads.
    #[arg(required = true, value_name = "INPUT")]
    input: Vec<PathBuf>,
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
    #[arg(long, visible_alias = "to", value_name = "TIME")]
    until: Option<UtcTime>,
    /// The format to write.
    #[arg(long, value_enum, default_value = "mseed")]
    format: OutputFormat,
    /// How samples are stored; whole numbers are rounded to. SAC and WAV are always float32.
    #[arg(long, value_enum, default_value = "float64")]
    encoding: Stored,
    /// Bytes a miniSEED record, a power of two; in version 3 the most a record may have.
    #[arg(long, value_name = "BYTES", default_value_t = 4096)]
    record_length: usize,
    /// Most samples that a step which needs a whole run holds in memory, a channel.
    #[arg(long, value_name = "SAMPLES", default_value_t = MOST_HELD)]
    hold: usize,
    /// Station metadata (StationXML): responses for remove-response and remove-sensitivity, places
    /// and orientations for rotations; repeatable.
    #[arg(long, value_name = "FILE")]
    stations: Vec<PathBuf>,
    /// A summary as one JSON object on stdout.
    #[arg(long)]
    json: bool,
    /// Overwrite files that are there.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    reading: WaveformReading,
    #[command(flatten)]
    steps: StepFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Stored {
    Float64,
    Float32,
    Steim2,
    Steim1,
    Int32,
    Int16,
}

impl Stored {
    fn integers(self) -> Option<Encoding> {
        match self {
            Self::Float64 | Self::Float32 => None,
            Self::Steim2 => Some(Encoding::Steim2),
            Self::Steim1 => Some(Encoding::Steim1),
            Self::Int32 => Some(Encoding::Int32),
            Self::Int16 => Some(Encoding::Int16),
        }
    }
}

/// What came out of one channel.
#[derive(serde::Serialize)]
struct Written {
    id: String,
    files: Vec<PathBuf>,
    runs: u64,
    samples: u64,
    rate_hz: f64,
    start: Option<UtcTime>,
    end: Option<UtcTime>,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    let mut pipeline = args.steps.pipeline()?;
    let options = ArchiveOptions {
        span: Span::between(args.from, args.until)?,
        channels: args.channels.clone(),
        format: FormatOptions::from(&args.reading),
    };
    let (archive, report) = Archive::open(&args.input, &options)?;
    report.say();
    let stations = stations(&args)?;
    let run_options = RunOptions { most_held: args.hold, stations: stations.as_ref() };
    let groups = groups(&archive, &pipeline)?;
    if fit(&mut pipeline, &archive, &groups, run_options)? {
        let path = free_place(&args.out, "steps.fitted.toml", args.force)?;
        write_atomically(&path, pipeline.to_toml()?.as_bytes())?;
    }
    check(&pipeline, &archive, &groups, run_options)?;
    if !args.json {
        list(&pipeline);
    }
    let total = groups.iter().flatten().filter_map(|id| archive.extent(id)).map(seconds).sum();
    let bar = Mutex::new(Progress::new("processing", "seconds of data", total));
    let done: Vec<Result<(Vec<Written>, bool)>> = groups
        .par_iter()
        .map(|group| {
            let (archive, pipeline, args, bar) = (&archive, &pipeline, &args, &bar);
            let work = Work { archive, pipeline, args, options: run_options, bar };
            work.group(group)
        })
        .collect();
    drop(bar);
    let (mut written, mut all_good) = (Vec::new(), report.is_clean());
    for (group, done) in groups.iter().zip(done) {
        match done {
            Ok((files, good)) => {
                all_good &= good;
                written.extend(files);
            }
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) if groups.len() == 1 => return Err(error),
            Err(error) => {
                all_good = false;
                let ids: Vec<String> = group.iter().map(StreamId::to_string).collect();
                progress::note(format_args!("{}: {error}", ids.join(", ")));
            }
        }
    }
    say(&pipeline, &written, args.json)?;
    Ok(if all_good { Outcome::Done } else { Outcome::SomeInputsFailed })
}

/// The metadata asked for.
fn stations(args: &Args) -> Result<Option<Stations>> {
    if args.stations.is_empty() {
        return Ok(None);
    }
    let (stations, report) = Stations::read(&args.stations)?;
    report.say();
    Ok(Some(stations))
}

fn seconds(span: Span) -> u64 {
    (span.end.0.saturating_sub(span.start.0) / crate::time::SECOND).max(0) as u64
}

fn nature(step: &Step) -> &'static str {
    match (step.is_causal(), step.streams()) {
        (true, true) => "causal",
        (true, false) => "causal, needs whole runs in memory",
        (false, true) => "not causal",
        (false, false) => "not causal, needs whole runs in memory",
    }
}

/// The kind of a step and its settings, on one line.
fn described(step: &Step) -> String {
    let table = toml::Table::try_from(step).unwrap_or_default();
    let others = table.iter().filter(|(key, _)| *key != "kind");
    let settings: Vec<String> = others.map(|(key, value)| format!(", {key} = {value}")).collect();
    format!("{}{}", step.kind(), settings.concat())
}

fn list(pipeline: &Pipeline) {
    for (number, step) in (1..).zip(&pipeline.steps) {
        println!("step {number}: {}: {}", described(step), nature(step));
    }
}

fn say(pipeline: &Pipeline, written: &[Written], json: bool) -> Result<()> {
    if !json {
        for Written { files, samples, runs, .. } in written {
            for file in files {
                println!("{}", file.display());
            }
            println!("  {samples} samples in {runs} runs");
        }
        return Ok(());
    }
    let steps: Vec<serde_json::Value> = pipeline
        .steps
        .iter()
        .map(|step| {
            serde_json::json!({
                "settings": step, "causal": step.is_causal(), "streams": step.streams()
            })
        })
        .collect();
    let summary = serde_json::json!({ "steps": steps, "channels": written });
    println!("{summary}");
    Ok(())
}

/// The channels that are processed together: one by one, or, where components are mixed, the
/// channels of a sensor (same codes but for the last letter).
fn groups(archive: &Archive, pipeline: &Pipeline) -> Result<Vec<Vec<StreamId>>> {
    let needed = pipeline.components();
    if needed.is_empty() {
        return Ok(archive.channels().into_iter().map(|id| vec![id]).collect());
    }
    let mut sensors: BTreeMap<StreamId, Vec<StreamId>> = BTreeMap::new();
    for id in archive.channels() {
        let mut sensor = id.clone();
        sensor.channel.pop();
        sensors.entry(sensor).or_default().push(id);
    }
    let complete = |ids: &[StreamId]| {
        needed.iter().all(|letter| ids.iter().any(|id| id.channel.ends_with(*letter)))
    };
    let (whole, lacking): (Vec<_>, Vec<_>) = sensors.into_values().partition(|ids| complete(ids));
    for id in lacking.iter().flatten() {
        let letters: Vec<String> = needed.iter().map(char::to_string).collect();
        let letters = letters.join(", ");
        progress::note(format_args!("{id}: left out, its sensor has not all of {letters}"));
    }
    if whole.is_empty() {
        let letters: String = needed.iter().collect();
        return Err(Error::usage(format!("no sensor has all the components {letters}")));
    }
    Ok(whole)
}

/// That the steps can begin on every group, before anything is written.
fn check(
    pipeline: &Pipeline,
    archive: &Archive,
    groups: &[Vec<StreamId>],
    options: RunOptions<'_>,
) -> Result<()> {
    for group in groups {
        let Some(first) = group.first() else { continue };
        let Some((rate, extent)) = archive.rate(first).zip(archive.extent(first)) else {
            continue;
        };
        pipeline
            .begin_channels(rate, group, extent.start, &options)
            .map_err(|e| Error::usage(format!("{first}: {e}")))?;
    }
    Ok(())
}

/// Fits every `standardise` that has a stretch, for the channels it lacks; whether any was.
fn fit(
    pipeline: &mut Pipeline,
    archive: &Archive,
    groups: &[Vec<StreamId>],
    options: RunOptions<'_>,
) -> Result<bool> {
    let mut any = false;
    for index in 0..pipeline.steps.len() {
        let Step::Standardise(step) = &pipeline.steps[index] else { continue };
        let Some(stretch) = step.stretch()? else { continue };
        let mut fitted = step.fitted.clone();
        let before = Pipeline::new(pipeline.steps[..index].to_vec())?;
        for group in groups {
            let pieces = group.iter().map(|id| archive.pieces_within(id, stretch));
            let mut fits: BTreeMap<String, StatisticsFit> = BTreeMap::new();
            for bundle in Processed::together(Aligned::new(pieces), &before, options) {
                progress::check_interrupt()?;
                for trace in bundle? {
                    fits.entry(trace.id.to_string()).or_default().add(&trace.samples.to_f64());
                }
            }
            for (channel, fit) in fits {
                fitted.entry(channel).or_insert(fit.statistics());
            }
        }
        if let Step::Standardise(step) = &mut pipeline.steps[index] {
            any |= step.fitted != fitted;
            step.fitted = fitted;
        }
        let number = index + 1;
        *pipeline = Pipeline::new(std::mem::take(&mut pipeline.steps)).map_err(|e| {
            Error::data(format!("step {number} (standardise) cannot be fitted there: {e}"))
        })?;
    }
    Ok(any)
}

/// Told of a bundle, and whether it begins a run.
type TakeBundle<'a> = dyn FnMut(Bundle, bool, &mut [Written]) -> Result<()> + 'a;

struct Work<'a> {
    archive: &'a Archive,
    pipeline: &'a Pipeline,
    args: &'a Args,
    options: RunOptions<'a>,
    bar: &'a Mutex<Progress>,
}

impl Work<'_> {
    /// Processes the channels of a group; what was written, and whether all was good.
    fn group(&self, group: &[StreamId]) -> Result<(Vec<Written>, bool)> {
        let first = group.first();
        let known = first.and_then(|id| self.archive.rate(id).zip(self.archive.extent(id)));
        let Some((rate, extent)) = known else { return Ok((Vec::new(), true)) };
        let begun = self.pipeline.begin_channels(rate, group, extent.start, &self.options)?;
        let rate_hz = begun.rate().hz();
        let mut written: Vec<Written> = begun
            .channels()
            .iter()
            .map(|id| Written {
                id: id.to_string(),
                files: Vec::new(),
                runs: 0,
                samples: 0,
                rate_hz,
                start: None,
                end: None,
            })
            .collect();
        let good = if self.args.format.holds_one_trace() {
            self.to_trace_files(group, &mut written)?
        } else {
            self.to_miniseed(group, begun.channels(), &mut written)?
        };
        Ok((written, good))
    }

    /// Hands every bundle that comes out to `take`, and whether it begins a run; whether all was
    /// good.
    fn each(
        &self,
        group: &[StreamId],
        written: &mut [Written],
        take: &mut TakeBundle<'_>,
    ) -> Result<bool> {
        let mut good = true;
        let pieces = group.iter().map(|id| self.archive.pieces(id));
        let processed = Processed::together(Aligned::new(pieces), self.pipeline, self.options);
        let mut before: Option<Trace> = None;
        for bundle in processed {
            progress::check_interrupt()?;
            let bundle = match bundle {
                Ok(bundle) => bundle,
                Err(error @ (Error::Usage(_) | Error::Interrupted)) => return Err(error),
                Err(error) => {
                    good = false;
                    progress::note(format_args!("{error}"));
                    continue;
                }
            };
            let begins = match (&before, bundle.first()) {
                (Some(before), Some(first)) => !before.is_continued_by(first),
                _ => true,
            };
            for (channel, trace) in written.iter_mut().zip(&bundle) {
                channel.runs += u64::from(begins);
                channel.samples += trace.samples.len() as u64;
                channel.start = channel.start.or(Some(trace.start));
                channel.end = Some(trace.end());
            }
            if let (Some(trace), Ok(mut bar)) = (bundle.first(), self.bar.lock()) {
                let span = Span { start: trace.start, end: trace.end() };
                bar.advance(seconds(span) * bundle.len() as u64);
            }
            before = bundle.first().map(|trace| Trace { start: trace.end(), ..outline(trace) });
            take(bundle, begins, written)?;
        }
        if written.iter().all(|channel| channel.samples == 0) {
            return Err(Error::data("no samples come out of these steps; nothing was written"));
        }
        Ok(good)
    }

    fn to_miniseed(
        &self,
        group: &[StreamId],
        channels: &[StreamId],
        written: &mut [Written],
    ) -> Result<bool> {
        let suffix = self.args.format.suffix();
        let options = WriteOptions {
            version: self.args.format.version(),
            record_length: self.args.record_length,
            integers: self.args.encoding.integers().unwrap_or(Encoding::Steim2),
            ..WriteOptions::default()
        };
        let place = |id: &StreamId| {
            free_place(&self.args.out, &format!("{}.{suffix}", stem(id)), self.args.force)
        };
        let places = channels.iter().map(place).collect::<Result<Vec<PathBuf>>>()?;
        for (channel, place) in written.iter_mut().zip(&places) {
            channel.files.push(place.clone());
        }
        replace_together(&places, &mut Vec::new(), &mut |temporary| {
            let open = |path: &PathBuf| std::fs::File::create(path).map_err(Error::io(path));
            let mut files = temporary.iter().map(open).collect::<Result<Vec<_>>>()?;
            self.each(group, written, &mut |bundle, _, _| {
                for ((file, path), trace) in files.iter_mut().zip(&places).zip(bundle) {
                    let bytes = miniseed::to_bytes(&self.stored(trace)?, &options)?;
                    file.write_all(&bytes).map_err(Error::io(path))?;
                }
                Ok(())
            })
        })
    }

    /// One file a contiguous trace, which SAC and WAV ask for.
    fn to_trace_files(&self, group: &[StreamId], written: &mut [Written]) -> Result<bool> {
        let mut open: Vec<Trace> = Vec::new();
        let good = self.each(group, written, &mut |bundle, begins, written| {
            if begins {
                self.write_traces(std::mem::take(&mut open), written)?;
                open = bundle.iter().map(outline).collect();
            }
            for (all, new) in open.iter_mut().zip(bundle) {
                let Samples::F32(all) = &mut all.samples else { continue };
                if all.len().saturating_add(new.samples.len()) > self.args.hold {
                    return Err(Error::data(format!(
                        "a SAC or WAV file holds one contiguous trace, and this one has more than {} \
                         samples; take less time at once, write miniSEED, or allow more (--hold)",
                        self.args.hold
                    )));
                }
                all.extend(new.samples.to_f64().into_iter().map(|x| x as f32));
            }
            Ok(())
        })?;
        self.write_traces(open, written)?;
        Ok(good)
    }

    fn write_traces(&self, traces: Vec<Trace>, written: &mut [Written]) -> Result<()> {
        for (trace, channel) in traces.iter().zip(written) {
            let args = self.args;
            channel.files.push(write_trace(&args.out, trace, args.format, args.force)?);
        }
        Ok(())
    }

    /// The trace with its samples as they are stored.
    fn stored(&self, trace: Trace) -> Result<Trace> {
        let values = match trace.samples {
            Samples::F64(values) => values,
            other => other.to_f64(),
        };
        let samples = match self.args.encoding {
            Stored::Float64 => Samples::F64(values),
            Stored::Float32 => Samples::F32(values.into_iter().map(|x| x as f32).collect()),
            _ => {
                let whole = |x: f64| {
                    let rounded = x.round();
                    let fits = (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&rounded);
                    fits.then_some(rounded as i32)
                };
                let refused = values.iter().copied().find(|x| whole(*x).is_none());
                if let Some(value) = refused {
                    return Err(Error::usage(format!(
                        "{}: {value} is no 32-bit integer; store it with --encoding float64",
                        trace.id
                    )));
                }
                Samples::I32(values.into_iter().filter_map(whole).collect())
            }
        };
        Ok(Trace { samples, ..trace })
    }
}

/// The codes, begin and rate of a trace, without its samples.
fn outline(trace: &Trace) -> Trace {
    let samples = Samples::F32(Vec::new());
    Trace { id: trace.id.clone(), start: trace.start, rate: trace.rate, samples }
}

/// [`replace_atomically`] of several files by one work: all are there, or none new.
fn replace_together(
    places: &[PathBuf],
    open: &mut Vec<PathBuf>,
    work: &mut dyn FnMut(&[PathBuf]) -> Result<bool>,
) -> Result<bool> {
    let Some((first, rest)) = places.split_first() else { return work(open) };
    let mut good = false;
    replace_atomically(first, |temporary: &Path| {
        open.push(temporary.to_path_buf());
        good = replace_together(rest, open, work)?;
        Ok(())
    })?;
    Ok(good)
}
