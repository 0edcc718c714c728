//! Activity features of continuous data, window by window, in bounded memory.
//!
//! A channel's contiguous pieces go in, in time order; one row per window comes out. Filters run
//! over the data once and are never restarted at a window: their state is carried from piece to
//! piece as long as the next one continues within half a sample. After a gap (or a non-finite
//! sample) they start from zero state and the first minute is dropped, which the coverage shows.
//!
//! What is subtracted before filtering is the mean of a run's first 24 hours. For an archive of
//! day files this is the mean of the file; for a longer run it neither depends on how the run is
//! cut into files nor changes when the archive grows. It matters for the first seconds of a run
//! only, since a band-pass removes the mean anyway.

mod feature;
mod run;
mod spectral;
mod window;

use std::collections::VecDeque;

pub use feature::Feature;
pub use spectral::SpectralShape;

use crate::error::{Error, Result};
use crate::read::{Samples, Trace};
use crate::time::{DAY, SECOND, SampleRate, Span, UtcTime};
use run::Chains;
use window::Window;

/// Samples filtered at a time.
const BLOCK: usize = 1 << 14;

/// More values than this (a gigabyte) come from broken times in the headers, not from an archive.
const MOST_VALUES: u64 = 1 << 27;

/// Where windows begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// At multiples of the window since 1970, so that channels share their rows.
    Epoch,
    /// At the first sample.
    FirstSample,
    /// At this time.
    At(UtcTime),
}

/// What is computed, over which windows.
#[derive(Clone, Debug)]
pub struct ActivitySettings {
    /// Length of a window in nanoseconds.
    pub window: i64,
    /// Where windows begin.
    pub align: Align,
    /// The columns, in this order; `coverage` follows them.
    pub features: Vec<Feature>,
    /// Windows outside are left out.
    pub span: Span,
    /// Nanoseconds dropped after a gap while the filters settle.
    pub settling: i64,
    /// A window with a smaller fraction of its samples has no values.
    pub minimum_coverage: f64,
}

impl Default for ActivitySettings {
    /// Ten-minute windows of all features that need no spectrum, aligned to the clock.
    fn default() -> Self {
        Self {
            window: 600 * SECOND,
            align: Align::Epoch,
            features: Feature::AMPLITUDES.to_vec(),
            span: Span::ALL,
            settling: 60 * SECOND,
            minimum_coverage: 0.5,
        }
    }
}

/// Rows of features on a regular grid. Row `i` sums up `[start + i·step, start + (i+1)·step)`.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityRows {
    /// Start of row 0.
    pub start: UtcTime,
    /// Length of a row in nanoseconds.
    pub step: i64,
    /// Names of the columns, `C`; the last one is `coverage`, the fraction of samples present.
    pub names: Vec<&'static str>,
    /// Their units.
    pub units: Vec<Option<&'static str>>,
    /// Row-major `[T, C]`; NaN where there is no value.
    pub values: Vec<f64>,
}

impl ActivityRows {
    /// Number of rows `T`.
    pub fn rows(&self) -> usize {
        self.values.len() / self.names.len().max(1)
    }
}

/// A contiguous run: where it goes on, and its state once its offset is known.
struct Run {
    start: UtcTime,
    rate: SampleRate,
    /// Time of the sample that would continue the run.
    next: UtcTime,
    /// Samples to be dropped at its start.
    settling: u64,
    /// Pieces of the first day, kept until their mean is known.
    waiting: VecDeque<Trace>,
    chains: Option<Chains>,
}

/// Builds the rows of one channel from its pieces.
pub struct Activity {
    settings: ActivitySettings,
    run: Option<Run>,
    origin: Option<UtcTime>,
    /// Number of the window being filled, counted from the origin.
    current: Option<i64>,
    window: Window,
    /// Rate of the latest piece.
    rate_hz: f64,
    first_row: Option<i64>,
    values: Vec<f64>,
    runs: usize,
}

impl Activity {
    /// An empty builder.
    ///
    /// # Errors
    /// `Usage` if the window is shorter than a second or no feature is asked for.
    pub fn new(settings: ActivitySettings) -> Result<Self> {
        if settings.window < SECOND {
            return Err(Error::usage("a window of activity features is at least a second long"));
        }
        if settings.features.is_empty() {
            return Err(Error::usage("name at least one feature"));
        }
        Ok(Self {
            settings,
            run: None,
            origin: None,
            current: None,
            window: Window::default(),
            rate_hz: 0.0,
            first_row: None,
            values: Vec::new(),
            runs: 0,
        })
    }

