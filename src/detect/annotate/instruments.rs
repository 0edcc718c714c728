//! The instruments of an archive and the stretches of time in which each is picked.

use std::collections::BTreeMap;

use super::components::ComponentMap;
use super::spans;
use crate::error::{Error, Result};
use crate::read::{Archive, StreamId};
use crate::time::{SECOND, SampleRate, Span, UtcTime};

/// Says which component a channel is, where its code does not.
#[derive(Clone, Debug)]
pub struct ChannelRule {
    from: glob::Pattern,
    to: String,
}

impl std::str::FromStr for ChannelRule {
    type Err = Error;

    /// `E=1`: channels whose last letter is E are component 1; `EW=E`, `??U=Z`: channels with a
    /// code that matches.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::usage(format!(
                "channel mapping '{text}': expected FROM=TO, e.g. 'E=1', 'EW=E' or '??U=Z', TO one \
                 letter"
            ))
        };
        let (from, to) = text.split_once('=').ok_or_else(wrong)?;
        if from.is_empty() || to.chars().count() != 1 {
            return Err(wrong());
        }
        let pattern = if from.chars().count() == 1 { format!("*{from}") } else { from.to_string() };
        let from = glob::Pattern::new(&pattern).map_err(|_| wrong())?;
        Ok(Self { from, to: to.to_string() })
    }
}

/// What decides on instruments and stretches.
#[derive(Clone, Debug)]
pub struct StretchRules {
    /// The network's components.
    pub components: ComponentMap,
    /// Rules before the last letter of the code.
    pub channels: Vec<ChannelRule>,
    /// Rate of the network, Hz; that of the data if absent.
    pub rate_hz: Option<f64>,
    /// Only where all components are.
    pub strict: bool,
    /// Gaps up to this many nanoseconds are bridged.
    pub bridge: i64,
    /// Stretches shorter than this many samples are left out.
    pub least_samples: u64,
}

/// A channel of an instrument.
#[derive(Clone, Debug)]
pub struct Component {
    /// Its codes.
    pub id: StreamId,
    /// The row of the network's input.
    pub row: usize,
    /// Whether it is the network's own letter, which goes before a stand-in.
    pub own: bool,
}

/// A stretch of time without gaps, on a grid of the network's rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// Time of sample 0, the first of the data.
    pub origin: UtcTime,
    /// Number of samples.
    pub samples: u64,
}

/// The channels of one sensor.
#[derive(Clone, Debug)]
pub struct Instrument {
    /// `NET.STA.LOC`, with band and instrument code behind it where one place has several.
    pub trace_id: String,
    /// Codes, the channel's without the component.
    pub codes: StreamId,
    /// Its channels; those whose samples go before the others' come last.
    pub components: Vec<Component>,
    /// The rate of its grid.
    pub rate: SampleRate,
    /// Time in which it has data.
    pub present: Vec<Span>,
    /// Time in which it has all components that are asked for.
    pub complete: Vec<Span>,
    /// What is picked, in time order.
    pub stretches: Vec<Stretch>,
    /// What is too short for that.
    pub short: Vec<Span>,
}

/// The instruments of an archive in the order of their codes, and the channels that are no
/// component of the network.
///
/// # Errors
/// `Data` for a rate that is none.
pub fn instruments(
    archive: &Archive,
    rules: &StretchRules,
) -> Result<(Vec<Instrument>, Vec<StreamId>)> {
    let mut groups: BTreeMap<StreamId, Vec<Component>> = BTreeMap::new();
    let mut others = Vec::new();
    for id in archive.channels() {
        match rules.component(&id) {
            Some((codes, component)) => groups.entry(codes).or_default().push(component),
            None => others.push(id),
        }
    }
    let place = |id: &StreamId| (id.network.clone(), id.station.clone(), id.location.clone());
    let mut at_place: BTreeMap<_, usize> = BTreeMap::new();
    for codes in groups.keys() {
        *at_place.entry(place(codes)).or_default() += 1;
    }
    let mut found = Vec::new();
    for (codes, mut components) in groups {
        let mut trace_id = format!("{}.{}.{}", codes.network, codes.station, codes.location);
        if at_place.get(&place(&codes)).is_some_and(|&count| count > 1) {
            trace_id += &format!(".{}", codes.channel);
        }
        components.sort_by_key(|c| (c.own, c.id.clone()));
        found.push(rules.instrument(archive, trace_id, codes, components)?);
    }
    Ok((found, others))
}

