//! `temblor associate`: picks of several stations become earthquakes.

mod outputs;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::Outcome;
use crate::detect::associate::{
    AssociateSettings, NetworkStation, StationPick, VelocityLayer, VelocityModel, Wave, associate,
};
use crate::error::{Error, Result};
use crate::progress::note;
use crate::read::{IndexTable, ReadReport, Stations, table, write_quakeml};
use crate::time::UtcTime;

/// Group picks of several stations into earthquakes, and locate them.
///
/// The search is that of PyOcto (Münchmeyer 2024): boxes of space and time are halved where the most
/// picks agree with an origin in them. An event has one P and one S pick a station at most, a pick
/// belongs to one event at most. DIR gets events.csv, picks.csv (the input with event_id, residual and
/// distance), events.qml and epicentres.png. Example:
/// temblor associate picks.csv --stations stations.csv --vp 5.8 --vs 3.3 --out events
#[derive(clap::Args)]
pub struct Args {
    /// Tables of picks (CSV), such as picks.csv of `temblor pick`.
    #[arg(required = true)]
    picks: Vec<PathBuf>,
    /// StationXML, FDSN text, or CSV with station (or name), latitude, longitude and elevation.
    #[arg(long, required = true, value_name = "FILE")]
    stations: Vec<PathBuf>,
    /// Folder for the results.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Overwrite results in DIR.
    #[arg(long)]
    force: bool,
    /// Elevations of the stations are kilometres, not metres.
    #[arg(long)]
    elevation_in_km: bool,
    /// Column of stations: `NET.STA.LOC.CHA`, `NET.STA` or `STA` [default: trace_id or station].
    #[arg(long, value_name = "NAME")]
    station_column: Option<String>,
    /// Column of phases, whose first letter counts [default: phase].
    #[arg(long, value_name = "NAME")]
    phase_column: Option<String>,
    /// Column of times [default: time or pick_time]; rows without a time are left out.
    #[arg(long, value_name = "NAME")]
    time_column: Option<String>,
    /// Leave out picks of a lower probability.
    #[arg(long, value_name = "PROBABILITY", default_value_t = 0.0)]
    least_probability: f64,
    /// Speed of P, km/s.
    #[arg(long, value_name = "KM/S", default_value_t = 6.0)]
    vp: f64,
    /// Speed of S, km/s.
    #[arg(long, value_name = "KM/S", default_value_t = 3.45)]
    vs: f64,
    /// Flat layers from a CSV table with columns depth (km of the top), vp, vs; instead of --vp, --vs.
    #[arg(long, value_name = "FILE")]
    layers: Option<PathBuf>,
    /// Largest difference of a pick from its predicted time, seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5)]
    tolerance: f64,
    /// Least picks of an event.
    #[arg(long, value_name = "COUNT", default_value_t = 8)]
    least_picks: usize,
    /// Least P picks of an event.
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    least_p: usize,
    /// Least S picks of an event.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    least_s: usize,
    /// Least stations of an event.
    #[arg(long, value_name = "COUNT", default_value_t = 4)]
    least_stations: usize,
    /// Shallowest origin, km below sea level.
    #[arg(long, value_name = "KM", default_value_t = 0.0, allow_negative_numbers = true)]
    shallowest: f64,
    /// Deepest origin, km below sea level.
    #[arg(long, value_name = "KM", default_value_t = 30.0)]
    deepest: f64,
    /// How far beyond the stations origins may lie, km [default: half the network's extent].
    #[arg(long, value_name = "KM")]
    margin: Option<f64>,
    /// Boxes are halved down to this size, km.
    #[arg(long, value_name = "KM", default_value_t = 1.0)]
    smallest_box: f64,
}

/// A row of a table of picks.
struct Row {
    table: usize,
    row: usize,
    pick: StationPick,
}

/// Runs the command.
pub fn run(args: Args) -> Result<Outcome> {
    let files =
        ["events.csv", "picks.csv", "epicentres.png", "events.qml"].map(|name| args.out.join(name));
    if let Some(there) = files.iter().find(|path| path.exists() && !args.force) {
        let text = "exists already; choose another --out, or overwrite with --force";
        return Err(Error::usage(format!("{}: {text}", there.display())));
    }
    let (stations, report) = stations(&args)?;
    report.say();
    let settings = args.settings()?;
    let tables =
        args.picks.iter().map(|path| IndexTable::read(path)).collect::<Result<Vec<_>>>()?;
    let rows = args.rows(&tables, &stations)?;
    let picks: Vec<StationPick> = rows.iter().map(|row| row.pick).collect();
    let events = associate(&stations, &picks, &settings)?;
    let used: usize = events.iter().map(|event| event.arrivals.len()).sum();
    std::fs::create_dir_all(&args.out).map_err(Error::io(&args.out))?;
    table::write(&files[0], &outputs::events_table(&events, &picks))?;
    table::write(&files[1], &outputs::picks_table(&events, &rows, &tables))?;
    crate::plot::write(&files[2], outputs::figure(&events, &stations))?;
    write_quakeml(&files[3], &outputs::catalogue(&events, &rows, &tables, &stations), &[])?;
    println!(
        "{} events of {used} of {} picks at {} stations",
        events.len(),
        picks.len(),
        stations.len()
    );
    Ok(if report.is_clean() { Outcome::Done } else { Outcome::SomeInputsFailed })
}

