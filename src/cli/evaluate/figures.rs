//! Figures of an evaluation, from scores to plain structs of the plot room.

use std::path::Path;

use super::report::Report;
use crate::detect::evaluation::{Judged, PHASES};
use crate::error::Result;
use crate::plot::keep;
use crate::plot::residuals::{ResidualPanel, ResidualsFigure};
use crate::plot::threshold_curves::{PhaseCurves, ThresholdCurve, ThresholdCurvesFigure};

/// Pickers in one figure; further ones go into further figures.
const TOGETHER: usize = 8;

/// Draws `thresholds.png` and `residuals.png` (`thresholds-2.png` … for many pickers).
pub fn draw(report: &Report, folder: &Path) -> Result<()> {
    let whole = report.judged.iter().filter(|j| j.category == "all");
    let all: Vec<&Judged> = whole.filter(|j| !is_repetition(j, &report.judged)).collect();
    let rows = |with: &dyn Fn(&&&Judged) -> bool| -> Vec<(String, String)> {
        let mut names = Vec::new();
        for judged in all.iter().filter(with) {
            let key = (judged.name.clone(), judged.amplitude.clone());
            if !names.contains(&key) {
                names.push(key);
            }
        }
        names
    };
    let tolerance = report.tolerances.hit as f64 * 1e-9;
    let title = format!("Picks within {tolerance} s of labels, by threshold");
    let with_curves = rows(&|judged| judged.curve.iter().any(|point| point.picks > 0));
    for (number, pickers) in with_curves.chunks(TOGETHER).enumerate() {
        let figure = ThresholdCurvesFigure { title: title.clone(), phases: curves(&all, pickers) };
        keep(folder, &numbered("thresholds", number), figure)?;
    }
    let with_residuals = rows(&|judged| !judged.scores.residuals.is_empty());
    for (number, pickers) in with_residuals.chunks(TOGETHER).enumerate() {
        let figure = ResidualsFigure {
            title: "Picks less labels".into(),
            limit: report.tolerances.residual as f64 * 1e-9,
            tolerance,
            panels: panels(&all, pickers),
        };
        keep(folder, &numbered("residuals", number), figure)?;
    }
    Ok(())
}

/// Whether the rule for tiny amplitudes changes nothing: one curve would hide the other.
fn is_repetition(judged: &Judged, all: &[Judged]) -> bool {
    let same = |other: &Judged| {
        other.name == judged.name
            && other.phase == judged.phase
            && other.category == judged.category
            && other.amplitude == "absolute"
            && other.scores.residuals == judged.scores.residuals
            && other.scores.picks == judged.scores.picks
            && other
                .curve
                .iter()
                .map(|p| (p.picks, p.hits))
                .eq(judged.curve.iter().map(|p| (p.picks, p.hits)))
    };
    judged.amplitude == "relative" && all.iter().any(same)
}

fn numbered(name: &str, number: usize) -> String {
    if number == 0 { name.to_string() } else { format!("{name}-{}", number + 1) }
}

fn label(judged: &Judged) -> String {
    match judged.amplitude.as_str() {
        "relative" => format!("{}, relative", judged.name),
        _ => judged.name.clone(),
    }
}

fn of<'a>(all: &[&'a Judged], picker: &(String, String), phase: &str) -> Option<&'a Judged> {
    let own = |j: &&&Judged| j.name == picker.0 && j.amplitude == picker.1 && j.phase == phase;
    all.iter().find(own).copied()
}

fn curves(all: &[&Judged], pickers: &[(String, String)]) -> Vec<PhaseCurves> {
    let curve = |judged: &Judged| ThresholdCurve {
        name: label(judged),
        own: judged.threshold,
        points: judged.curve.iter().map(|p| [p.threshold, p.precision, p.recall, p.f1]).collect(),
    };
    let phase = |phase: &str| PhaseCurves {
        phase: phase.into(),
        curves: pickers.iter().filter_map(|picker| of(all, picker, phase)).map(curve).collect(),
    };
    PHASES.map(phase).into_iter().filter(|phase| !phase.curves.is_empty()).collect()
}

fn panels(all: &[&Judged], pickers: &[(String, String)]) -> Vec<ResidualPanel> {
    let both = pickers.iter().flat_map(|picker| PHASES.map(|phase| of(all, picker, phase)));
    both.flatten()
        .map(|judged| {
            let scores = &judged.scores;
            let (mean, sigma, mae) = (scores.mean.value, scores.sigma.value, scores.mae.value);
            let n = scores.residuals.len();
            ResidualPanel {
                name: format!("{}, {}", label(judged), judged.phase),
                words: match n {
                    0 | 1 => format!("n = {n}"),
                    _ => format!("n = {n}, μ {mean:.3} s, σ {sigma:.3} s, MAE {mae:.3} s"),
                },
                baseline: judged.baseline,
                residuals: scores.residuals.clone(),
            }
        })
        .collect()
}
