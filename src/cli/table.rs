//! `temblor table`: what is in a CSV or Parquet table.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Outcome;
use super::table_reading::TableReading;
use crate::error::{Error, Result};
use crate::progress;
use crate::read::table::{ColumnValues, Table, TableColumn};
use crate::time::UtcTime;

/// Show how a CSV or Parquet table is read: rows, columns, units, empty cells, ranges, notes.
#[derive(clap::Args)]
pub struct Args {
    /// CSV (gzip-compressed or not) or Parquet.
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// One JSON object on stdout.
    #[arg(long)]
    json: bool,
    /// Columns to keep besides the time, separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,
    #[command(flatten)]
    reading: TableReading,
}

/// The table in numbers.
#[derive(Serialize)]
struct Summary<'a> {
    file: &'a Path,
    rows: usize,
    columns: Vec<ColumnSummary<'a>>,
    notes: &'a [String],
}

/// One column: `min`, `mean`, `max` of numbers, `first` and `last` row of times.
#[derive(Serialize)]
struct ColumnSummary<'a> {
    name: &'a str,
    kind: &'static str,
    unit: Option<&'a str>,
    nulls: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<String>,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    let (table, notes) = args.reading.read(&args.path, &args.columns, None)?;
    let summary = Summary {
        file: &args.path,
        rows: table.rows(),
        columns: table.columns.iter().map(summarise).collect(),
        notes: &notes.0,
    };
    let stdout = std::io::stdout();
    let mut out = std::io::BufWriter::new(stdout.lock());
    let text = if args.json {
        serde_json::to_string(&summary).map_err(|e| Error::data(e.to_string()))? + "\n"
    } else {
        notes.0.iter().for_each(|note| {
            progress::note(format_args!("{}: {note}", args.path.display()));
        });
        lines(&summary, &table)
    };
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(Error::io("standard output"))?;
    Ok(Outcome::Done)
}

fn summarise(column: &TableColumn) -> ColumnSummary<'_> {
    let mut summary = ColumnSummary {
        name: &column.name,
        kind: "text",
        unit: column.unit.as_deref(),
        nulls: column.values.nulls(),
        min: None,
        mean: None,
        max: None,
        first: None,
        last: None,
    };
    match &column.values {
        ColumnValues::Text(_) => {}
        ColumnValues::Time(times) => {
            summary.kind = "time";
            let text = |t: &i64| UtcTime(*t).to_string();
            summary.first = times.iter().flatten().next().map(text);
            summary.last = times.iter().flatten().next_back().map(text);
        }
        ColumnValues::Number(numbers) => {
            summary.kind = "number";
            let known = || numbers.iter().copied().filter(|v| !v.is_nan());
            summary.min = known().reduce(f64::min);
            summary.max = known().reduce(f64::max);
            let mean = known().sum::<f64>() / known().count() as f64;
            summary.mean = summary.min.map(|_| mean);
        }
    }
    summary
}

fn lines(summary: &Summary, table: &Table) -> String {
    let names = table.columns.iter().map(|c| c.name.chars().count());
    // A name of thousands of letters must not push the others off the screen.
    let width = names.max().unwrap_or(0).clamp(6, 60);
    let mut text = format!(
        "{}: {} rows\n{:<width$} {:<6} {:<8} {:>8}  range\n",
        summary.file.display(),
        summary.rows,
        "column",
        "kind",
        "unit",
        "empty"
    );
    for c in &summary.columns {
        let range = match (c.min, c.mean, c.max, &c.first, &c.last) {
            (Some(min), Some(mean), Some(max), ..) => {
                format!("{min} to {max}, mean {mean:.6}")
            }
            (.., Some(first), Some(last)) => format!("{first} to {last}"),
            _ => String::new(),
        };
        let unit = c.unit.unwrap_or("");
        let line = format!("{:<width$} {:<6} {unit:<8} {:>8}  {range}", c.name, c.kind, c.nulls);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
