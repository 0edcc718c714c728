//! INPUT of `temblor forecast`: an archive or a table becomes the series to forecast.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::data::{ChannelActivity, Column, Series, SeriesOptions, series_of_table};
use crate::error::{Error, Result};
use crate::progress;
use crate::read::{Archive, ArchiveOptions, StreamPattern, table};
use crate::signal::{ActivitySettings, Align, Feature};
use crate::time::{SECOND, Span, UtcTime};

/// Where the series comes from and which of its values is the target.
#[derive(clap::Args, Clone)]
pub struct InputArgs {
    /// An archive (files, folders, globs, SDS trees) or one CSV or Parquet table. A run folder
    /// before it: its models forecast, nothing is trained, and its settings hold but for --from,
    /// --to and --channels.
    #[arg(required = true, value_name = "INPUT")]
    pub input: Vec<PathBuf>,
    /// Archive: only these channels, e.g. 'TA.C26K..BHZ'; repeatable.
    #[arg(long, value_name = "PATTERN")]
    pub channels: Vec<StreamPattern>,
    /// Archive: length of a feature window in seconds, which is a row of the series.
    #[arg(long, value_name = "SECONDS", default_value_t = 600.0)]
    pub window: f64,
    /// Archive: begin windows at --from or the first sample instead of at round times.
    #[arg(long)]
    pub align_start: bool,
    /// Archive: feature to forecast.
    #[arg(long, value_name = "NAME", default_value = "rsam")]
    pub feature: String,
    /// Table: column to forecast; the only column of numbers if absent.
    #[arg(long, value_name = "COLUMN")]
    pub value: Option<String>,
    /// Further columns (or features) given to the networks; repeatable.
    #[arg(long = "with", value_name = "COLUMN")]
    pub covariates: Vec<String>,
    /// Table: column of times; the first one if absent.
    #[arg(long, value_name = "COLUMN")]
    pub index: Option<String>,
    /// Table: column that names station, well or bore; each is forecast by itself.
    #[arg(long, value_name = "COLUMN")]
    pub group: Option<String>,
    /// Table: grid step in seconds; the median step if absent.
    #[arg(long, value_name = "SECONDS")]
    pub step: Option<f64>,
    /// Forecast the decadic logarithm; values of 0 and below count as missing.
    #[arg(long)]
    pub log10: bool,
    /// Only data from this time on.
    #[arg(long, value_name = "TIME")]
    pub from: Option<UtcTime>,
    /// Only data before this time.
    #[arg(long, value_name = "TIME")]
    pub to: Option<UtcTime>,
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
    /// Reads the input into one target a channel or group.
    pub fn read(&self) -> Result<Vec<Target>> {
        let (series, all_read) = match &self.input[..] {
            [path] if is_table(path) => (self.read_table(path)?, true),
            _ => self.read_archive()?,
        };
        series.into_iter().map(|series| self.target(series, all_read)).collect()
    }

    fn span(&self) -> Span {
        Span { start: self.from.unwrap_or(Span::ALL.start), end: self.to.unwrap_or(Span::ALL.end) }
    }

    fn read_table(&self, path: &Path) -> Result<Vec<Series>> {
        let (table, notes) = table::read(path, &table::CsvOptions::default())?;
        for note in &notes.0 {
            progress::note(format_args!("{}: {note}", path.display()));
        }
        let options = SeriesOptions {
            index: self.index.clone(),
            group: self.group.clone(),
            step_seconds: self.step,
            ..SeriesOptions::default()
        };
        let cut = |series: Series| cut_to(series, self.span());
        Ok(series_of_table(&table, &options)?.into_iter().map(cut).collect())
    }

    fn read_archive(&self) -> Result<(Vec<Series>, bool)> {
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
            span: self.span(),
            ..ActivitySettings::default()
        };
        // Filters that start an hour before --from have settled there.
        let options = ArchiveOptions {
            span: Span { start: self.span().start.plus(-3600 * SECOND), end: self.span().end },
            channels: self.channels.clone(),
            ..ArchiveOptions::default()
        };
        let (archive, report) = Archive::open(&self.input, &options)?;
        report.say();
        let channels = archive.channels();
        let mut progress = progress::Progress::new("features", "channels", channels.len() as u64);
        let computed: Vec<Result<ChannelActivity>> = channels
            .par_iter()
            .map(|id| ChannelActivity::compute(&archive, id, &settings, |_| ()))
            .collect();
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

    /// Picks the target column, puts it first, takes logarithms.
    fn target(&self, series: Series, all_read: bool) -> Result<Target> {
        let archive = series.columns.iter().any(|column| column.name == "coverage");
        let name = match (&self.value, archive) {
            (Some(value), _) => value.clone(),
            (None, true) => self.feature.clone(),
            (None, false) => match &series.columns[..] {
                [column] => column.name.clone(),
                columns => {
                    let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
                    return Err(Error::usage(format!(
                        "say which column to forecast: --value {}",
                        names.join(" | ")
                    )));
                }
            },
        };
        let mut kept = vec![series.column_index(&name)?];
        for covariate in &self.covariates {
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
        let label = if series.group.is_empty() { name } else { format!("{} {name}", series.group) };
        let series = Series { columns, values, ..series };
        Ok(Target { series, name: label, quantity, all_read })
    }
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
