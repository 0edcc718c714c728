//! How a table is read: the flags that `temblor table` and `temblor forecast` share.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::read::table::{self, CsvOptions, Layout, Notes, Table, TimeFormat};

/// What a text table does not say by itself; everything not given is detected.
#[derive(clap::Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "How a table is read (detected where not said)")]
#[serde(default, deny_unknown_fields)]
pub struct TableReading {
    /// Mark between fields; ' ' means runs of blanks.
    #[arg(long, value_name = "MARK")]
    delimiter: Option<char>,
    /// Whether numbers have a decimal comma.
    #[arg(long, value_name = "BOOL")]
    decimal_comma: Option<bool>,
    /// Skip everything up to the line with this text.
    #[arg(long, value_name = "TEXT")]
    start_after: Option<String>,
    /// Skip so many lines.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    skip_lines: usize,
    /// How the cells become rows.
    #[arg(long, value_enum, default_value = "rows")]
    layout: LayoutChoice,
    /// Names of the columns where the file has none, separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    names: Option<Vec<String>>,
    /// Columns that make up the time, separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    time: Vec<String>,
    /// How bare numbers in the time are meant.
    #[arg(long, value_enum, default_value = "auto")]
    time_format: TimeChoice,
    /// Hours east of Greenwich of times that state no offset, e.g. 12 or -3.5; UTC if absent.
    #[arg(long, value_name = "HOURS", allow_negative_numbers = true)]
    utc_offset: Option<f64>,
    /// Whether the day stands before the month.
    #[arg(long, value_name = "BOOL")]
    dayfirst: Option<bool>,
    /// Two-digit years from this on are 19xx.
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(u16).range(0..100))]
    pivot: Option<u16>,
    /// Numbers that mean "nothing measured", separated by commas.
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', allow_negative_numbers = true)]
    nulls: Vec<f64>,
    /// Keep -1, -999, 9999 and the like as numbers.
    #[arg(long)]
    keep_sentinels: bool,
    /// Unit of a column, e.g. head=m; repeatable.
    #[arg(long = "unit", value_name = "COLUMN=UNIT")]
    units: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum LayoutChoice {
    /// A row a time.
    #[default]
    Rows,
    /// A row a day of the year, a column a year.
    DaysByYear,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TimeChoice {
    /// Calendar dates, and epochs by their size.
    #[default]
    Auto,
    /// Seconds since 1970.
    EpochSeconds,
    /// Modified Julian day.
    Mjd,
    /// Decimal year.
    DecimalYear,
    /// Year and day of the year, two fields.
    YearDay,
}

impl TableReading {
    /// Reads a table so; `columns` are kept besides the time, all if empty, and `index` is the
    /// column of times where --time says nothing.
    pub fn read(
        &self,
        path: &Path,
        columns: &[String],
        index: Option<&String>,
    ) -> Result<(Table, Notes)> {
        let units = self.units()?;
        let options = self.options(columns, index)?;
        let (mut table, notes) = table::read(path, &options)?;
        for (name, unit) in units {
            table.column(&name).map_err(|e| Error::usage(format!("--unit: {e}")))?;
            let named = table.columns.iter_mut().filter(|column| column.name == name);
            named.for_each(|column| column.unit = Some(unit.clone()));
        }
        Ok((table, notes))
    }

    fn units(&self) -> Result<BTreeMap<String, String>> {
        let pair = |text: &String| match text.rsplit_once('=') {
            Some((name, unit)) if !name.is_empty() && !unit.is_empty() => {
                Ok((name.trim().to_string(), unit.trim().to_string()))
            }
            _ => Err(Error::usage(format!("--unit: expected COLUMN=UNIT, found '{text}'"))),
        };
        self.units.iter().map(pair).collect()
    }

    fn options(&self, columns: &[String], index: Option<&String>) -> Result<CsvOptions> {
        let utc_offset_seconds = match self.utc_offset {
            None => None,
            Some(hours) if (-18.0..=18.0).contains(&hours) => Some((hours * 3600.0).round() as i64),
            Some(hours) => {
                let text = format!("--utc-offset: expected -18 to 18 hours, found {hours}");
                return Err(Error::usage(text));
            }
        };
        let time_columns = match (self.time.is_empty(), index) {
            (true, Some(index)) => vec![index.clone()],
            _ => self.time.clone(),
        };
        Ok(CsvOptions {
            delimiter: self.delimiter,
            decimal_comma: self.decimal_comma,
            start_after: self.start_after.clone(),
            skip_lines: self.skip_lines,
            layout: match self.layout {
                LayoutChoice::Rows => Layout::Rows,
                LayoutChoice::DaysByYear => Layout::DaysByYear,
            },
            names: self.names.clone(),
            time_columns,
            time_format: match self.time_format {
                TimeChoice::Auto => TimeFormat::Auto,
                TimeChoice::EpochSeconds => TimeFormat::EpochSeconds,
                TimeChoice::Mjd => TimeFormat::Mjd,
                TimeChoice::DecimalYear => TimeFormat::DecimalYear,
                TimeChoice::YearDay => TimeFormat::YearDay,
            },
            utc_offset_seconds,
            dayfirst: self.dayfirst,
            pivot: self.pivot,
            columns: columns.to_vec(),
            nulls: self.nulls.clone(),
            keep_sentinels: self.keep_sentinels,
        })
    }
}
