//! What `temblor associate` writes: events, their picks, a map.

use std::collections::HashMap;

use super::Row;
use crate::detect::associate::{Arrival, AssociatedEvent, NetworkStation, StationPick, Wave};
use crate::plot::epicentres::{Epicentre, EpicentresFigure, MapStation};
use crate::read::table::{ColumnValues, Table, TableColumn};
use crate::read::{Event, IndexTable, OriginQuality, Pick, StreamId};

fn numbers(name: &str, values: Vec<f64>) -> TableColumn {
    TableColumn { name: name.into(), unit: None, values: ColumnValues::Number(values) }
}

fn texts(name: &str, values: Vec<Option<String>>) -> TableColumn {
    TableColumn { name: name.into(), unit: None, values: ColumnValues::Text(values) }
}

/// Ids of events: their number, from 1.
fn event_id(number: usize) -> String {
    format!("event-{:05}", number + 1)
}

/// A row an event.
pub(super) fn events_table(events: &[AssociatedEvent], picks: &[StationPick]) -> Table {
    let of = |value: &dyn Fn(&AssociatedEvent) -> f64| events.iter().map(value).collect();
    let waves = |event: &AssociatedEvent, wave: Wave| {
        event.arrivals.iter().filter(|arrival| picks[arrival.pick].wave == wave).count() as f64
    };
    let uncertainty = |event: &AssociatedEvent, axis: usize| {
        event.uncertainty.map_or(f64::NAN, |deviations| deviations[axis])
    };
    let ids = (0..events.len()).map(|number| Some(event_id(number))).collect();
    let times = events.iter().map(|event| Some(event.time.0)).collect();
    let time = TableColumn { name: "time".into(), unit: None, values: ColumnValues::Time(times) };
    let columns = vec![
        texts("event_id", ids),
        time,
        numbers("latitude", of(&|e| e.latitude)),
        numbers("longitude", of(&|e| e.longitude)),
        numbers("depth_km", of(&|e| e.depth)),
        numbers("p_picks", of(&|e| waves(e, Wave::P))),
        numbers("s_picks", of(&|e| waves(e, Wave::S))),
        numbers("rms_s", of(&|e| e.rms)),
        numbers("gap_deg", of(&|e| e.gap)),
        numbers("time_uncertainty_s", of(&|e| uncertainty(e, 0))),
        numbers("horizontal_uncertainty_km", of(&|e| uncertainty(e, 1).hypot(uncertainty(e, 2)))),
        numbers("depth_uncertainty_km", of(&|e| uncertainty(e, 3))),
    ];
    Table { columns }
}

/// The rows of the input in their order, with the event each belongs to.
pub(super) fn picks_table(
    events: &[AssociatedEvent],
    rows: &[Row],
    tables: &[IndexTable],
) -> Table {
    let mut owners = HashMap::new();
    for (number, event) in events.iter().enumerate() {
        for arrival in &event.arrivals {
            let row = &rows[arrival.pick];
            owners.insert((row.table, row.row), (number, arrival));
        }
    }
    let mut names: Vec<&String> = Vec::new();
    for name in tables.iter().flat_map(|table| &table.columns) {
        let ours = ["event_id", "residual_s", "distance_km"].contains(&name.as_str());
        if !names.contains(&name) && !ours {
            names.push(name);
        }
    }
    let all: Vec<(usize, usize)> = tables
        .iter()
        .enumerate()
        .flat_map(|(number, table)| (0..table.rows.len()).map(move |row| (number, row)))
        .collect();
    let cell = |&(table, row): &(usize, usize), name: &str| {
        let column = tables[table].find(name)?;
        Some(tables[table].rows[row][column].clone()).filter(|cell| !cell.is_empty())
    };
    let mut columns: Vec<TableColumn> = names
        .iter()
        .map(|name| texts(name, all.iter().map(|place| cell(place, name)).collect()))
        .collect();
    let owner = |place: &(usize, usize)| owners.get(place);
    let ids = all.iter().map(|place| owner(place).map(|(number, _)| event_id(*number))).collect();
    columns.push(texts("event_id", ids));
    let value = |of: &dyn Fn(&Arrival) -> f64| {
        all.iter().map(|place| owner(place).map_or(f64::NAN, |(_, arrival)| of(arrival))).collect()
    };
    columns.push(numbers("residual_s", value(&|arrival| arrival.residual)));
    columns.push(numbers("distance_km", value(&|arrival| arrival.distance)));
    Table { columns }
}

