//! Samples of an archive on the grid of a stretch: every rate, every gap, mirrored ends.

use std::ops::Range;

use super::instruments::{Instrument, Stretch};
use super::rows::Rows;
use super::stream_filter::StreamFilters;
use crate::error::{Error, Result};
use crate::read::{Archive, StreamId, Trace};
use crate::signal::{Section, SincResampler, sosfilt, sosfiltfilt};
use crate::time::{SECOND, SampleRate, Span, UtcTime};

/// Rates that differ by less than this part are one rate: samples go to the nearest place.
const SAME_RATE: f64 = 1e-4;

/// Where a stretch's samples lie among the columns of its windows: so many mirrored ones before.
#[derive(Clone, Copy, Debug)]
pub struct Padding {
    /// Columns before sample 0.
    pub before: i64,
    /// Columns behind the last sample.
    pub behind: i64,
}

/// Reads columns of stretches.
pub struct Gatherer<'a> {
    /// Where the samples are.
    pub archive: &'a Archive,
    /// Whose they are.
    pub instrument: &'a Instrument,
    /// The filter of the weight file.
    pub filters: &'a StreamFilters,
    /// Number of rows.
    pub rows: usize,
    /// Gaps of a component up to this many nanoseconds are filled by straight lines.
    pub bridge: i64,
}

/// A contiguous run of one channel.
struct Run {
    start: UtcTime,
    rate: SampleRate,
    samples: Vec<f32>,
}

impl Gatherer<'_> {
    /// Columns `columns` of a stretch with its padding, and what could not be read.
    ///
    /// # Errors
    /// `Usage` for a filter that the data's rate does not allow.
    pub fn columns(
        &self,
        stretch: &Stretch,
        padding: Padding,
        columns: Range<i64>,
    ) -> Result<(Rows, Vec<String>)> {
        let length =
            usize::try_from(columns.end - columns.start).map_err(|_| Error::data("no columns"))?;
        let mut rows = Rows::zeros(self.rows, length);
        let mut runs: Vec<Vec<Range<usize>>> = vec![Vec::new(); self.rows];
        let mut failed = Vec::new();
        let place = Place {
            origin: stretch.origin,
            rate: self.instrument.rate,
            first: columns.start - padding.before,
            samples: stretch.samples as i64,
        };
        for component in &self.instrument.components {
            let row = rows.row_mut(component.row);
            let written = self.channel(&component.id, &place, row, &mut failed)?;
            runs[component.row].extend(written);
        }
        for (index, runs) in runs.iter_mut().enumerate() {
            *runs = joined(std::mem::take(runs));
            let bridge = self.instrument.rate.nearest_index(self.bridge).max(0) as usize;
            let row = rows.row_mut(index);
            fill(row, runs, bridge);
            place.mirror(row, runs);
        }
        Ok((rows.with_runs(runs), failed))
    }

    /// Writes the samples of a channel; where it has any.
    fn channel(
        &self,
        id: &StreamId,
        place: &Place,
        row: &mut [f32],
        failed: &mut Vec<String>,
    ) -> Result<Vec<Range<usize>>> {
        let mut written = Vec::new();
        let filtered = !self.filters.is_empty();
        // What filters remember, and the reach of a resampler.
        let memory = self.filters.lowest_corner().map_or(2.0, |hz| 30.0 + 10.0 / hz);
        let reach = (memory * SECOND as f64) as i64;
        let span = Span {
            start: place.time_of(0).plus(-reach),
            end: place.time_of(row.len() as i64).plus(reach),
        };
        let mut open: Option<Run> = None;
        let mut last: Option<Trace> = None;
        for piece in self.archive.pieces_within(id, span) {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => {
                    failed.push(error.to_string());
                    continue;
                }
            };
            if !filtered && place.same_rate(piece.rate) {
                written.extend(place.write_nearest(&run_of(&piece), row));
                continue;
            }
            let goes_on = last.as_ref().is_some_and(|last| last.is_continued_by(&piece));
            match &mut open {
                Some(run) if goes_on => run.samples.extend(run_of(&piece).samples),
                _ => {
                    if let Some(run) = open.replace(run_of(&piece)) {
                        written.extend(self.finish(id, run, place, row)?);
                    }
                }
            }
            last = Some(piece);
        }
        if let Some(run) = open {
            written.extend(self.finish(id, run, place, row)?);
        }
        Ok(written)
    }

    /// Filters and resamples a run.
    fn finish(
        &self,
        id: &StreamId,
        mut run: Run,
        place: &Place,
        row: &mut [f32],
    ) -> Result<Option<Range<usize>>> {
        for (sections, zerophase) in self.filters.of_channel(&id.channel, run.rate.hz())? {
            let Some(filtered) = filter(&sections, zerophase, &run.samples) else {
                // Too short to filter: no data.
                return Ok(None);
            };
            run.samples = filtered;
        }
        Ok(match place.same_rate(run.rate) {
            true => place.write_nearest(&run, row),
            false => place.write_resampled(&run, row),
        })
    }
}

