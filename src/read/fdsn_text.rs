//! The text of FDSN web services: columns parted by `|`, their names in a first line that begins
//! with `#`. Columns are found by name, whatever their order. A table of stations may be parted by
//! commas instead, as people write them.

use std::borrow::Cow;
use std::path::Path;

use super::response::{Response, Sensitivity};
use super::stations::{ChannelEpoch, Place, StationEpoch, Stations, epoch, location};
use super::trace::StreamId;
use super::xml::shortened;
use crate::error::{Error, Result};
use crate::time::Span;

/// Lines longer than this are a broken file.
const LONGEST_LINE: usize = 1 << 20;

/// Whether a file is such a table.
pub(super) fn is_table(bytes: &[u8]) -> bool {
    mark(bytes).is_some()
}

/// What parts the columns of such a table.
fn mark(bytes: &[u8]) -> Option<u8> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let first = bytes.split(|&b| b == b'\n').next().unwrap_or_default();
    if first.starts_with(b"#") && first.contains(&b'|') {
        return Some(b'|');
    }
    let first = first.get(..LONGEST_LINE).unwrap_or(first);
    let names = |name: &str| {
        first
            .split(|&b| b == b',')
            .any(|field| field.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
    };
    let is_of_stations = names("station") || names("name");
    (is_of_stations && names("latitude") && names("longitude")).then_some(b',')
}

/// A table with its rows still in the bytes.
pub(super) struct Table<'a> {
    file: &'a Path,
    /// What parts the columns.
    mark: u8,
    /// Lower case, trimmed.
    columns: Vec<String>,
    rows: &'a [u8],
}

/// One row.
pub(super) struct Row<'a> {
    table: &'a Table<'a>,
    /// From 1, the line of names included.
    line: usize,
    fields: Vec<Cow<'a, str>>,
}

impl<'a> Table<'a> {
    /// `file` is for messages.
    pub fn new(bytes: &'a [u8], file: &'a Path) -> Self {
        let mark = mark(bytes).unwrap_or(b'|');
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let end = bytes.iter().position(|&b| b == b'\n').unwrap_or(bytes.len());
        let (first, rows) = bytes.split_at(end);
        let first = String::from_utf8_lossy(first.get(..LONGEST_LINE).unwrap_or(first));
        let name = |name: &str| name.trim().to_ascii_lowercase();
        let columns = first.trim_start_matches('#').split(char::from(mark)).map(name).collect();
        Self { file, mark, columns, rows: rows.strip_prefix(b"\n").unwrap_or(rows) }
    }

    /// Whether the table has a column of that name, in lower case.
    pub fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|name| name == column)
    }

    fn fault(&self, line: usize, problem: impl std::fmt::Display) -> Error {
        Error::input(self.file, format!("row {line}: {problem}"))
    }

    /// Calls `visit` for each row; empty lines and further lines of names are passed over.
    pub fn rows(&self, visit: &mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
        for (index, line) in self.rows.split(|&b| b == b'\n').enumerate() {
            let number = index + 2;
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            if line.len() > LONGEST_LINE {
                return Err(self.fault(number, format_args!("longer than {LONGEST_LINE} bytes")));
            }
            let fields: Vec<Cow<'_, str>> =
                line.split(|&b| b == self.mark).map(String::from_utf8_lossy).collect();
            // Services leave out optional columns at the end, the line of names too.
            if fields.len() + 1 < self.columns.len() || fields.len() > self.columns.len() + 1 {
                let (found, expected) = (fields.len(), self.columns.len());
                let text = format!("{found} fields; the first line names {expected}");
                return Err(self.fault(number, text));
            }
            visit(&Row { table: self, line: number, fields })?;
        }
        Ok(())
    }
}

impl Row<'_> {
    /// Whether the table has a column.
    pub fn has(&self, column: &str) -> bool {
        self.table.has(column)
    }

    /// The field of a column, trimmed; empty if there is none.
    pub fn text(&self, column: &str) -> &str {
        let at = self.table.columns.iter().position(|name| name == column);
        at.and_then(|at| self.fields.get(at)).map_or("", |field| field.trim())
    }

    /// The same as a number; `None` if it is empty.
    pub fn number(&self, column: &str) -> Result<Option<f64>> {
        let text = self.text(column);
        match text.parse::<f64>() {
            _ if text.is_empty() => Ok(None),
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => {
                let found = shortened(text);
                Err(self.fault(format_args!("{column} '{found}': expected a number")))
            }
        }
    }

    /// A fault in this row.
    pub fn fault(&self, problem: impl std::fmt::Display) -> Error {
        self.table.fault(self.line, problem)
    }

    fn span(&self) -> Result<Span> {
        epoch(Some(self.text("starttime")), Some(self.text("endtime")))
            .map_err(|error| self.fault(error))
    }

    fn place(&self) -> Result<Option<Place>> {
        let (latitude, longitude) = (self.number("latitude")?, self.number("longitude")?);
        let elevation = self.number("elevation")?.unwrap_or(0.0);
        let place = |(latitude, longitude)| Place { latitude, longitude, elevation };
        Ok(latitude.zip(longitude).map(place))
    }
}

