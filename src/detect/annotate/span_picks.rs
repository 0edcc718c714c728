//! Picks of one instrument in a part of the time, the same whatever parts the time is divided into.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::curves::curves;
use super::gathering::{Gatherer, Padding};
use super::instruments::{Instrument, Stretch};
use super::measures::{MeasureWindows, amplitude_and_snr, peak_deviation};
use super::pick::{Detection, PhasePick};
use super::rows::Rows;
use super::settings::{AnnotateSettings, DETECTION};
use super::stream_filter::StreamFilters;
use super::trigger::onsets;
use super::workers::{Question, Workers};
use crate::detect::picker::PickerSettings;
use crate::error::{Error, Result};
use crate::read::Archive;
use crate::time::{SECOND, SampleRate, Span, UtcTime};

/// Onsets are looked for this long beyond a part's ends, so that one that begins in it is seen to
/// its end.
const MARGIN: i64 = 120 * SECOND;

/// What picking needs to know beside the picker.
#[derive(Clone, Debug)]
pub struct PickingSettings {
    /// Windows, thresholds.
    pub annotate: AnnotateSettings,
    /// Gaps up to this many nanoseconds are bridged.
    pub bridge: i64,
    /// Where amplitudes are measured.
    pub measures: MeasureWindows,
    /// Thresholds at which picks are counted.
    pub sweep: Vec<f64>,
    /// Whether the curves themselves are asked for.
    pub curves: bool,
    /// How often each pick is answered with dropout to see how far it moves; 0: not at all.
    pub dropout_samples: u64,
}

/// A contiguous piece of a curve.
#[derive(Clone, Debug, PartialEq)]
pub struct CurvePiece {
    /// Number of the label.
    pub label: usize,
    /// Time of the first value.
    pub start: UtcTime,
    /// Values a second.
    pub rate: SampleRate,
    /// Probabilities.
    pub values: Vec<f32>,
}

/// Picks at a threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepCount {
    /// The label.
    pub label: String,
    /// The threshold.
    pub threshold: f64,
    /// How many.
    pub picks: u64,
}

/// What was found in a part of the time.
#[derive(Clone, Debug, Default)]
pub struct SpanPicks {
    /// Picks, by label and time.
    pub picks: Vec<PhasePick>,
    /// Detections, by time.
    pub detections: Vec<Detection>,
    /// Counts at other thresholds.
    pub sweep: Vec<SweepCount>,
    /// Seconds that have a probability.
    pub covered_s: f64,
    /// Stretches of time that have one, in order.
    pub covered: Vec<Span>,
    /// What could not be read.
    pub failed: Vec<String>,
    /// What was left out and why.
    pub notes: Vec<String>,
    /// Curves, if asked for.
    pub curves: Vec<CurvePiece>,
}

impl SpanPicks {
    /// Appends what was found in a later part.
    pub fn extend(&mut self, other: Self) {
        self.picks.extend(other.picks);
        self.detections.extend(other.detections);
        self.covered_s += other.covered_s;
        self.covered.extend(other.covered);
        self.failed.extend(other.failed);
        self.notes.extend(other.notes);
        self.curves.extend(other.curves);
        for count in other.sweep {
            add_count(&mut self.sweep, count);
        }
    }
}

/// Adds to the count of the same label and threshold.
pub fn add_count(counts: &mut Vec<SweepCount>, new: SweepCount) {
    let same = |c: &&mut SweepCount| c.label == new.label && c.threshold == new.threshold;
    match counts.iter_mut().find(same) {
        Some(count) => count.picks += new.picks,
        None => counts.push(new),
    }
}

/// A picker over an archive.
pub struct ArchivePicker<'a> {
    /// The samples.
    pub archive: &'a Archive,
    /// The picker's windows and labels.
    pub picker: &'a PickerSettings,
    /// Its filter.
    pub filters: &'a StreamFilters,
    /// Everything else.
    pub settings: &'a PickingSettings,
    /// Who answers.
    pub workers: &'a Workers,
}

/// One stretch within a part of the time.
struct Section<'a> {
    instrument: &'a Instrument,
    stretch: &'a Stretch,
    padding: Padding,
    /// Samples that belong to the part.
    own: Range<i64>,
    /// Those and as many beyond as onsets may last.
    seen: Range<i64>,
    /// Values are so many samples apart.
    every: i64,
}

/// Rows in which picks are answered again.
struct Moved<'a> {
    rows: &'a Arc<Rows>,
    rate: f64,
}

/// A pick to be answered again: its place in the list, label and column.
struct SampledPick {
    number: usize,
    label: usize,
    column: i64,
}

