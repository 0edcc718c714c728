//! What is known of stations: where they stand, how their sensors lie, what their instruments do.
//! From StationXML, or from the text that FDSN web services give.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::fdsn_text;
use super::files;
use super::report::ReadReport;
use super::response::Response;
use super::source::Source;
use super::stationxml;
use super::trace::StreamId;
use super::xml;
use crate::error::{Error, Result};
use crate::time::{Span, UtcTime};

/// A place on the Earth.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Metres above sea level, of the ground.
    pub elevation: f64,
}

/// A station during a time in which nothing about it changed.
#[derive(Clone, Debug, PartialEq)]
pub struct StationEpoch {
    /// Network code.
    pub network: String,
    /// Station code.
    pub station: String,
    /// Name of the site.
    pub site: String,
    /// When; an open end is the end of representable time.
    pub span: Span,
    /// Where, if stated.
    pub place: Option<Place>,
}

/// A channel during a time in which nothing about it changed.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelEpoch {
    /// Network, station, location and channel codes.
    pub id: StreamId,
    /// When; an open end is the end of representable time.
    pub span: Span,
    /// Where; the station's place if the channel has none.
    pub place: Option<Place>,
    /// Metres of the sensor below the ground.
    pub depth: f64,
    /// Degrees clockwise from north in which the sensor points.
    pub azimuth: Option<f64>,
    /// Degrees below the horizontal: −90 points up.
    pub dip: Option<f64>,
    /// Samples per second as stated.
    pub rate_hz: Option<f64>,
    /// What the sensor is, in words.
    pub sensor: String,
    /// From ground to counts.
    pub response: Option<Response>,
}

/// Stations and channels, looked up by code and time.
#[derive(Clone, Debug, Default)]
pub struct Stations {
    stations: Vec<StationEpoch>,
    /// By time, the latest start last.
    channels: BTreeMap<StreamId, Vec<ChannelEpoch>>,
    notes: Vec<String>,
}

impl Stations {
    /// Reads files, folders and globs of StationXML and FDSN text. A bad file costs only itself
    /// and is named in the report.
    ///
    /// # Errors
    /// If nothing could be read at all.
    pub fn read(paths: &[PathBuf]) -> Result<(Self, ReadReport)> {
        let mut all = Self::default();
        let report = files::read_documents(paths, Self::read_one, |stations, file, report| {
            let notes = stations.notes.iter().cloned();
            report.notes.extend(notes.map(|note| (file.to_path_buf(), note)));
            all.absorb(stations);
        })?;
        if all.is_empty() {
            let reason = match report.failed.first() {
                Some((file, problem)) => format!("{}: {problem}", file.display()),
                None => "the files given hold no station".to_string(),
            };
            return Err(Error::data(format!("no station metadata: {reason}")));
        }
        Ok((all, report))
    }

    fn read_one(source: &Source) -> Result<Self> {
        Self::from_bytes(&source.bytes(xml::LONGEST)?, source.path())
    }

    /// What a document says; `file` is for messages.
    pub fn from_bytes(bytes: &[u8], file: &Path) -> Result<Self> {
        if fdsn_text::is_table(bytes) {
            fdsn_text::stations(bytes, file)
        } else {
            stationxml::parse(bytes, file)
        }
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.stations.is_empty() && self.channels.is_empty()
    }

    /// Stations, in the order of the files.
    pub fn stations(&self) -> &[StationEpoch] {
        &self.stations
    }

    /// All epochs of all channels, sorted by code, then by start.
    pub fn channels(&self) -> impl Iterator<Item = &ChannelEpoch> {
        self.channels.values().flatten()
    }

    /// The epoch of a channel that holds at `time`; the one with the latest start if several do.
    pub fn channel(&self, id: &StreamId, time: UtcTime) -> Option<&ChannelEpoch> {
        self.channels.get(id)?.iter().rev().find(|epoch| epoch.span.contains(time))
    }