impl StretchRules {
    /// The instrument of a channel, and what it is of it.
    fn component(&self, id: &StreamId) -> Option<(StreamId, Component)> {
        let rule = self.channels.iter().find(|rule| rule.from.matches(&id.channel));
        let letter = match rule {
            Some(rule) => rule.to.clone(),
            None => id.channel.chars().next_back()?.to_ascii_uppercase().to_string(),
        };
        let row = self.components.row(&letter)?;
        // Codes of other lengths than SEED's say nothing of the instrument.
        let letters: Vec<char> = id.channel.chars().collect();
        let channel =
            if letters.len() == 3 { letters[..2].iter().collect() } else { String::new() };
        let own = self.components.is_own(&letter);
        Some((StreamId { channel, ..id.clone() }, Component { id: id.clone(), row, own }))
    }

    fn instrument(
        &self,
        archive: &Archive,
        trace_id: String,
        codes: StreamId,
        components: Vec<Component>,
    ) -> Result<Instrument> {
        let rate = match (self.rate_hz, components.first()) {
            (Some(hz), _) => SampleRate::from_hz(hz),
            (None, Some(component)) => archive.rate(&component.id),
            _ => None,
        };
        let rate = rate.ok_or_else(|| Error::data(format!("{trace_id}: no sampling rate")))?;
        let mut rows: Vec<Vec<Span>> = vec![Vec::new(); self.components.count()];
        for component in &components {
            rows[component.row].extend(archive.presence(&component.id).stretches);
        }
        // Half a sample is no gap.
        let none = rate.period() / 2;
        let rows: Vec<Vec<Span>> = rows.into_iter().map(|row| spans::union(row, none)).collect();
        let present = spans::union(rows.iter().flatten().copied(), none);
        let complete = match self.strict {
            false => present.clone(),
            true => rows.iter().fold(present.clone(), |all, row| spans::intersection(&all, row)),
        };
        let (mut stretches, mut short) = (Vec::new(), Vec::new());
        for span in spans::union(complete.iter().copied(), self.bridge.max(none)) {
            let length = span.end.0.saturating_sub(span.start.0);
            let samples = u64::try_from(rate.nearest_index(length)).unwrap_or(0).max(1);
            match samples < self.least_samples {
                true => short.extend(spans::within(&complete, span)),
                false => stretches.push(Stretch { origin: span.start, samples }),
            }
        }
        Ok(Instrument { trace_id, codes, components, rate, present, complete, stretches, short })
    }
}

impl Instrument {
    /// Whether it has data within a span.
    pub fn has_data(&self, span: Span) -> bool {
        !spans::within(&self.present, span).is_empty()
    }

    /// The stretches that a span touches.
    pub fn stretches_within(&self, span: Span) -> impl Iterator<Item = &Stretch> {
        let first = self
            .stretches
            .partition_point(|s| s.origin.plus(self.rate.offset(s.samples)) <= span.start);
        self.stretches[first..].iter().take_while(move |s| s.origin < span.end)
    }

    /// The days (UTC) on which it has data, as their midnights.
    pub fn days(&self) -> Vec<UtcTime> {
        spans::days(&self.present)
    }

    /// How its time within a span divides, seconds.
    pub fn shares(&self, span: Span) -> TimeShares {
        let seconds = |set: &[Span]| spans::total(&spans::within(set, span)) as f64 / SECOND as f64;
        let (present, complete) = (seconds(&self.present), seconds(&self.complete));
        TimeShares { present, incomplete: present - complete, short: seconds(&self.short) }
    }
}

/// How the time of an instrument divides, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TimeShares {
    /// With data.
    pub present: f64,
    /// With some components, where all are asked for.
    pub incomplete: f64,
    /// In stretches that are too short.
    pub short: f64,
}
