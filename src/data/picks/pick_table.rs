//! Arrivals from tables (CSV, Parquet), QuakeML and FDSN text, whatever their columns are called.

use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::read::table::{self, ColumnValues, CsvOptions};
use crate::read::{Catalogue, IndexTable};
use crate::time::UtcTime;

/// One arrival of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PickRow {
    /// When.
    pub time: UtcTime,
    /// `P`, `Sg` …
    pub phase: String,
    /// Network code; empty if not stated.
    pub network: String,
    /// Station code.
    pub station: String,
    /// Location code; empty if not stated or empty.
    pub location: String,
    /// Channel code or its first letters; empty if not stated.
    pub channel: String,
    /// The event; empty if not stated.
    pub event: String,
    /// Seconds.
    pub uncertainty: Option<f64>,
    /// `positive`, `negative` …; empty if not stated.
    pub polarity: String,
    /// How sure a picker was.
    pub probability: Option<f64>,
}

/// Columns of a table of picks, by the names of ours: `time=PickTime,station=Station`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PickColumns(Vec<(String, String)>);

/// What a column can be called if it is not named; the first that is there is taken.
const USUAL: &[(&str, &[&str])] = &[
    ("time", &["time", "pick_time"]),
    ("phase", &["phase", "label"]),
    ("trace_id", &["trace_id", "id"]),
    ("network", &["network"]),
    ("station", &["station"]),
    ("location", &["location"]),
    ("channel", &["channel"]),
    ("event", &["event_id", "event"]),
    ("uncertainty", &["uncertainty_s", "uncertainty"]),
    ("polarity", &["polarity"]),
    ("probability", &["probability", "phase_score"]),
];

impl FromStr for PickColumns {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut columns = Vec::new();
        for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
            let (ours, theirs) =
                pair.split_once('=').ok_or_else(|| format!("'{pair}' is not NAME=COLUMN"))?;
            if !USUAL.iter().any(|(name, _)| *name == ours.trim()) {
                let names: Vec<&str> = USUAL.iter().map(|(name, _)| *name).collect();
                return Err(format!("no column '{ours}'; there are: {}", names.join(", ")));
            }
            columns.push((ours.trim().to_string(), theirs.trim().to_string()));
        }
        Ok(Self(columns))
    }
}

impl PickColumns {
    /// Number of the column that holds `ours` in `table`; one that was named must be there.
    fn find(&self, ours: &str, table: &IndexTable) -> Result<Option<usize>> {
        if let Some((_, theirs)) = self.0.iter().find(|(name, _)| name == ours) {
            return table.column(theirs).map(Some);
        }
        let usual =
            USUAL.iter().find(|(name, _)| *name == ours).map_or(&[][..], |(_, names)| names);
        Ok(usual.iter().find_map(|name| table.find(name)))
    }
}

/// What a list says: arrivals, and times of events without any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PickList {
    /// Arrivals in time order.
    pub picks: Vec<PickRow>,
    /// Origin time and name of events for which no arrival is listed.
    pub events: Vec<(UtcTime, String)>,
    /// Rows without a time, left out.
    pub without_time: usize,
}

/// Reads one list; its kind is found by its content.
///
/// # Errors
/// A file without the columns needed, naming what is there; a cell that cannot be read.
pub fn read_picks(path: &Path, columns: &PickColumns) -> Result<PickList> {
    let mut start = Vec::new();
    let file = std::fs::File::open(path).map_err(Error::io(path))?;
    file.take(4096).read_to_end(&mut start).map_err(Error::io(path))?;
    let text = String::from_utf8_lossy(&start);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let first = text.lines().next().unwrap_or_default();
    let packed = start.starts_with(&[0x1f, 0x8b]);
    let mut list = if start.starts_with(b"PAR1") {
        of_table(&parquet_cells(path)?, columns)?
    } else if text.starts_with('<') || first.contains('|') || packed {
        of_catalogue(path)?
    } else {
        of_table(&IndexTable::read(path)?, columns)?
    };
    list.picks.sort_by(|a, b| {
        (a.time, &a.network, &a.station, &a.phase).cmp(&(b.time, &b.network, &b.station, &b.phase))
    });
    Ok(list)
}

fn of_catalogue(path: &Path) -> Result<PickList> {
    let (catalogue, report) = Catalogue::read(&[path.to_path_buf()])?;
    if let Some((file, problem)) = report.failed.into_iter().next() {
        return Err(Error::input(file, problem));
    }
    let mut list = PickList::default();
    for event in catalogue.events {
        if event.picks.is_empty() {
            list.events.push((event.time, event.id));
            continue;
        }
        list.picks.extend(event.picks.into_iter().map(|pick| PickRow {
            time: pick.time,
            phase: pick.phase,
            network: pick.id.network,
            station: pick.id.station,
            location: pick.id.location,
            channel: pick.id.channel,
            event: event.id.clone(),
            uncertainty: pick.uncertainty,
            polarity: pick.polarity,
            probability: None,
        }));
    }
    Ok(list)
}

/// A Parquet table as text cells.
fn parquet_cells(path: &Path) -> Result<IndexTable> {
    let (table, _) = table::read(path, &CsvOptions::default())?;
    let mut rows = vec![Vec::new(); table.rows()];
    for column in &table.columns {
        for (row, cells) in rows.iter_mut().enumerate() {
            cells.push(match &column.values {
                ColumnValues::Number(v) if v[row].is_nan() => String::new(),
                ColumnValues::Number(v) => v[row].to_string(),
                ColumnValues::Text(v) => v[row].clone().unwrap_or_default(),
                ColumnValues::Time(v) => v[row].map(|t| UtcTime(t).to_string()).unwrap_or_default(),
            });
        }
    }
    let columns = table.columns.into_iter().map(|column| column.name).collect();
    Ok(IndexTable { path: path.to_path_buf(), columns, rows })
}

