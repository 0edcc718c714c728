//! Units of work on all cores: threads that read and pick, over threads that have a network.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::outcome::{Kept, Outcome, PROBABILITIES, Time};
use super::pictures::{PickedDay, Pictures};
use super::probabilities;
use super::units::{Place, Unit};
use crate::detect::PickerSettings;
use crate::detect::annotate::instruments::Instrument;
use crate::detect::annotate::seisbench;
use crate::detect::annotate::{
    ArchivePicker, CurvePiece, PickingSettings, Piece, SpanPicks, StreamFilters, Workers, covered,
};
use crate::error::{Error, Result};
use crate::progress::{self, Progress};
use crate::read::{Archive, StreamId, Trace};
use crate::time::{SECOND, SampleRate, Span, UtcTime};

/// Samples and probabilities in memory at once, bytes, as far as can be said before.
const MOST_BYTES: u64 = 96 << 20;

/// Whose rules hold.
pub enum Rules<'a> {
    /// Ours.
    Own { instruments: &'a [Instrument], filters: &'a StreamFilters },
    /// SeisBench's.
    SeisBench { places: &'a [Place] },
}

/// Everything that units have in common.
pub struct Job<'a> {
    pub archive: &'a Archive,
    pub picker: &'a PickerSettings,
    pub settings: &'a PickingSettings,
    pub rules: Rules<'a>,
    pub workers: &'a Workers,
    /// The folder of results.
    pub out: &'a Path,
    pub kept: &'a Kept,
    /// Whether probabilities are written.
    pub annotations: bool,
    pub pictures: Pictures<'a>,
    /// What outcomes depend on, by instrument.
    pub keys: &'a [String],
}

/// Parts of a unit that are done.
struct UnderWay {
    parts: Vec<Option<SpanPicks>>,
    left: usize,
    failed: Option<String>,
}

/// Room for samples.
struct Room {
    used: Mutex<u64>,
    freed: Condvar,
}

impl Room {
    /// Waits until there is room for `bytes`; what needs more than all goes alone.
    fn take(&self, bytes: u64) -> Taken<'_> {
        let mut used = locked(&self.used);
        while *used > 0 && *used + bytes > MOST_BYTES {
            used = self.freed.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
        *used += bytes;
        Taken { room: self, bytes }
    }
}

