//! The rows of a channel: windows are summed up side by side, rows stand in time order.

use std::sync::Mutex;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::ActivitySettings;
use super::bits;
use super::feature::Feature;
use super::summary::Summary;
use super::window::Window;
use crate::error::{Error, Result};
use crate::time::{Span, UtcTime};

/// More values than this (a gigabyte) come from broken times in the headers, not from an archive.
const MOST_VALUES: u64 = 1 << 27;

/// Rows so far.
#[derive(Serialize, Deserialize)]
pub(super) struct Rows {
    features: Vec<Feature>,
    step: i64,
    span: Span,
    minimum_coverage: f64,
    /// Number and start of the window of row 0.
    first: Option<(i64, UtcTime)>,
    /// Row-major, the coverage last.
    #[serde(with = "bits::one")]
    values: Vec<f64>,
    /// Memory for the work on windows, one for each that is worked on.
    #[serde(skip)]
    summaries: Mutex<Vec<Summary>>,
}

impl Rows {
    /// None yet.
    pub(super) fn new(settings: &ActivitySettings) -> Self {
        Self {
            features: settings.features.clone(),
            step: settings.window,
            span: settings.span,
            minimum_coverage: settings.minimum_coverage,
            first: None,
            values: Vec::new(),
            summaries: Mutex::default(),
        }
    }

    /// Sums up `windows`, which follow those before in time, each to a row. Those outside the
    /// span are left out, and so are those without enough samples at the beginning.
    ///
    /// # Errors
    /// `Data` if the rows would not fit in memory.
    pub(super) fn add(&mut self, windows: &mut [Window]) -> Result<()> {
        let rows: Vec<Option<Vec<f64>>> = windows.par_iter().map(|w| self.row(w)).collect();
        for (window, row) in windows.iter().zip(rows) {
            let Some(row) = row else { continue };
            if self.first.is_none() && !self.has_enough(window) {
                continue;
            }
            let (first, _) = *self.first.get_or_insert((window.number, window.start));
            self.fill_before(window.number, first)?;
            self.values.extend(row);
        }
        Ok(())
    }

    /// The row of a window; `None` outside the span.
    fn row(&self, window: &Window) -> Option<Vec<f64>> {
        let end = window.start.plus(self.step);
        if self.span.start > window.start || end > self.span.end {
            return None;
        }
        let mut row = Vec::with_capacity(self.features.len() + 1);
        if self.has_enough(window) {
            let mut summary = self.summaries.lock().ok().and_then(|mut s| s.pop());
            let used = summary.get_or_insert_default();
            used.append(window, &self.features, &mut row);
            if let Ok(mut summaries) = self.summaries.lock() {
                summaries.extend(summary);
            }
        } else {
            row.resize(self.features.len(), f64::NAN);
        }
        row.push(window.coverage().min(1.0));
        Some(row)
    }

    fn has_enough(&self, window: &Window) -> bool {
        // The sum of the fractions may miss the threshold by a rounding error.
        window.coverage() >= self.minimum_coverage - 1e-9
    }

    /// Rows of windows in a gap: no values, coverage 0.
    fn fill_before(&mut self, number: i64, first: i64) -> Result<()> {
        let columns = self.features.len() + 1;
        let wanted = u64::try_from(number.saturating_sub(first)).unwrap_or(0);
        if wanted.saturating_mul(columns as u64) > MOST_VALUES {
            return Err(Error::data(format!(
                "the pieces span {wanted} windows, too many to hold: check their times, or give a \
                 shorter span or a longer window"
            )));
        }
        while ((self.values.len() / columns) as u64) < wanted {
            self.values.extend(std::iter::repeat_n(f64::NAN, columns - 1));
            self.values.push(0.0);
        }
        Ok(())
    }

    /// Start of the first row, and all values.
    ///
    /// # Errors
    /// `Data` if there is no row.
    pub(super) fn finish(self) -> Result<(UtcTime, Vec<f64>)> {
        match self.first {
            Some((_, start)) => Ok((start, self.values)),
            None => Err(Error::data("not one window has enough samples")),
        }
    }
}
