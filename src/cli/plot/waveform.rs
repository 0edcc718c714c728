//! `temblor plot waveform`: traces under one another, or at their distance from the epicentre.

use std::path::PathBuf;

use rayon::prelude::*;

use super::source::{Source, for_each_piece, unit_of, values};
use crate::cli::Outcome;
use crate::error::{Error, Result};
use crate::plot::record_section::{RecordSectionFigure, Section};
use crate::plot::waveform::Channel;
use crate::read::{Archive, Stations, StreamId};
use crate::time::{Span, UtcTime};

/// Parts of the time axis of which the extremes are kept, about one a pixel.
const COLUMNS: usize = 1_220;

/// Most traces in one picture: more would be thinner than lines.
const MOST_TRACES: usize = 300;

/// Radius of the Earth in km (mean).
const EARTH_KM: f64 = 6371.0;

/// Many traces over one axis of time, gaps open; where stations are known, at their distance from
/// --origin.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Epicentre: latitude and longitude in degrees, and the time of origin if it is to be marked,
    /// e.g. '64.05,-21.3,2018-12-30T03:01:10'. Needs --stations.
    #[arg(long, value_name = "LAT,LON[,TIME]", allow_hyphen_values = true, requires = "stations")]
    origin: Option<Origin>,
    /// Where stations stand: StationXML, FDSN text, or CSV with the columns network, station, latitude,
    /// longitude and elevation; repeatable.
    #[arg(long, value_name = "FILE", requires = "origin")]
    stations: Vec<PathBuf>,
}

/// Epicentre and time of origin.
#[derive(Clone, Copy, Debug)]
struct Origin {
    latitude: f64,
    longitude: f64,
    time: Option<UtcTime>,
}

impl std::str::FromStr for Origin {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::usage(format!(
                "'{text}': expected latitude (−90 to 90) and longitude (−180 to 360) in degrees, and a \
                 time if wanted, separated by commas"
            ))
        };
        let mut parts = text.splitn(3, ',').map(str::trim);
        let mut degrees = |least: f64, most: f64| {
            let value: Option<f64> = parts.next().and_then(|part| part.parse().ok());
            value.filter(|value| (least..=most).contains(value)).ok_or_else(wrong)
        };
        let (latitude, longitude) = (degrees(-90.0, 90.0)?, degrees(-180.0, 360.0)?);
        Ok(Self { latitude, longitude, time: parts.next().map(str::parse).transpose()? })
    }
}

impl Origin {
    /// Distance along the surface of a sphere, km.
    fn distance_km(&self, latitude: f64, longitude: f64) -> f64 {
        let (a, b) = (self.latitude.to_radians(), latitude.to_radians());
        let (north, east) = (b - a, (longitude - self.longitude).to_radians());
        let half = (north / 2.0).sin().powi(2) + a.cos() * b.cos() * (east / 2.0).sin().powi(2);
        2.0 * EARTH_KM * half.sqrt().min(1.0).asin()
    }
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    let (archive, report) = args.source.open()?;
    let mut all_good = report.is_clean();
    let mut channels = archive.channels();
    if channels.len() > MOST_TRACES {
        let more = channels.len();
        eprintln!("the picture shows {MOST_TRACES} of {more} channels; choose with --channels");
        channels.truncate(MOST_TRACES);
    }
    let extents: Vec<Span> = channels.iter().filter_map(|id| archive.extent(id)).collect();
    let start = extents.iter().map(|span| span.start).min().unwrap_or_default();
    let end = extents.iter().map(|span| span.end).max().unwrap_or_default();
    let span = Span { start, end };
    let read: Vec<Result<(Channel, bool)>> =
        channels.par_iter().map(|id| channel(&archive, id, span)).collect();
    let stations = match args.stations[..] {
        [] => None,
        _ => Some(Stations::read(&args.stations)?),
    };
    let mut sections = Vec::new();
    for (id, read) in channels.iter().zip(read) {
        let (channel, good) = read?;
        all_good &= good;
        let mut distance_km = None;
        if let (Some(origin), Some((stations, _))) = (&args.origin, &stations) {
            let Some(place) = stations.place(id, start) else {
                eprintln!("skipped {id}: its place is not known");
                all_good = false;
                continue;
            };
            distance_km = Some(origin.distance_km(place.latitude, place.longitude));
        }
        sections.push(Section { distance_km, channel });
    }
    if sections.is_empty() {
        return Err(Error::data("the place of no station is known; nothing was drawn"));
    }
    let what = match &sections[..] {
        [one] => one.channel.name.clone(),
        more => format!("{} channels", more.len()),
    };
    let how = match args.origin {
        Some(Origin { latitude, longitude, .. }) => {
            format!("{what} by distance from {latitude}°, {longitude}°; each to its own scale")
        }
        None => format!("{what}, each to its own scale"),
    };
    let origin = args.origin.and_then(|origin| origin.time);
    args.source.write(RecordSectionFigure { title: how, origin, sections }, "", false)?;
    Ok(if all_good { Outcome::Done } else { Outcome::SomeInputsFailed })
}

fn channel(archive: &Archive, id: &StreamId, span: Span) -> Result<(Channel, bool)> {
    let mut channel = Channel::new(id.to_string(), "");
    let good = for_each_piece(archive, id, span, |piece, continued| {
        if unit_of(piece) == "counts" {
            channel.unit = "counts".into();
        }
        let times = (0..).map(|n| piece.time_of(n));
        channel.append(times.zip(values(&piece.samples)), continued, (span, COLUMNS));
    })?;
    Ok((channel, good))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_and_distances_are_those_of_the_globe() {
        let origin: Origin = "64.05, -21.3,2018-12-30T03:01:10".parse().unwrap();
        assert!(origin.time.is_some());
        // A degree of latitude, and one of longitude at 64.05° N.
        assert!((origin.distance_km(65.05, -21.3) - 111.195).abs() < 1e-3);
        assert!((origin.distance_km(64.05, 338.7) - 0.0).abs() < 1e-6);
        assert!((origin.distance_km(64.05, -22.3) - 48.66).abs() < 0.01);
        for wrong in ["64", "91,0", "1,x", "1,2,yesterday", "NaN,0"] {
            assert!(wrong.parse::<Origin>().is_err(), "{wrong}");
        }
    }
}
