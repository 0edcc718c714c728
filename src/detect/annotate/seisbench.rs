//! Annotate and classify exactly as SeisBench 0.12 does them, step by step.

use std::sync::Arc;

use super::alignment::{AlignmentRules, align};
use super::components::ComponentMap;
use super::curves::curves;
use super::instants::plus;
use super::measures::{MeasureWindows, amplitude_and_snr, peak_deviation};
use super::merge::{merge, without_conflicts};
use super::model_rate::resample;
use super::pick::{Detection, PhasePick};
use super::piece::{Piece, instrument_name, same_instrument};
use super::rows::Rows;
use super::settings::{AnnotateSettings, DETECTION};
use super::span_picks::{SweepCount, add_count};
use super::stream_filter::StreamFilters;
use super::trigger::onsets;
use super::windows::window_starts;
use super::workers::Workers;
use crate::detect::picker::PickerSettings;
use crate::error::{Error, Result};
use crate::read::StreamId;
use crate::time::UtcTime;

/// A curve of probability over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    /// Which label of the network.
    pub label: String,
    /// Time of the first value, nanoseconds since 1970.
    pub start: i64,
    /// Values a second.
    pub rate: f64,
    /// Probabilities; not a number where there is none.
    pub values: Vec<f32>,
    /// Column of the first value in the rows of its stretch.
    first_column: usize,
    /// Columns from value to value.
    every: usize,
}

impl Annotation {
    /// Seconds that have a probability.
    pub fn covered_s(&self) -> f64 {
        self.values.iter().filter(|x| !x.is_nan()).count() as f64 / self.rate
    }

    /// Time of value `index`.
    pub fn time_of(&self, index: usize) -> i64 {
        plus(self.start, index as f64 * (1.0 / self.rate))
    }
}

/// A stretch of one instrument, its samples and its curves.
pub struct AnnotatedStretch {
    /// Codes of the instrument, without channel.
    pub instrument: StreamId,
    /// The samples the network was given.
    pub rows: Arc<Rows>,
    /// Time of their first column, nanoseconds since 1970.
    pub origin: i64,
    /// Columns a second.
    pub rate: f64,
    /// One a label, in the network's order.
    pub annotations: Vec<Annotation>,
}

/// What annotate gives.
#[derive(Default)]
pub struct Annotated {
    /// Stretches by instrument and time.
    pub stretches: Vec<AnnotatedStretch>,
    /// What was left out and why.
    pub warnings: Vec<String>,
}

/// Probabilities of all data of a stream, whose pieces are as a reader gives them: unsorted,
/// overlapping, of any rate.
///
/// # Errors
/// `Data` where SeisBench refuses the stream; what the filter or the network refuses.
pub fn annotate(
    pieces: Vec<Piece>,
    picker: &PickerSettings,
    settings: &AnnotateSettings,
    workers: &Workers,
) -> Result<Annotated> {
    let filters = StreamFilters::parse(picker.filter.as_ref())?;
    let mut pieces = merge(pieces)?;
    let Some(rate) = picker.rate_hz.or(pieces.first().map(|piece| piece.rate)) else {
        return Ok(Annotated::default());
    };
    for piece in &mut pieces {
        filters.apply(piece)?;
        if picker.rate_hz.is_some() {
            resample(piece, rate, settings.zerophase_resample)?;
        } else if piece.rate != rate {
            return Err(Error::data(format!(
                "{}: {} Hz among data of {rate} Hz; the network has no rate of its own, so all \
                 must have one",
                piece.id, piece.rate
            )));
        }
    }
    let (pieces, warnings) = without_conflicts(merge(pieces)?);
    let mut annotated = Annotated { stretches: Vec::new(), warnings };
    let components = ComponentMap::new(&picker.components, settings.flexible_horizontals);
    let rules = AlignmentRules {
        components: &components,
        rate,
        in_samples: picker.in_samples,
        strict: settings.strict,
    };
    let mut rest = pieces.into_iter().peekable();
    while let Some(first) = rest.next() {
        let mut instrument = vec![first];
        while let Some(next) = rest.next_if(|next| same_instrument(&next.id, &instrument[0].id)) {
            instrument.push(next);
        }
        let id = StreamId { channel: String::new(), ..instrument[0].id.clone() };
        let (arrays, warnings) = align(instrument, &rules);
        annotated.warnings.extend(warnings);
        for array in arrays {
            let (rows, origin) = (Arc::new(array.rows), array.origin);
            if rows.columns() < picker.in_samples {
                annotated.warnings.push(format!("{}: too short", instrument_name(&id)));
                continue;
            }
            let annotations = annotations(&rows, origin, rate, picker, settings, workers)?;
            let instrument = id.clone();
            annotated.stretches.push(AnnotatedStretch {
                instrument,
                rows,
                origin,
                rate,
                annotations,
            });
        }
    }
    Ok(annotated)
}