fn of_table(table: &IndexTable, columns: &PickColumns) -> Result<PickList> {
    let find = |ours: &str| columns.find(ours, table);
    let need = |ours: &str| {
        find(ours)?.ok_or_else(|| {
            let there = table.columns.join(", ");
            let problem = format!(
                "no column for '{ours}' (there are: {there}); name it with --columns {ours}=COLUMN"
            );
            Error::input(&table.path, problem)
        })
    };
    let (time, phase) = (need("time")?, need("phase")?);
    let (id, station) = (find("trace_id")?, find("station")?);
    if id.is_none() && station.is_none() {
        need("station")?;
    }
    let (network, location, channel) = (find("network")?, find("location")?, find("channel")?);
    let (event, uncertainty) = (find("event")?, find("uncertainty")?);
    let (polarity, probability) = (find("polarity")?, find("probability")?);
    let mut list = PickList::default();
    for (number, cells) in table.rows.iter().enumerate() {
        let cell = |column: Option<usize>| {
            column
                .and_then(|c| cells.get(c))
                .map(|cell| cell.trim().to_string())
                .unwrap_or_default()
        };
        let text = cell(Some(time));
        // Some pickers write -1 for no pick.
        if text.is_empty() || text.parse::<f64>().is_ok() {
            list.without_time += 1;
            continue;
        }
        let fault = |problem: String| Error::input(&table.path, format!("row {number}: {problem}"));
        let mut row = PickRow {
            time: text.parse().map_err(|e: Error| fault(e.to_string()))?,
            phase: cell(Some(phase)),
            network: cell(network),
            station: cell(station),
            location: cell(location),
            channel: cell(channel),
            event: cell(event),
            uncertainty: cell(uncertainty)
                .parse()
                .ok()
                .filter(|u: &f64| u.is_finite() && *u >= 0.0),
            polarity: polarity_of(&cell(polarity)),
            probability: cell(probability).parse().ok().filter(|p: &f64| p.is_finite()),
        };
        let code = if id.is_some() { cell(id) } else { std::mem::take(&mut row.station) };
        set_codes(&mut row, &code);
        if row.station.is_empty() {
            return Err(fault("no station".to_string()));
        }
        list.picks.push(row);
    }
    Ok(list)
}

/// `STA`, `NET.STA`, `NET.STA.LOC` or `NET.STA.LOC.CHA`.
fn set_codes(row: &mut PickRow, code: &str) {
    let parts: Vec<&str> = code.split('.').collect();
    match parts.as_slice() {
        [station] => row.station = station.to_string(),
        [network, station, rest @ ..] => {
            row.network = network.to_string();
            row.station = station.to_string();
            if let [location, more @ ..] = rest {
                row.location = location.to_string();
                if let [channel, ..] = more {
                    row.channel = channel.to_string();
                }
            }
        }
        [] => {}
    }
}

/// QuakeML's words for the signs in use.
fn polarity_of(text: &str) -> String {
    match text {
        "U" | "u" | "+" | "c" | "C" | "up" | "1" | "positive" => "positive".into(),
        "D" | "d" | "-" | "down" | "-1" | "negative" => "negative".into(),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, columns: &str) -> Result<PickList> {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("picks.csv");
        std::fs::write(&path, text).unwrap();
        read_picks(&path, &columns.parse().unwrap())
    }

    #[test]
    fn columns_are_ours_or_named() {
        let ours = "trace_id,phase,time,probability,uncertainty_s\n\
            XX.B..HH,S,2020-01-01T00:00:09,0.9,0.1\nXX.A.00.HHZ,P,2020-01-01T00:00:05.25Z,0.8,\n";
        let list = read(ours, "").unwrap();
        let [p, s] = &list.picks[..] else { panic!("{list:?}") };
        assert_eq!(
            (p.station.as_str(), p.location.as_str(), p.channel.as_str()),
            ("A", "00", "HHZ")
        );
        assert_eq!((s.phase.as_str(), s.uncertainty), ("S", Some(0.1)));
        let theirs = "EventID,Station,Phase,PickTime,PickError\n7,DYJN,P,-1,-1\n\
            7,DYJN,S,2014-08-24T00:02:40.047189Z,0.09\n";
        let names = "time=PickTime,station=Station,phase=Phase,event=EventID,uncertainty=PickError";
        let list = read(theirs, names).unwrap();
        assert_eq!((list.picks.len(), list.without_time), (1, 1));
        assert_eq!((list.picks[0].event.as_str(), list.picks[0].uncertainty), ("7", Some(0.09)));
        let error = read(theirs, "").unwrap_err().to_string();
        assert!(error.contains("--columns time=COLUMN"), "{error}");
        let error = read(theirs, "time=When").unwrap_err().to_string();
        assert!(error.contains("no column 'When'"), "{error}");
        assert!("tme=a".parse::<PickColumns>().is_err());
        let wrong = ours.replace("00:00:09", "noon");
        assert!(read(&wrong, "").unwrap_err().to_string().contains("row 0"));
    }

    #[test]
    fn catalogues_give_picks_and_events_without_any() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("events.txt");
        std::fs::write(&path, "#EventID|Time|Latitude\nq|2020-01-02T00:00:00|1.0\n").unwrap();
        let list = read_picks(&path, &PickColumns::default()).unwrap();
        assert_eq!((list.picks.len(), list.events.len()), (0, 1));
        assert_eq!(list.events[0].1, "q");
    }
}
