//! Views of a series that end at an issue time: what lies after cannot be named.

use std::ops::Range;

use crate::data::{Series, fill_forward};
use crate::error::{Error, Result};
use crate::time::UtcTime;

/// One series with its target column prepared: observed, and forward filled for inputs.
#[derive(Clone, Debug)]
pub struct Record {
    series: Series,
    target: usize,
    observed: Vec<f64>,
    level: Vec<f64>,
    age: Vec<Option<usize>>,
}

impl Record {
    /// `target` is the number of the column to forecast. Values that are not finite count as
    /// missing.
    pub fn new(series: Series, target: usize) -> Result<Self> {
        if target >= series.columns.len() {
            return Err(Error::usage(format!(
                "series '{}' has {} columns, no column number {target}",
                series.group,
                series.columns.len()
            )));
        }
        let finite = |value: f64| if value.is_finite() { value } else { f64::NAN };
        let observed: Vec<f64> = series.column(target).into_iter().map(finite).collect();
        let (level, age) = fill_forward(&observed);
        Ok(Self { series, target, observed, level, age })
    }

    /// The whole series; for scoring and drawing, never for forecasting.
    pub fn series(&self) -> &Series {
        &self.series
    }

    /// Number of rows `T`.
    pub fn rows(&self) -> usize {
        self.observed.len()
    }

    /// Observations of the target, NaN where missing, `[T]`; for scoring.
    pub fn observed(&self) -> &[f64] {
        &self.observed
    }

    /// What is known when the forecast of row `issue` is made: rows up to and with `issue`.
    pub fn at(&self, issue: usize) -> History<'_> {
        self.until(issue.saturating_add(1))
    }

    /// What is known before row `rows`.
    pub fn until(&self, rows: usize) -> History<'_> {
        History { record: self, rows: rows.min(self.rows()) }
    }

    /// The observation `horizon` rows after each issue, NaN where missing or past the end, `[N]`.
    pub fn outcomes(&self, issues: &[usize], horizon: usize) -> Vec<f64> {
        let at = |&issue: &usize| self.observed.get(issue + horizon).copied();
        issues.iter().map(|issue| at(issue).unwrap_or(f64::NAN)).collect()
    }
}

/// The rows of a record that are known at one issue time.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    record: &'a Record,
    rows: usize,
}

impl<'a> History<'a> {
    /// Number of known rows `T`.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Start of row 0.
    pub fn start(&self) -> UtcTime {
        self.record.series.start
    }

    /// A record of the known rows alone: what a forecaster that walks records may be given.
    pub fn to_record(&self) -> Result<Record> {
        let series = &self.record.series;
        let values = series.values[..self.rows * series.columns.len()].to_vec();
        let (group, columns) = (series.group.clone(), series.columns.clone());
        let (start, step) = (series.start, series.step);
        Record::new(Series { group, start, step, columns, values }, self.record.target)
    }

    /// When the forecast is issued: the end of the last known row.
    pub fn issued_at(&self) -> UtcTime {
        self.record.series.time(self.rows)
    }

    /// Length of a row in nanoseconds.
    pub fn step(&self) -> i64 {
        self.record.series.step
    }

    /// The series' group (station).
    pub fn group(&self) -> &'a str {
        &self.record.series.group
    }

    /// The target as observed, NaN where missing, `[T]`.
    pub fn observed(&self) -> &'a [f64] {
        &self.record.observed[..self.rows]
    }

    /// The target filled forward, NaN before the first observation, `[T]`.
    pub fn level(&self) -> &'a [f64] {
        &self.record.level[..self.rows]
    }

    /// Rows since the target was observed, `[T]`.
    pub fn age(&self) -> &'a [Option<usize>] {
        &self.record.age[..self.rows]
    }

    /// Number of columns `C`.
    pub fn columns(&self) -> usize {
        self.record.series.columns.len()
    }

    /// The number of the target column.
    pub fn target(&self) -> usize {
        self.record.target
    }

    /// A column as observed, `[T]`; empty if there is no such column.
    pub fn column(&self, column: usize) -> Vec<f64> {
        if column >= self.columns() {
            return Vec::new();
        }
        (0..self.rows).map(|row| self.record.series.value(row, column)).collect()
    }
}

/// What a forecaster may fit on.
#[derive(Clone, Debug)]
pub struct Training<'a> {
    record: &'a Record,
    rows: Range<usize>,
    validate: Range<usize>,
    horizons: &'a [usize],
    lookback: usize,
}