    /// The same as an error that says what there is instead.
    pub fn channel_or_say(&self, id: &StreamId, time: UtcTime) -> Result<&ChannelEpoch> {
        self.channel(id, time).ok_or_else(|| {
            let epochs = self.channels.get(id).map_or(0, Vec::len);
            Error::data(match epochs {
                0 => format!("the station metadata hold no channel {id}"),
                _ => format!("none of the {epochs} epochs of {id} in the metadata holds at {time}"),
            })
        })
    }

    /// Where a channel stands at `time`: by its own epoch, else by its station's.
    pub fn place(&self, id: &StreamId, time: UtcTime) -> Option<Place> {
        let own = self.channel(id, time).and_then(|epoch| epoch.place);
        own.or_else(|| {
            let is_it = |station: &&StationEpoch| {
                station.network == id.network
                    && station.station == id.station
                    && station.span.contains(time)
            };
            self.stations.iter().filter(is_it).max_by_key(|s| s.span.start)?.place
        })
    }

    pub(super) fn add_station(&mut self, station: StationEpoch) {
        self.stations.push(station);
    }

    pub(super) fn add_channel(&mut self, epoch: ChannelEpoch) {
        let epochs = self.channels.entry(epoch.id.clone()).or_default();
        if let Some(other) = epochs.iter().find(|other| other.span.overlaps(&epoch.span)) {
            let (first, second) = (other.span.start, epoch.span.start);
            let which = "where both hold the later start counts";
            self.notes.push(format!(
                "{}: the epochs from {first} and {second} overlap; {which}",
                epoch.id
            ));
        }
        let at = epochs.partition_point(|other| other.span.start <= epoch.span.start);
        epochs.insert(at, epoch);
    }

    fn absorb(&mut self, other: Self) {
        self.stations.extend(other.stations);
        other.channels.into_values().flatten().for_each(|epoch| self.add_channel(epoch));
    }
}

/// An epoch from the texts of its start and end, either possibly absent or empty: open. Dates
/// beyond what can be represented (`2599-12-31T23:59:59`) are open too.
pub(super) fn epoch(start: Option<&str>, end: Option<&str>) -> Result<Span> {
    let time = |text: Option<&str>, open: UtcTime| match text.map(str::trim) {
        None | Some("") => Ok(open),
        Some(text) => text.parse().or_else(|error| beyond(text).ok_or(error)),
    };
    let Span { start: first, end: last } = Span::ALL;
    Ok(Span { start: time(start, first)?, end: time(end, last)? })
}

/// The end of representable time at which a well-formed date of another century lies.
fn beyond(text: &str) -> Option<UtcTime> {
    let (year, rest) = text.split_once('-')?;
    if year.len() != 4 || !rest.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    match year.parse::<u16>().ok()? {
        2262.. => Some(Span::ALL.end),
        ..1678 => Some(Span::ALL.start),
        _ => None,
    }
}

/// `--` and blanks stand for no location code.
pub(super) fn location(code: &str) -> String {
    code.trim().trim_matches('-').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_other_centuries_are_open_and_nonsense_is_refused() {
        let open = epoch(Some("1600-01-01T00:00:00"), Some("2599-12-31T23:59:59")).unwrap();
        assert_eq!(open, Span::ALL);
        assert_eq!(epoch(None, Some(" ")).unwrap(), Span::ALL);
        let span = epoch(Some("2010-02-19T00:00:00.5+01:00"), Some("2011-01-01")).unwrap();
        assert_eq!(span.start.to_string(), "2010-02-18T23:00:00.5Z");
        for wrong in ["soon", "2599", "25999-01-01", "2010-13-01", "2599-x"] {
            assert!(epoch(Some(wrong), None).is_err(), "{wrong}");
        }
        assert_eq!((location("--"), location(" 00 ")), (String::new(), "00".to_string()));
    }
}
