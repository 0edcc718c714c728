//! `temblor dataset`: waveform windows with picks, to train pickers on.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Subcommand;

use super::Outcome;
use crate::data::picks::{
    BuildReport, BuildSettings, PickColumns, PickList, SetSource, SplitBy, TraceSet, build,
    read_picks, read_set, write_set,
};
use crate::error::{Error, Result};
use crate::progress::note;
use crate::read::{Archive, ArchiveOptions, StreamPattern};
use crate::time::{SampleRate, Span, UtcTime};

/// Build, convert and describe data sets of waveform windows with picks.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    Build(Box<BuildArgs>),
    Convert(ConvertArgs),
    Info(InfoArgs),
}

/// Cut a data set out of waveforms, around the arrivals of a list.
///
/// One trace for each event at each station, from --before its first arrival to --after the last;
/// all arrivals of the station within it are labelled, those of other events too.
#[derive(clap::Args)]
struct BuildArgs {
    /// Waveform files, folders, globs or an SDS tree.
    #[arg(required = true, value_name = "PATH")]
    waveforms: Vec<PathBuf>,
    /// Arrivals: CSV or Parquet (such as picks.csv of `temblor pick`), QuakeML, or FDSN text, whose
    /// events have no arrivals and are cut at their origin times.
    #[arg(long, required = true, value_name = "FILE")]
    picks: Vec<PathBuf>,
    /// Columns of a table of arrivals, e.g. time=PickTime,station=Station; names: time, phase,
    /// trace_id, network, station, location, channel, event, uncertainty, polarity.
    #[arg(long, value_name = "NAME=COLUMN,…", default_value = "")]
    columns: PickColumns,
    /// The folder of the data set.
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// Letters of the components, in order; 1 and 2 stand in for N and E.
    #[arg(long, default_value = "ZNE")]
    components: String,
    /// Only these channels, e.g. 'TA.C26K..BH?'; repeatable.
    #[arg(long, value_name = "PATTERN")]
    channels: Vec<StreamPattern>,
    /// Only data at or after this time.
    #[arg(long, value_name = "TIME")]
    from: Option<UtcTime>,
    /// Only data before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<UtcTime>,
    /// A trace begins so many seconds before the first arrival.
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    before: f64,
    /// A trace ends so many seconds after the last arrival.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    after: f64,
    /// Arrivals without an event's name make one event while they follow within so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    join: f64,
    /// Traces of this length back to back over all the data, whether anything arrives or not.
    #[arg(long, value_name = "SECONDS")]
    tile: Option<f64>,
    /// Bring everything to this rate.
    #[arg(long, value_name = "HZ")]
    rate: Option<f64>,
    /// Traces of noise for each instrument, at random places without arrivals.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    noise: usize,
    /// Noise keeps so many seconds away from arrivals.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    noise_margin: f64,
    /// Leave out traces with a smaller part of their samples.
    #[arg(long, value_name = "SHARE", default_value_t = 0.9)]
    least: f64,
    /// Seed of the places of noise.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Replace a data set that is there.
    #[arg(long)]
    force: bool,
}

/// Write a data set of another kind (windows.npz with index.csv, PhaseNet's .npz files, and with
/// the feature `hdf5` SeisBench's and STEAD's HDF5) in our format.
#[derive(clap::Args)]
struct ConvertArgs {
    /// The data set.
    #[arg(value_name = "PATH")]
    source: PathBuf,
    /// Letters of its rows, where the format does not state them [default: ENZ].
    #[arg(long)]
    components: Option<String>,
    /// The folder of the new data set.
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// Replace a data set that is there.
    #[arg(long)]
    force: bool,
}

/// Say what a data set holds.
#[derive(clap::Args)]
struct InfoArgs {
    /// The data set, of any kind that can be read.
    #[arg(value_name = "PATH")]
    source: PathBuf,
    /// Letters of its rows, where the format does not state them.
    #[arg(long)]
    components: Option<String>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
    /// Read all samples too, and count the missing ones.
    #[arg(long)]
    check: bool,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    match args.action {
        Action::Build(args) => run_build(&args),
        Action::Convert(args) => convert(args),
        Action::Info(args) => info(args),
    }
}