impl Args {
    fn settings(&self) -> Result<AssociateSettings> {
        let model = match &self.layers {
            Some(path) => layers(path)?,
            None => VelocityModel::uniform(self.vp, self.vs)?,
        };
        Ok(AssociateSettings {
            tolerance: self.tolerance,
            least_picks: self.least_picks,
            least_p: self.least_p,
            least_s: self.least_s,
            least_stations: self.least_stations,
            depths: [self.shallowest, self.deepest],
            margin: self.margin,
            smallest_box: self.smallest_box,
            ..AssociateSettings::new(model)
        })
    }

    /// The picks of P and S at stations that are known.
    fn rows(&self, tables: &[IndexTable], stations: &[NetworkStation]) -> Result<Vec<Row>> {
        let mut by_name: HashMap<&str, usize> = HashMap::new();
        for (number, station) in stations.iter().enumerate() {
            by_name.insert(&station.name, number);
            let code = station.name.rsplit('.').next().unwrap_or(&station.name);
            by_name.entry(code).or_insert(number);
        }
        let mut rows = Vec::new();
        let (mut without_time, mut other_phases, mut unknown) = (0, 0, HashMap::new());
        for (number, table) in tables.iter().enumerate() {
            let station = column(table, &self.station_column, &["trace_id", "station"])?;
            let phase = column(table, &self.phase_column, &["phase"])?;
            let time = column(table, &self.time_column, &["time", "pick_time", "picktime"])?;
            let probability = table.find("probability");
            for (row, cells) in table.rows.iter().enumerate() {
                if let Some(probability) = probability
                    && table.number::<f64>(row, probability)? < self.least_probability
                {
                    continue;
                }
                let Some(wave) = Wave::of(&cells[phase]) else {
                    other_phases += 1;
                    continue;
                };
                let text = cells[time].trim();
                if text.is_empty() || text.parse::<f64>().is_ok_and(|number| number < 0.0) {
                    without_time += 1;
                    continue;
                }
                let time = text
                    .parse::<UtcTime>()
                    .map_err(|error| Error::input(&table.path, format!("row {row}: {error}")))?;
                let name = cells[station].trim();
                let parts: Vec<&str> = name.split('.').collect();
                let codes = match parts[..] {
                    [network, station, ..] => [format!("{network}.{station}"), station.to_string()],
                    _ => [name.to_string(), name.to_string()],
                };
                let Some(&station) = codes.iter().find_map(|code| by_name.get(code.as_str()))
                else {
                    *unknown.entry(codes[0].clone()).or_insert(0) += 1;
                    continue;
                };
                let pick = StationPick { station, wave, time };
                rows.push(Row { table: number, row, pick });
            }
        }
        for (count, what) in [(without_time, "no time"), (other_phases, "a phase not P or S")] {
            if count > 0 {
                note(format_args!("{count} rows with {what} are left out"));
            }
        }
        let mut unknown: Vec<(String, usize)> = unknown.into_iter().collect();
        unknown.sort();
        for (code, count) in unknown {
            note(format_args!(
                "{count} picks at {code}, which no table of stations names, are left out"
            ));
        }
        if rows.is_empty() {
            return Err(Error::data("no pick of P or S at a known station"));
        }
        Ok(rows)
    }
}

/// The column asked for, or the first of `usual` in any case of letters.
fn column(table: &IndexTable, asked: &Option<String>, usual: &[&str]) -> Result<usize> {
    if let Some(name) = asked {
        return table.column(name);
    }
    let found = usual.iter().find_map(|name| {
        table.columns.iter().position(|column| column.trim().eq_ignore_ascii_case(name))
    });
    found.map_or_else(|| table.column(usual[0]), Ok)
}

fn stations(args: &Args) -> Result<(Vec<NetworkStation>, ReadReport)> {
    let (read, report) = Stations::read(&args.stations)?;
    let factor = if args.elevation_in_km { 1000.0 } else { 1.0 };
    let mut stations: Vec<NetworkStation> = Vec::new();
    let own = read.stations().iter().map(|s| (s.network.clone(), s.station.clone(), s.place));
    let of_channels =
        read.channels().map(|c| (c.id.network.clone(), c.id.station.clone(), c.place));
    for (network, station, place) in own.chain(of_channels) {
        let Some(place) = place else { continue };
        let name = if network.is_empty() { station } else { format!("{network}.{station}") };
        if stations.iter().all(|known| known.name != name) {
            stations.push(NetworkStation {
                name,
                latitude: place.latitude,
                longitude: place.longitude,
                elevation: place.elevation * factor,
            });
        }
    }
    if stations.is_empty() {
        return Err(Error::data("the station metadata hold no coordinates"));
    }
    Ok((stations, report))
}

fn layers(path: &Path) -> Result<VelocityModel> {
    let table = IndexTable::read(path)?;
    let columns = [table.column("depth")?, table.column("vp")?, table.column("vs")?];
    let layers = (0..table.rows.len()).map(|row| {
        let [top, vp, vs] = columns.map(|column| table.number::<f64>(row, column));
        Ok(VelocityLayer { top: top?, vp: vp?, vs: vs? })
    });
    VelocityModel::layered(layers.collect::<Result<_>>()?)
}