/// The curves of one array, without what is not a number at both ends.
fn annotations(
    rows: &Arc<Rows>,
    origin: i64,
    rate: f64,
    picker: &PickerSettings,
    settings: &AnnotateSettings,
    workers: &Workers,
) -> Result<Vec<Annotation>> {
    let step = settings.step(picker);
    let point = picker.point_sample;
    let starts = window_starts(rows.columns(), picker.in_samples, step, point.is_some());
    let all: Vec<usize> = (0..picker.labels.len()).collect();
    let curves = curves(rows, &starts, &all, picker, settings, workers)?;
    let (begin, rate, column, every) = match point {
        None => (origin, rate, 0, 1),
        Some(at) => (plus(origin, at as f64 / rate), rate / step as f64, at, step),
    };
    let annotation = |(name, mut values): (&String, Vec<f32>)| {
        let first = values.iter().position(|x| !x.is_nan()).unwrap_or(0);
        let end = values.iter().rposition(|x| !x.is_nan()).map_or(first, |last| last + 1);
        values.truncate(end);
        values.drain(..first);
        let start = plus(begin, first as f64 / rate);
        let first_column = column + first * every;
        Annotation { label: name.clone(), start, rate, values, first_column, every }
    };
    Ok(picker.labels.iter().zip(curves).map(annotation).collect())
}

/// Picks and detections of annotated data, in order.
pub fn classify(
    annotated: &Annotated,
    settings: &AnnotateSettings,
    measures: &MeasureWindows,
) -> (Vec<PhasePick>, Vec<Detection>) {
    let (mut picks, mut detections) = (Vec::new(), Vec::new());
    for stretch in &annotated.stretches {
        let trace_id = instrument_name(&stretch.instrument);
        for annotation in &stretch.annotations {
            let time = |index: usize| UtcTime(annotation.time_of(index));
            let found = |on: f64| onsets(&annotation.values, on, on / 2.0).into_iter();
            if annotation.label == DETECTION {
                detections.extend(found(settings.detection_threshold).map(|o| Detection {
                    trace_id: trace_id.clone(),
                    start: time(*o.samples.start()),
                    end: time(*o.samples.end()),
                    probability: o.value,
                }));
            } else if let Some(on) = settings.threshold(&annotation.label) {
                picks.extend(found(on).map(|o| {
                    let column = (annotation.first_column + o.peak * annotation.every) as i64;
                    let (amplitude, snr) =
                        amplitude_and_snr(&stretch.rows, column, stretch.rate, measures);
                    let deviation = peak_deviation(&annotation.values, o.peak);
                    PhasePick {
                        trace_id: trace_id.clone(),
                        phase: annotation.label.clone(),
                        time: time(o.peak),
                        probability: o.value,
                        start: time(*o.samples.start()),
                        end: time(*o.samples.end()),
                        threshold: on,
                        amplitude,
                        snr,
                        uncertainty_s: deviation.map(|d| d / annotation.rate),
                    }
                }));
            }
        }
    }
    picks.sort_by(PhasePick::order);
    detections.sort_by(Detection::order);
    (picks, detections)
}

/// How many picks there would be at other thresholds.
pub fn sweep(
    annotated: &Annotated,
    settings: &AnnotateSettings,
    thresholds: &[f64],
) -> Vec<SweepCount> {
    let mut counts = Vec::new();
    let annotations = annotated.stretches.iter().flat_map(|stretch| &stretch.annotations);
    for annotation in annotations.filter(|a| settings.threshold(&a.label).is_some()) {
        for &threshold in thresholds {
            let picks = onsets(&annotation.values, threshold, threshold / 2.0).len() as u64;
            let label = annotation.label.clone();
            add_count(&mut counts, SweepCount { label, threshold, picks });
        }
    }
    counts
}
