//! Catalogues of earthquakes: what happened when and where, and when its waves arrived. From
//! QuakeML, or from the text that FDSN web services give.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::fdsn_text::{self, Row, Table};
use super::files;
use super::quakeml;
use super::report::ReadReport;
use super::source::Source;
use super::trace::StreamId;
use super::xml;
use crate::error::{Error, Result};
use crate::time::UtcTime;

/// An earthquake, or another event a catalogue lists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// The catalogue's own name for it.
    pub id: String,
    /// Origin time; of an event without origin the time of its first pick.
    pub time: UtcTime,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Kilometres below the reference.
    pub depth_km: Option<f64>,
    /// The preferred magnitude.
    pub magnitude: Option<Magnitude>,
    /// Where, in words.
    pub place: String,
    /// What: `earthquake`, `quarry blast` …; empty if not stated.
    pub kind: String,
    /// Who found it: `manual` or `automatic`; empty if not stated.
    pub mode: String,
    /// By how much the origin may be off, and how well it explains its picks.
    pub quality: OriginQuality,
    /// Arrivals of waves, in time order.
    pub picks: Vec<Pick>,
}

/// How certain an origin is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OriginQuality {
    /// Seconds by which the origin time may be off.
    pub time_uncertainty: Option<f64>,
    /// Degrees by which the latitude may be off.
    pub latitude_uncertainty: Option<f64>,
    /// Degrees by which the longitude may be off.
    pub longitude_uncertainty: Option<f64>,
    /// Kilometres by which the depth may be off.
    pub depth_uncertainty_km: Option<f64>,
    /// Root mean square of the residuals of the picks, seconds.
    pub standard_error: Option<f64>,
    /// The widest angle between stations as seen from the epicentre, degrees.
    pub azimuthal_gap: Option<f64>,
}

/// A magnitude.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Magnitude {
    /// Its value.
    pub value: f64,
    /// Its scale: `Mw`, `ML` …; empty if not stated.
    pub scale: String,
}

/// The arrival of a wave at a station.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pick {
    /// When.
    pub time: UtcTime,
    /// Seconds by which it may be off.
    pub uncertainty: Option<f64>,
    /// Where; location and channel may be empty.
    pub id: StreamId,
    /// `P`, `Pg`, `S` …: of the arrival at the preferred origin, else the picker's own.
    pub phase: String,
    /// `positive`, `negative`, `undecidable`; empty if not stated.
    pub polarity: String,
    /// Degrees from the epicentre.
    pub distance: Option<f64>,
    /// Seconds after the time the origin predicts.
    pub residual: Option<f64>,
    /// How much it counted for the origin, 0 to 1.
    pub weight: Option<f64>,
    /// How probable its picker holds it, 0 to 1; a comment in QuakeML, which has no other place.
    pub probability: Option<f64>,
    /// `manual` or `automatic`; empty if not stated.
    pub mode: String,
}

/// Events in time order.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// The events.
    pub events: Vec<Event>,
    /// What was left out and why.
    pub notes: Vec<String>,
}

impl Catalogue {
    /// Reads files, folders and globs of QuakeML and FDSN text. A bad file costs only itself and is
    /// named in the report; an event listed twice under one name and time counts once.
    ///
    /// # Errors
    /// If no file could be read.
    pub fn read(paths: &[PathBuf]) -> Result<(Self, ReadReport)> {
        let mut all = Self::default();
        let report = files::read_documents(paths, Self::read_one, |catalogue, file, report| {
            let notes = catalogue.notes.into_iter();
            report.notes.extend(notes.map(|note| (file.to_path_buf(), note)));
            all.events.extend(catalogue.events);
        })?;
        if report.files == 0 {
            let reason = match report.failed.first() {
                Some((file, problem)) => format!("{}: {problem}", file.display()),
                None => "no files there".to_string(),
            };
            return Err(Error::data(format!("no catalogue: {reason}")));
        }
        all.events.sort_by_key(|event| event.time);
        let mut seen = HashSet::new();
        all.events
            .retain(|event| event.id.is_empty() || seen.insert((event.id.clone(), event.time)));
        Ok((all, report))
    }

    fn read_one(source: &Source) -> Result<Self> {
        Self::from_bytes(&source.bytes(xml::LONGEST)?, source.path())
    }

    /// What a document says, in its own order; `file` is for messages.
    pub fn from_bytes(bytes: &[u8], file: &Path) -> Result<Self> {
        if fdsn_text::is_table(bytes) {
            from_table(&Table::new(bytes, file), file)
        } else {
            quakeml::parse(bytes, file)
        }
    }
}

fn from_table(table: &Table<'_>, file: &Path) -> Result<Catalogue> {
    if !table.has("eventid") || !table.has("time") {
        let problem = "a table parted by '|' without the columns EventID and Time";
        return Err(Error::input(file, problem));
    }
    let mut catalogue = Catalogue::default();
    table.rows(&mut |row| {
        catalogue.events.push(event_of(row)?);
        Ok(())
    })?;
    Ok(catalogue)
}

fn event_of(row: &Row<'_>) -> Result<Event> {
    let scale = row.text("magtype").to_string();
    let depth = if row.has("depth/km") { "depth/km" } else { "depth" };
    Ok(Event {
        id: row.text("eventid").to_string(),
        time: row.text("time").parse().map_err(|error| row.fault(error))?,
        latitude: row.number("latitude")?,
        longitude: row.number("longitude")?,
        depth_km: row.number(depth)?,
        magnitude: row.number("magnitude")?.map(|value| Magnitude { value, scale }),
        place: row.text("eventlocationname").to_string(),
        kind: row.text("eventtype").to_string(),
        ..Event::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "#EventID | Time | Latitude | Longitude | Depth/km | Author | Catalog | Contributor | ContributorID | MagType | Magnitude | MagAuthor | EventLocationName\n\
        4165991|2012-11-07T16:35:46.53|13.9|-91.9|24.1|NEIC|PDE|NEIC||Mw|7.4|NEIC|OFFSHORE GUATEMALA\n\
        4165992|2012-11-06T00:00:00||||NEIC|PDE|NEIC||||NEIC|NOWHERE\n";

    #[test]
    fn text_gives_events_with_what_is_stated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.txt");
        std::fs::write(&path, TEXT).unwrap();
        // Named twice, and once more in the folder: the events count once.
        std::fs::write(folder.path().join("again.txt"), TEXT).unwrap();
        std::fs::write(folder.path().join("broken.xml"), "<quakeml><eventParameters>").unwrap();
        let paths = [folder.path().to_path_buf(), path];
        let (catalogue, report) = Catalogue::read(&paths).unwrap();
        let [early, late] = &catalogue.events[..] else { panic!("{}", catalogue.events.len()) };
        assert_eq!((early.depth_km, &early.magnitude), (None, &None));
        assert_eq!((late.depth_km, late.latitude), (Some(24.1), Some(13.9)));
        let magnitude = late.magnitude.as_ref().unwrap();
        assert_eq!((magnitude.value, magnitude.scale.as_str()), (7.4, "Mw"));
        assert_eq!(late.time.to_string(), "2012-11-07T16:35:46.53Z");
        assert_eq!((report.files, report.failed.len()), (2, 1));
        let late = TEXT.replace("|7.4|", "|large|");
        let message = Catalogue::from_bytes(late.as_bytes(), Path::new("a")).unwrap_err();
        assert!(message.to_string().contains("row 2: magnitude 'large'"), "{message}");
    }
}
