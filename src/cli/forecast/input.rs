//! INPUT of `temblor forecast`: an archive or a table becomes the series to forecast.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cli::step_flags::causal_steps;
use crate::cli::table_reading::TableReading;
use crate::cli::waveform_reading::WaveformReading;
use crate::data::{
    Aggregation, ChannelActivity, Column, Duplicates, Series, SeriesOptions, series_of_table,
};
use crate::error::{Error, Result};
use crate::progress;
use crate::read::format::FormatOptions;
use crate::read::table::{ColumnValues, Table, TableColumn};
use crate::read::{Archive, ArchiveOptions, StreamPattern};
use crate::signal::steps::Pipeline;
use crate::signal::{ActivitySettings, Align, Feature};
use crate::time::{SECOND, Span, UtcTime};

/// Where the series comes from and which of its values is the target.
#[derive(clap::Args, Clone)]
#[command(next_help_heading = "Input")]
pub struct InputArgs {
    /// An archive (files, folders, globs, SDS trees) or one CSV or Parquet table. A run folder
    /// before it: its models forecast, nothing is trained, and its settings hold but for --from,
    /// --to, --channels, --events and how a table is read.
    #[arg(required = true, value_name = "INPUT")]
    pub input: Vec<PathBuf>,
    /// Only data from this time on.
    #[arg(long, value_name = "TIME")]
    pub from: Option<UtcTime>,
    /// Only data before this time.
    #[arg(long, value_name = "TIME")]
    pub to: Option<UtcTime>,
    /// Forecast the decadic logarithm; values of 0 and below count as missing.
    #[arg(long)]
    pub log10: bool,
    /// Further columns (or features) given to the networks; repeatable.
    #[arg(long = "with", value_name = "COLUMN")]
    pub covariates: Vec<String>,
    /// Archive: only these channels, e.g. 'TA.C26K..BHZ'; repeatable. Each is forecast by itself.
    #[arg(long, value_name = "PATTERN")]
    pub channels: Vec<StreamPattern>,
    /// Archive: prepare the samples by these steps ([[step]] tables of a TOML file,
    /// docs/steps.md), causal ones only.
    #[arg(long, value_name = "FILE", value_parser = causal_steps)]
    pub steps: Option<Pipeline>,
    /// Archive: length of a feature window in seconds, which is a row of the series.
    #[arg(long, value_name = "SECONDS", default_value_t = 600.0)]
    pub window: f64,
    /// Archive: begin windows at --from or the first sample instead of at round times.
    #[arg(long)]
    pub align_start: bool,
    /// Archive: feature to forecast.
    #[arg(long, value_name = "NAME", default_value = "rsam")]
    pub feature: String,
    /// Table: column to forecast, the only column of numbers if absent; repeatable, each is
    /// forecast by itself.
    #[arg(long, value_name = "COLUMN")]
    pub value: Vec<String>,
    /// Table: forecast every column of numbers, each by itself.
    #[arg(long, conflicts_with = "value")]
    pub each: bool,
    /// Table: column of times; the first one if absent.
    #[arg(long, value_name = "COLUMN")]
    pub index: Option<String>,
    /// Table: column that names station, well or bore; each is forecast by itself.
    #[arg(long, value_name = "COLUMN")]
    pub group: Option<String>,
    /// Table: grid step in seconds; the median step if absent.
    #[arg(long, value_name = "SECONDS")]
    pub step: Option<f64>,
    /// Table: which of several rows of one time counts.
    #[arg(long, value_enum, default_value = "error")]
    pub duplicates: DuplicatesChoice,
    /// Table: how the values of one grid step become one.
    #[arg(long, value_enum, default_value = "mean")]
    pub aggregate: AggregateChoice,
    #[command(flatten)]
    pub reading: TableReading,
    #[command(flatten)]
    pub waveforms: WaveformReading,
}

/// As [`Duplicates`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DuplicatesChoice {
    /// Refuse the table.
    #[default]
    Error,
    /// The first in the file.
    First,
    /// The last in the file.
    Last,
    /// Their mean.
    Mean,
}

/// As [`Aggregation`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AggregateChoice {
    /// Arithmetic mean.
    #[default]
    Mean,
    /// Sum: rain.
    Sum,
    /// The last in time: states.
    Last,
}

/// One series with its target column first and the words for a figure.
pub struct Target {
    /// Target and covariates.
    pub series: Series,
    /// Name in the table of scores.
    pub name: String,
    /// Quantity and unit.
    pub quantity: String,
    /// Whether every input was read.
    pub all_read: bool,
}

