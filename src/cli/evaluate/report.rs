//! What an evaluation leaves: tables, JSON, the text on the terminal.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::path::Path;

use serde_json::{Value, json};

use crate::data::picks::TraceSet;
use crate::detect::evaluation::{Answers, Judged, PickRecord};
use crate::error::Result;
use crate::output::write_atomically;
use crate::score::picks::Tolerances;

/// A finished evaluation.
pub struct Report {
    /// What was judged on.
    pub data: String,
    /// How far apart picks and labels may be.
    pub tolerances: Tolerances,
    /// Scores.
    pub judged: Vec<Judged>,
    /// Of each picker, what its training data share with these.
    pub training: Vec<(String, String)>,
}

impl Report {
    fn training(&self, name: &str) -> &str {
        self.training.iter().find(|(of, _)| of == name).map_or("", |(_, words)| words)
    }

    fn records(&self) -> Vec<PickRecord> {
        let record = |j: &Judged| j.record(self.tolerances, self.training(&j.name));
        self.judged.iter().map(record).collect()
    }

    /// Everything but curves and residuals.
    pub fn json(&self) -> Value {
        let seconds = |nanoseconds: i64| nanoseconds as f64 * 1e-9;
        let training: serde_json::Map<String, Value> =
            self.training.iter().map(|(name, words)| (name.clone(), json!(words))).collect();
        json!({
            "data": self.data,
            "tolerance_s": seconds(self.tolerances.hit),
            "residuals_up_to_s": seconds(self.tolerances.residual),
            "matching": "one to one, nearest first, by phase and trace",
            "intervals": "95 %, bootstrap over whole events, 1000 draws",
            "training": training,
            "scores": self.records(),
        })
    }

    /// Writes `scores.csv`, `thresholds.csv`, `residuals.csv` and `report.json` into `folder`.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let write = |name: &str, text: &str| write_atomically(&folder.join(name), text.as_bytes());
        write("scores.csv", &PickRecord::csv(&self.records()))?;
        write("thresholds.csv", &self.thresholds())?;
        write("residuals.csv", &self.residuals())?;
        write("report.json", &format!("{:#}\n", self.json()))
    }

    fn thresholds(&self) -> String {
        let mut text =
            String::from("picker,amplitude,phase,threshold,picks,hits,precision,recall,f1\n");
        let number = |x: f64| if x.is_finite() { x.to_string() } else { String::new() };
        for j in &self.judged {
            for p in &j.curve {
                let head = [quoted(&j.name), j.amplitude.clone(), j.phase.clone()].join(",");
                let scores = [p.precision, p.recall, p.f1].map(number).join(",");
                text.push_str(&format!("{head},{},{},{},{scores}\n", p.threshold, p.picks, p.hits));
            }
        }
        text
    }

    fn residuals(&self) -> String {
        let mut text = String::from("picker,amplitude,phase,residual_s\n");
        for j in self.judged.iter().filter(|j| j.category == "all") {
            for residual in &j.scores.residuals {
                let name = quoted(&j.name);
                text.push_str(&format!("{name},{},{},{residual:.6}\n", j.amplitude, j.phase));
            }
        }
        text
    }
}

/// Writes `picks.csv`: every pick of every picker at its own threshold.
pub fn write_picks(folder: &Path, set: &TraceSet, answers: &[Answers]) -> Result<()> {
    let mut text = String::from("picker,amplitude,trace,phase,time_s,probability\n");
    for one in answers {
        for phase in &one.phases {
            for (trace, picks) in &phase.traces {
                for pick in &picks.own {
                    let time = pick.time as f64 * 1e-9;
                    let names = [&one.name, &one.amplitude, &set.traces[*trace].name];
                    let head = names.map(|name| quoted(name)).join(",");
                    let (phase, probability) = (&phase.phase, pick.probability);
                    text.push_str(&format!("{head},{phase},{time:.6},{probability:.6}\n"));
                }
            }
        }
    }
    write_atomically(&folder.join("picks.csv"), text.as_bytes())
}

fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_string(),
    }
}

const HEAD: [&str; 12] = [
    "picker",
    "amplitude",
    "threshold",
    "labels",
    "picks",
    "precision",
    "recall",
    "F1",
    "best",
    "mean",
    "sigma",
    "MAE",
];

impl fmt::Display for Report {
    /// A section a category and phase, a line a picker, intervals in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tolerance = self.tolerances.hit as f64 * 1e-9;
        let residual = self.tolerances.residual as f64 * 1e-9;
        writeln!(
            f,
            "{}\nhits within {tolerance} s; mean, sigma, MAE in s of pairs within {residual} s; \
             best: labels hit by the most probable pick",
            self.data
        )?;
        let mut sections: Vec<(&str, &str)> = Vec::new();
        for j in &self.judged {
            if !sections.contains(&(&j.category, &j.phase)) {
                sections.push((&j.category, &j.phase));
            }
        }
        sections.sort_by_key(|(category, _)| *category != "all");
        for (category, phase) in sections {
            let rows: Vec<&Judged> = self
                .judged
                .iter()
                .filter(|j| j.category == category && j.phase == phase)
                .filter(|j| j.traces > 0)
                .collect();
            if rows.is_empty() {
                continue;
            }
            let traces: BTreeSet<usize> = rows.iter().map(|j| j.traces).collect();
            let traces: Vec<String> = traces.iter().map(usize::to_string).collect();
            writeln!(f, "\n{phase}, {category}: {} traces", traces.join(" or "))?;
            write_section(f, &rows)?;
        }
        for (name, words) in &self.training {
            writeln!(f, "{name}: {words}")?;
        }
        Ok(())
    }
}

fn write_section(f: &mut fmt::Formatter<'_>, rows: &[&Judged]) -> fmt::Result {
    let mut lines = vec![HEAD.map(str::to_string)];
    for j in rows {
        let with_interval = |name: &str| {
            let estimate = j.estimate(name);
            match (estimate.value.is_finite(), estimate.interval.lower.is_finite()) {
                (false, _) => "-".to_string(),
                (true, false) => format!("{:.3}", estimate.value),
                (true, true) => format!(
                    "{:.3} [{:.3}, {:.3}]",
                    estimate.value, estimate.interval.lower, estimate.interval.upper
                ),
            }
        };
        let plain = |name: &str| match j.estimate(name).value {
            x if x.is_finite() => format!("{x:.3}"),
            _ => "-".to_string(),
        };
        lines.push([
            j.name.clone(),
            j.amplitude.clone(),
            j.threshold.map(|t| format!("{t:.2}")).unwrap_or_default(),
            j.scores.labels.to_string(),
            j.scores.picks.to_string(),
            with_interval("precision"),
            with_interval("recall"),
            plain("f1"),
            plain("best_recall"),
            plain("mean_s"),
            plain("sigma_s"),
            plain("mae_s"),
        ]);
    }
    let width = |column: usize| lines.iter().map(|l| l[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEAD.len()).map(|column| width(column).min(60)).collect();
    for line in &lines {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            write!(text, "  {cell:<width$}")?;
        }
        writeln!(f, "{}", text.trim_end())?;
    }
    Ok(())
}
