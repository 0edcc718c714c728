//! `temblor features`: activity features of station archives.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use serde::Serialize;

use super::feature_shards::{self, Shard};
use super::interrupted::resumable;
use super::step_flags::causal_steps;
use super::waveform_reading::WaveformReading;
use super::{Outcome, figure_files};
use crate::data::{
    ActivityParts, ChannelActivity, Column, GroundMotionCorrection, Removal, Series,
    table_of_series,
};
use crate::error::{Error, Result};
use crate::plot;
use crate::plot::features::{FeaturesFigure, Panel};
use crate::progress::{self, Progress};
use crate::read::format::FormatOptions;
use crate::read::table::{self, ColumnValues, Table, TableColumn};
use crate::read::{Archive, ArchiveOptions, Stations, StreamId, StreamPattern};
use crate::signal::steps::Pipeline;
use crate::signal::{ActivitySettings, Align, Feature, GroundMotion, RemovalSettings};
use crate::time::{SECOND, Span, UtcTime};

/// Filters that start this long before `--from` have settled there.
const WARM_UP: i64 = 3600 * SECOND;

/// Compute activity features (RSAM, DSAR, …) of station archives, one row per window and channel.
#[derive(clap::Args)]
pub struct Args {
    /// Files, folders, globs or SDS trees; with --merge the tables of all shards.
    #[arg(required = true, value_name = "ARCHIVE")]
    archive: Vec<PathBuf>,
    /// The table to write, .parquet or .csv: time, group (the channel), features, coverage.
    /// Finished channels, and states of those under way, are kept in FILE.parts until it is there.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Draw the features, a figure a channel: .png, .svg, or .toml for `temblor plot`; repeatable.
    #[arg(long, value_name = "FILE")]
    figure: Vec<PathBuf>,
    /// Length of a window in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 600.0)]
    window: f64,
    /// Only these channels, e.g. 'TA.C26K..BH?'; repeatable.
    #[arg(long, value_name = "PATTERN")]
    channels: Vec<StreamPattern>,
    /// Prepare the samples by these steps ([[step]] tables of a TOML file, docs/steps.md), causal
    /// ones only. An interrupted channel then begins anew.
    #[arg(long, value_name = "FILE", value_parser = causal_steps)]
    steps: Option<Pipeline>,
    /// Only windows that begin at or after this time.
    #[arg(long, value_name = "TIME")]
    from: Option<UtcTime>,
    /// Only windows that end at or before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<UtcTime>,
    /// Where windows begin: at multiples of their length since 1970, or at --from or else the
    /// first sample of each channel.
    #[arg(long, value_enum, default_value = "epoch")]
    align: AlignChoice,
    /// Columns, separated by commas, or 'all'; without it, those that need no spectrum.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,
    /// Windows with a smaller fraction of their samples have no values.
    #[arg(long, value_name = "FRACTION", default_value_t = 0.5)]
    min_coverage: f64,
    /// Station metadata (StationXML, FDSN text): files, folders or globs; for --response.
    #[arg(long, value_name = "FILE", requires = "response")]
    stations: Vec<PathBuf>,
    /// Values of the ground's motion, not counts: the response removed block by block, or divided
    /// by the overall sensitivity. All but 'sensitivity' look up to ten minutes ahead.
    #[arg(long, value_enum, requires = "stations", conflicts_with = "steps")]
    response: Option<ResponseChoice>,
    /// Corners in Hz of the band in which the response is removed: 0 below A and above D, 1 between
    /// B and C. By default 0.05, 0.1 and 90 and 98 % of the Nyquist frequency.
    #[arg(long, value_name = "A,B,C,D", value_delimiter = ',', requires = "response")]
    pre_filter: Vec<f64>,
    /// Go on where an interrupted run with the same flags stopped; the table will be the same.
    #[arg(long)]
    resume: bool,
    /// Keep the state of a channel under way so often at most.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    keep_every: f64,
    /// Compute the I-th of N shares of the channels, into FILE.shard-I-of-N.csv or .parquet beside
    /// FILE. A channel is never divided: its filters know all of its past.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Make the one table of the tables of all shards, byte for byte that of a run without --shard.
    #[arg(long, conflicts_with_all = ["shard", "resume", "figure", "channels", "from", "to", "columns"])]
    merge: bool,
    /// One JSON object a channel and line on stdout.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reading: WaveformReading,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum AlignChoice {
    Epoch,
    Start,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum ResponseChoice {
    Vel,
    Disp,
    Acc,
    Sensitivity,
}

/// One line on stdout: a channel.
#[derive(Serialize)]
struct Summary<'a> {
    channel: &'a str,
    start: String,
    rows: usize,
    window_s: f64,
    coverage: f64,
    gaps: usize,
    missing: &'a [String],
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    let settings = settings(&args)?;
    check_suffix(&args.out)?;
    figure_files::check(&args.figure)?;
    if args.merge {
        let channels = feature_shards::merge(&args.archive, &args.out)?;
        progress::note(format_args!("merged: {channels} channels, {}", args.out.display()));
        return Ok(Outcome::Done);
    }
    let correction = correction(&args)?;
    let out = args.shard.map_or_else(|| args.out.clone(), |shard| shard.table(&args.out));
    let options = ArchiveOptions {
        span: Span { start: settings.span.start.plus(-WARM_UP), end: settings.span.end },
        channels: args.channels.clone(),
        format: FormatOptions::from(&args.reading),
    };
    let (archive, report) = Archive::open(&args.archive, &options)?;
    report.say();
    let mut all_good = report.is_clean();
    let mut channels = Vec::new();
    let ids = match args.shard {
        Some(shard) => shard.share(archive.channels()),
        None => archive.channels(),
    };
    let nothing_to_do = ids.is_empty();
    let interval = Duration::try_from_secs_f64(args.keep_every)
        .map_err(|e| Error::usage(format!("--keep-every {}: {e}", args.keep_every)))?;
    let parts = ActivityParts::beside(&out, args.resume)?.every(interval);
    let steps = args.steps.clone().unwrap_or_default();
    let correction = correction.as_ref();
    let computed = compute(&archive, &ids, &settings, &steps, correction, &parts);
    for computed in computed.map_err(resumable)? {
        match computed {
            Ok(channel) => {
                for error in &channel.failed {
                    eprintln!("skipped {error}");
                    all_good = false;
                }
                channels.push(channel);
            }
            Err(error) => {
                eprintln!("skipped {error}");
                all_good = false;
            }
        }
    }
    if channels.is_empty() && !nothing_to_do {
        return Err(Error::data("no channel has a single complete window; nothing was written"));
    }
    write_table(&out, &channels, &settings)?;
    parts.remove()?;
    for file in &args.figure {
        for channel in &channels {
            let path = figure_files::named(file, &channel.series.group, channels.len() > 1);
            plot::write(&path, figure(channel))?;
            progress::note(format_args!("drawn: {}", path.display()));
        }
    }
    for channel in &channels {
        summarise(channel, args.json)?;
    }
    Ok(if all_good { Outcome::Done } else { Outcome::SomeInputsFailed })
}

