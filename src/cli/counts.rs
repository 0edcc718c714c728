//! `temblor counts`: lists of picks, detections or events become a table that can be forecast.

use std::path::{Path, PathBuf};

use super::Outcome;
use super::table_reading::TableReading;
use super::waveform_reading::WaveformReading;
use crate::data::{CountSettings, Occurrence, Watch, count, table_of_series};
use crate::error::{Error, Result};
use crate::progress::note;
use crate::read::format::FormatOptions;
use crate::read::table::{self, ColumnValues, CsvOptions, Table, TableColumn};
use crate::read::{Archive, ArchiveOptions};
use crate::time::{SECOND, Span, UtcTime};

/// Count picks, detections or events in windows: a table for `temblor forecast`.
///
/// Rows are windows that begin at round times; a window that was not covered is empty, not 0.
/// `temblor forecast` takes the table as it is: with --by it asks for --value, with --group for
/// --group group.
#[derive(clap::Args)]
pub struct Args {
    /// A CSV or Parquet table with a row each, or the folder of `temblor pick`: its picks.csv and
    /// its coverage.csv.
    #[arg(value_name = "INPUT")]
    input: PathBuf,
    /// Table to write: CSV, or Parquet by suffix.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Length of a window: 30s, 10m, 1h, 1d.
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    every: i64,
    /// A column of counts for each value of this column: phase, class.
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// Rows of their own for each value of this column: trace_id, station.
    #[arg(long, value_name = "COLUMN")]
    group: Option<String>,
    /// When there were data: a table with trace_id, start_time and end_time.
    #[arg(long, value_name = "FILE", conflicts_with = "archive")]
    coverage: Option<PathBuf>,
    /// When there were data: what these files, folders, globs or SDS trees hold; repeatable.
    #[arg(long, value_name = "PATH")]
    archive: Vec<PathBuf>,
    /// Share of a window that must be covered, of all stations together where they are counted
    /// together.
    #[arg(long, value_name = "SHARE", default_value_t = 0.9)]
    least_coverage: f64,
    /// Only rows whose column `probability` is at least this.
    #[arg(long, value_name = "VALUE")]
    least_probability: Option<f64>,
    /// Only windows from this time on.
    #[arg(long, value_name = "TIME")]
    from: Option<UtcTime>,
    /// Only windows that end by this time.
    #[arg(long, value_name = "TIME")]
    to: Option<UtcTime>,
    #[command(flatten)]
    reading: TableReading,
    #[command(flatten)]
    waveforms: WaveformReading,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    if !(0.0..=1.0).contains(&args.least_coverage) {
        let found = args.least_coverage;
        return Err(Error::usage(format!("--least-coverage: expected 0 to 1, found {found}")));
    }
    let (path, beside) = match args.input.is_dir() {
        true => (args.input.join("picks.csv"), Some(args.input.join("coverage.csv"))),
        false => (args.input.clone(), None),
    };
    let (table, notes) = args.reading.read(&path, &[], None)?;
    notes.0.iter().for_each(|text| note(format_args!("{}: {text}", path.display())));
    let occurrences = args.occurrences(&path, &table)?;
    let (watches, clean) = args.watches(beside.filter(|path| path.exists()))?;
    if watches.is_none() {
        note("without --coverage or --archive windows without rows count 0, data or not");
    }
    let settings = CountSettings {
        every: args.every,
        span: Span::between(args.from, args.to)?,
        least_coverage: args.least_coverage,
    };
    let series = count(&occurrences, watches.as_deref(), &settings)?;
    table::write(&args.out, &table_of_series(&series)?)?;
    let rows: usize = series.iter().map(|one| one.rows()).sum();
    let values = series.iter().flat_map(|one| one.values.chunks(one.columns.len().max(1)));
    let missing = values.filter(|row| row.iter().all(|value| value.is_nan())).count();
    let counts = series.iter().flat_map(|one| &one.values).filter(|value| !value.is_nan());
    let counted = counts.sum::<f64>() as u64;
    if missing == rows && watches.is_some() {
        note(
            "no window is covered: where stations are counted together, all of them must have data; \
             --group trace_id counts each by itself, --least-coverage asks for less",
        );
    }
    println!(
        "{}: {rows} windows, {missing} of them not covered; {counted} of {} rows counted",
        args.out.display(),
        occurrences.len()
    );
    Ok(if clean { Outcome::Done } else { Outcome::SomeInputsFailed })
}