/// Map and depths.
pub(super) fn figure(events: &[AssociatedEvent], stations: &[NetworkStation]) -> EpicentresFigure {
    EpicentresFigure {
        title: format!("{} events at {} stations", events.len(), stations.len()),
        events: events
            .iter()
            .map(|event| Epicentre {
                longitude: event.longitude,
                latitude: event.latitude,
                depth_km: event.depth,
                picks: event.arrivals.len(),
            })
            .collect(),
        stations: stations
            .iter()
            .map(|station| MapStation {
                name: station.name.rsplit('.').next().unwrap_or_default().to_string(),
                longitude: station.longitude,
                latitude: station.latitude,
            })
            .collect(),
    }
}

/// Kilometres in a degree of latitude, in the mean.
const DEGREE_KM: f64 = 111.195;

/// The events as a catalogue, their picks with stations and, of tables that have them, channels,
/// probabilities and uncertainties.
pub(super) fn catalogue(
    events: &[AssociatedEvent],
    rows: &[Row],
    tables: &[IndexTable],
    stations: &[NetworkStation],
) -> Vec<Event> {
    let event = |(number, event): (usize, &AssociatedEvent)| {
        let uncertainty = |axis: usize| event.uncertainty.map(|deviations| deviations[axis]);
        let shrink = event.latitude.to_radians().cos().max(1e-6);
        Event {
            id: event_id(number),
            time: event.time,
            latitude: Some(event.latitude),
            longitude: Some(event.longitude),
            depth_km: Some(event.depth),
            kind: "earthquake".into(),
            mode: "automatic".into(),
            quality: OriginQuality {
                time_uncertainty: uncertainty(0),
                latitude_uncertainty: uncertainty(2).map(|km| km / DEGREE_KM),
                longitude_uncertainty: uncertainty(1).map(|km| km / DEGREE_KM / shrink),
                depth_uncertainty_km: uncertainty(3),
                standard_error: Some(event.rms),
                azimuthal_gap: Some(event.gap),
            },
            picks: event
                .arrivals
                .iter()
                .map(|arrival| pick(arrival, rows, tables, stations))
                .collect(),
            ..Event::default()
        }
    };
    events.iter().enumerate().map(event).collect()
}

fn pick(
    arrival: &Arrival,
    rows: &[Row],
    tables: &[IndexTable],
    stations: &[NetworkStation],
) -> Pick {
    let row = &rows[arrival.pick];
    let table = &tables[row.table];
    let number = |name: &str| {
        let cell = &table.rows[row.row][table.find(name)?];
        cell.trim().parse::<f64>().ok().filter(|number| number.is_finite())
    };
    let full = table.find("trace_id").map(|column| table.rows[row.row][column].as_str());
    Pick {
        time: row.pick.time,
        uncertainty: number("uncertainty_s").filter(|seconds| *seconds >= 0.0),
        id: stream_id(full.unwrap_or(&stations[row.pick.station].name)),
        phase: match row.pick.wave {
            Wave::P => "P".into(),
            Wave::S => "S".into(),
        },
        distance: Some(arrival.distance / DEGREE_KM),
        residual: Some(arrival.residual),
        weight: Some(1.0),
        probability: number("probability").filter(|p| (0.0..=1.0).contains(p)),
        mode: "automatic".into(),
        ..Pick::default()
    }
}

/// The codes of `NET.STA.LOC.CHA`, `NET.STA.LOC`, `NET.STA` or `STA`.
fn stream_id(text: &str) -> StreamId {
    let mut parts: Vec<String> = text.split('.').map(str::to_string).collect();
    if parts.len() == 1 {
        parts.insert(0, String::new());
    }
    parts.resize(4, String::new());
    let mut parts = parts.into_iter();
    let mut next = || parts.next().unwrap_or_default();
    StreamId { network: next(), station: next(), location: next(), channel: next() }
}