impl InputArgs {
    /// Reads the input into targets: each channel or group, and of it each value asked for.
    pub fn read(&self) -> Result<Vec<Target>> {
        let (series, all_read) = match &self.input[..] {
            [path] if is_table(path) && self.steps.is_some() => {
                let text = "--steps prepares waveforms; this is a table";
                return Err(Error::usage(format!("{}: {text}", path.display())));
            }
            [path] if is_table(path) => (self.read_table(path)?, true),
            _ => self.read_archive()?,
        };
        let mut targets = Vec::new();
        for series in series {
            for name in self.values(&series)? {
                targets.push(self.target(&series, &name, all_read)?);
            }
        }
        Ok(targets)
    }

    /// The names of the columns to forecast.
    fn values(&self, series: &Series) -> Result<Vec<String>> {
        let archive = is_of_archive(series);
        let names = || {
            let all = series.columns.iter().map(|column| column.name.clone());
            all.filter(|name| !archive || name != COVERAGE)
        };
        if !self.value.is_empty() {
            return Ok(self.value.clone());
        }
        if self.each || series.columns.len() == 1 {
            return Ok(names().filter(|name| !self.covariates.contains(name)).collect());
        }
        if archive {
            return Ok(vec![self.feature.clone()]);
        }
        let choices: Vec<String> =
            names().map(|name| format!("--value {}", shell(&name))).collect();
        Err(Error::usage(format!(
            "say which column to forecast: {}; or all of them: --each",
            choices.join(", ")
        )))
    }

    fn span(&self) -> Result<Span> {
        Span::between(self.from, self.to)
    }

    fn read_table(&self, path: &Path) -> Result<Vec<Series>> {
        let (table, notes) = self.reading.read(path, &[], self.index.as_ref())?;
        for note in &notes.0 {
            progress::note(format_args!("{}: {note}", path.display()));
        }
        let aggregation = match self.aggregate {
            AggregateChoice::Mean => Aggregation::Mean,
            AggregateChoice::Sum => Aggregation::Sum,
            AggregateChoice::Last => Aggregation::Last,
        };
        let options = SeriesOptions {
            index: self.index.clone(),
            group: self.group.clone(),
            step_seconds: self.step,
            duplicates: match self.duplicates {
                DuplicatesChoice::Error => Duplicates::Error,
                DuplicatesChoice::First => Duplicates::First,
                DuplicatesChoice::Last => Duplicates::Last,
                DuplicatesChoice::Mean => Duplicates::Mean,
            },
            aggregation: table.columns.iter().map(|c| (c.name.clone(), aggregation)).collect(),
            ..SeriesOptions::default()
        };
        let series =
            series_of_table(&table, &options).map_err(|error| self.advised(error, &table))?;
        let span = self.span()?;
        Ok(series.into_iter().map(|series| cut_to(series, span)).collect())
    }

    /// Rows of one time that differ often are of several stations.
    fn advised(&self, error: Error, table: &Table) -> Error {
        let names: Vec<String> = names_of_groups(table)
            .into_iter()
            .map(|(name, _)| format!("--group {}", shell(name)))
            .collect();
        match error {
            Error::Data(problem)
                if self.group.is_none()
                    && !names.is_empty()
                    && problem.contains("--duplicates") =>
            {
                let names = names.join(", ");
                Error::data(format!("{problem}; or the column that tells series apart: {names}"))
            }
            other => other,
        }
    }

