//! Cuts a data set out of an archive of waveforms, around the arrivals of a list.

use std::collections::BTreeMap;
use std::path::Path;

use rand::{RngExt, SeedableRng};

use super::channels::{Cutout, Instrument, cut_out, instrument_of, instruments};
use super::pick_table::{PickList, PickRow};
use super::stored::{SetDescription, SetWriter};
use super::trace_set::{LabelledPick, LabelledTrace, NOISE};
use crate::data::{Rng, derive_seed};
use crate::error::{Error, Result};
use crate::progress::{Progress, check_interrupt};
use crate::read::{Archive, StreamId};
use crate::time::{SampleRate, Span, UtcTime};

/// How traces are cut.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildSettings {
    /// Letters of the rows.
    pub components: String,
    /// A trace begins so many seconds before its event's first arrival at the station.
    pub before: f64,
    /// … and ends so many after the last.
    pub after: f64,
    /// Arrivals without an event's name that follow one another within this many seconds at a
    /// station make one event.
    pub join: f64,
    /// Traces back to back over all the data instead, so many seconds each.
    pub tile: Option<f64>,
    /// The rate to bring everything to.
    pub rate: Option<SampleRate>,
    /// Traces of noise for each instrument.
    pub noise: usize,
    /// Noise keeps so many seconds away from arrivals and origins.
    pub noise_margin: f64,
    /// Traces with a smaller part of their samples in any component are left out.
    pub least_share: f64,
    /// Seed of the places of noise.
    pub seed: u64,
}

impl Default for BuildSettings {
    fn default() -> Self {
        Self {
            components: "ZNE".into(),
            before: 30.0,
            after: 60.0,
            join: 60.0,
            tile: None,
            rate: None,
            noise: 0,
            noise_margin: 60.0,
            least_share: 0.9,
            seed: 0,
        }
    }
}

/// What became of the request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BuildReport {
    /// The set.
    pub set: SetDescription,
    /// Traces of noise among them.
    pub noise: usize,
    /// Traces without data, or with too little.
    pub without_data: usize,
    /// Picks at stations that are not in the archive, by station.
    pub elsewhere: BTreeMap<String, usize>,
    /// Traces that could not be read, and why.
    pub failed: Vec<(String, String)>,
}

impl BuildSettings {
    fn check(&self) -> Result<()> {
        let lengths = [self.before, self.after, self.join, self.noise_margin];
        if lengths.iter().any(|seconds| !(seconds.is_finite() && *seconds >= 0.0)) {
            return Err(Error::usage("lengths in seconds must be finite and not negative"));
        }
        if self.before + self.after <= 0.0
            || self.tile.is_some_and(|tile| tile.is_nan() || tile <= 0.0)
        {
            return Err(Error::usage("a trace must have a length: see before, after and tile"));
        }
        if self.components.is_empty() || self.components.chars().count() > 64 {
            return Err(Error::usage("components are letters of channels, such as ZNE"));
        }
        Ok(())
    }
}

/// One trace to be cut.
struct Planned {
    instrument: usize,
    span: Span,
    event: String,
    category: &'static str,
}