fn settings(args: &Args) -> Result<ActivitySettings> {
    if !(1.0..=366.0 * 86_400.0).contains(&args.window) {
        return Err(Error::usage(format!(
            "--window: expected 1 second to a year, found {}",
            args.window
        )));
    }
    if !(0.0..=1.0).contains(&args.min_coverage) {
        return Err(Error::usage(format!(
            "--min-coverage: expected a fraction between 0 and 1, found {}",
            args.min_coverage
        )));
    }
    let features = match args.columns.as_slice() {
        [] => Feature::AMPLITUDES.to_vec(),
        [all] if all == "all" => Feature::all(),
        names => names.iter().map(|n| Feature::named(n.trim())).collect::<Result<_>>()?,
    };
    let defaults = ActivitySettings::default();
    Ok(ActivitySettings {
        window: (args.window * SECOND as f64).round() as i64,
        align: match (args.align, args.from) {
            (AlignChoice::Epoch, _) => Align::Epoch,
            (AlignChoice::Start, None) => Align::FirstSample,
            (AlignChoice::Start, Some(from)) => Align::At(from),
        },
        features,
        span: Span::between(args.from, args.to)?,
        minimum_coverage: args.min_coverage,
        ..defaults
    })
}

/// What turns counts into ground motion, if that is asked for.
fn correction(args: &Args) -> Result<Option<GroundMotionCorrection>> {
    let Some(choice) = args.response else { return Ok(None) };
    let pre_filter = match args.pre_filter.as_slice() {
        [] => None,
        &[a, b, c, d] => Some([a, b, c, d]),
        found => {
            let n = found.len();
            return Err(Error::usage(format!("--pre-filter: expected four corners, found {n}")));
        }
    };
    let of = |output| {
        Removal::Response(RemovalSettings { output, pre_filter, ..RemovalSettings::default() })
    };
    let removal = match choice {
        ResponseChoice::Vel => of(GroundMotion::Velocity),
        ResponseChoice::Disp => of(GroundMotion::Displacement),
        ResponseChoice::Acc => of(GroundMotion::Acceleration),
        ResponseChoice::Sensitivity => Removal::Sensitivity,
    };
    let (stations, report) = Stations::read(&args.stations)?;
    report.say();
    let correction = GroundMotionCorrection { stations, removal };
    correction.check()?;
    Ok(Some(correction))
}

