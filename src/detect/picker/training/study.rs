//! Cross-validation of a picker's training, before and after, and the fit that is kept.

use rayon::prelude::*;

use super::super::Picker;
use super::fit::{fit_picker, starting_picker};
use super::judge::{PHASES, TestWindow, judge};
use super::settings::PickerTraining;
use crate::data::derive_seed;
use crate::data::picks::{Folds, SharedKeys, SplitBy, Subsets, TraceSet, shared};
use crate::error::{Error, Result};
use crate::output::write_atomically;
use crate::progress::{Progress, note};
use crate::score::picks::{
    Estimate, Pick, PickScores, PickTrace, Tolerances, match_picks, score_picks,
};
use crate::score::{GroupBootstrap, ScoreRow, ScoreTable};
use crate::train::run_folder::{HISTORY, METRICS};
use crate::train::{Report, RunFolder, Workplace};

/// What a training run found.
pub struct PickerStudy {
    /// Scores of every picker, phase by phase; empty without folds.
    pub scores: ScoreTable,
    /// How the fits went.
    pub courses: Vec<(String, Vec<Report>)>,
    /// Sentences that must be read beside the scores.
    pub remarks: Vec<String>,
}

/// Test windows of one picker, each judged by a fit that has not seen it.
struct Judged {
    name: String,
    windows: Vec<TestWindow>,
}

/// The picker as it came.
const BEFORE: &str = "before";

/// Residuals of pairs so far apart count, seconds.
const RESIDUALS: f64 = 0.5;