/// Cuts traces out of `archive` around the arrivals of `list` and writes them to `folder`.
///
/// # Errors
/// Settings that cannot be meant; a folder that holds something else; nothing to cut.
pub fn build(
    archive: &Archive,
    list: &PickList,
    settings: &BuildSettings,
    (folder, force): (&Path, bool),
    made: Vec<String>,
) -> Result<BuildReport> {
    settings.check()?;
    let instruments = instruments(archive, &settings.components);
    if instruments.is_empty() {
        let letters = &settings.components;
        return Err(Error::data(format!("no channel of the archive ends in one of {letters}")));
    }
    let mut report = BuildReport::default();
    let mut picks: Vec<Vec<&PickRow>> = vec![Vec::new(); instruments.len()];
    for pick in &list.picks {
        match instrument_of(&instruments, pick) {
            Some(number) => picks[number].push(pick),
            None => {
                let station = match pick.network.is_empty() {
                    true => pick.station.clone(),
                    false => format!("{}.{}", pick.network, pick.station),
                };
                *report.elsewhere.entry(station).or_default() += 1;
            }
        }
    }
    let plan = plan(archive, &instruments, &picks, list, settings);
    let mut writer = SetWriter::create(folder, force)?;
    let mut progress = Progress::new("data set", "traces", plan.len() as u64);
    for planned in &plan {
        check_interrupt()?;
        let instrument = &instruments[planned.instrument];
        match cut_out(archive, instrument, planned.span, settings.rate) {
            Ok(Some(cut)) if cut.share >= least_share(planned, settings) => {
                let here = &picks[planned.instrument];
                let trace = described(planned, instrument, &cut, (here, &settings.components));
                report.noise += usize::from(trace.is_noise());
                writer.add(trace, cut.values)?;
            }
            Ok(_) => report.without_data += 1,
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => report.failed.push((instrument.trace_id(), error.to_string())),
        }
        progress.advance(1);
    }
    report.set = writer.finish(made)?;
    Ok(report)
}

/// Noise is whole.
fn least_share(planned: &Planned, settings: &BuildSettings) -> f64 {
    if planned.category == NOISE { 1.0 } else { settings.least_share }
}

fn nanoseconds(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64
}

fn plan(
    archive: &Archive,
    instruments: &[Instrument],
    picks: &[Vec<&PickRow>],
    list: &PickList,
    settings: &BuildSettings,
) -> Vec<Planned> {
    let mut plan = Vec::new();
    let all = instruments.iter().flat_map(Instrument::channels);
    let begin = all.filter_map(|id| Some(archive.extent(id)?.start)).min().unwrap_or_default();
    for (number, instrument) in instruments.iter().enumerate() {
        let extent = instrument.channels().filter_map(|id| archive.extent(id));
        let extent =
            extent.reduce(|a, b| Span { start: a.start.min(b.start), end: a.end.max(b.end) });
        let Some(extent) = extent else { continue };
        let spans = match settings.tile {
            Some(tile) => tiles(extent, begin, nanoseconds(tile)),
            None => around(&picks[number], list, extent, settings),
        };
        let category = if settings.tile.is_some() { "unlabelled" } else { "earthquake" };
        plan.extend(spans.into_iter().map(|(span, event)| {
            let holds = picks[number].iter().any(|pick| span.contains(pick.time));
            let category = if holds { "earthquake" } else { category };
            Planned { instrument: number, span, event, category }
        }));
        let mut rng = Rng::seed_from_u64(derive_seed(settings.seed, &[12, number as u64]));
        let origins = list.events.iter().map(|(time, _)| *time);
        // What is picked at any instrument of the station disturbs all of them.
        let same = |other: &usize| instruments[*other].code() == instrument.code();
        let here = (0..instruments.len()).filter(same).flat_map(|other| &picks[other]);
        let disturbed: Vec<UtcTime> = here.map(|pick| pick.time).chain(origins).collect();
        plan.extend(quiet(extent, &disturbed, settings, &mut rng).into_iter().map(|span| {
            Planned { instrument: number, span, event: String::new(), category: NOISE }
        }));
    }
    plan
}

/// Whole tiles within `extent`; those of all instruments begin at `begin` and whole tiles later.
fn tiles(extent: Span, begin: UtcTime, tile: i64) -> Vec<(Span, String)> {
    let tile = tile.max(1);
    // Clocks of stations are up to a sample apart: that much may be missing.
    let slack = tile / 1000;
    let first = -(begin.0 + slack - extent.start.0).div_euclid(tile);
    let last = (extent.end.0 + slack - begin.0).div_euclid(tile);
    let at = |n: i64| begin.plus(n * tile);
    (first..last).map(|n| (Span { start: at(n), end: at(n + 1) }, String::new())).collect()
}

