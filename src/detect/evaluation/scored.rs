//! Scores of answers, of all traces and by category.

use std::collections::{BTreeMap, BTreeSet};

use super::answers::{Answers, PhaseAnswers, TracePicks};
use super::traces::labels;
use crate::data::picks::TraceSet;
use crate::score::picks::{
    Estimate, Pick, PickScores, PickTrace, ThresholdPoint, Tolerances, score_picks, threshold_curve,
};
use crate::score::{GroupBootstrap, Interval};

/// Category of the scores over all traces.
const ALL: &str = "all";

/// Answers of one phase with their scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Whose.
    pub name: String,
    /// How tiny amplitudes are treated; empty where that has no meaning.
    pub amplitude: String,
    /// Whether this is no trained network.
    pub baseline: bool,
    /// `P` or `S`.
    pub phase: String,
    /// `all`, or the traces' category.
    pub category: String,
    /// Threshold; absent where there is none.
    pub threshold: Option<f64>,
    /// Traces judged.
    pub traces: usize,
    /// The scores.
    pub scores: PickScores,
    /// Share of the labels hit by the most probable pick of their trace.
    pub best: Estimate,
    /// Scores over thresholds, for all traces only.
    pub curve: Vec<ThresholdPoint>,
}

/// Scores of `answers`: of all traces, then of each category if there are several. Intervals draw
/// events; traces that name none stand for themselves.
pub fn scored(set: &TraceSet, answers: &Answers, tolerances: Tolerances) -> Vec<Judged> {
    let groups = groups(set);
    let categories: BTreeSet<&str> =
        set.traces.iter().map(|trace| trace.category.as_str()).collect();
    let mut parts = vec![ALL];
    if categories.len() > 1 {
        parts.extend(categories.into_iter().filter(|category| !category.is_empty()));
    }
    let mut judged = Vec::new();
    for phase in &answers.phases {
        for &category in &parts {
            let within = |trace: usize| category == ALL || set.traces[trace].category == category;
            let traces = |picks: &dyn Fn(&TracePicks) -> Vec<Pick>| -> Vec<PickTrace> {
                let of = phase.traces.iter().filter(|(trace, _)| within(*trace));
                of.map(|(trace, found)| PickTrace {
                    group: groups[*trace],
                    labels: labels(&set.traces[*trace], &phase.phase),
                    picks: picks(found),
                })
                .collect()
            };
            let own = traces(&|found| found.own.clone());
            let curve = if category == ALL {
                curve(&answers.thresholds, tolerances, |number| traces(&|f| f.at[number].clone()))
            } else {
                Vec::new()
            };
            judged.push(judge(answers, phase, category, &own, curve, tolerances));
        }
    }
    judged
}

pub(super) fn judge(
    answers: &Answers,
    phase: &PhaseAnswers,
    category: &str,
    own: &[PickTrace],
    curve: Vec<ThresholdPoint>,
    tolerances: Tolerances,
) -> Judged {
    let bootstrap = GroupBootstrap::default();
    let best: Vec<PickTrace> = own.iter().map(PickTrace::most_probable).collect();
    Judged {
        name: answers.name.clone(),
        amplitude: answers.amplitude.clone(),
        baseline: answers.baseline,
        phase: phase.phase.clone(),
        category: category.into(),
        threshold: phase.threshold,
        traces: own.len(),
        scores: score_picks(own, tolerances, &bootstrap),
        best: score_picks(&best, tolerances, &bootstrap).recall,
        curve,
    }
}

fn curve(
    thresholds: &[f64],
    tolerances: Tolerances,
    traces: impl Fn(usize) -> Vec<PickTrace>,
) -> Vec<ThresholdPoint> {
    let mut number = 0..;
    threshold_curve(thresholds, tolerances, |_| traces(number.next().unwrap_or(0)))
}