/// Samples of a section and where they lie.
struct Seen {
    rows: Arc<Rows>,
    /// Column of sample 0.
    zero: i64,
    /// The first sample with a value.
    first: i64,
    /// Curves of the labels, a value every so many samples.
    curves: Vec<Vec<f32>>,
}

impl ArchivePicker<'_> {
    /// Refuses settings that would leave samples without a probability.
    ///
    /// # Errors
    /// `Usage` where windows overlap less than is blinded.
    pub fn check(picker: &PickerSettings, settings: &AnnotateSettings) -> Result<()> {
        let (a, b) = settings.blinding;
        if picker.point_sample.is_none() && a + b > settings.overlap {
            return Err(Error::usage(format!(
                "windows that overlap by {} samples and are blinded by {a} + {b} leave samples \
                 without a probability; overlap them by {} at least",
                settings.overlap,
                a + b
            )));
        }
        Ok(())
    }

    /// Picks that begin within `span`.
    ///
    /// # Errors
    /// What the network or the filter refuses; `Interrupted`.
    pub fn pick(&self, instrument: &Instrument, span: Span) -> Result<SpanPicks> {
        let mut found = SpanPicks::default();
        for stretch in instrument.stretches_within(span) {
            if let Some(section) = self.section(instrument, stretch, span) {
                self.pick_section(&section, &mut found)?;
            }
        }
        Ok(found)
    }

    fn section<'a>(
        &self,
        instrument: &'a Instrument,
        stretch: &'a Stretch,
        span: Span,
    ) -> Option<Section<'a>> {
        let rate = instrument.rate;
        let samples = i64::try_from(stretch.samples).ok()?;
        let from = |time: UtcTime| first_from(stretch.origin, rate, time).min(samples);
        let own = from(span.start)..from(span.end);
        if own.is_empty() {
            return None;
        }
        let margin = rate.nearest_index(MARGIN);
        let seen = (own.start - margin).max(0)..(own.end + margin).min(samples);
        let window = self.picker.in_samples as i64;
        let (a, b) = self.settings.annotate.blinding;
        let (padding, every) = match self.picker.point_sample {
            Some(at) => {
                let before = at as i64;
                let padding = Padding { before, behind: window - 1 - before };
                (padding, self.settings.annotate.stride as i64)
            }
            None => {
                let (a, b) = (a as i64, b as i64);
                let missing = (window - samples - a - b).max(0);
                let before = a + missing / 2;
                (Padding { before, behind: b + missing - missing / 2 }, 1)
            }
        };
        Some(Section { instrument, stretch, padding, own, seen, every })
    }

    /// First samples of the windows that see any of the section, from the padded start.
    fn starts(&self, section: &Section<'_>) -> Vec<i64> {
        let window = self.picker.in_samples as i64;
        let Padding { before, behind } = section.padding;
        let seen = section.seen.start + before..section.seen.end + before;
        if self.picker.point_sample.is_some() {
            let first = divided_up(section.seen.start, section.every);
            let starts = (first..).map(|j| j * section.every);
            return starts.take_while(|&at| at < section.seen.end).collect();
        }
        let step = self.settings.annotate.step(self.picker) as i64;
        let last = section.stretch.samples as i64 + before + behind - window;
        let first = ((seen.start - window).div_euclid(step) + 1).max(0);
        let starts = (first..).map(|j| j * step);
        let mut starts: Vec<i64> = starts.take_while(|&at| at < seen.end && at <= last).collect();
        if last % step != 0 && last + window > seen.start && last < seen.end {
            starts.push(last);
        }
        starts
    }

    fn pick_section(&self, section: &Section<'_>, found: &mut SpanPicks) -> Result<()> {
        let labels = self.labels();
        let seen = self.answer(section, &labels, found)?;
        let (rate, origin) = (section.instrument.rate, section.stretch.origin);
        let every = section.every;
        let time = |value: i64| {
            let sample = seen.first + value * every;
            origin.plus(rate.offset(sample.unsigned_abs()))
        };
        let mut sampled = Vec::new();
        // Values that belong to this part.
        let count = seen.curves.first().map_or(0, |curve| curve.len() as i64);
        let value_from = |sample: i64| divided_up(sample - seen.first, every).clamp(0, count);
        let own = value_from(section.own.start)..value_from(section.own.end);
        if let Some(curve) = seen.curves.first() {
            let values = &curve[own.start as usize..own.end as usize];
            let known = values.iter().filter(|x| !x.is_nan()).count();
            found.covered_s += (known as i64 * every) as f64 / rate.hz();
            found.covered.extend(covered(values, |value| time(own.start + value as i64)));
        }
        for (&label, curve) in labels.iter().zip(&seen.curves) {
            let name = &self.picker.labels[label];
            let begun = |on: f64| {
                let held = held_at_start(curve, seen.first > 0, on / 2.0);
                let own = own.clone();
                onsets(curve, on, on / 2.0).into_iter().filter(move |onset| {
                    let begin = *onset.samples.start();
                    begin >= held && own.contains(&(begin as i64))
                })
            };
            for &threshold in &self.settings.sweep {
                if self.settings.annotate.threshold(name).is_some() {
                    let picks = begun(threshold).count() as u64;
                    let count = SweepCount { label: name.clone(), threshold, picks };
                    add_count(&mut found.sweep, count);
                }
            }
            let trace_id = &section.instrument.trace_id;
            if name == DETECTION {
                let on = self.settings.annotate.detection_threshold;
                found.detections.extend(begun(on).map(|o| Detection {
                    trace_id: trace_id.clone(),
                    start: time(*o.samples.start() as i64),
                    end: time(*o.samples.end() as i64),
                    probability: o.value,
                }));
            } else if let Some(on) = self.settings.annotate.threshold(name) {
                for onset in begun(on) {
                    let column = seen.first + onset.peak as i64 * every + seen.zero;
                    let windows = &self.settings.measures;
                    let (amplitude, snr) =
                        amplitude_and_snr(&seen.rows, column, rate.hz(), windows);
                    let deviation = peak_deviation(curve, onset.peak);
                    sampled.push(SampledPick { number: found.picks.len(), label, column });
                    found.picks.push(PhasePick {
                        trace_id: trace_id.clone(),
                        phase: name.clone(),
                        time: time(onset.peak as i64),
                        probability: onset.value,
                        start: time(*onset.samples.start() as i64),
                        end: time(*onset.samples.end() as i64),
                        threshold: on,
                        amplitude,
                        snr,
                        uncertainty_s: deviation.map(|d| d * every as f64 / rate.hz()),
                    });
                }
            }
            if self.settings.curves {
                let curve = &curve[own.start as usize..own.end as usize];
                let start = |value: usize| time(own.start + value as i64);
                found.curves.extend(pieces(label, curve, slower(rate, every), start));
            }
        }
        if self.settings.dropout_samples > 0 {
            let times = Moved { rows: &seen.rows, rate: rate.hz() };
            for (pick, deviation) in sampled.iter().zip(self.moved(&times, &sampled)?) {
                found.picks[pick.number].uncertainty_s = Some(deviation);
            }
        }
        Ok(())
    }

    /// How far picks move when dropout is at work (Gal and Ghahramani 2016): the standard deviation,
    /// in seconds, of where the largest probability is within a second of the pick.
    fn moved(&self, of: &Moved<'_>, picks: &[SampledPick]) -> Result<Vec<f64>> {
        let (window, all) = (self.picker.in_samples, self.picker.labels.len());
        let last = of.rows.columns().saturating_sub(window) as i64;
        let start = |pick: &SampledPick| (pick.column - window as i64 / 2).clamp(0, last) as usize;
        let starts: Vec<usize> = picks.iter().map(start).collect();
        let near = of.rate.round().max(1.0) as usize;
        let mut sums = vec![(0.0, 0.0); picks.len()];
        for seed in 0..self.settings.dropout_samples {
            let question = Question {
                rows: of.rows,
                starts: &starts,
                in_samples: window,
                batch_size: self.settings.annotate.batch_size,
                dropout_seed: Some(seed),
            };
            let mut done = 0;
            self.workers.answer(&question, |starts, answers| {
                for (at, answer) in starts.iter().zip(answers.chunks_exact(all * window)) {
                    let pick = &picks[done];
                    let curve = &answer[pick.label * window..(pick.label + 1) * window];
                    let centre = (pick.column as usize).saturating_sub(*at).min(window - 1);
                    let from = centre.saturating_sub(near);
                    let span = from..(centre + near + 1).min(window);
                    let best = span.reduce(|a, b| if curve[b] > curve[a] { b } else { a });
                    let off = best.unwrap_or(centre) as f64 - centre as f64;
                    sums[done].0 += off;
                    sums[done].1 += off * off;
                    done += 1;
                }
                Ok(())
            })?;
        }
        let count = self.settings.dropout_samples as f64;
        let deviation = |(sum, squares): (f64, f64)| {
            let mean = sum / count;
            (squares / count - mean * mean).max(0.0).sqrt() / of.rate
        };
        Ok(sums.into_iter().map(deviation).collect())
    }

    /// The labels whose curves are needed.
    fn labels(&self) -> Vec<usize> {
        let wanted = |label: &String| {
            self.settings.curves
                || label == DETECTION
                || self.settings.annotate.threshold(label).is_some()
        };
        let labels = self.picker.labels.iter().enumerate();
        labels.filter(|(_, label)| wanted(label)).map(|(number, _)| number).collect()
    }

    /// Reads and asks the network.
    fn answer(
        &self,
        section: &Section<'_>,
        labels: &[usize],
        found: &mut SpanPicks,
    ) -> Result<Seen> {
        let window = self.picker.in_samples as i64;
        let starts = self.starts(section);
        let (Some(&first), Some(&last)) = (starts.first(), starts.last()) else {
            let (rows, curves) = (Arc::new(Rows::zeros(0, 0)), vec![Vec::new(); labels.len()]);
            return Ok(Seen { rows, zero: 0, first: section.seen.start, curves });
        };
        let Padding { before, behind } = section.padding;
        let all = section.stretch.samples as i64 + before + behind;
        // What windows see, and one window more, from which long gaps are filled.
        let columns = (first - window).max(0)..(last + 2 * window).min(all);
        let gatherer = Gatherer {
            archive: self.archive,
            instrument: section.instrument,
            filters: self.filters,
            rows: self.picker.components.chars().count(),
            bridge: self.settings.bridge,
        };
        let (rows, failed) = gatherer.columns(section.stretch, section.padding, columns.clone())?;
        found.failed.extend(failed);
        let rows = Arc::new(rows);
        let starts: Vec<usize> = starts.iter().map(|at| (at - columns.start) as usize).collect();
        let settings = &self.settings.annotate;
        let mut curves = curves(&rows, &starts, labels, self.picker, settings, self.workers)?;
        let zero = before - columns.start;
        let first = match self.picker.point_sample {
            Some(_) => first,
            None => {
                let from = (section.seen.start + zero) as usize;
                for curve in &mut curves {
                    curve.truncate((section.seen.end + zero) as usize);
                    curve.drain(..from);
                }
                section.seen.start
            }
        };
        let known = rows.columns_with_data(settings.strict);
        for curve in &mut curves {
            blank(curve, &known, first + zero, section.every);
        }
        Ok(Seen { rows, zero, first, curves })
    }
}