/// One span for each event with arrivals here, and one for each event that lists none anywhere.
fn around(
    picks: &[&PickRow],
    list: &PickList,
    extent: Span,
    settings: &BuildSettings,
) -> Vec<(Span, String)> {
    let (before, after) = (nanoseconds(settings.before), nanoseconds(settings.after));
    let mut events: BTreeMap<String, (UtcTime, UtcTime)> = BTreeMap::new();
    let (mut nameless, mut last) = (0usize, None::<UtcTime>);
    for pick in picks {
        let name = if pick.event.is_empty() {
            let apart = last.is_none_or(|last| pick.time.0 - last.0 > nanoseconds(settings.join));
            nameless += usize::from(apart);
            last = Some(pick.time);
            format!("\u{0}{nameless}")
        } else {
            pick.event.clone()
        };
        let range = events.entry(name).or_insert((pick.time, pick.time));
        *range = (range.0.min(pick.time), range.1.max(pick.time));
    }
    let spans = events.into_iter().map(|(name, (first, last))| {
        let event = if name.starts_with('\u{0}') { String::new() } else { name };
        (Span { start: first.plus(-before), end: last.plus(after) }, event)
    });
    let origins =
        list.events.iter().filter(|(time, _)| extent.contains(*time)).map(|(time, id)| {
            (Span { start: time.plus(-before), end: time.plus(after) }, id.clone())
        });
    let mut spans: Vec<(Span, String)> = spans.chain(origins).collect();
    spans.sort_by_key(|(span, _)| (span.start, span.end));
    spans
}

/// Draws that are tried for one trace of noise.
const TRIES: usize = 50;

/// Spans of noise at random places, none overlapping another.
fn quiet(extent: Span, picks: &[UtcTime], settings: &BuildSettings, rng: &mut Rng) -> Vec<Span> {
    let length = nanoseconds(settings.tile.unwrap_or(settings.before + settings.after));
    let margin = nanoseconds(settings.noise_margin);
    let room = extent.end.0.saturating_sub(extent.start.0) - length;
    let mut spans: Vec<Span> = Vec::new();
    if room < 0 {
        return spans;
    }
    for _ in 0..TRIES * settings.noise {
        if spans.len() == settings.noise {
            break;
        }
        let start = extent.start.plus(rng.random_range(0..=room));
        let span = Span { start, end: start.plus(length) };
        let kept = Span { start: start.plus(-margin), end: span.end.plus(margin) };
        let free = !picks.iter().any(|time| kept.contains(*time))
            && !spans.iter().any(|other| other.overlaps(&span));
        if free {
            spans.push(span);
        }
    }
    spans.sort_by_key(|span| span.start);
    spans
}

fn described(
    planned: &Planned,
    instrument: &Instrument,
    cut: &Cutout,
    (picks, wanted): (&[&PickRow], &str),
) -> LabelledTrace {
    let end = cut.start.plus(cut.rate.offset(cut.samples as u64));
    let inside = picks.iter().filter(|pick| cut.start <= pick.time && pick.time < end);
    let picks = inside.map(|pick| LabelledPick {
        phase: pick.phase.clone(),
        sample: (pick.time.0 - cut.start.0) as f64 * 1e-9 * cut.rate.hz(),
        uncertainty: pick.uncertainty,
        polarity: pick.polarity.clone(),
        event: pick.event.clone(),
    });
    let own = |id: &StreamId| id.channel.chars().last();
    let letters = instrument.rows.iter().zip(wanted.chars());
    let components: String =
        letters.map(|(id, wanted)| id.as_ref().and_then(own).unwrap_or(wanted)).collect();
    let live = components.chars().zip(&cut.live).filter(|(_, live)| **live).map(|(c, _)| c);
    let live = live.collect();
    LabelledTrace {
        name: format!("{} {}", instrument.trace_id(), cut.start),
        trace_id: instrument.trace_id(),
        station: instrument.code(),
        start: Some(cut.start),
        rate: cut.rate,
        samples: cut.samples,
        components,
        live,
        event: planned.event.clone(),
        category: planned.category.into(),
        split: String::new(),
        picks: picks.collect(),
    }
}
