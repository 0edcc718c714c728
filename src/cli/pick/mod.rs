//! `temblor pick`: phase picks of continuous data by a trained picker.

mod files;
mod flags;
mod outcome;
mod pictures;
mod plan;
mod probabilities;
mod quakeml;
mod results;
mod run;
mod shards;
mod units;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Outcome as Ending;
use super::feature_shards::Shard;
use super::interrupted::resumable;
use super::waveform_reading::WaveformReading;
use crate::detect::annotate::instruments::ChannelRule;
use crate::detect::annotate::{Network, Workers};
use crate::detect::{AmplitudeRule, Picker};
use crate::error::{Error, Result};
use crate::model::DeviceChoice;
use crate::output::write_atomically;
use crate::progress::note;
use crate::read::format::FormatOptions;
use crate::read::{Archive, ArchiveOptions, StreamPattern};
use crate::time::{Span, UtcTime};
use outcome::{Kept, Outcome};
use plan::Plan;
use shards::Header;
use work::Work;

/// Pick phases in station archives with a trained picker: picks.csv, picks.parquet, detections.csv,
/// coverage.csv.
///
/// Station-days are picked on all cores in bounded memory, each as if the record had no midnight.
/// Peak times are those of the largest probability. uncertainty_s is the standard deviation of the
/// Gaussian that is as wide at half its height as the peak of probability. amplitude is the largest
/// excursion of any component from its mean in the noise window, within the signal window after the
/// pick, in the unit of the data as the network is given them; snr the ratio of root mean squares
/// in the two windows.
#[derive(clap::Args)]
pub struct Args {
    /// Weights: a SeisBench pair (NAME.json.vN or NAME), a folder with model.json, or a run of
    /// `temblor train`. With --merge the folder of the first shard.
    #[arg(value_name = "WEIGHTS")]
    weights: PathBuf,
    /// Files, folders, globs or SDS trees; with --merge the folders of the other shards.
    #[arg(value_name = "INPUT")]
    input: Vec<PathBuf>,
    /// Folder for the results, made if missing. Finished station-days are kept in DIR/parts until
    /// all are there.
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// Overwrite what an earlier run left in DIR.
    #[arg(long)]
    force: bool,
    /// Go on where an interrupted run with the same flags stopped; the results will be the same.
    #[arg(long)]
    resume: bool,
    /// Pick the I-th of N shares of the station-days, into DIR.shard-I-of-N beside DIR.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Make the results of those of all shards, byte for byte those of a run without --shard.
    #[arg(long, conflicts_with_all = ["shard", "resume", "seisbench"])]
    merge: bool,
    /// Only these channels, e.g. 'TA.C26K..HH?'; repeatable.
    #[arg(long, value_name = "PATTERN")]
    channels: Vec<StreamPattern>,
    /// Only samples at or after this time.
    #[arg(long, value_name = "TIME")]
    from: Option<UtcTime>,
    /// Only samples before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<UtcTime>,
    /// SeisBench's rules in place of ours, with arguments of its annotate and classify by their own
    /// names: '{"overlap": 1500, "P_threshold": 0.3}', '{}' for none. Each instrument is one stream;
    /// of records longer than two days each day is.
    #[arg(long, value_name = "JSON")]
    seisbench: Option<String>,
    #[command(flatten)]
    windows: flags::WindowFlags,
    /// Windows the network is given at once [default: 16].
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Component of channels whose code does not say it: 'E=1' by last letter, 'EW=E' or '??U=Z' by
    /// code; repeatable.
    #[arg(long, value_name = "FROM=TO")]
    map_channel: Vec<ChannelRule>,
    /// Bridge gaps up to this long; windows never see a longer one.
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    bridge: f64,
    /// Leave out stretches between gaps that are shorter; those shorter than a window are continued
    /// by their mirror image [default: a quarter of a window].
    #[arg(long, value_name = "SECONDS")]
    shortest: Option<f64>,
    /// Of picks of one phase nearer than this, keep the most probable.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    min_distance: f64,
    /// Also write pairs.csv: each S pick with the latest P pick at most this long before it.
    #[arg(long, value_name = "SECONDS")]
    pair: Option<f64>,
    /// Also write sweep.csv: the number of picks at each of these thresholds.
    #[arg(long, value_name = "VALUES", value_delimiter = ',')]
    sweep: Vec<f64>,
    /// Also write the probabilities as miniSEED into DIR/annotations, a file a station-day: channel
    /// ?YP for P, ?YS for S, ?YN for noise, ?YD for detections.
    #[arg(long)]
    annotations: bool,
    /// Also write picks.xml, QuakeML: one event without origin that holds all picks.
    #[arg(long)]
    quakeml: bool,
    /// Also write picks_phasenet.csv with the columns of PhaseNet.
    #[arg(long)]
    phasenet_csv: bool,
    /// Length of the signal window, from the pick on.
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    signal_window: f64,
    /// Length of the noise window, which ends 0.5 s before the pick.
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    noise_window: f64,
    /// Take uncertainty_s from so many answers with dropout at work (EQTransformer): the standard
    /// deviation of the peak's place within a second of the pick.
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "seisbench")]
    dropout_samples: u64,
    /// Threads with a network each [default: one a core].
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Where the network runs: cpu, cuda (an error where there is none), auto.
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceChoice,
    #[command(flatten)]
    pictures: pictures::PictureFlags,
    #[command(flatten)]
    reading: WaveformReading,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Ending> {
    if args.merge {
        return merge(&args);
    }
    if args.input.is_empty() {
        return Err(Error::usage("no INPUT: give files, folders, globs or SDS trees"));
    }
    let folder = match args.shard {
        Some(shard) => shards::folder(shard, &args.out),
        None => args.out.clone(),
    };
    check_free(&folder, args.force || args.resume)?;
    let device = args.device.resolve()?;
    let picker = Picker::open(&args.weights, device)?;
    let plan = Plan::new(&args, picker.settings())?;
    for (name, value) in picker.settings().listed() {
        note(format_args!("{name}: {value}"));
    }
    note(format_args!("used: {}", plan.said()));
    let options = ArchiveOptions {
        span: Span::between(args.from, args.to)?,
        channels: args.channels.clone(),
        format: FormatOptions::from(&args.reading),
    };
    let (archive, report) = Archive::open(&args.input, &options)?;
    report.say();
    let weights = fingerprint(&picker)?;
    let workers = start_workers(&args, device, plan.amplitude());
    drop(picker);
    let kept = Kept::within(&folder, args.resume)?;
    if args.force && !args.resume {
        kept.remove_probabilities(&folder)?;
    }
    let work =
        Work { archive: &archive, plan: &plan, folder: &folder, kept: &kept, workers: &workers };
    let (header, outcomes, faults) = work.done(&args, &weights).map_err(resumable)?;
    let mut all_good = report.is_clean() && faults.is_empty();
    for fault in faults.iter().chain(outcomes.iter().flat_map(|o| &o.failed)) {
        eprintln!("skipped {fault}");
        all_good = false;
    }
    match args.shard {
        Some(shard) => shards::write(&folder, shard, &header, &outcomes)?,
        None => finish(&folder, &header, &outcomes)?,
    }
    kept.remove()?;
    Ok(if all_good { Ending::Done } else { Ending::SomeInputsFailed })
}