/// The quotient, rounded up.
fn divided_up(a: i64, b: i64) -> i64 {
    -(-a).div_euclid(b)
}

/// The first sample at or after a time.
fn first_from(origin: UtcTime, rate: SampleRate, time: UtcTime) -> i64 {
    if time <= origin {
        return 0;
    }
    let near = (rate.nearest_index(time.0.saturating_sub(origin.0)) - 1).max(0);
    let at = |sample: i64| origin.plus(rate.offset(sample.unsigned_abs()));
    (near..near + 3).find(|&sample| at(sample) >= time).unwrap_or(near + 3)
}

/// Values at columns that have no data are none. `column` is that of the first value.
fn blank(curve: &mut [f32], known: &[Range<usize>], column: i64, every: i64) {
    let mut run = 0;
    for (i, value) in curve.iter_mut().enumerate() {
        let at = usize::try_from(column + i as i64 * every).unwrap_or(usize::MAX);
        while known.get(run).is_some_and(|run| run.end <= at) {
            run += 1;
        }
        if known.get(run).is_none_or(|run| at < run.start) {
            *value = f32::NAN;
        }
    }
}

/// Where onsets count: behind a stretch above the lower threshold that is under way at the first
/// value and so may have begun in the part before.
fn held_at_start(curve: &[f32], is_continued: bool, off: f64) -> usize {
    let held = curve.iter().take_while(|&&x| x >= off as f32).count();
    if is_continued { held } else { 0 }
}

