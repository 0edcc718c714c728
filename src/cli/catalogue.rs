//! `temblor catalogue`: what earthquakes a catalogue lists, as tables for the other commands.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Outcome;
use crate::error::{Error, Result};
use crate::read::table::{self, ColumnValues, Table, TableColumn};
use crate::read::{Catalogue, Event, Pick, StreamId, StreamPattern};
use crate::time::UtcTime;

/// List the events of QuakeML and FDSN text, and write them and their picks as tables.
///
/// The table of events serves `temblor forecast --events` and every command that reads CSV; the
/// table of picks is an index of labelled windows.
#[derive(clap::Args)]
pub struct Args {
    /// Files, folders (of .xml, .qml and .txt files) or globs.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// One JSON object an event and line, its picks included.
    #[arg(long)]
    json: bool,
    /// Only events at or after this time.
    #[arg(long, value_name = "TIME")]
    from: Option<UtcTime>,
    /// Only events before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<UtcTime>,
    /// Only events of this magnitude or larger.
    #[arg(long, value_name = "MAGNITUDE", allow_negative_numbers = true)]
    min_magnitude: Option<f64>,
    /// Only events of this magnitude or smaller.
    #[arg(long, value_name = "MAGNITUDE", allow_negative_numbers = true)]
    max_magnitude: Option<f64>,
    /// Write a table of the events: CSV, or Parquet by the suffix.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write a table of the picks: `start`, `label` (the phase), `event_id`, station and channel.
    #[arg(long, value_name = "FILE")]
    picks: Option<PathBuf>,
    /// Only picks of these channels, e.g. 'TA.C26K..BH?'; repeatable.
    #[arg(long, value_name = "PATTERN", requires = "picks")]
    channels: Vec<StreamPattern>,
    /// Let the windows of picks begin so many seconds before the pick.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, requires = "picks")]
    before: f64,
    /// Name in the table of picks the day file of an SDS tree in this folder.
    #[arg(long, value_name = "DIR", requires = "picks")]
    sds: Option<PathBuf>,
    /// Overwrite tables that are there.
    #[arg(long)]
    force: bool,
}

/// One line: an event.
#[derive(Serialize)]
struct EventLine<'a> {
    id: &'a str,
    time: String,
    latitude: Option<f64>,
    longitude: Option<f64>,
    depth_km: Option<f64>,
    magnitude: Option<f64>,
    magnitude_type: Option<&'a str>,
    kind: &'a str,
    place: &'a str,
    mode: &'a str,
    picks: Vec<PickLine<'a>>,
}

#[derive(Serialize)]
struct PickLine<'a> {
    time: String,
    id: String,
    phase: &'a str,
    polarity: &'a str,
    mode: &'a str,
    uncertainty_s: Option<f64>,
    distance_deg: Option<f64>,
    residual_s: Option<f64>,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    if !args.before.is_finite() || args.before.abs() > 86_400.0 {
        return Err(Error::usage(format!("--before {}: expected seconds", args.before)));
    }
    for path in [&args.out, &args.picks].into_iter().flatten() {
        if path.exists() && !args.force {
            let text = "exists already; choose another, or overwrite with --force";
            return Err(Error::usage(format!("{}: {text}", path.display())));
        }
    }
    let (catalogue, report) = Catalogue::read(&args.paths)?;
    report.say();
    let listed = catalogue.events.len();
    let events: Vec<Event> =
        catalogue.events.into_iter().filter(|event| args.selects(event)).collect();
    if events.is_empty() {
        return Err(Error::data(format!("none of the {listed} events listed is selected")));
    }
    print(&events, args.json)?;
    if let Some(path) = &args.out {
        table::write(path, &table_of_events(&events))?;
    }
    if let Some(path) = &args.picks {
        write_picks(path, &events, &args)?;
    }
    Ok(if report.is_clean() { Outcome::Done } else { Outcome::SomeInputsFailed })
}

impl Args {
    /// An event without a magnitude is left out where magnitudes are asked for.
    fn selects(&self, event: &Event) -> bool {
        let magnitude = event.magnitude.as_ref().map(|magnitude| magnitude.value);
        self.from.is_none_or(|from| event.time >= from)
            && self.until.is_none_or(|until| event.time < until)
            && self.min_magnitude.is_none_or(|least| magnitude.is_some_and(|m| m >= least))
            && self.max_magnitude.is_none_or(|most| magnitude.is_some_and(|m| m <= most))
    }
}

fn print(events: &[Event], json: bool) -> Result<()> {
    let stdout = std::io::stdout();
    let mut out = std::io::BufWriter::new(stdout.lock());
    let mut write = || -> std::io::Result<()> {
        if !json {
            writeln!(
                out,
                "{:<30} {:>9} {:>10} {:>7} {:>5} {:<5} {:>5}  place",
                "time", "latitude", "longitude", "km", "mag", "type", "picks"
            )?;
        }
        for event in events {
            if json {
                let line = serde_json::to_string(&line_of(event)).map_err(std::io::Error::other)?;
                writeln!(out, "{line}")?;
            } else {
                writeln!(out, "{}", row_of(event).trim_end())?;
            }
        }
        out.flush()
    };
    write().map_err(Error::io("standard output"))
}

fn row_of(event: &Event) -> String {
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "-".to_string(), |value| format!("{value:.digits$}"))
    };
    let magnitude = event.magnitude.as_ref();
    format!(
        "{:<30} {:>9} {:>10} {:>7} {:>5} {:<5} {:>5}  {}",
        event.time.to_string(),
        number(event.latitude, 4),
        number(event.longitude, 4),
        number(event.depth_km, 1),
        number(magnitude.map(|m| m.value), 1),
        magnitude.map_or("", |m| &m.scale),
        event.picks.len(),
        printable(&event.place),
    )
}