/// Writes the results and says what they are.
fn finish(folder: &Path, header: &Header, outcomes: &[Outcome]) -> Result<()> {
    let results = results::gather(outcomes, header.distance_s, header.pair_s);
    files::write_all(folder, &results, header.phasenet)?;
    if header.quakeml {
        quakeml::write(&folder.join("picks.xml"), &results.picks)?;
    }
    let settings =
        serde_json::to_vec_pretty(&header.settings).map_err(|e| Error::data(e.to_string()))?;
    write_atomically(&folder.join("settings.json"), &settings)?;
    let notes: BTreeSet<&String> = outcomes.iter().flat_map(|o| &o.notes).collect();
    for text in notes {
        note(text);
    }
    println!("{}", said(&results, outcomes));
    Ok(())
}

/// What was found, and how much of the time was covered.
fn said(results: &results::Results, outcomes: &[Outcome]) -> String {
    let mut counts = BTreeMap::<&str, usize>::new();
    for pick in &results.picks {
        *counts.entry(&pick.phase).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(phase, n)| format!("{phase} {n}")).collect();
    let counts = if counts.is_empty() { "none".to_string() } else { counts.join(", ") };
    let mut text = format!("picks: {counts}");
    if !results.detections.is_empty() {
        text += &format!("; detections: {}", results.detections.len());
    }
    let time = &results.time;
    let share = 100.0 * time.covered / time.present.max(1e-9);
    text += &format!(
        "\ntime: {} with data in {} station-days, {} ({share:.2} %) with probabilities",
        hours(time.present),
        outcomes.len(),
        hours(time.covered)
    );
    let mut reasons = Vec::new();
    if time.short > 0.0 {
        reasons.push(format!("{} in stretches too short", hours(time.short)));
    }
    if time.incomplete > 0.0 {
        reasons.push(format!("{} without all components", hours(time.incomplete)));
    }
    let rest = time.present - time.covered - time.short - time.incomplete;
    if rest > 0.5 {
        reasons.push(format!("{} too short, at blinded ends or not readable", hours(rest)));
    }
    if !reasons.is_empty() {
        text += &format!("; left out: {}", reasons.join(", "));
    }
    text
}