/// Stations, with channels where the table is one of channels.
pub(super) fn stations(bytes: &[u8], file: &Path) -> Result<Stations> {
    let table = Table::new(bytes, file);
    let is_plain = mark(bytes) == Some(b',');
    let station = if is_plain && !table.has("station") { "name" } else { "station" };
    if !is_plain && !table.has("network") || !table.has(station) {
        let problem = "a table parted by '|' without the columns Network and Station";
        return Err(Error::input(file, problem));
    }
    let mut stations = Stations::default();
    let is_of_channels = table.has("channel");
    table.rows(&mut |row| {
        if is_of_channels {
            stations.add_channel(channel(row)?);
        } else {
            stations.add_station(StationEpoch {
                network: row.text("network").to_string(),
                station: row.text(station).to_string(),
                site: row.text("sitename").to_string(),
                span: row.span()?,
                place: row.place()?,
            });
        }
        Ok(())
    })?;
    Ok(stations)
}

fn channel(row: &Row<'_>) -> Result<ChannelEpoch> {
    let either = |a: &str, b: &str| {
        let text = row.text(a);
        if text.is_empty() { row.text(b).to_string() } else { text.to_string() }
    };
    let sensitivity = row.number("scale")?.map(|value| {
        Ok::<_, Error>(Sensitivity {
            value,
            frequency: row.number("scalefreq")?,
            input_unit: row.text("scaleunits").to_string(),
            output_unit: String::new(),
        })
    });
    let sensitivity = sensitivity.transpose()?;
    Ok(ChannelEpoch {
        id: StreamId {
            network: row.text("network").to_string(),
            station: row.text("station").to_string(),
            location: location(row.text("location")),
            channel: row.text("channel").to_string(),
        },
        span: row.span()?,
        place: row.place()?,
        depth: row.number("depth")?.unwrap_or(0.0),
        azimuth: row.number("azimuth")?,
        dip: row.number("dip")?,
        rate_hz: row.number("samplerate")?,
        sensor: either("sensordescription", "instrument"),
        response: sensitivity
            .map(|sensitivity| Response { sensitivity: Some(sensitivity), ..Response::default() }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UtcTime;

    const CHANNELS: &str = "#Network | Station | location | Channel | Latitude | Longitude | Elevation | Depth | Azimuth | Dip | SensorDescription | Scale | ScaleFreq | ScaleUnits | SampleRate | StartTime | EndTime\n\
        IU|ANMO|00|BHZ|34.945981|-106.457133|1671.0|145.0|0.0|-90.0|Geotech KS-54000 \"deep\"|3.43E9|0.02|m/s|20.0|2008-06-30T20:00:00|2599-12-31T23:59:59\r\n\
        \n\
        IU|ANMO||LDO|34.9|-106.4|1671|0|||Paroscientific||||1|2002-11-19T21:07:00|\n";

    #[test]
    fn channels_have_their_scale_and_stations_their_place() {
        let stations = stations(CHANNELS.as_bytes(), Path::new("a.txt")).unwrap();
        let channels: Vec<&ChannelEpoch> = stations.channels().collect();
        let [other, vertical] = channels[..] else { panic!("{}", channels.len()) };
        let response = vertical.response.as_ref().unwrap();
        assert_eq!(response.sensitivity.as_ref().unwrap().value, 3.43e9);
        assert_eq!((vertical.dip, vertical.span.end), (Some(-90.0), UtcTime(i64::MAX)));
        assert_eq!((other.id.location.as_str(), other.azimuth), ("", None));
        assert!(other.response.is_none());
        let text = "#Network|Station|Latitude|Longitude|Elevation|SiteName|StartTime|EndTime\n\
            IU|ANMO|34.9|-106.4|1671|Albuquerque|2008-01-01|\n";
        let stations = super::stations(text.as_bytes(), Path::new("a.txt")).unwrap();
        assert_eq!(stations.stations()[0].site, "Albuquerque");
        let plain = "Latitude,Longitude,Elevation,Name\n64.6836,-17.1337,1.381,DYJN\n";
        let plain = super::stations(plain.as_bytes(), Path::new("b.csv")).unwrap();
        assert_eq!(plain.stations()[0].station, "DYJN");
        let commas = text.trim_start_matches('#').replace('|', ",");
        let same = super::stations(commas.as_bytes(), Path::new("a.csv")).unwrap();
        assert_eq!(same.stations(), stations.stations());
        assert!(is_table(commas.as_bytes()) && !is_table(b"time,latitude,magnitude\n"));
        let time = "2010-01-01".parse().unwrap();
        assert_eq!(stations.place(&vertical.id, time).unwrap().longitude, -106.4);
    }

    #[test]
    fn broken_rows_are_refused_with_their_number() {
        for (from, to, expected) in [
            ("34.945981", "north", "row 2: latitude 'north'"),
            ("|1|2002-11-19T21:07:00|", "|1", "row 4: 15 fields; the first line names 17"),
            ("2008-06-30", "2008-30-06", "row 2: expected a time"),
            ("Station", "Place", "without the columns"),
        ] {
            let text = CHANNELS.replace(from, to);
            let error = stations(text.as_bytes(), Path::new("a.txt")).unwrap_err().to_string();
            assert!(error.contains(expected), "{to}: {error}");
        }
        assert!(is_table(CHANNELS.as_bytes()) && !is_table(b"<xml/>") && !is_table(b""));
    }
}
