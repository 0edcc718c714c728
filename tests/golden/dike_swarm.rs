//! Events of a dike intrusion beside QuakeMigrate's: its picks without the events they belong to,
//! grouped again.

use std::collections::HashMap;

use temblor::detect::associate::{
    AssociateSettings, LocalFrame, NetworkStation, StationPick, VelocityModel, Wave, associate,
};
use temblor::read::IndexTable;
use temblor::time::{SECOND, UtcTime};

use super::shared;

#[test]
fn the_swarm_comes_apart_as_quakemigrate_has_it() {
    let Some(folder) = shared::path("data/waveforms/dike_swarm") else { return };
    let read = |name: &str| IndexTable::read(&folder.join(name)).unwrap();
    let (table, truth, picked) = (read("stations.csv"), read("events.csv"), read("picks.csv"));
    let cell = |table: &IndexTable, row: usize, name: &str| {
        table.rows[row][table.column(name).unwrap()].clone()
    };
    let number = |table: &IndexTable, row: usize, name: &str| -> f64 {
        table.number(row, table.column(name).unwrap()).unwrap()
    };
    let stations: Vec<NetworkStation> = (0..table.rows.len())
        .map(|row| NetworkStation {
            name: cell(&table, row, "Name"),
            latitude: number(&table, row, "Latitude"),
            longitude: number(&table, row, "Longitude"),
            elevation: 1000.0 * number(&table, row, "Elevation"),
        })
        .collect();
    let (mut picks, mut owners) = (Vec::new(), Vec::new());
    for row in 0..picked.rows.len() {
        let Ok(time) = cell(&picked, row, "PickTime").parse::<UtcTime>() else { continue };
        let name = cell(&picked, row, "Station");
        let station = stations.iter().position(|station| station.name == name).unwrap();
        let wave = Wave::of(&cell(&picked, row, "Phase")).unwrap();
        picks.push(StationPick { station, wave, time });
        owners.push(cell(&picked, row, "EventID"));
    }
    let model = VelocityModel::uniform(5.8, 3.3).unwrap();
    let settings = AssociateSettings { least_picks: 8, ..AssociateSettings::new(model) };
    let events = associate(&stations, &picks, &settings).unwrap();
    // Within a second and 5 km of one another.
    let mut found = HashMap::new();
    for row in 0..truth.rows.len() {
        let time: UtcTime = cell(&truth, row, "DT").parse().unwrap();
        let frame = LocalFrame::at(number(&truth, row, "Y"), number(&truth, row, "X"));
        let near = events.iter().position(|event| {
            let [east, north] = frame.kilometres(event.latitude, event.longitude);
            (event.time.0 - time.0).abs() < SECOND && east.hypot(north) < 5.0
        });
        if let Some(event) = near {
            found.insert(event, cell(&truth, row, "EventID"));
        }
    }
    let arrivals =
        || events.iter().enumerate().flat_map(|(n, e)| e.arrivals.iter().map(move |a| (n, a)));
    let right = arrivals().filter(|(n, a)| found.get(n) == Some(&owners[a.pick])).count();
    println!(
        "{} of {} events, {} listed; {right} of {} picks right, of {} in all",
        found.len(),
        truth.rows.len(),
        events.len(),
        arrivals().count(),
        picks.len()
    );
    assert!(found.len() >= 19 && events.len() <= 21 && right >= 305);
}
