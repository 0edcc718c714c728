//! Rows of samples that windows are taken from.

use std::ops::Range;

/// One row a component, `[C, T]`, row after row.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    values: Vec<f32>,
    columns: usize,
    /// Where each row has data, if that is known: windows without any see zeros.
    runs: Option<Vec<Vec<Range<usize>>>>,
}

impl Rows {
    /// Zeros.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self { values: vec![0.0; rows * columns], columns, runs: None }
    }

    /// Says where each row has data, in order; elsewhere it is filled in. A row without data within
    /// a window counts as zeros there.
    pub fn with_runs(self, runs: Vec<Vec<Range<usize>>>) -> Self {
        Self { runs: Some(runs), ..self }
    }

    /// Number of columns, samples.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Number of rows, components.
    pub fn count(&self) -> usize {
        self.values.len().checked_div(self.columns).unwrap_or(0)
    }

    /// One row, `[T]`.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// One row, `[T]`.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// The data of a row within `span`, without what is filled in.
    pub fn data_within(&self, row: usize, span: Range<usize>) -> impl Iterator<Item = &[f32]> {
        let all = std::iter::once(0..self.columns);
        let known = self.runs.as_ref().map(|runs| runs[row].as_slice());
        let first = known.map_or(0, |runs| runs.partition_point(|run| run.end <= span.start));
        let runs = known.map(|runs| runs[first..].iter().cloned());
        let runs = runs.into_iter().flatten().chain(all.filter(move |_| known.is_none()));
        let (from, to) = (span.start, span.end.min(self.columns));
        runs.take_while(move |run| run.start < to)
            .map(move |run| &self.row(row)[run.start.max(from)..run.end.min(to)])
    }

    /// The columns in which any row has data, or every row; all columns if that is not known.
    pub(super) fn columns_with_data(&self, every_row: bool) -> Vec<Range<usize>> {
        let Some(runs) = &self.runs else { return std::iter::once(0..self.columns).collect() };
        let mut changes: Vec<(usize, i64)> = Vec::new();
        for run in runs.iter().flatten() {
            changes.extend([(run.start, 1), (run.end, -1)]);
        }
        changes.sort_unstable();
        let enough = if every_row { runs.len() as i64 } else { 1 };
        let (mut found, mut there): (Vec<Range<usize>>, i64) = (Vec::new(), 0);
        for (column, change) in changes {
            let before = there;
            there += change;
            if before < enough && there >= enough {
                found.push(column..column);
            } else if before >= enough
                && there < enough
                && let Some(last) = found.last_mut()
            {
                last.end = column;
            }
        }
        found.retain(|run| !run.is_empty());
        found
    }

    /// Appends the window of `length` samples from column `at`, `[C, length]`.
    pub(super) fn window_into(&self, at: usize, length: usize, into: &mut Vec<f32>) {
        for row in 0..self.count() {
            if self.runs.is_some() && self.data_within(row, at..at + length).next().is_none() {
                into.resize(into.len() + length, 0.0);
            } else {
                into.extend_from_slice(&self.row(row)[at..at + length]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_data_in_a_window_are_zero_there() {
        let mut rows = Rows::zeros(2, 10);
        rows.row_mut(0).fill(3.0);
        rows.row_mut(1).fill(5.0);
        let mut window = Vec::new();
        rows.window_into(4, 2, &mut window);
        assert_eq!(window, [3.0, 3.0, 5.0, 5.0]);
        let rows = rows.with_runs(vec![vec![0..2, 6..8], vec![5..10]]);
        for (at, expected) in [(3, [0.0, 5.0]), (1, [3.0, 0.0]), (5, [3.0, 5.0]), (2, [0.0, 0.0])] {
            window.clear();
            rows.window_into(at, 3, &mut window);
            assert_eq!([window[0], window[3]], expected, "{at}");
        }
        assert_eq!(rows.columns_with_data(false), [0..2, 5..10]);
        assert_eq!(rows.columns_with_data(true), std::iter::once(6..8).collect::<Vec<_>>());
        let data: Vec<&[f32]> = rows.data_within(0, 1..7).collect();
        assert_eq!(data, [&[3.0][..], &[3.0][..]]);
    }
}
