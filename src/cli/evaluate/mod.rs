//! `temblor evaluate`: picks beside labels.

mod figures;
mod lists;
mod report;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::Outcome;
use crate::data::picks::{SetSource, TraceSet, read_set};
use crate::detect::AmplitudeRule;
use crate::detect::evaluation::{
    Answers, Judged, NetworkRequest, Overlap, classical_answers, network_answers, scored,
};
use crate::error::{Error, Result};
use crate::model::DeviceChoice;
use crate::progress::note;
use crate::score::picks::Tolerances;
use report::{Report, write_picks};

/// Judge pickers on labelled windows, or a list of picks against a reference list.
///
/// Of windows: the whole window is annotated as continuous data are, with the overlap, stacking and
/// blinding of the weights; every peak at or above the threshold is a pick (hysteresis down to half
/// of it). Picks and labels of a phase are matched one to one, nearest first, and a pair at most
/// --tolerance apart is a hit. Precision is hits / picks, recall hits / labels; residuals are
/// pick − label of pairs at most --residuals apart. Intervals (95 %) draw whole events. Unlabelled
/// arrivals count as false picks. STA/LTA, STA/LTA + AIC and the autoregressive picker, one pick a
/// window, stand beside every network.
#[derive(clap::Args)]
pub struct Args {
    /// Weights of pickers (any number: a SeisBench pair, a folder with model.json, a run folder),
    /// then the labelled windows: a folder with windows.npz and index.csv, a data set of `temblor
    /// dataset`, PhaseNet's .npz files. The windows alone: the classical pickers alone.
    #[arg(value_name = "WEIGHTS... DATA", required_unless_present = "picks")]
    inputs: Vec<PathBuf>,
    /// Picks to judge (CSV or Parquet: time, phase, station, probability …), instead of windows.
    #[arg(long, value_name = "FILE", requires = "reference", conflicts_with_all = ["inputs", "amplitude", "threads", "components", "arguments"])]
    picks: Option<PathBuf>,
    /// What they are judged against: CSV, Parquet or QuakeML.
    #[arg(long, value_name = "FILE", requires = "picks")]
    reference: Option<PathBuf>,
    /// Where scores.csv, thresholds.csv, residuals.csv, picks.csv, report.json and figures go.
    #[arg(short, long, value_name = "DIR", default_value = "evaluation")]
    out: PathBuf,
    /// Overwrite what an earlier evaluation left there.
    #[arg(long)]
    force: bool,
    /// Seconds between a pick and its label up to which it is a hit.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.1)]
    tolerance: f64,
    /// Seconds up to which a pair counts among the residuals.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5)]
    residuals: f64,
    /// Least probability of a pick, for both phases; that of the weights if not given.
    #[arg(long, value_name = "PROBABILITY")]
    threshold: Option<f64>,
    /// Tiny amplitudes: absolute as SeisBench (1e-10 is added to the divisor), relative as temblor
    /// (they count in full), or both beside each other.
    #[arg(long, value_enum, default_value = "both")]
    amplitude: Amplitude,
    /// Arguments of annotate and classify by SeisBench's names, e.g. '{"overlap": 2500}'.
    #[arg(long, value_name = "JSON")]
    arguments: Option<String>,
    /// Letters of the rows, for data that do not state them [default: ENZ].
    #[arg(long, value_name = "LETTERS")]
    components: Option<String>,
    /// Where the networks run: cpu, cuda, auto.
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceChoice,
    /// Threads [default: one a core].
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// `--amplitude`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Amplitude {
    Absolute,
    Relative,
    Both,
}

impl Amplitude {
    fn rules(self) -> &'static [AmplitudeRule] {
        match self {
            Self::Absolute => &[AmplitudeRule::Absolute],
            Self::Relative => &[AmplitudeRule::Relative],
            Self::Both => &[AmplitudeRule::Absolute, AmplitudeRule::Relative],
        }
    }
}