/// Trains and judges as `settings` say, in `run`; finished fits of an interrupted run are read.
///
/// # Errors
/// Data that cannot be divided so; those of the fits.
pub fn train_picker(
    set: &TraceSet,
    settings: &PickerTraining,
    run: &RunFolder,
    (place, workers): (&Workplace, usize),
) -> Result<PickerStudy> {
    // What does not fit is refused before hours of work.
    let mut first = starting_picker(settings, 0, tch::Device::Cpu)?;
    let frozen = first.model_mut().freeze(&settings.picker.freeze)?;
    let parameters = first.model().parameter_count();
    note(format_args!("{}: {parameters} parameters, {frozen} frozen", first.settings().class));
    let mut study =
        PickerStudy { scores: ScoreTable::default(), courses: Vec::new(), remarks: Vec::new() };
    let (mut judged, mut groups) = (Vec::new(), Vec::new());
    if settings.split == SplitBy::Given {
        let parts = Subsets::given(&set.traces)?;
        groups = SplitBy::Event.groups(&set.traces)?;
        judged = cross_validate(set, settings, &[parts], (place, workers), &mut study)?;
    } else if settings.folds > 0 {
        let folds = Folds::make(&set.traces, settings.split, settings.folds, settings.split_seed)?;
        let parts: Vec<Subsets> = (0..folds.count)
            .map(|fold| folds.subsets(&set.traces, fold, settings.validation, settings.split_seed))
            .collect();
        groups.clone_from(&folds.groups);
        judged = cross_validate(set, settings, &parts, (place, workers), &mut study)?;
    }
    if !judged.is_empty() {
        study.scores = scores(&judged, &groups, settings);
        study.scores.write(&run.file("scores.csv"))?;
        let table = picks_table(set, &judged);
        write_atomically(&run.file("test_picks.csv"), table.as_bytes())?;
    }
    if settings.final_fit {
        keep_final(set, settings, run, place, &mut study)?;
    }
    let metrics = serde_json::json!({
        "split": settings.split,
        "folds": settings.folds,
        "seeds": settings.seeds,
        "test_windows": judged.first().map_or(0, |one| one.windows.len()),
        "remarks": study.remarks,
        "scores": study.scores.rows.iter().map(|row| serde_json::json!({
            "model": row.model, "target": row.target, "metric": row.metric,
            "value": finite(row.value), "lower": finite(row.lower), "upper": finite(row.upper),
            "n": row.n,
        })).collect::<Vec<_>>(),
    });
    run.write_json(METRICS, &metrics)?;
    place.clear()?;
    Ok(study)
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// Fits every fold with every seed; the first of what comes back is what was there before.
fn cross_validate(
    set: &TraceSet,
    settings: &PickerTraining,
    parts: &[Subsets],
    (place, workers): (&Workplace, usize),
    study: &mut PickerStudy,
) -> Result<Vec<Judged>> {
    study.remarks.extend(remarks(set, settings, parts));
    let mut judged = Vec::new();
    if settings.picker.from.is_some() {
        let picker = starting_picker(settings, 0, place.device)?;
        let mut windows = Vec::new();
        for part in parts {
            windows.extend(judge(set, &part.test, &picker, settings)?);
        }
        judged.push(Judged { name: BEFORE.into(), windows });
    }
    let units: Vec<(u64, usize)> = (0..settings.seeds)
        .flat_map(|seed| (0..parts.len()).map(move |fold| (seed, fold)))
        .collect();
    let progress = Progress::new("cross-validation", "fits", units.len() as u64);
    let progress = std::sync::Mutex::new(progress);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(workers.max(1))
        .build()
        .map_err(|e| Error::data(format!("cannot start {workers} workers: {e}")))?;
    let fitted: Vec<(Vec<TestWindow>, Report)> = pool.install(|| {
        let fit = |&(seed, fold): &(u64, usize)| {
            // The number of threads is a property of the calling thread.
            tch::set_num_threads(1);
            let (part, name) = (&parts[fold], format!("picker-seed{seed}-fold{fold}"));
            let own = derive_seed(seed, &[fold as u64]);
            let members = (part.train.as_slice(), part.valid.as_slice());
            let (picker, report) = fit_picker(set, settings, members, own, (place, &name))?;
            if let Ok(mut progress) = progress.lock() {
                progress.advance(1);
            }
            Ok((judge(set, &part.test, &picker, settings)?, report))
        };
        units.par_iter().with_max_len(1).map(fit).collect::<Result<_>>()
    })?;
    let mut fitted = fitted.into_iter();
    let mut reports = Vec::new();
    for seed in 0..settings.seeds {
        let name = match settings.seeds {
            1 => "after".to_string(),
            _ => format!("after, seed {seed}"),
        };
        let mut windows = Vec::new();
        for (part, report) in fitted.by_ref().take(parts.len()) {
            windows.extend(part);
            reports.push(report);
        }
        judged.push(Judged { name, windows });
    }
    study.courses.push(("picker".into(), reports));
    Ok(judged)
}

/// What training and test have in common, as far as it matters.
fn remarks(set: &TraceSet, settings: &PickerTraining, parts: &[Subsets]) -> Vec<String> {
    let mut most = SharedKeys::default();
    for part in parts {
        let learned: Vec<usize> = part.train.iter().chain(&part.valid).copied().collect();
        let one = shared(set, &learned, &part.test);
        most.events = most.events.max(one.events);
        most.stations = most.stations.max(one.stations);
        most.days = most.days.max(one.days);
    }
    let counts =
        format!("{} events, {} stations and {} days", most.events, most.stations, most.days);
    let mut remarks = vec![format!("training and test share at most {counts} in a fold")];
    if settings.split == SplitBy::RandomLeaky {
        remarks.push(
            "warning: split = \"random-leaky\" tears events apart: the scores are too high; use \
             them only beside published random splits"
                .into(),
        );
    } else if most.events > 0 {
        let by = settings.split.name();
        remarks.push(format!("warning: split by {by}, training and test share events"));
    }
    remarks
}

/// What the scores say of picks of `phase` in `windows`.
fn phase_scores(
    windows: &[TestWindow],
    groups: &[usize],
    phase: usize,
    tolerance: f64,
) -> PickScores {
    let traces = windows.iter().map(|window| {
        let time = |sample: f64| (sample / window.rate_hz * 1e9).round() as i64;
        let PhaseView { labels, picks } = PhaseView::of(window, phase);
        PickTrace {
            group: groups[window.trace],
            labels: labels.iter().map(|&sample| time(sample)).collect(),
            picks: picks
                .iter()
                .map(|&(sample, probability)| Pick { time: time(sample), probability })
                .collect(),
        }
    });
    let traces: Vec<PickTrace> = traces.collect();
    let tolerances = Tolerances::seconds(tolerance, RESIDUALS.max(tolerance));
    score_picks(&traces, tolerances, &GroupBootstrap::default())
}

struct PhaseView<'a> {
    labels: &'a [f64],
    picks: &'a [(f64, f64)],
}

impl<'a> PhaseView<'a> {
    fn of(window: &'a TestWindow, phase: usize) -> Self {
        Self { labels: &window.phases[phase].labels, picks: &window.phases[phase].picks }
    }
}

fn scores(judged: &[Judged], groups: &[usize], settings: &PickerTraining) -> ScoreTable {
    let mut table = ScoreTable::default();
    for one in judged {
        for (number, phase) in PHASES.iter().enumerate() {
            let scores = phase_scores(&one.windows, groups, number, settings.tolerance);
            let within = format!("within {} s", settings.tolerance);
            let residual = format!("of residuals within {} s", RESIDUALS.max(settings.tolerance));
            let leaky = match settings.split {
                SplitBy::RandomLeaky => ", split random-leaky",
                _ => "",
            };
            let mut add = |metric: String, estimate: Estimate, n: usize| {
                let target = format!("{phase}{leaky}");
                let place = (target.as_str(), one.name.as_str(), "");
                let interval = Some(estimate.interval);
                table.rows.push(ScoreRow::new(place, metric, estimate.value, interval, n));
            };
            let residuals = scores.residuals.len();
            add(format!("recall {within}"), scores.recall, scores.labels);
            add(format!("precision {within}"), scores.precision, scores.picks);
            add(format!("F1 {within}"), scores.f1, scores.labels);
            add(format!("mean {residual}, s"), scores.mean, residuals);
            add(format!("sigma {residual}, s"), scores.sigma, residuals);
            add(format!("MAE {residual}, s"), scores.mae, residuals);
        }
    }
    add_differences(&mut table, judged, groups, settings);
    table
}