fn run_of(piece: &Trace) -> Run {
    let samples = match &piece.samples {
        crate::read::Samples::I32(v) => v.iter().map(|&x| x as f32).collect(),
        crate::read::Samples::F32(v) => v.clone(),
        crate::read::Samples::F64(v) => v.iter().map(|&x| x as f32).collect(),
    };
    Run { start: piece.start, rate: piece.rate, samples }
}

/// Filters a run as if it had stood at its first value for ever.
fn filter(sections: &[Section], zerophase: bool, samples: &[f32]) -> Option<Vec<f32>> {
    let level = f64::from(*samples.first()?);
    let values: Vec<f64> = samples.iter().map(|&x| f64::from(x) - level).collect();
    let filtered = match zerophase {
        true => sosfiltfilt(sections, &values).ok()?,
        false => sosfilt(sections, &values),
    };
    Some(filtered.into_iter().map(|x| x as f32).collect())
}

/// Columns of a stretch.
struct Place {
    origin: UtcTime,
    rate: SampleRate,
    /// Sample of the stretch in column 0; negative in the padding.
    first: i64,
    /// Samples of the stretch.
    samples: i64,
}

impl Place {
    /// Time of a column.
    fn time_of(&self, column: i64) -> UtcTime {
        let sample = self.first + column;
        let offset = self.rate.offset(sample.unsigned_abs());
        self.origin.plus(if sample < 0 { -offset } else { offset })
    }

    fn same_rate(&self, rate: SampleRate) -> bool {
        (rate.hz() / self.rate.hz() - 1.0).abs() < SAME_RATE
    }

    /// The columns that are samples of the stretch.
    fn inside(&self, columns: usize) -> Range<i64> {
        let clamp = |sample: i64| (sample - self.first).clamp(0, columns as i64);
        clamp(0)..clamp(self.samples)
    }

    /// Position of column 0 in samples of a run.
    fn position(&self, run: &Run) -> f64 {
        let apart = i128::from(self.time_of(0).0) - i128::from(run.start.0);
        apart as f64 * 1e-9 * run.rate.hz()
    }

    /// Every column takes the nearest sample.
    fn write_nearest(&self, run: &Run, row: &mut [f32]) -> Option<Range<usize>> {
        let inside = self.inside(row.len());
        let length = run.samples.len() as i64;
        if run.rate == self.rate {
            let first = self.rate.nearest_index(run.start.0.saturating_sub(self.time_of(0).0));
            let (begin, end) = (first.max(inside.start), (first + length).min(inside.end));
            if begin >= end {
                return None;
            }
            let samples = (begin - first) as usize..(end - first) as usize;
            row[begin as usize..end as usize].copy_from_slice(&run.samples[samples]);
            return Some(begin as usize..end as usize);
        }
        self.write(run, row, |position| {
            run.samples[(position.round().max(0.0) as usize).min(run.samples.len() - 1)]
        })
    }

    /// Every column takes the value at its time.
    fn write_resampled(&self, run: &Run, row: &mut [f32]) -> Option<Range<usize>> {
        let resampler = SincResampler::new(run.rate.hz() / self.rate.hz());
        self.write(run, row, |position| resampler.value(&run.samples, position))
    }

    /// Writes the columns that lie within half a sample of a run.
    fn write(
        &self,
        run: &Run,
        row: &mut [f32],
        value: impl Fn(f64) -> f32,
    ) -> Option<Range<usize>> {
        if run.samples.is_empty() {
            return None;
        }
        let inside = self.inside(row.len());
        let (first, step) = (self.position(run), run.rate.hz() / self.rate.hz());
        // Half of the longer of the two sample intervals.
        let half = 0.5 * step.max(1.0);
        let begin = ((-half - first) / step).ceil().max(inside.start as f64) as i64;
        let last = run.samples.len() as f64 - 1.0 + half;
        let end = (((last - first) / step).floor() + 1.0).min(inside.end as f64) as i64;
        if begin >= end {
            return None;
        }
        for column in begin..end {
            row[column as usize] = value(first + column as f64 * step);
        }
        Some(begin as usize..end as usize)
    }