    fn read_archive(&self) -> Result<(Vec<Series>, bool)> {
        let span = self.span()?;
        let names = std::iter::once(&self.feature).chain(&self.covariates);
        let features = names.map(|name| Feature::named(name)).collect::<Result<Vec<_>>>()?;
        if !(1.0..=366.0 * 86_400.0).contains(&self.window) {
            let found = self.window;
            return Err(Error::usage(format!("--window: expected 1 s to a year, found {found}")));
        }
        let settings = ActivitySettings {
            window: (self.window * SECOND as f64).round() as i64,
            align: match (self.align_start, self.from) {
                (false, _) => Align::Epoch,
                (true, None) => Align::FirstSample,
                (true, Some(from)) => Align::At(from),
            },
            features,
            span,
            ..ActivitySettings::default()
        };
        // Filters that start an hour before --from have settled there.
        let options = ArchiveOptions {
            span: Span { start: span.start.plus(-3600 * SECOND), end: span.end },
            channels: self.channels.clone(),
            format: FormatOptions::from(&self.waveforms),
        };
        let (archive, report) = Archive::open(&self.input, &options)?;
        report.say();
        let channels = archive.channels();
        let steps = self.steps.clone().unwrap_or_default();
        let mut progress = progress::Progress::new("features", "channels", channels.len() as u64);
        let computed = ChannelActivity::compute_all(
            &archive,
            &channels,
            &settings,
            &steps,
            None,
            None,
            |_| (),
        )?;
        progress.advance(channels.len() as u64);
        let mut all_read = report.is_clean();
        let mut series = Vec::new();
        for result in computed {
            match result {
                Ok(channel) => {
                    all_read &= channel.failed.is_empty();
                    channel.failed.iter().for_each(|e| eprintln!("skipped {e}"));
                    series.push(channel.series);
                }
                Err(error @ (Error::Interrupted | Error::Usage(_))) => return Err(error),
                Err(error) => {
                    eprintln!("skipped {error}");
                    all_read = false;
                }
            }
        }
        if series.is_empty() {
            return Err(Error::data("no channel has a single complete window"));
        }
        Ok((series, all_read))
    }

    /// Puts the target column first, takes logarithms.
    fn target(&self, series: &Series, name: &str, all_read: bool) -> Result<Target> {
        let archive = is_of_archive(series);
        let mut kept = vec![series.column_index(name)?];
        for covariate in self.covariates.iter().filter(|covariate| *covariate != name) {
            kept.push(series.column_index(covariate)?);
        }
        let shown = |column: &Column| match &column.unit {
            Some(unit) => format!("{} ({unit})", column.name),
            None => column.name.clone(),
        };
        let quantity = shown(&series.columns[kept[0]]);
        let quantity = if self.log10 { format!("log10 {quantity}") } else { quantity };
        let mut values = Vec::with_capacity(series.rows() * kept.len());
        for row in 0..series.rows() {
            for (place, &column) in kept.iter().enumerate() {
                let value = series.value(row, column);
                values.push(if self.log10 && (place == 0 || archive) {
                    log10(value)
                } else {
                    value
                });
            }
        }
        let columns = kept.iter().map(|&column| series.columns[column].clone()).collect();
        let label = match series.group.is_empty() {
            true => name.to_string(),
            false => format!("{} {name}", series.group),
        };
        let (group, start, step) = (series.group.clone(), series.start, series.step);
        let series = Series { group, start, step, columns, values };
        Ok(Target { series, name: label, quantity, all_read })
    }
}

/// The column that series of archives, and tables of `temblor features`, have beside features.
const COVERAGE: &str = "coverage";

fn is_of_archive(series: &Series) -> bool {
    series.columns.iter().any(|column| column.name == COVERAGE)
}

/// Names of columns of texts that repeat themselves, as names of stations do, with the number of
/// different texts.
fn names_of_groups(table: &Table) -> Vec<(&str, usize)> {
    let repeated = |column: &'_ TableColumn| match &column.values {
        ColumnValues::Text(texts) => {
            let different: BTreeSet<&String> = texts.iter().flatten().collect();
            Some(different.len()).filter(|&n| n > 1 && 2 * n < texts.len())
        }
        _ => None,
    };
    table.columns.iter().filter_map(|c| Some((c.name.as_str(), repeated(c)?))).collect()
}

/// A name as a shell takes it.
fn shell(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_alphanumeric() || "._-".contains(c));
    if plain { name.to_string() } else { format!("'{}'", name.replace('\'', "'\\''")) }
}

fn is_table(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    let suffixes = [".csv", ".csv.gz", ".tsv", ".txt", ".parquet"];
    path.is_file() && suffixes.iter().any(|suffix| name.ends_with(suffix))
}

fn log10(value: f64) -> f64 {
    if value > 0.0 { value.log10() } else { f64::NAN }
}

fn cut_to(series: Series, span: Span) -> Series {
    let inside = |row: &usize| span.contains(series.time(*row));
    let rows: Vec<usize> = (0..series.rows()).filter(inside).collect();
    let width = series.columns.len();
    let (first, last) = match (rows.first(), rows.last()) {
        (Some(&first), Some(&last)) => (first, last + 1),
        _ => (0, 0),
    };
    let values = series.values[first * width..last * width].to_vec();
    Series { start: series.time(first), values, ..series }
}
