//! The units of work: an instrument and a day, or an instrument as a whole as SeisBench takes it.

use std::collections::BTreeMap;

use crate::detect::annotate::instruments::Instrument;
use crate::read::{Archive, StreamId};
use crate::time::{DAY, SECOND, Span, UtcTime};

/// Samples of one channel that are read at once, at most; what a day has more is divided.
const MOST_SAMPLES: f64 = 1_100_000.0;

/// A stream longer than this goes day by day also where SeisBench would take it at once.
const LONGEST_STREAM: i64 = 2 * DAY;

/// What is picked by itself, and finished as one.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Number of the instrument.
    pub instrument: usize,
    /// Part of the time.
    pub span: Span,
    /// The parts in which it is done.
    pub parts: Vec<Span>,
}

impl Unit {
    /// The day it is named after.
    pub fn day(&self) -> UtcTime {
        self.span.start.day_start()
    }
}

/// The station-days of instruments, each divided into parts of bounded memory.
pub fn station_days(archive: &Archive, instruments: &[Instrument]) -> Vec<Unit> {
    let mut units = Vec::new();
    for (number, instrument) in instruments.iter().enumerate() {
        let rates = instrument.components.iter().flat_map(|c| archive.presence(&c.id).rates);
        let fastest = rates.map(|rate| rate.hz()).fold(instrument.rate.hz(), f64::max);
        // Whole divisions of a day, so that parts do not depend on where data begin.
        let seconds = 86_400.0f64;
        let divisions = (seconds * fastest / MOST_SAMPLES).ceil().clamp(1.0, 144.0) as i64;
        let length = DAY / divisions;
        for day in instrument.days() {
            let span = Span { start: day, end: day.plus(DAY) };
            let end =
                |part: i64| if part == divisions { span.end } else { day.plus(part * length) };
            let parts = (0..divisions).map(|i| Span { start: end(i), end: end(i + 1) });
            let parts = parts.filter(|part| instrument.has_data(*part));
            units.push(Unit { instrument: number, span, parts: parts.collect() });
        }
    }
    units
}

/// One instrument for SeisBench: all channels of a place.
#[derive(Clone, Debug)]
pub struct Place {
    /// `NET.STA.LOC`.
    pub trace_id: String,
    /// Its channels.
    pub channels: Vec<StreamId>,
    /// From the first sample to behind the last.
    pub extent: Span,
    /// Time with data of any channel, seconds.
    pub present: Vec<Span>,
}

/// The places of an archive, in the order of their codes.
pub fn places(archive: &Archive) -> Vec<Place> {
    let mut places: BTreeMap<(String, String, String), Vec<StreamId>> = BTreeMap::new();
    for id in archive.channels() {
        let codes = (id.network.clone(), id.station.clone(), id.location.clone());
        places.entry(codes).or_default().push(id);
    }
    let place = |((network, station, location), channels): (_, Vec<StreamId>)| {
        let extents = || channels.iter().filter_map(|id| archive.extent(id));
        let start = extents().map(|span| span.start).min()?;
        let end = extents().map(|span| span.end).max()?;
        let mut present: Vec<Span> =
            channels.iter().flat_map(|id| archive.presence(id).stretches).collect();
        present.sort_by_key(|span| (span.start, span.end));
        let trace_id = format!("{network}.{station}.{location}");
        Some(Place { trace_id, channels, extent: Span { start, end }, present: joined(present) })
    };
    places.into_iter().filter_map(place).collect()
}

fn joined(spans: Vec<Span>) -> Vec<Span> {
    let mut all: Vec<Span> = Vec::new();
    for span in spans {
        match all.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => all.push(span),
        }
    }
    all
}

impl Place {
    /// Seconds with data within a span.
    pub fn present_s(&self, span: Span) -> f64 {
        let common = |p: &Span| p.end.min(span.end).0.saturating_sub(p.start.max(span.start).0);
        self.present.iter().map(|p| common(p).max(0) as f64 / SECOND as f64).sum()
    }
}

/// Places as they are, or, where they are long, their days. Whether any is divided.
pub fn streams(places: &[Place]) -> (Vec<Unit>, bool) {
    let (mut units, mut divided) = (Vec::new(), false);
    for (number, place) in places.iter().enumerate() {
        let Span { start, end } = place.extent;
        let mut unit = |span: Span| {
            units.push(Unit { instrument: number, span, parts: vec![span] });
        };
        if end.0.saturating_sub(start.0) <= LONGEST_STREAM {
            unit(place.extent);
            continue;
        }
        divided = true;
        let mut day = start.day_start();
        while day < end {
            let span = Span { start: day, end: day.plus(DAY) };
            let first = place.present.partition_point(|p| p.end <= span.start);
            if place.present.get(first).is_some_and(|p| p.start < span.end) {
                unit(span);
            }
            day = span.end;
        }
    }
    (units, divided)
}