    /// Continues the samples at both ends by their mirror image.
    fn mirror(&self, row: &mut [f32], runs: &mut Vec<Range<usize>>) {
        let inside = self.inside(row.len());
        let (begin, end) = (inside.start as usize, inside.end as usize);
        if begin >= end || runs.is_empty() {
            return;
        }
        // A triangle wave over the samples that are there.
        let length = (end - begin) as i64;
        let period = (2 * (length - 1)).max(1);
        let image = |distance: i64| {
            let at = distance.rem_euclid(period);
            begin + at.min(period - at).min(length - 1) as usize
        };
        for column in (0..begin).chain(end..row.len()) {
            row[column] = row[image(column as i64 - begin as i64)];
        }
        if begin > 0 {
            runs.insert(0, 0..begin);
        }
        if end < row.len() {
            runs.push(end..row.len());
        }
    }
}

fn joined(mut runs: Vec<Range<usize>>) -> Vec<Range<usize>> {
    runs.sort_by_key(|run| run.start);
    let mut all: Vec<Range<usize>> = Vec::new();
    for run in runs {
        match all.last_mut() {
            Some(last) if run.start <= last.end => last.end = last.end.max(run.end),
            _ => all.push(run),
        }
    }
    all
}

/// Fills what no run covers: short gaps by straight lines, longer ones and the ends by the nearest
/// sample. What is far from a column does not matter to it, so parts of a record agree.
fn fill(row: &mut [f32], runs: &[Range<usize>], bridge: usize) {
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return };
    let (head, tail) = (row[first.start], row[last.end - 1]);
    row[..first.start].fill(head);
    row[last.end..].fill(tail);
    for pair in runs.windows(2) {
        let (from, to) = (pair[0].end, pair[1].start);
        let (left, right) = (row[from - 1], row[to]);
        let length = to - from;
        if length <= bridge {
            for i in 0..length {
                row[from + i] = left + (right - left) * (i + 1) as f32 / (length + 1) as f32;
            }
        } else {
            row[from..from + length / 2].fill(left);
            row[from + length / 2..to].fill(right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_from_nearby() {
        let mut row = vec![0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 9.0, 0.0];
        fill(&mut row, &[2..3, 6..7, 11..12], 3);
        assert_eq!(row, [1.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 5.0, 5.0, 9.0, 9.0, 9.0, 9.0]);
        assert_eq!(joined(vec![5..7, 0..2, 2..3, 6..9]), [0..3, 5..9]);
    }

    fn place(first: i64, samples: i64) -> Place {
        let rate = SampleRate::from_ratio(100, 1).unwrap();
        Place { origin: UtcTime(0), rate, first, samples }
    }

    #[test]
    fn ends_are_continued_by_their_mirror_image() {
        let mut row = vec![0.0, 0.0, 1.0, 2.0, 3.0, 0.0, 0.0, 0.0];
        let mut runs = std::iter::once(2..5).collect::<Vec<_>>();
        place(-2, 3).mirror(&mut row, &mut runs);
        assert_eq!(row, [3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0, 2.0]);
        assert_eq!(runs, [0..2, 2..5, 5..8]);
        let mut one = vec![0.0, 4.0, 0.0];
        place(-1, 1).mirror(&mut one, &mut std::iter::once(1..2).collect());
        assert_eq!(one, [4.0; 3]);
    }

    #[test]
    fn a_rate_a_little_off_keeps_its_time() {
        let rate = SampleRate::from_hz(99.995).unwrap();
        let samples: Vec<f32> = (0..30_000).map(|i| i as f32).collect();
        let run = Run { start: UtcTime(0), rate, samples };
        let mut row = vec![0.0; 30_000];
        let place = place(0, 30_000);
        assert!(place.same_rate(rate));
        assert_eq!(place.write_nearest(&run, &mut row), Some(0..30_000));
        // After 300 s it is 1.5 samples behind.
        assert_eq!(row[29_999], 29_998.0);
        let run = Run { start: UtcTime(4_000_000), rate: place.rate, samples: vec![1.0, 2.0] };
        let mut row = vec![0.0; 4];
        assert_eq!(place.write_nearest(&run, &mut row), Some(0..2));
        let late = Run { start: UtcTime(-16_000_000), ..run };
        assert_eq!(place.write_nearest(&late, &mut row), None);
    }

    #[test]
    fn other_rates_are_read_off_at_the_columns_times() {
        let rate = SampleRate::from_ratio(50, 1).unwrap();
        let sine = |t: f64| (std::f64::consts::TAU * 5.0 * t).sin();
        let start = UtcTime(3_000_000);
        let samples = (0..500).map(|i| sine(0.003 + f64::from(i) / 50.0) as f32).collect();
        let run = Run { start, rate, samples };
        let mut row = vec![0.0; 1000];
        let written = place(0, 1000).write_resampled(&run, &mut row).unwrap();
        assert_eq!(written, 0..1000);
        let worst = (100..900)
            .map(|k| (f64::from(row[k]) - sine(k as f64 / 100.0)).abs())
            .fold(0.0, f64::max);
        assert!(worst < 2e-3, "{worst}");
    }
}