impl<'a> Training<'a> {
    /// `rows` are for fitting, `validate` (after them; may be empty) for choices. Pairs start
    /// where a window of `lookback` rows fits.
    pub fn new(
        record: &'a Record,
        rows: Range<usize>,
        validate: Range<usize>,
        horizons: &'a [usize],
        lookback: usize,
    ) -> Result<Self> {
        let ordered = rows.end <= record.rows()
            && (validate.is_empty()
                || (rows.end <= validate.start && validate.end <= record.rows()));
        if rows.is_empty() || !ordered || horizons.is_empty() || horizons.contains(&0) {
            return Err(Error::data(format!(
                "cannot train on rows {rows:?} with validation on {validate:?} of {} rows, \
                 horizons {horizons:?}",
                record.rows()
            )));
        }
        Ok(Self { record, rows, validate, horizons, lookback: lookback.max(1) })
    }

    /// Rows for fitting.
    pub fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    /// Rows for choices; empty if there are none.
    pub fn validate(&self) -> Range<usize> {
        self.validate.clone()
    }

    /// Horizons in rows, `[H]`.
    pub fn horizons(&self) -> &'a [usize] {
        self.horizons
    }

    /// Everything up to the end of training.
    pub fn history(&self) -> History<'a> {
        self.record.until(self.rows.end)
    }

    /// Everything up to the end of validation.
    pub fn with_validation(&self) -> History<'a> {
        self.record.until(self.rows.end.max(self.validate.end))
    }

    /// Issue rows of training whose target `horizon` rows ahead lies in training and was
    /// observed, and at which a window of `lookback` rows (the plan's, if longer) is complete.
    pub fn pairs(&self, horizon: usize, lookback: usize) -> Vec<usize> {
        let lookback = lookback.max(self.lookback);
        let history = self.history();
        let known = history.level().iter().position(|v| v.is_finite()).unwrap_or(usize::MAX);
        let first = self.rows.start.max(known.saturating_add(lookback - 1));
        (first..self.rows.end.saturating_sub(horizon).max(first))
            .filter(|issue| history.observed()[issue + horizon].is_finite())
            .collect()
    }

    /// As [`Self::pairs`], but an error that names the forecaster when fewer than `least`.
    pub fn enough_pairs(
        &self,
        name: &str,
        horizon: usize,
        lookback: usize,
        least: usize,
    ) -> Result<Vec<usize>> {
        let pairs = self.pairs(horizon, lookback);
        if pairs.len() >= least.max(1) {
            return Ok(pairs);
        }
        Err(Error::data(format!(
            "{name}: training rows {:?} of '{}' hold {} pairs {horizon} rows apart with an \
             observed target, {least} are needed: train on more rows or shorten the horizon",
            self.rows,
            self.record.series.group,
            pairs.len()
        )))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::data::Column;

    /// A wandering level with gaps; the same for the same number of rows.
    pub fn wandering(rows: usize, gaps: &[(usize, usize)]) -> Record {
        let mut level = 2.0;
        let mut noise = 12_345u64;
        let mut values: Vec<f64> = (0..rows)
            .map(|t| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let shock = (noise >> 33) as f64 / (1u64 << 31) as f64 - 0.5;
                level += 0.2 * shock - 0.02 * (level - 2.0);
                level + 0.1 * (t as f64 * 0.26).sin()
            })
            .collect();
        for &(first, end) in gaps {
            values[first..end].fill(f64::NAN);
        }
        record(values)
    }

    /// A record of one column, made up for tests.
    pub fn record(values: Vec<f64>) -> Record {
        let columns = vec![Column { name: "rsam".into(), unit: None }];
        let series =
            Series { group: "X".into(), start: UtcTime(0), step: 30_000_000_000, columns, values };
        Record::new(series, 0).unwrap()
    }

    #[test]
    fn history_ends_at_the_issue() {
        let record = wandering(50, &[]);
        let history = record.at(20);
        assert_eq!(history.rows(), 21);
        assert_eq!(history.observed().len(), 21);
        assert_eq!(history.column(0).len(), 21);
        assert_eq!(history.issued_at(), record.series().known_at(20));
        assert_eq!(record.at(usize::MAX).rows(), 50);
    }

    #[test]
    fn l5_pairs_never_have_a_filled_target() {
        let full = wandering(100, &[]);
        let gappy = wandering(100, &[(40, 47)]);
        let count = |record: &Record| {
            Training::new(record, 0..80, 80..80, &[3], 1).unwrap().pairs(3, 5).len()
        };
        assert_eq!(count(&full), 80 - 3 - 4);
        assert_eq!(count(&full) - count(&gappy), 7);
    }

    #[test]
    fn impossible_training_is_refused() {
        let record = wandering(50, &[]);
        assert!(Training::new(&record, 0..60, 60..60, &[1], 1).is_err());
        assert!(Training::new(&record, 0..30, 20..40, &[1], 1).is_err());
        assert!(Training::new(&record, 0..30, 30..40, &[], 1).is_err());
        let training = Training::new(&record, 0..10, 10..10, &[20], 1).unwrap();
        assert!(training.enough_pairs("ar", 20, 1, 1).is_err());
    }
}