/// A rate so many times lower.
fn slower(rate: SampleRate, every: i64) -> SampleRate {
    let (p, q) = rate.ratio();
    let every = every.unsigned_abs().max(1);
    SampleRate::from_ratio(p, q.saturating_mul(every)).unwrap_or(rate)
}

/// The stretches of time in which a curve has values, each to the end of its last one.
pub fn covered(curve: &[f32], time: impl Fn(usize) -> UtcTime) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut begin = 0;
    for run in curve.chunk_by(|a, b| a.is_nan() == b.is_nan()) {
        let end = begin + run.len();
        if !run[0].is_nan() {
            spans.push(Span { start: time(begin), end: time(end) });
        }
        begin = end;
    }
    spans
}

/// The pieces of a curve between values that are none.
fn pieces(
    label: usize,
    curve: &[f32],
    rate: SampleRate,
    start: impl Fn(usize) -> UtcTime,
) -> Vec<CurvePiece> {
    let mut pieces = Vec::new();
    let mut begin = 0;
    for run in curve.chunk_by(|a, b| a.is_nan() == b.is_nan()) {
        if !run[0].is_nan() {
            pieces.push(CurvePiece { label, start: start(begin), rate, values: run.to_vec() });
        }
        begin += run.len();
    }
    pieces
}
