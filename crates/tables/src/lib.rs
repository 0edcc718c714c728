//! Tables of measurements in CSV and Parquet as plain columns. The only place that sees polars.
#![forbid(unsafe_code)]

mod columns;
mod csv;
mod days_by_year;
mod dialect;
mod number;
mod parquet;
mod parquet_layout;
mod time;
mod write;

use std::path::{Path, PathBuf};

pub use csv::{CsvOptions, Layout, parse_csv, read_csv};
pub use parquet::{read_parquet, write_parquet};
pub use time::{TimeFormat, TimeRules, parse_time};
pub use write::{csv_text, format_time, write_csv};

/// A table: named columns of equal length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The columns in file order.
    pub columns: Vec<TableColumn>,
}

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub struct TableColumn {
    /// Name as in the file.
    pub name: String,
    /// Unit, where the name states one.
    pub unit: Option<String>,
    /// The cells.
    pub values: ColumnValues,
}

/// The cells of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnValues {
    /// Numbers; NaN is null.
    Number(Vec<f64>),
    /// Text.
    Text(Vec<Option<String>>),
    /// Nanoseconds since 1970 UTC.
    Time(Vec<Option<i64>>),
}

impl ColumnValues {
    /// Number of cells.
    pub fn len(&self) -> usize {
        match self {
            Self::Number(v) => v.len(),
            Self::Text(v) => v.len(),
            Self::Time(v) => v.len(),
        }
    }

    /// Whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of missing cells.
    pub fn nulls(&self) -> usize {
        match self {
            Self::Number(v) => v.iter().filter(|x| x.is_nan()).count(),
            Self::Text(v) => v.iter().filter(|x| x.is_none()).count(),
            Self::Time(v) => v.iter().filter(|x| x.is_none()).count(),
        }
    }
}

impl Table {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |c| c.values.len())
    }

    /// The column called `name`; the error lists what is there.
    pub fn column(&self, name: &str) -> Result<&TableColumn, String> {
        self.columns.iter().find(|c| c.name == name).ok_or_else(|| {
            let there: Vec<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
            format!("no column '{name}'; there are: {}", there.join(", "))
        })
    }
}

/// What the reader did on its own, for the report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes(pub Vec<String>);

/// Why a table was refused.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The operating system refused.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// The options name what the file does not have or leave open what it does not say.
    #[error("{}: {problem}", file.display())]
    Options {
        /// The file.
        file: PathBuf,
        /// What was asked for and what is there.
        problem: String,
    },
    /// The content is not what it should be.
    #[error("{}: {problem}", file.display())]
    Content {
        /// The file.
        file: PathBuf,
        /// Row, column, found, expected.
        problem: String,
    },
}

impl TableError {
    pub(crate) fn content(file: &Path, problem: impl Into<String>) -> Self {
        Self::Content { file: file.to_path_buf(), problem: problem.into() }
    }

    pub(crate) fn options(file: &Path, problem: impl Into<String>) -> Self {
        Self::Options { file: file.to_path_buf(), problem: problem.into() }
    }

    pub(crate) fn io(file: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let file = file.to_path_buf();
        move |source| Self::Io { file, source }
    }
}
