//! The table of scores: on the terminal and as `scores.csv`.

use std::fmt::{self, Write as _};
use std::path::Path;

use super::bootstrap::Interval;
use crate::error::Result;
use crate::output::write_atomically;

/// One score.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreRow {
    /// What was forecast or classified: `rsam`, `class`.
    pub target: String,
    /// Whose score it is.
    pub model: String,
    /// How far ahead (`7`, `7 d`); empty where there is no such thing.
    pub horizon: String,
    /// Name of the score.
    pub metric: String,
    /// The score.
    pub value: f64,
    /// 2.5 % point of its bootstrap, NaN if there is none.
    pub lower: f64,
    /// 97.5 % point of its bootstrap, NaN if there is none.
    pub upper: f64,
    /// Number of samples scored.
    pub n: usize,
}

impl ScoreRow {
    /// A row for one metric; `interval` where one was computed.
    pub fn new(
        (target, model, horizon): (&str, &str, &str),
        metric: impl Into<String>,
        value: f64,
        interval: Option<Interval>,
        n: usize,
    ) -> Self {
        let none = Interval { lower: f64::NAN, upper: f64::NAN };
        let Interval { lower, upper } = interval.unwrap_or(none);
        let (target, model, horizon) = (target.into(), model.into(), horizon.into());
        Self { target, model, horizon, metric: metric.into(), value, lower, upper, n }
    }
}

/// Rows of scores in the order they were computed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoreTable {
    /// The rows.
    pub rows: Vec<ScoreRow>,
}

impl ScoreTable {
    /// The value of one score, if it is there.
    pub fn value(&self, model: &str, horizon: &str, metric: &str) -> Option<f64> {
        let found =
            |row: &&ScoreRow| row.model == model && row.horizon == horizon && row.metric == metric;
        self.rows.iter().find(found).map(|row| row.value)
    }

    /// The text of `scores.csv`: `target,model,horizon,metric,value,lower,upper,n`, empty cells
    /// where there is no number.
    pub fn to_csv(&self) -> String {
        let mut text = String::from("target,model,horizon,metric,value,lower,upper,n\n");
        for row in &self.rows {
            let names = [&row.target, &row.model, &row.horizon, &row.metric].map(|n| quoted(n));
            let numbers = [row.value, row.lower, row.upper].map(number);
            let line = format!("{},{},{}\n", names.join(","), numbers.join(","), row.n);
            text.push_str(&line);
        }
        text
    }

    /// Writes `scores.csv`, the whole file or nothing.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_atomically(path, self.to_csv().as_bytes())
    }
}

fn number(value: f64) -> String {
    if value.is_finite() { format!("{value}") } else { String::new() }
}

fn quoted(name: &str) -> String {
    match name.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", name.replace('"', "\"\"")),
        false => name.to_string(),
    }
}

impl fmt::Display for ScoreTable {
    /// One section a target and horizon, one line a model, one column a metric; intervals in
    /// brackets behind their value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sections = distinct(self.rows.iter().map(|row| (&row.target, &row.horizon)));
        for (number, (target, horizon)) in sections.into_iter().enumerate() {
            let rows: Vec<&ScoreRow> = self
                .rows
                .iter()
                .filter(|row| &row.target == target && &row.horizon == horizon)
                .collect();
            let ahead = match horizon.is_empty() {
                true => String::new(),
                false => format!(", horizon {horizon}"),
            };
            let counts = distinct(rows.iter().map(|row| row.n));
            let n = match counts[..] {
                [n] => format!(", n = {n}"),
                _ => String::new(),
            };
            let gap = if number == 0 { "" } else { "\n" };
            writeln!(f, "{gap}{target}{ahead}{n}")?;
            write_section(f, &rows)?;
        }
        Ok(())
    }
}

fn write_section(f: &mut fmt::Formatter<'_>, rows: &[&ScoreRow]) -> fmt::Result {
    let models = distinct(rows.iter().map(|row| &row.model));
    let metrics = distinct(rows.iter().map(|row| &row.metric));
    let head = ["model".to_string()].into_iter().chain(metrics.iter().map(|m| m.to_string()));
    let mut cells: Vec<Vec<String>> = vec![head.collect()];
    for model in models {
        let of = |metric: &String| {
            let found = rows.iter().find(|row| &row.model == model && &row.metric == metric);
            found.map_or(String::new(), |row| cell(row))
        };
        cells.push([model.clone()].into_iter().chain(metrics.iter().map(|m| of(m))).collect());
    }
    // Names come from files; those too long for a screen stand out of their column.
    let widths: Vec<usize> = (0..=metrics.len())
        .map(|column| cells.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .map(|width| width.min(200))
        .collect();
    for line in &cells {
        let mut text = format!("  {:<1$}", line[0], widths[0]);
        for (value, width) in line[1..].iter().zip(&widths[1..]) {
            write!(text, "  {value:<width$}")?;
        }
        writeln!(f, "{}", text.trim_end())?;
    }
    Ok(())
}

fn cell(row: &ScoreRow) -> String {
    let value = match row.value.is_finite() {
        true => format!("{:.4}", row.value),
        false => "-".to_string(),
    };
    match row.lower.is_finite() && row.upper.is_finite() {
        true => format!("{value} [{:.4}, {:.4}]", row.lower, row.upper),
        false => value,
    }
}

fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.fold(Vec::new(), |mut seen, value| {
        if !seen.contains(&value) {
            seen.push(value);
        }
        seen
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> ScoreTable {
        let of = |model, metric, value, interval| {
            ScoreRow::new(("rsam", model, "7"), metric, value, interval, 100)
        };
        let interval = Some(Interval { lower: 0.1, upper: 0.3 });
        ScoreTable {
            rows: vec![
                of("ar", "mae", 0.2, interval),
                of("ar", "pinball", f64::NAN, None),
                of("persistence, raw", "mae", 0.25, interval),
            ],
        }
    }

    #[test]
    fn csv_has_the_columns_and_empty_cells_for_missing_numbers() {
        let csv = table().to_csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], "target,model,horizon,metric,value,lower,upper,n");
        assert_eq!(lines[1], "rsam,ar,7,mae,0.2,0.1,0.3,100");
        assert_eq!(lines[2], "rsam,ar,7,pinball,,,,100");
        assert_eq!(lines[3], "rsam,\"persistence, raw\",7,mae,0.25,0.1,0.3,100");
    }

    #[test]
    fn terminal_table_puts_models_in_lines_and_metrics_in_columns() {
        let text = table().to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "rsam, horizon 7, n = 100");
        assert!(lines[1].starts_with("  model") && lines[1].ends_with("pinball"));
        assert!(lines[2].contains("0.2000 [0.1000, 0.3000]  -"));
        assert_eq!(lines.len(), 4);
    }
}
