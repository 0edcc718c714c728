//! Evenly spaced multi-column series with missing values.

use crate::error::{Error, Result};
use crate::time::UtcTime;

/// A column of a series.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Column {
    /// Name, unique within the series: `rsam`, `TA.C26K..BHZ/rsam`.
    pub name: String,
    /// Unit, as in the file: `counts`, `°C`.
    pub unit: Option<String>,
}

/// Values on a regular time grid. Row `i` sums up `[start + i·step, start + (i+1)·step)` and is
/// known at the end of that span, not before.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Series {
    /// Station, well, bore; empty if there is but one.
    pub group: String,
    /// Start of row 0.
    pub start: UtcTime,
    /// Length of a row in nanoseconds, positive.
    pub step: i64,
    /// The columns, `C`.
    pub columns: Vec<Column>,
    /// Row-major `[T, C]`; NaN where nothing was observed.
    #[serde(with = "crate::signal::bits::one")]
    pub values: Vec<f64>,
}

impl Series {
    /// Number of rows `T`.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns.len().max(1)
    }

    /// Start of row `row`.
    pub fn time(&self, row: usize) -> UtcTime {
        self.start.plus(self.step.saturating_mul(row as i64))
    }

    /// When row `row` is known: its end.
    pub fn known_at(&self, row: usize) -> UtcTime {
        self.time(row + 1)
    }

    /// One value.
    pub fn value(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.columns.len() + column]
    }

    /// One column as a vector, `[T]`.
    pub fn column(&self, column: usize) -> Vec<f64> {
        self.values.iter().skip(column).step_by(self.columns.len().max(1)).copied().collect()
    }

    /// The number of the column called `name`; the error lists what is there.
    pub fn column_index(&self, name: &str) -> Result<usize> {
        self.columns.iter().position(|c| c.name == name).ok_or_else(|| {
            let there: Vec<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
            Error::usage(format!("no column '{name}'; there are: {}", there.join(", ")))
        })
    }
}