    /// Number of contiguous runs seen so far: one more than the gaps.
    pub fn runs(&self) -> usize {
        self.runs
    }

    /// Takes the next piece. What overlaps earlier samples is left out.
    ///
    /// # Errors
    /// `Data` if the times of the pieces are so far apart that the rows would not fit in memory.
    pub fn push(&mut self, piece: Trace) -> Result<()> {
        let stretches = run::finite_stretches(&piece.samples);
        if stretches.len() == 1 && stretches[0].len() == piece.samples.len() {
            return self.push_finite(piece);
        }
        stretches.into_iter().try_for_each(|stretch| self.push_finite(cut(&piece, stretch)))
    }

    fn push_finite(&mut self, mut piece: Trace) -> Result<()> {
        if let Some(run) = &self.run {
            let half = piece.rate.period() / 2;
            if piece.start < run.next.plus(-half) {
                let seen = piece.rate.nearest_index(run.next.0.saturating_sub(piece.start.0));
                let seen = usize::try_from(seen).unwrap_or(usize::MAX);
                if seen >= piece.samples.len() {
                    return Ok(());
                }
                piece = cut(&piece, seen..piece.samples.len());
            }
            if piece.rate != run.rate || piece.start > run.next.plus(half) {
                self.end_run()?;
            }
        }
        if piece.samples.is_empty() {
            return Ok(());
        }
        let after_gap = self.runs > 0;
        let settling = after_gap.then(|| piece.rate.nearest_index(self.settings.settling));
        let runs = &mut self.runs;
        let run = self.run.get_or_insert_with(|| {
            *runs += 1;
            Run {
                start: piece.start,
                rate: piece.rate,
                next: piece.start,
                settling: settling.map_or(0, |n| u64::try_from(n).unwrap_or(0)),
                waiting: VecDeque::new(),
                chains: None,
            }
        });
        run.next = piece.time_of(piece.samples.len() as u64);
        if run.chains.is_some() {
            return self.process(&piece);
        }
        let whole_day = piece.last_time() >= run.start.plus(DAY);
        run.waiting.push_back(piece);
        if whole_day { self.begin_filtering() } else { Ok(()) }
    }

    /// Subtracts the mean of the run's first day from here on, and filters what has waited.
    fn begin_filtering(&mut self) -> Result<()> {
        let Some(run) = &mut self.run else { return Ok(()) };
        let (mut sum, mut count) = (0.0, 0usize);
        for piece in &run.waiting {
            let left = run.start.plus(DAY).0.saturating_sub(piece.start.0);
            let within = piece.rate.nearest_index(left).saturating_add(1);
            let n = usize::try_from(within).unwrap_or(0).min(piece.samples.len());
            sum += run::sum_of_first(&piece.samples, n);
            count += n;
        }
        let offset = sum / count.max(1) as f64;
        run.chains = Some(Chains::new(&self.settings.features, run.rate, offset, run.settling)?);
        let waiting = std::mem::take(&mut run.waiting);
        waiting.iter().try_for_each(|piece| self.process(piece))
    }

    fn end_run(&mut self) -> Result<()> {
        if self.run.as_ref().is_some_and(|run| run.chains.is_none()) {
            self.begin_filtering()?;
        }
        self.run = None;
        Ok(())
    }

    /// Filters a piece block by block, closing windows on the way.
    fn process(&mut self, piece: &Trace) -> Result<()> {
        let step = self.settings.window;
        let origin = *self.origin.get_or_insert(match self.settings.align {
            Align::Epoch => UtcTime(0),
            Align::FirstSample => piece.start,
            Align::At(time) => time,
        });
        // A clock rounded to the microsecond may say 23:59:59.999999 and mean midnight.
        let tolerance = piece.rate.period() / 100;
        let since_origin = piece.start.0.saturating_sub(origin.0).saturating_add(tolerance);
        let expected = (step as f64 / SECOND as f64 * piece.rate.hz()).round().max(1.0);
        let n = piece.samples.len();
        let mut begin = 0;
        let mut new_stretch = self.begins_stretch(piece);
        while begin < n {
            let at = since_origin.saturating_add(piece.rate.offset(begin as u64));
            let number = at.div_euclid(step);
            if self.current != Some(number) {
                self.move_to(number)?;
                new_stretch = true;
            }
            let boundary =
                number.saturating_add(1).saturating_mul(step).saturating_sub(since_origin);
            let end = first_at_or_after(piece.rate, boundary).clamp(begin + 1, n);
            let end = end.min(begin + BLOCK);
            self.rate_hz = piece.rate.hz();
            let Some(chains) = self.run.as_mut().and_then(|run| run.chains.as_mut()) else { break };
            if std::mem::take(&mut new_stretch) {
                self.window.stretches.push(self.window.raw.len());
            }
            chains.feed(&piece.samples, begin..end, &mut self.window, expected);
            begin = end;
        }
        Ok(())
    }