fn run_build(args: &BuildArgs) -> Result<Outcome> {
    let rate = args.rate.map(|hz| {
        SampleRate::from_hz(hz).ok_or_else(|| Error::usage(format!("--rate {hz} is no rate")))
    });
    let settings = BuildSettings {
        components: args.components.clone(),
        before: args.before,
        after: args.after,
        join: args.join,
        tile: args.tile,
        rate: rate.transpose()?,
        noise: args.noise,
        noise_margin: args.noise_margin,
        least_share: args.least,
        seed: args.seed,
    };
    let mut list = PickList::default();
    for path in &args.picks {
        let one = read_picks(path, &args.columns)?;
        list.picks.extend(one.picks);
        list.events.extend(one.events);
        list.without_time += one.without_time;
    }
    list.picks.sort_by_key(|pick| pick.time);
    let span = Span::between(args.from, args.until)?;
    let options =
        ArchiveOptions { span, channels: args.channels.clone(), ..ArchiveOptions::default() };
    let (archive, read) = Archive::open(&args.waveforms, &options)?;
    for (file, problem) in &read.failed {
        note(format_args!("skipped {}: {problem}", file.display()));
    }
    let report = build(&archive, &list, &settings, (&args.out, args.force), made(args))?;
    tell(&report, &list, args);
    let clean = read.is_clean() && report.failed.is_empty();
    Ok(if clean { Outcome::Done } else { Outcome::SomeInputsFailed })
}

/// What stands in the description.
fn made(args: &BuildArgs) -> Vec<String> {
    let paths = |paths: &[PathBuf]| -> String {
        paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    };
    let cut = match args.tile {
        Some(tile) => format!("back to back, {tile} s each"),
        None => {
            format!("{} s before the first arrival to {} s after the last", args.before, args.after)
        }
    };
    let mut made = vec![
        format!("waveforms: {}", paths(&args.waveforms)),
        format!("arrivals: {}", paths(&args.picks)),
        format!("cut: {cut}"),
    ];
    if args.noise > 0 {
        made.push(format!(
            "noise: {} an instrument, {} s from arrivals, seed {}",
            args.noise, args.noise_margin, args.seed
        ));
    }
    made.extend(args.rate.map(|rate| format!("resampled to {rate} Hz")));
    made
}

fn tell(report: &BuildReport, list: &PickList, args: &BuildArgs) {
    println!(
        "{} traces ({} of noise) with {} picks in {}",
        report.set.traces,
        report.noise,
        report.set.picks,
        args.out.display()
    );
    if list.without_time > 0 {
        note(format_args!("{} rows of the list have no time", list.without_time));
    }
    if report.without_data > 0 {
        note(format_args!(
            "{} traces left out: less than {} of their samples are there",
            report.without_data, args.least
        ));
    }
    if !report.elsewhere.is_empty() {
        let picks: usize = report.elsewhere.values().sum();
        let stations: Vec<&str> = report.elsewhere.keys().map(String::as_str).take(8).collect();
        note(format_args!(
            "{picks} picks at {} stations without waveforms: {}{}",
            report.elsewhere.len(),
            stations.join(", "),
            if report.elsewhere.len() > 8 { ", …" } else { "" }
        ));
    }
    for (trace, problem) in &report.failed {
        note(format_args!("left out {trace}: {problem}"));
    }
}

fn convert(args: ConvertArgs) -> Result<Outcome> {
    let set = read_set(&SetSource { path: args.source, components: args.components })?;
    let made = vec![format!("converted from {}", set.name)];
    let made = write_set(&set, &args.out, args.force, made)?;
    println!("{} traces with {} picks in {}", made.traces, made.picks, args.out.display());
    Ok(Outcome::Done)
}

/// What `info` says.
#[derive(Default, serde::Serialize)]
struct Summary {
    name: String,
    traces: usize,
    picks: usize,
    events: usize,
    stations: usize,
    days: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<String>,
    categories: BTreeMap<String, usize>,
    phases: BTreeMap<String, usize>,
    rates_hz: BTreeMap<String, usize>,
    components: BTreeMap<String, usize>,
    live: BTreeMap<String, usize>,
    parts: BTreeMap<String, usize>,
    shortest_seconds: f64,
    longest_seconds: f64,
    /// Groups that cannot be torn apart, by what is split by; absent where it cannot be split so.
    groups: BTreeMap<&'static str, usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_samples: Option<usize>,
}