/// A score of labels, picks and hits.
type Rate = fn([f64; 3]) -> f64;

/// Labels, picks and hits of one phase of a window.
fn counted(window: &TestWindow, phase: usize, tolerance: f64) -> [f64; 3] {
    let time = |sample: f64| (sample / window.rate_hz * 1e9).round() as i64;
    let PhaseView { labels, picks } = PhaseView::of(window, phase);
    let labels: Vec<i64> = labels.iter().map(|&sample| time(sample)).collect();
    let picks: Vec<i64> = picks.iter().map(|&(sample, _)| time(sample)).collect();
    let hits = match_picks(&labels, &picks, (tolerance * 1e9).round() as i64);
    [labels.len(), picks.len(), hits.len()].map(|count| count as f64)
}

/// Adds what training changed: the scores of all seeds together less those before, with intervals
/// over whole groups drawn for both alike.
fn add_differences(
    table: &mut ScoreTable,
    judged: &[Judged],
    groups: &[usize],
    settings: &PickerTraining,
) {
    let [before, after @ ..] = judged else { return };
    if before.name != BEFORE || after.is_empty() {
        return;
    }
    let rows: Vec<usize> = before.windows.iter().map(|window| groups[window.trace]).collect();
    let all: Vec<usize> = (0..rows.len()).collect();
    for (number, phase) in PHASES.iter().enumerate() {
        let count = |one: &Judged| -> Vec<[f64; 3]> {
            let windows = one.windows.iter();
            windows.map(|window| counted(window, number, settings.tolerance)).collect()
        };
        let (old, new) = (count(before), after.iter().map(count).collect::<Vec<_>>());
        let sums = |counts: &[[f64; 3]], rows: &[usize]| {
            rows.iter().fold([0.0; 3], |sum, &row| {
                std::array::from_fn(|part| sum[part] + counts[row][part])
            })
        };
        let rates: [(&str, Rate); 3] = [
            ("recall", |[labels, _, hits]| hits / labels),
            ("precision", |[_, picks, hits]| hits / picks),
            ("F1", |[labels, picks, hits]| 2.0 * hits / (labels + picks)),
        ];
        for (metric, rate) in rates {
            let difference = |rows: &[usize]| {
                let mean = new.iter().map(|one| rate(sums(one, rows))).sum::<f64>();
                mean / new.len() as f64 - rate(sums(&old, rows))
            };
            let interval = GroupBootstrap::default().statistic(&rows, difference);
            let metric = format!("{metric} within {} s", settings.tolerance);
            let place = (*phase, "after - before", "");
            let value = difference(&all);
            table.rows.push(ScoreRow::new(place, metric, value, Some(interval), rows.len()));
        }
    }
}

/// One line a label or pick of the test windows.
fn picks_table(set: &TraceSet, judged: &[Judged]) -> String {
    let mut text = String::from("model,trace,phase,kind,seconds,probability\n");
    for one in judged {
        for window in &one.windows {
            let name = set.traces[window.trace].name.replace([',', '"', '\n'], " ");
            for (phase, found) in PHASES.iter().zip(&window.phases) {
                let mut line = |kind: &str, sample: f64, probability: &str| {
                    let seconds = sample / window.rate_hz;
                    let model = one.name.replace(',', "");
                    text += &format!("{model},{name},{phase},{kind},{seconds:.4},{probability}\n");
                };
                found.labels.iter().for_each(|&sample| line("label", sample, ""));
                for (sample, probability) in &found.picks {
                    line("pick", *sample, &format!("{probability:.4}"));
                }
            }
        }
    }
    text
}

/// Trains on everything but the validation part and writes the picker into the run folder.
fn keep_final(
    set: &TraceSet,
    settings: &PickerTraining,
    run: &RunFolder,
    place: &Workplace,
    study: &mut PickerStudy,
) -> Result<()> {
    let parts = match settings.split {
        SplitBy::Given => Subsets::given(&set.traces)?,
        by => Subsets::without_test(&set.traces, by, settings.validation, settings.split_seed)?,
    };
    let members = (parts.train.as_slice(), parts.valid.as_slice());
    let name = "picker-final";
    let (picker, report): (Picker, Report) = fit_picker(set, settings, members, 0, (place, name))?;
    let mut history = String::new();
    for epoch in &report.epochs {
        history += &serde_json::to_string(epoch).map_err(|e| Error::data(e.to_string()))?;
        history.push('\n');
    }
    write_atomically(&run.file(HISTORY), history.as_bytes())?;
    picker.save(run.path())?;
    study.courses.push(("final".into(), vec![report]));
    Ok(())
}