    /// Whether `piece` is the first of its run.
    fn begins_stretch(&self, piece: &Trace) -> bool {
        self.run.as_ref().is_none_or(|run| run.start == piece.start)
    }

    fn start_of(&self, number: i64) -> UtcTime {
        self.origin.unwrap_or_default().plus(number.saturating_mul(self.settings.window))
    }

    /// Closes the current window and goes on to window `number`.
    fn move_to(&mut self, number: i64) -> Result<()> {
        self.close_window()?;
        self.current = Some(number);
        Ok(())
    }

    /// Writes the row of the current window, after empty rows for those skipped.
    fn close_window(&mut self) -> Result<()> {
        let Some(number) = self.current else { return Ok(()) };
        let start = self.start_of(number).0;
        let end = UtcTime(start.saturating_add(self.settings.window));
        let inside = self.settings.span.start.0 <= start && end <= self.settings.span.end;
        // The sum of the fractions may miss the threshold by a rounding error.
        let enough = self.window.coverage() >= self.settings.minimum_coverage - 1e-9;
        if inside && (self.first_row.is_some() || enough) {
            let first = *self.first_row.get_or_insert(number);
            self.fill_rows_before(number, first)?;
            let features = &self.settings.features;
            if enough {
                self.window.values(features, self.rate_hz, &mut self.values);
            } else {
                self.values.extend(std::iter::repeat_n(f64::NAN, features.len()));
            }
            self.values.push(self.window.coverage().min(1.0));
        }
        self.window.clear();
        Ok(())
    }

    /// Rows of windows in a gap: no values, coverage 0.
    fn fill_rows_before(&mut self, number: i64, first: i64) -> Result<()> {
        let columns = self.settings.features.len() + 1;
        let wanted = u64::try_from(number - first).unwrap_or(0);
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

    /// Ends the channel. The last window is dropped if the data end before it does.
    ///
    /// # Errors
    /// `Data` if not one window has enough samples.
    pub fn finish(mut self) -> Result<ActivityRows> {
        let reached = self.run.as_ref().map(|run| (run.next, run.rate.period() / 100));
        self.end_run()?;
        let step = self.settings.window;
        if let (Some(number), Some((next, tolerance))) = (self.current, reached)
            && next.plus(tolerance) >= self.start_of(number.saturating_add(1))
        {
            self.close_window()?;
        }
        let Some(first) = self.first_row else {
            return Err(Error::data("not one window has enough samples"));
        };
        let features = &self.settings.features;
        Ok(ActivityRows {
            start: self.start_of(first),
            step,
            names: features.iter().map(|f| f.name()).chain(["coverage"]).collect(),
            units: features.iter().map(|f| f.unit()).chain([None]).collect(),
            values: self.values,
        })
    }
}

/// The number of the first sample at or after `nanoseconds` from sample 0.
fn first_at_or_after(rate: SampleRate, nanoseconds: i64) -> usize {
    let mut index = u64::try_from(rate.nearest_index(nanoseconds)).unwrap_or(0);
    while rate.offset(index) < nanoseconds {
        index += 1;
    }
    while index > 0 && rate.offset(index - 1) >= nanoseconds {
        index -= 1;
    }
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// Samples `range` of `piece` as a piece of their own.
fn cut(piece: &Trace, range: std::ops::Range<usize>) -> Trace {
    let start = piece.time_of(range.start as u64);
    let samples = match &piece.samples {
        Samples::I32(v) => Samples::I32(v[range].to_vec()),
        Samples::F32(v) => Samples::F32(v[range].to_vec()),
        Samples::F64(v) => Samples::F64(v[range].to_vec()),
    };
    Trace { id: piece.id.clone(), start, rate: piece.rate, samples }
}

#[cfg(test)]
mod tests;