/// The number of each trace's event, or of its own.
fn groups(set: &TraceSet) -> Vec<usize> {
    let mut events = BTreeMap::new();
    let mut next = 0..;
    let mut number = || next.next().unwrap_or(0);
    let group = |trace: &crate::data::picks::LabelledTrace| match trace.event.as_str() {
        "" => number(),
        event => *events.entry(event.to_string()).or_insert_with(&mut number),
    };
    set.traces.iter().map(group).collect()
}

/// A row of `scores.csv` and of the JSON; absent numbers are not defined.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct PickRecord {
    /// Whose score.
    pub picker: String,
    /// `absolute` or `relative`; empty where that has no meaning.
    pub amplitude: String,
    /// `P` or `S`.
    pub phase: String,
    /// `all`, or the traces' category.
    pub category: String,
    /// Threshold.
    pub threshold: Option<f64>,
    /// Tolerance of a hit, s.
    pub tolerance_s: f64,
    /// Traces judged.
    pub traces: usize,
    /// Labels in them.
    pub labels: usize,
    /// Picks in them.
    pub picks: usize,
    /// Pairs within the tolerance.
    pub hits: usize,
    /// Score, 2.5 % point, 97.5 % point, by name.
    #[serde(flatten)]
    pub scores: BTreeMap<&'static str, [Option<f64>; 3]>,
    /// What training and these data share, in words.
    pub training: String,
}

/// Names of the scores of a record, in order.
pub const SCORES: [&str; 8] =
    ["precision", "recall", "f1", "best_recall", "mean_s", "sigma_s", "mae_s", "median_s"];

impl Judged {
    /// The estimate called so in the list of scores.
    pub fn estimate(&self, name: &str) -> Estimate {
        let scores = &self.scores;
        match name {
            "precision" => scores.precision,
            "recall" => scores.recall,
            "f1" => scores.f1,
            "best_recall" => self.best,
            "mean_s" => scores.mean,
            "sigma_s" => scores.sigma,
            "mae_s" => scores.mae,
            _ => scores.median,
        }
    }

    /// As a row of a table.
    pub fn record(&self, tolerances: Tolerances, training: &str) -> PickRecord {
        let number = |x: f64| Some(x).filter(|x| x.is_finite());
        let triple = |name| {
            let Estimate { value, interval: Interval { lower, upper } } = self.estimate(name);
            (name, [number(value), number(lower), number(upper)])
        };
        PickRecord {
            picker: self.name.clone(),
            amplitude: self.amplitude.clone(),
            phase: self.phase.clone(),
            category: self.category.clone(),
            threshold: self.threshold,
            tolerance_s: tolerances.hit as f64 * 1e-9,
            traces: self.traces,
            labels: self.scores.labels,
            picks: self.scores.picks,
            hits: self.scores.hits,
            scores: SCORES.into_iter().map(triple).collect(),
            training: training.into(),
        }
    }
}

impl PickRecord {
    /// The text of `scores.csv`.
    pub fn csv(records: &[Self]) -> String {
        let mut text = String::from(
            "picker,amplitude,phase,category,threshold,tolerance_s,traces,labels,picks,hits",
        );
        for name in SCORES {
            text.push_str(&format!(",{name},{name}_lower,{name}_upper"));
        }
        text.push_str(",training\n");
        let number = |x: Option<f64>| x.map(|x| x.to_string()).unwrap_or_default();
        for r in records {
            let mut cells = vec![
                quoted(&r.picker),
                r.amplitude.clone(),
                r.phase.clone(),
                quoted(&r.category),
                number(r.threshold),
                r.tolerance_s.to_string(),
            ];
            cells.extend([r.traces, r.labels, r.picks, r.hits].map(|n| n.to_string()));
            cells.extend(SCORES.iter().flat_map(|name| r.scores[name].map(number)));
            cells.push(quoted(&r.training));
            text.push_str(&cells.join(","));
            text.push('\n');
        }
        text
    }
}

fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_string(),
    }
}