/// Thresholds of the curves: 0.05, 0.10 … 0.95.
fn curve_thresholds() -> Vec<f64> {
    (1..20).map(|step| f64::from(step) / 20.0).collect()
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    let tolerances = tolerances(&args)?;
    let mut earlier = std::fs::read_dir(&args.out).into_iter().flatten();
    if !args.force && (args.out.is_file() || earlier.next().is_some()) {
        let text = "exists already; choose another --out, or overwrite with --force";
        return Err(Error::usage(format!("{}: {text}", args.out.display())));
    }
    if let (Some(picks), Some(reference)) = (&args.picks, &args.reference) {
        let report = lists::report(picks, reference, tolerances, args.threshold)?;
        return finish(&args, &report);
    }
    let Some((data, weights)) = args.inputs.split_last() else {
        return Err(Error::usage("no labelled windows are named"));
    };
    let source = SetSource { path: data.clone(), components: args.components.clone() };
    let set = read_set(&source)?;
    if set.traces.iter().all(|trace| trace.picks.is_empty()) {
        return Err(Error::input(data, "no trace has a label"));
    }
    note(format_args!("{}: {} traces", set.name, set.len()));
    let (answers, overlaps) = answers(&args, weights, &set)?;
    for answer in &answers {
        tell(&answer.name, &answer.warnings);
    }
    let judged: Vec<Judged> =
        answers.iter().flat_map(|answers| scored(&set, answers, tolerances)).collect();
    let report = Report { data: set.name.clone(), tolerances, judged, training: overlaps };
    write_picks(&args.out, &set, &answers)?;
    finish(&args, &report)
}

fn tolerances(args: &Args) -> Result<Tolerances> {
    for (name, seconds) in [("--tolerance", args.tolerance), ("--residuals", args.residuals)] {
        if !(seconds > 0.0 && seconds <= 3600.0) {
            return Err(Error::usage(format!("{name} {seconds}: expected above 0, up to 3600 s")));
        }
    }
    if args.threshold.is_some_and(|threshold| !(0.0..=1.0).contains(&threshold)) {
        return Err(Error::usage("--threshold: expected 0 to 1"));
    }
    Ok(Tolerances::seconds(args.tolerance, args.residuals))
}

/// A picker's name and words on it.
type Named = Vec<(String, String)>;

/// Answers of all pickers, and what each one's training data share with the set.
fn answers(args: &Args, weights: &[PathBuf], set: &TraceSet) -> Result<(Vec<Answers>, Named)> {
    let arguments = match &args.arguments {
        None => Map::new(),
        Some(text) => match serde_json::from_str(text) {
            Ok(Value::Object(map)) => map,
            _ => return Err(Error::usage(format!("--arguments {text}: expected a JSON object"))),
        },
    };
    let device = args.device.resolve()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.threads.unwrap_or(cores).max(1);
    let (mut all, mut overlaps) = (Vec::new(), Vec::new());
    for path in weights {
        let name = name(path);
        for &amplitude in args.amplitude.rules() {
            all.push(network_answers(
                set,
                &NetworkRequest {
                    name: &name,
                    weights: path,
                    amplitude,
                    arguments: &arguments,
                    threshold: args.threshold,
                    thresholds: &curve_thresholds(),
                    device,
                    threads,
                },
            )?);
        }
        let about = all.last().map_or("", |answers: &Answers| answers.about.as_str());
        overlaps.push((name, Overlap::of(path, about, set)?.words()));
    }
    all.extend(classical_answers(set)?);
    Ok((all, overlaps))
}

/// `phasenet/volpick` of `…/phasenet/volpick.json.v1`; the folder's name of a folder.
fn name(path: &Path) -> String {
    let last = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let own = last(path).unwrap_or_else(|| path.display().to_string());
    if path.is_dir() {
        return own;
    }
    let stem = ["json.v", "pt.v"].iter().find_map(|mark| own.find(&format!(".{mark}")));
    let own = stem.map_or(own.as_str(), |end| &own[..end]);
    match path.parent().and_then(last) {
        Some(folder) => format!("{folder}/{own}"),
        None => own.to_string(),
    }
}

/// Warnings of one picker: the first, and how many there are.
fn tell(name: &str, warnings: &[String]) {
    match warnings {
        [] => {}
        [only] => note(format_args!("{name}: {only}")),
        [first, ..] => note(format_args!("{name}: {} warnings, first {first}", warnings.len())),
    }
}

fn finish(args: &Args, report: &Report) -> Result<Outcome> {
    report.write(&args.out)?;
    figures::draw(report, &args.out)?;
    if args.json {
        println!("{}", report.json());
    } else {
        print!("{report}");
    }
    note(format_args!("written to {}", args.out.display()));
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_called_as_their_files() {
        let names =
            ["w/phasenet/volpick.json.v1", "w/phasenet/ethz", "ff2.pt.v1.gz", "w/gpd/demo.pt.v2"]
                .map(|path| name(Path::new(path)));
        assert_eq!(
            names,
            ["phasenet/volpick", "phasenet/ethz", "/ff2", "gpd/demo"]
                .map(|n| { n.trim_start_matches('/').to_string() })
        );
    }
}