fn info(args: InfoArgs) -> Result<Outcome> {
    let set = read_set(&SetSource { path: args.source, components: args.components })?;
    let mut summary = summarise(&set);
    if args.check {
        let mut missing = 0;
        for trace in 0..set.len() {
            missing += set.read(trace)?.iter().filter(|v| !v.is_finite()).count();
        }
        summary.missing_samples = Some(missing);
    }
    if args.json {
        let text = serde_json::to_string(&summary).map_err(|e| Error::data(e.to_string()))?;
        println!("{text}");
        return Ok(Outcome::Done);
    }
    print(&summary);
    Ok(Outcome::Done)
}

fn summarise(set: &TraceSet) -> Summary {
    let mut summary = Summary { name: set.name.clone(), traces: set.len(), ..Summary::default() };
    summary.shortest_seconds = f64::INFINITY;
    let count = |into: &mut BTreeMap<String, usize>, key: &str| {
        *into.entry(if key.is_empty() { "-".into() } else { key.to_string() }).or_default() += 1;
    };
    let (mut events, mut stations, mut days) =
        <(BTreeMap<_, _>, BTreeMap<_, _>, BTreeMap<_, _>)>::default();
    for trace in &set.traces {
        summary.picks += trace.picks.len();
        trace.picks.iter().for_each(|pick| count(&mut summary.phases, &pick.phase));
        let named = trace.picks.iter().map(|pick| &pick.event).chain([&trace.event]);
        named.filter(|event| !event.is_empty()).for_each(|event| count(&mut events, event));
        count(&mut stations, &trace.station);
        count(&mut days, &trace.day());
        count(&mut summary.categories, &trace.category);
        count(&mut summary.rates_hz, &trace.rate.hz().to_string());
        count(&mut summary.components, &trace.components);
        count(&mut summary.live, &trace.live);
        if !trace.split.is_empty() {
            count(&mut summary.parts, &trace.split);
        }
        let seconds = trace.samples as f64 / trace.rate.hz();
        summary.shortest_seconds = summary.shortest_seconds.min(seconds);
        summary.longest_seconds = summary.longest_seconds.max(seconds);
    }
    days.remove("-");
    (summary.events, summary.stations, summary.days) = (events.len(), stations.len(), days.len());
    let starts = || set.traces.iter().filter_map(|trace| trace.start);
    summary.first = starts().min().map(|start| start.to_string());
    summary.last = starts().max().map(|start| start.to_string());
    for by in [SplitBy::Event, SplitBy::Station, SplitBy::Day] {
        if let Ok(groups) = by.groups(&set.traces) {
            let groups = groups.iter().max().map_or(0, |last| last + 1);
            summary.groups.insert(by.name(), groups);
        }
    }
    summary
}

fn print(summary: &Summary) {
    let listed = |counts: &BTreeMap<String, usize>| -> String {
        let more = counts.len().saturating_sub(12);
        let mut words: Vec<String> =
            counts.iter().take(12).map(|(name, count)| format!("{name} {count}")).collect();
        words.extend((more > 0).then(|| format!("and {more} more")));
        words.join(", ")
    };
    println!("{}", summary.name);
    println!("traces      {} ({})", summary.traces, listed(&summary.categories));
    println!("picks       {} ({})", summary.picks, listed(&summary.phases));
    println!("events      {}", summary.events);
    println!("stations    {}", summary.stations);
    println!("days        {}", summary.days);
    if let (Some(first), Some(last)) = (&summary.first, &summary.last) {
        println!("from        {first} to {last}");
    }
    println!("rates       {} (Hz, traces)", listed(&summary.rates_hz));
    println!("components  {}; with data {}", listed(&summary.components), listed(&summary.live));
    println!("length      {} to {} s", summary.shortest_seconds, summary.longest_seconds);
    if !summary.parts.is_empty() {
        println!("parts       {}", listed(&summary.parts));
    }
    let groups = summary.groups.iter().map(|(by, groups)| format!("{groups} by {by}"));
    println!("groups      {}", groups.collect::<Vec<_>>().join(", "));
    if let Some(missing) = summary.missing_samples {
        println!("missing     {missing} samples");
    }
}