/// A file's text may hold control characters; a terminal obeys them.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn line_of(event: &Event) -> EventLine<'_> {
    let picks = event.picks.iter().map(|pick| PickLine {
        time: pick.time.to_string(),
        id: pick.id.to_string(),
        phase: &pick.phase,
        polarity: &pick.polarity,
        mode: &pick.mode,
        uncertainty_s: pick.uncertainty,
        distance_deg: pick.distance,
        residual_s: pick.residual,
    });
    EventLine {
        id: &event.id,
        time: event.time.to_string(),
        latitude: event.latitude,
        longitude: event.longitude,
        depth_km: event.depth_km,
        magnitude: event.magnitude.as_ref().map(|m| m.value),
        magnitude_type: event.magnitude.as_ref().map(|m| m.scale.as_str()),
        kind: &event.kind,
        place: &event.place,
        mode: &event.mode,
        picks: picks.collect(),
    }
}

fn column(name: &str, unit: Option<&str>, values: ColumnValues) -> TableColumn {
    TableColumn { name: name.into(), unit: unit.map(String::from), values }
}

fn texts<T>(items: &[T], text: impl Fn(&T) -> String) -> ColumnValues {
    ColumnValues::Text(
        items.iter().map(|item| Some(text(item)).filter(|t| !t.is_empty())).collect(),
    )
}

fn numbers<T>(items: &[T], number: impl Fn(&T) -> Option<f64>) -> ColumnValues {
    ColumnValues::Number(items.iter().map(|item| number(item).unwrap_or(f64::NAN)).collect())
}

fn table_of_events(events: &[Event]) -> Table {
    let times = events.iter().map(|event| Some(event.time.0)).collect();
    let magnitude = |event: &Event| event.magnitude.as_ref().map(|m| m.value);
    let scale = |event: &Event| event.magnitude.as_ref().map(|m| m.scale.clone());
    let columns = vec![
        column("time", None, ColumnValues::Time(times)),
        column("latitude", None, numbers(events, |event| event.latitude)),
        column("longitude", None, numbers(events, |event| event.longitude)),
        column("depth_km", None, numbers(events, |event| event.depth_km)),
        column("magnitude", None, numbers(events, magnitude)),
        column("magnitude_type", None, texts(events, |event| scale(event).unwrap_or_default())),
        column("picks", None, numbers(events, |event| Some(event.picks.len() as f64))),
        column("kind", None, texts(events, |event| event.kind.clone())),
        column("place", None, texts(events, |event| event.place.clone())),
        column("event_id", None, texts(events, |event| event.id.clone())),
    ];
    Table { columns }
}

fn write_picks(path: &Path, events: &[Event], args: &Args) -> Result<()> {
    let chosen = |pick: &&Pick| {
        args.channels.is_empty() || args.channels.iter().any(|pattern| pattern.matches(&pick.id))
    };
    let picks: Vec<(&Event, &Pick)> = events
        .iter()
        .flat_map(|event| event.picks.iter().filter(chosen).map(move |pick| (event, pick)))
        .collect();
    if picks.is_empty() {
        return Err(Error::data("no pick is selected; the events may list none"));
    }
    let before = (args.before * 1e9).round() as i64;
    let start = |pick: &Pick| pick.time.plus(-before);
    let starts = picks.iter().map(|(_, pick)| Some(start(pick).0)).collect();
    let times = picks.iter().map(|(_, pick)| Some(pick.time.0)).collect();
    let mut columns = vec![
        column("start", None, ColumnValues::Time(starts)),
        column("label", None, texts(&picks, |(_, pick)| pick.phase.clone())),
        column("event_id", None, texts(&picks, |(event, _)| event.id.clone())),
        column("time", None, ColumnValues::Time(times)),
        column("trace_id", None, texts(&picks, |(_, pick)| pick.id.to_string())),
        column("polarity", None, texts(&picks, |(_, pick)| pick.polarity.clone())),
        column("mode", None, texts(&picks, |(_, pick)| pick.mode.clone())),
        column("distance_deg", None, numbers(&picks, |(_, pick)| pick.distance)),
        column("residual_s", None, numbers(&picks, |(_, pick)| pick.residual)),
    ];
    if let Some(folder) = &args.sds {
        // Of a window that begins before midnight the file of its beginning.
        let file = |(_, pick): &(&Event, &Pick)| sds_file(folder, &pick.id, start(pick));
        columns.insert(0, column("file", None, texts(&picks, file)));
    }
    table::write(path, &Table { columns })
}

/// `YEAR/NET/STA/CHA.D/NET.STA.LOC.CHA.D.YEAR.DAY`.
fn sds_file(folder: &Path, id: &StreamId, time: UtcTime) -> String {
    let (year, day) = time.year_and_day();
    // Codes come from a file: nothing in them leads out of the folder.
    let plain = |code: &str| code.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let (network, station, channel) = (plain(&id.network), plain(&id.station), plain(&id.channel));
    let name = format!("{network}.{station}.{}.{channel}.D.{year}.{day:03}", plain(&id.location));
    let folders = format!("{year}/{network}/{station}/{channel}.D");
    folder.join(folders).join(name).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_files_of_an_sds_tree_stay_in_their_folder() {
        let id = |network: &str| StreamId {
            network: network.into(),
            station: "DEMO".into(),
            location: String::new(),
            channel: "HHZ".into(),
        };
        let time = "2020-02-01T12:00:00".parse().unwrap();
        let file = |network| sds_file(Path::new("sds"), &id(network), time);
        assert_eq!(file("XX"), "sds/2020/XX/DEMO/HHZ.D/XX.DEMO..HHZ.D.2020.032");
        assert!(!file("../..").contains("../"));
    }
}