struct Taken<'a> {
    room: &'a Room,
    bytes: u64,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        *locked(&self.room.used) -= self.bytes;
        self.room.freed.notify_all();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Job<'_> {
    /// Outcomes of the units with these numbers, in their order, and faults of the others.
    ///
    /// # Errors
    /// `Interrupted`; what cannot be written; the first fault of libtorch.
    pub fn run(&self, units: &[Unit], chosen: &[usize]) -> Result<(Vec<Outcome>, Vec<String>)> {
        let mut outcomes: Vec<Option<Outcome>> = Vec::new();
        let mut waiting = Vec::new();
        for (place, &number) in chosen.iter().enumerate() {
            let unit = &units[number];
            let kept = self.kept.load(number, unit.day(), &self.keys[unit.instrument]);
            if kept.is_none() {
                waiting.extend((0..units[number].parts.len()).map(|part| (place, part)));
            }
            outcomes.push(kept);
        }
        let known = outcomes.iter().flatten().count();
        if known > 0 {
            let of = outcomes.len();
            progress::note(format_args!("{known} of {of} station-days finished by an earlier run"));
        }
        let under_way: Vec<Mutex<UnderWay>> = chosen
            .iter()
            .map(|&number| {
                let parts: Vec<Option<SpanPicks>> =
                    units[number].parts.iter().map(|_| None).collect();
                Mutex::new(UnderWay { left: parts.len(), parts, failed: None })
            })
            .collect();
        let progress = Mutex::new(Progress::new("picking", "days", chosen.len() as u64));
        locked(&progress).advance(known as u64);
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let room = Room { used: Mutex::new(0), freed: Condvar::new() };
        let (finished, fatal) = (Mutex::new(outcomes), Mutex::new(None::<Error>));
        let drive = || {
            while !stop.load(Ordering::Relaxed) {
                let Some(&(place, part)) = waiting.get(next.fetch_add(1, Ordering::Relaxed)) else {
                    return;
                };
                let number = chosen[place];
                let unit = &units[number];
                let room = room.take(self.bytes(unit, part));
                let found = self.part(unit, unit.parts[part]);
                drop(room);
                match self.take_part(number, unit, part, found, &under_way[place]) {
                    Ok(None) => {}
                    Ok(Some(outcome)) => {
                        locked(&finished)[place] = Some(outcome);
                        locked(&progress).advance(1);
                    }
                    Err(error) => {
                        stop.store(true, Ordering::Relaxed);
                        locked(&fatal).get_or_insert(error);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.workers.count().min(waiting.len()) {
                scope.spawn(drive);
            }
        });
        if let Some(error) = locked(&fatal).take() {
            return Err(error);
        }
        let faults = under_way.iter().filter_map(|unit| locked(unit).failed.clone()).collect();
        let outcomes = finished.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok((outcomes.into_iter().flatten().collect(), faults))
    }

    /// What a part needs, about.
    fn bytes(&self, unit: &Unit, part: usize) -> u64 {
        let span = unit.parts[part];
        let seconds = span.end.0.saturating_sub(span.start.0) as f64 / SECOND as f64;
        let curves = self.picker.labels.len() * usize::from(self.picker.point_sample.is_none());
        let channels = self.picker.components.chars().count();
        // Samples, probabilities, one channel as it is read.
        let values = seconds * self.rate(unit).hz() * (channels + curves + 2) as f64;
        (4.0 * values) as u64
    }

    fn rate(&self, unit: &Unit) -> SampleRate {
        let first = || match &self.rules {
            Rules::Own { instruments, .. } => Some(instruments[unit.instrument].rate),
            Rules::SeisBench { places } => {
                self.archive.rate(places[unit.instrument].channels.first()?)
            }
        };
        let own = self.picker.rate_hz.and_then(SampleRate::from_hz);
        own.or_else(first).unwrap_or(SampleRate::HUNDRED)
    }

    fn part(&self, unit: &Unit, span: Span) -> Result<SpanPicks> {
        progress::check_interrupt()?;
        match &self.rules {
            Rules::Own { instruments, filters } => {
                let picker = ArchivePicker {
                    archive: self.archive,
                    picker: self.picker,
                    filters,
                    settings: self.settings,
                    workers: self.workers,
                };
                picker.pick(&instruments[unit.instrument], span)
            }
            Rules::SeisBench { places } => self.seisbench(&places[unit.instrument], span),
        }
    }

    /// One stream as `classify` of SeisBench gets it.
    fn seisbench(&self, place: &Place, span: Span) -> Result<SpanPicks> {
        let mut found = SpanPicks::default();
        let mut pieces = Vec::new();
        for id in &place.channels {
            for segment in self.archive.segments_within(id, span) {
                match segment {
                    Ok(segment) => pieces.push(Piece::from(segment)),
                    Err(error) => found.failed.push(error.to_string()),
                }
            }
        }
        let settings = &self.settings.annotate;
        let annotated = seisbench::annotate(pieces, self.picker, settings, self.workers)?;
        found.notes.extend(annotated.warnings.iter().cloned());
        (found.picks, found.detections) =
            seisbench::classify(&annotated, settings, &self.settings.measures);
        found.sweep = seisbench::sweep(&annotated, settings, &self.settings.sweep);
        for stretch in annotated.stretches {
            if let Some(first) = stretch.annotations.first() {
                found.covered_s += first.covered_s();
                let time = |value: usize| UtcTime(first.time_of(value));
                found.covered.extend(covered(&first.values, time));
            }
            if !self.settings.curves {
                continue;
            }
            for (label, annotation) in stretch.annotations.into_iter().enumerate() {
                let Some(rate) = SampleRate::from_hz(annotation.rate) else { continue };
                let mut begin = 0;
                for run in annotation.values.chunk_by(|a, b| a.is_nan() == b.is_nan()) {
                    if !run[0].is_nan() {
                        let start = UtcTime(annotation.time_of(begin));
                        found.curves.push(CurvePiece { label, start, rate, values: run.to_vec() });
                    }
                    begin += run.len();
                }
            }
        }
        Ok(found)
    }

    /// Takes a part; with the last one the unit is finished.
    fn take_part(
        &self,
        number: usize,
        unit: &Unit,
        part: usize,
        found: Result<SpanPicks>,
        under_way: &Mutex<UnderWay>,
    ) -> Result<Option<Outcome>> {
        let mut under_way = locked(under_way);
        under_way.left -= 1;
        match found {
            Ok(found) => under_way.parts[part] = Some(found),
            Err(error @ (Error::Interrupted | Error::Torch(_) | Error::Io { .. })) => {
                return Err(error);
            }
            Err(error) => {
                let day = unit.day().format("%Y-%m-%d");
                let name = self.name(unit);
                under_way.failed.get_or_insert(format!("{name} {day}: {error}"));
            }
        }
        if under_way.left > 0 || under_way.failed.is_some() {
            return Ok(None);
        }
        let mut all = SpanPicks::default();
        for part in under_way.parts.drain(..).flatten() {
            all.extend(part);
        }
        let outcome = self.outcome(number, unit, all)?;
        self.kept.keep(&outcome, &self.keys[unit.instrument])?;
        Ok(Some(outcome))
    }

    fn name(&self, unit: &Unit) -> &str {
        match &self.rules {
            Rules::Own { instruments, .. } => &instruments[unit.instrument].trace_id,
            Rules::SeisBench { places } => &places[unit.instrument].trace_id,
        }
    }

    /// The channels of a unit, the vertical one first.
    fn channels(&self, unit: &Unit) -> Vec<StreamId> {
        match &self.rules {
            Rules::Own { instruments, .. } => {
                let components = &instruments[unit.instrument].components;
                let mut places: Vec<_> = components.iter().map(|c| (c.row, c.id.clone())).collect();
                places.sort();
                places.into_iter().map(|(_, id)| id).collect()
            }
            Rules::SeisBench { places } => places[unit.instrument].channels.clone(),
        }
    }

    fn outcome(&self, number: usize, unit: &Unit, found: SpanPicks) -> Result<Outcome> {
        let (codes, time) = match &self.rules {
            Rules::Own { instruments, .. } => {
                let instrument = &instruments[unit.instrument];
                let shares = instrument.shares(unit.span);
                let time = Time {
                    present: shares.present,
                    // Places of the grid may be a few more than samples.
                    covered: found.covered_s.min(shares.present),
                    short: shares.short,
                    incomplete: shares.incomplete,
                };
                (instrument.codes.clone(), time)
            }
            Rules::SeisBench { places } => {
                let place = &places[unit.instrument];
                let present = place.present_s(unit.span);
                let covered = found.covered_s.min(present);
                let time = Time { present, covered, ..Time::default() };
                (place.channels.first().cloned().unwrap_or_default(), time)
            }
        };
        let trace_id = self.name(unit).to_string();
        let mut files = Vec::new();
        if self.pictures.flags.is_any() {
            let (span, trace_id, channels) = (unit.span, &trace_id[..], self.channels(unit));
            let day = PickedDay { trace_id, span, channels, found: &found };
            files.extend(self.pictures.draw(&day)?);
        }
        if self.annotations && !found.curves.is_empty() {
            let day = unit.day().format("%Y.%j");
            let name = PathBuf::from(PROBABILITIES)
                .join(format!("{}.{day}.mseed", crate::cli::trace_files::safe(&trace_id)));
            let traces = |curve: CurvePiece| trace(&codes, &self.picker.labels, curve);
            let traces: Vec<Trace> = found.curves.into_iter().map(traces).collect();
            probabilities::write(&self.out.join(&name), traces)?;
            files.push(name);
        }
        Ok(Outcome {
            number,
            trace_id,
            day: unit.day(),
            rate_hz: self.rate(unit).hz(),
            time,
            covered: found.covered,
            picks: found.picks,
            detections: found.detections,
            sweep: found.sweep,
            failed: found.failed,
            notes: found.notes,
            files,
        })
    }
}

fn trace(codes: &StreamId, labels: &[String], curve: CurvePiece) -> Trace {
    probabilities::trace(codes, &labels[curve.label], curve)
}
