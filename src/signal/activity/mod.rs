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

pub(crate) mod bits;
mod feature;
mod filling;
mod rows;
mod run;
mod spectral;
mod statistics;
mod summary;
mod window;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

pub use feature::Feature;
pub(crate) use run::finite_stretches;
pub use spectral::SpectralShape;

use crate::error::{Error, Result};
use crate::read::{Samples, Trace};
use crate::time::{DAY, SECOND, SampleRate, Span, UtcTime};
use filling::Filling;
use rows::Rows;
use run::Chains;

/// Where windows begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Align {
    /// At multiples of the window since 1970, so that channels share their rows.
    Epoch,
    /// At the first sample.
    FirstSample,
    /// At this time.
    At(UtcTime),
}

/// What is computed, over which windows.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
#[derive(Serialize, Deserialize)]
struct Run {
    start: UtcTime,
    rate: SampleRate,
    /// Time of the sample that would continue the run.
    next: UtcTime,
    /// Samples to be dropped at its start.
    settling: u64,
    /// Pieces of the first day, kept until their mean is known.
    #[serde(skip)]
    waiting: VecDeque<Trace>,
    chains: Option<Chains>,
}

/// Builds the rows of one channel from its pieces.
///
/// Filtering goes from sample to sample; a window that is full needs nothing of its neighbours.
/// So while one thread filters, others sum up the windows before. The rows are the same, bit for
/// bit, for any number of threads.
///
/// Once [`Activity::settle`] says so it can be kept between two pieces, and what is read back goes
/// on to the same bits.
#[derive(Serialize, Deserialize)]
pub struct Activity {
    settings: ActivitySettings,
    run: Option<Run>,
    filling: Filling,
    rows: Rows,
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
        let filling = Filling::new(settings.window, settings.align);
        let rows = Rows::new(&settings);
        Ok(Self { settings, run: None, filling, rows, runs: 0 })
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
        waiting.into_iter().try_for_each(|piece| self.process(&piece))
    }

    fn end_run(&mut self) -> Result<()> {
        if self.run.as_ref().is_some_and(|run| run.chains.is_none()) {
            self.begin_filtering()?;
        }
        self.run = None;
        Ok(())
    }

    /// Filters a piece into windows, while those filled before are summed up.
    fn process(&mut self, piece: &Trace) -> Result<()> {
        let begins_run = self.run.as_ref().is_none_or(|run| run.start == piece.start);
        let mut begin = 0;
        while begin < piece.samples.len() {
            let Some(chains) = self.run.as_mut().and_then(|run| run.chains.as_mut()) else { break };
            let (filling, rows) = (&mut self.filling, &mut self.rows);
            let mut full = filling.take_full();
            let (end, added) = rayon::join(
                || filling.fill(chains, piece, begin, begins_run),
                || rows.add(&mut full),
            );
            added?;
            self.filling.reuse(full);
            begin = end;
        }
        Ok(())
    }

    /// Treats what follows as after a gap.
    ///
    /// # Errors
    /// As [`Activity::push`].
    pub fn break_off(&mut self) -> Result<()> {
        self.end_run()
    }

    /// Sums up the windows that are full. Whether the state is whole: it is not while the first
    /// day of a run is gathered, whose samples would have to be kept.
    ///
    /// # Errors
    /// As [`Activity::push`].
    pub fn settle(&mut self) -> Result<bool> {
        let mut full = self.filling.take_full();
        self.rows.add(&mut full)?;
        self.filling.reuse(full);
        Ok(self.run.as_ref().is_none_or(|run| run.waiting.is_empty()))
    }

    /// Ends the channel. The last window is dropped if the data end before it does.
    ///
    /// # Errors
    /// `Data` if not one window has enough samples.
    pub fn finish(mut self) -> Result<ActivityRows> {
        let reached = self.run.as_ref().map(|run| (run.next, run.rate.period() / 100));
        self.end_run()?;
        self.filling.end(reached);
        self.rows.add(&mut self.filling.take_full())?;
        let (start, values) = self.rows.finish()?;
        let features = &self.settings.features;
        Ok(ActivityRows {
            start,
            step: self.settings.window,
            names: features.iter().map(|f| f.name()).chain(["coverage"]).collect(),
            units: features.iter().map(|f| f.unit()).chain([None]).collect(),
            values,
        })
    }
}

/// Samples `range` of `piece` as a piece of their own.
pub(crate) fn cut(piece: &Trace, range: std::ops::Range<usize>) -> Trace {
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