impl Args {
    fn occurrences(&self, path: &Path, table: &Table) -> Result<Vec<Occurrence>> {
        let times = table.columns.iter().find(|c| matches!(c.values, ColumnValues::Time(_)));
        let times = match times {
            Some(column) => times_of(path, column)?,
            // An empty list has no times by which their column could be told.
            None if table.rows() == 0 => Vec::new(),
            None => {
                let text = "no column of times; name it with --time";
                return Err(Error::usage(format!("{}: {text}", path.display())));
            }
        };
        let words = |name: &Option<String>, flag: &str| -> Result<Option<Vec<String>>> {
            match name {
                None => Ok(None),
                Some(name) => {
                    let column = table.column(name);
                    let column = column.map_err(|e| Error::usage(format!("--{flag}: {e}")))?;
                    Ok(Some(texts_of(column)))
                }
            }
        };
        let kinds = words(&self.by, "by")?;
        let groups = words(&self.group, "group")?;
        let taken = ["time", "group"];
        if let Some(name) = kinds.iter().flatten().find(|name| taken.contains(&name.as_str())) {
            let text = format!("--by: '{name}' cannot be the name of a column of counts");
            return Err(Error::usage(text));
        }
        let probabilities = match (self.least_probability, table.column("probability")) {
            (None, _) => None,
            (Some(least), Ok(TableColumn { values: ColumnValues::Number(values), .. })) => {
                Some((least, values))
            }
            (Some(_), _) => {
                let text = "--least-probability: no column 'probability' of numbers";
                return Err(Error::usage(format!("{}: {text}", path.display())));
            }
        };
        let word = |all: &Option<Vec<String>>, row: usize| match all {
            Some(all) => all[row].clone(),
            None => String::new(),
        };
        let probable = |row: &usize| probabilities.is_none_or(|(least, all)| all[*row] >= least);
        let rows = (0..times.len()).filter(probable);
        let occurrence = |row: usize| {
            let (group, kind) = (word(&groups, row), word(&kinds, row));
            times[row].map(|time| Occurrence { time, group, kind })
        };
        Ok(rows.filter_map(occurrence).collect())
    }

    /// When there were data, and whether all that says so was read.
    fn watches(&self, beside: Option<PathBuf>) -> Result<(Option<Vec<Watch>>, bool)> {
        if let Some(path) = self.coverage.clone().or(beside.filter(|_| self.archive.is_empty())) {
            return Ok((Some(watches_of_table(&path)?), true));
        }
        if self.archive.is_empty() {
            return Ok((None, true));
        }
        let format = FormatOptions::from(&self.waveforms);
        let options = ArchiveOptions { format, ..ArchiveOptions::default() };
        let (archive, report) = Archive::open(&self.archive, &options)?;
        report.say();
        let mut watches = Vec::new();
        for id in archive.channels() {
            let station = format!("{}.{}.{}", id.network, id.station, id.location);
            let stretches = archive.presence(&id).stretches.into_iter();
            watches.extend(stretches.map(|span| Watch { station: station.clone(), span }));
        }
        Ok((Some(watches), report.is_clean()))
    }
}

fn watches_of_table(path: &Path) -> Result<Vec<Watch>> {
    let options =
        CsvOptions { time_columns: vec!["start_time".to_string()], ..CsvOptions::default() };
    let (table, _) = table::read(path, &options)?;
    let column = |name: &str| {
        table.column(name).map_err(|error| {
            let expected = "expected the columns trace_id, start_time, end_time";
            Error::input(path, format!("{error}; {expected}"))
        })
    };
    let stations = texts_of(column("trace_id")?);
    let starts = times_of(path, column("start_time")?)?;
    let ends = times_of(path, column("end_time")?)?;
    let watch = |(station, (start, end)): (String, (Option<UtcTime>, Option<UtcTime>))| {
        Some(Watch { station, span: Span { start: start?, end: end? } })
    };
    Ok(stations.into_iter().zip(starts.into_iter().zip(ends)).filter_map(watch).collect())
}

/// The times of a column, which may have been read as text; `None` where there is none.
fn times_of(path: &Path, column: &TableColumn) -> Result<Vec<Option<UtcTime>>> {
    match &column.values {
        ColumnValues::Time(times) => Ok(times.iter().map(|time| time.map(UtcTime)).collect()),
        ColumnValues::Text(texts) => {
            let parsed = texts.iter().enumerate().map(|(row, text)| match text.as_deref() {
                None | Some("") => Ok(None),
                Some(text) => text.parse().map(Some).map_err(|error| {
                    Error::input(path, format!("row {}: {}: {error}", row + 1, column.name))
                }),
            });
            parsed.collect()
        }
        ColumnValues::Number(_) => {
            let text = format!("column '{}': expected times, found numbers", column.name);
            Err(Error::input(path, text))
        }
    }
}

fn texts_of(column: &TableColumn) -> Vec<String> {
    match &column.values {
        ColumnValues::Text(texts) => texts.iter().map(|t| t.clone().unwrap_or_default()).collect(),
        ColumnValues::Number(numbers) => numbers.iter().map(f64::to_string).collect(),
        ColumnValues::Time(times) => {
            times.iter().map(|t| t.map(|t| UtcTime(t).to_string()).unwrap_or_default()).collect()
        }
    }
}

/// `30s`, `10m`, `1h`, `1d`, or seconds without a letter, in nanoseconds.
fn length(text: &str) -> std::result::Result<i64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..) {
        Some("" | "s") => 1.0,
        Some("m" | "min") => 60.0,
        Some("h") => 3600.0,
        Some("d") => 86_400.0,
        _ => f64::NAN,
    };
    let seconds = digits.parse::<f64>().unwrap_or(f64::NAN) * unit;
    match (1e-3..=3_660.0 * 86_400.0).contains(&seconds) {
        true => Ok((seconds * SECOND as f64).round() as i64),
        false => Err("expected a length such as 30s, 10m, 1h or 1d".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_units() {
        let found = ["30s", "10m", "1h", "1d", "0.5"].map(|text| length(text).unwrap() / 1_000_000);
        assert_eq!(found, [30_000, 600_000, 3_600_000, 86_400_000, 500]);
        assert!(["", "m", "-1m", "0s", "1y", "nan", "inf"].iter().all(|t| length(t).is_err()));
    }
}