/// Seconds as hours, minutes and seconds.
fn hours(seconds: f64) -> String {
    let hundredths = (seconds * 100.0).round() as u64;
    let (s, rest) = (hundredths / 100, hundredths % 100);
    format!("{}:{:02}:{:02}.{rest:02}", s / 3600, s / 60 % 60, s % 60)
}

fn check_free(folder: &Path, may_overwrite: bool) -> Result<()> {
    let mut there = std::fs::read_dir(folder).into_iter().flatten();
    if !may_overwrite && (folder.is_file() || there.next().is_some()) {
        let text = "exists already; choose another --out, overwrite with --force, or go on with an \
                    interrupted run with --resume";
        return Err(Error::usage(format!("{}: {text}", folder.display())));
    }
    Ok(())
}

fn merge(args: &Args) -> Result<Ending> {
    let folders: Vec<PathBuf> =
        std::iter::once(args.weights.clone()).chain(args.input.iter().cloned()).collect();
    check_free(&args.out, args.force)?;
    let (header, outcomes) = shards::read(&folders)?;
    shards::copy_files(&folders, &outcomes, &args.out)?;
    finish(&args.out, &header, &outcomes)?;
    Ok(Ending::Done)
}

/// A hash of all weights and of what surrounds them.
fn fingerprint(picker: &Picker) -> Result<String> {
    let settings = format!("{:?}", picker.settings());
    let mut bytes = vec![settings.into_bytes()];
    for tensor in picker.model().named_numbers()? {
        let values = tensor.values.iter().flat_map(|x| x.to_le_bytes());
        bytes.push(tensor.name.bytes().chain(values).collect());
    }
    Ok(outcome::hash(bytes.iter().map(Vec::as_slice)))
}

fn start_workers(args: &Args, device: tch::Device, amplitude: AmplitudeRule) -> Workers {
    let cores = std::env::var("RAYON_NUM_THREADS").ok().and_then(|n| n.parse().ok());
    let cores = cores.or_else(|| std::thread::available_parallelism().ok().map(|n| n.get()));
    // One device answers one at a time.
    let usual = if device == tch::Device::Cpu { cores.unwrap_or(1) } else { 1 };
    let count = args.threads.unwrap_or(usual).max(1);
    let weights = args.weights.clone();
    Workers::start(count, move || {
        tch::set_num_threads(1);
        Ok(Network { picker: Picker::open(&weights, device)?, amplitude })
    })
}