/// Channels in parallel, results in the order of the channels.
fn compute(
    archive: &Archive,
    channels: &[StreamId],
    settings: &ActivitySettings,
    steps: &Pipeline,
    correction: Option<&GroundMotionCorrection>,
    parts: &ActivityParts,
) -> Result<Vec<Result<ChannelActivity>>> {
    let hours = |ns: i64| ns / (3600 * SECOND);
    let extent =
        |id: &StreamId| archive.extent(id).map_or(0, |s| s.end.0.saturating_sub(s.start.0));
    let total: i64 = channels.iter().map(|id| hours(extent(id))).sum();
    let progress = Mutex::new(Progress::new("features", "h", u64::try_from(total).unwrap_or(0)));
    let parts = Some(parts);
    ChannelActivity::compute_all(archive, channels, settings, steps, correction, parts, |piece| {
        if let Ok(mut progress) = progress.lock() {
            let length = hours(piece.last_time().0.saturating_sub(piece.start.0));
            progress.advance(u64::try_from(length).unwrap_or(0));
        }
    })
}

fn summarise(channel: &ChannelActivity, json: bool) -> Result<()> {
    let series = &channel.series;
    let coverage = series.column(series.columns.len() - 1);
    let summary = Summary {
        channel: &series.group,
        start: series.start.to_string(),
        rows: series.rows(),
        window_s: series.step as f64 / SECOND as f64,
        coverage: coverage.iter().sum::<f64>() / coverage.len().max(1) as f64,
        gaps: channel.runs.saturating_sub(1),
        missing: &channel.missing,
    };
    if !channel.missing.is_empty() {
        let names = channel.missing.join(", ");
        progress::note(format_args!("{}: no values in {names}", series.group));
    }
    if json {
        let line = serde_json::to_string(&summary).map_err(|e| Error::data(e.to_string()))?;
        println!("{line}");
    } else {
        println!(
            "{:<17} {} rows of {} s from {}, coverage {:.4}, {} gaps",
            summary.channel,
            summary.rows,
            summary.window_s,
            summary.start,
            summary.coverage,
            summary.gaps
        );
    }
    Ok(())
}

fn check_suffix(path: &Path) -> Result<()> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("csv" | "parquet") => Ok(()),
        _ => Err(Error::usage(format!(
            "--out: expected a name ending in .parquet or .csv, found '{}'",
            path.display()
        ))),
    }
}

/// Columns that are drawn where there are more than a figure has room for.
const SHOWN: [&str; 7] = ["rsam", "mf", "hf", "dsar", "rms", "triggers", "coverage"];

/// Features of a channel over time, a panel a column.
fn figure(channel: &ChannelActivity) -> FeaturesFigure {
    let series = &channel.series;
    let few = series.columns.len() <= SHOWN.len() + 1;
    let all: Vec<usize> = (0..series.columns.len())
        .filter(|&c| !channel.missing.contains(&series.columns[c].name))
        .collect();
    let usual = |c: &usize| few || SHOWN.contains(&series.columns[*c].name.as_str());
    let mut shown: Vec<usize> = all.iter().copied().filter(usual).collect();
    if shown.len() < 2 {
        shown = all.into_iter().take(SHOWN.len()).collect();
    }
    let panel = |column: usize| {
        let Column { name, unit } = &series.columns[column];
        let values = series.column(column);
        Panel {
            quantity: match unit {
                Some(unit) => format!("{name} ({unit})"),
                None => name.clone(),
            },
            // Amplitudes are log-normal; counts of triggers and frequencies are not.
            logarithm: unit.as_deref().is_some_and(|unit| !["Hz", "bit"].contains(&unit)),
            values: values.iter().enumerate().map(|(r, &y)| (series.known_at(r), y)).collect(),
        }
    };
    let seconds = series.step as f64 / SECOND as f64;
    FeaturesFigure {
        title: format!("{}, windows of {seconds} s", series.group),
        panels: shown.into_iter().map(panel).collect(),
    }
}

/// All channels as one long table: time, group (the channel), features, coverage.
fn write_table(
    path: &Path,
    channels: &[ChannelActivity],
    settings: &ActivitySettings,
) -> Result<()> {
    let mut series: Vec<Series> = channels.iter().map(|c| c.series.clone()).collect();
    // A column of the table may hold the velocity of one instrument, the acceleration of another.
    series.iter_mut().flat_map(|s| &mut s.columns).for_each(|column| column.unit = None);
    if series.is_empty() {
        return table::write(path, &table_without_rows(settings));
    }
    table::write(path, &table_of_series(&series)?)
}

/// The table of a shard without channels.
fn table_without_rows(settings: &ActivitySettings) -> Table {
    let column = |name: &str, values| TableColumn { name: name.into(), unit: None, values };
    let features = settings.features.iter().map(|feature| feature.name()).chain(["coverage"]);
    let fixed = [
        column("time", ColumnValues::Time(Vec::new())),
        column("group", ColumnValues::Text(Vec::new())),
    ];
    let numbers = features.map(|name| column(name, ColumnValues::Number(Vec::new())));
    Table { columns: fixed.into_iter().chain(numbers).collect() }
}
