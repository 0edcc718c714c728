//! `temblor associate` as a process.

use std::fmt::Write;
use std::path::Path;

use temblor::detect::associate::{LocalFrame, VelocityModel, Wave};
use temblor::read::IndexTable;
use temblor::time::{SECOND, UtcTime};

use crate::program::temblor;

const STATIONS: [(&str, f64, f64, f64); 6] = [
    ("A", 64.70, -17.0, 0.4),
    ("B", 64.90, -17.0, 0.9),
    ("C", 64.80, -16.6, 1.2),
    ("D", 64.75, -17.2, 0.2),
    ("E", 64.95, -16.8, 0.7),
    ("F", 64.68, -16.7, 1.0),
];

/// Two events eleven seconds apart, a pick without a time, one of a phase that is none, one at a
/// station that is not in the table.
fn write_picks(folder: &Path) {
    let model = VelocityModel::uniform(6.0, 3.45).unwrap();
    let mut stations = String::from("Name,Latitude,Longitude,Elevation\n");
    let mut picks =
        String::from("Station,Phase,PickTime\nA,P,-1\nB,N,2024-01-01\nZZ,P,2024-01-01\n");
    for (name, latitude, longitude, elevation) in STATIONS {
        writeln!(stations, "{name},{latitude},{longitude},{elevation}").unwrap();
    }
    for (origin, latitude, longitude) in
        [("2024-01-01T23:59:57Z", 64.80, -16.90), ("2024-01-02T00:00:08Z", 64.83, -16.80)]
    {
        let origin: UtcTime = origin.parse().unwrap();
        let frame = LocalFrame::at(latitude, longitude);
        for (name, north, east, elevation) in STATIONS {
            let [x, y] = frame.kilometres(north, east);
            for (wave, phase) in [(Wave::P, "Pg"), (Wave::S, "S")] {
                let travel = model.seconds(wave, x.hypot(y), 7.0, -elevation);
                let time = origin.plus((travel * SECOND as f64) as i64);
                writeln!(picks, "{name},{phase},{time}").unwrap();
            }
        }
    }
    std::fs::write(folder.join("stations.csv"), stations).unwrap();
    std::fs::write(folder.join("picks.csv"), picks).unwrap();
}

#[test]
fn picks_become_events_with_places_and_what_is_left_out_is_said() {
    let folder = tempfile::tempdir().unwrap();
    write_picks(folder.path());
    let arguments = [
        "associate",
        "picks.csv",
        "--stations",
        "stations.csv",
        "--elevation-in-km",
        "--time-column",
        "PickTime",
        "--out",
        "found",
    ];
    let output = temblor(folder.path(), &arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for words in ["1 rows with no time", "1 rows with a phase", "1 picks at ZZ"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let events = IndexTable::read(&folder.path().join("found/events.csv")).unwrap();
    assert_eq!(events.rows.len(), 2);
    let number = |row, name| events.number::<f64>(row, events.column(name).unwrap()).unwrap();
    assert!((number(1, "latitude") - 64.83).abs() < 0.005);
    assert!((number(1, "longitude") + 16.80).abs() < 0.01);
    assert!((number(0, "depth_km") - 7.0).abs() < 0.5);
    assert_eq!((number(0, "p_picks"), number(0, "s_picks")), (6.0, 6.0));
    let picks = IndexTable::read(&folder.path().join("found/picks.csv")).unwrap();
    let id = picks.column("event_id").unwrap();
    let ids: Vec<&str> = picks.rows.iter().map(|row| row[id].as_str()).collect();
    assert!(ids[..3].iter().all(|id| id.is_empty()));
    assert!(ids[3..15].iter().all(|id| *id == "event-00001"));
    assert!(ids[15..].iter().all(|id| *id == "event-00002"));
    assert!(folder.path().join("found/epicentres.png").is_file());
    let catalogue =
        temblor(folder.path(), &["catalogue", "found/events.qml", "--picks", "windows.csv"]);
    assert!(String::from_utf8_lossy(&catalogue.stdout).contains("2024-01-02T00:00:0"));
    let picks = IndexTable::read(&folder.path().join("windows.csv")).unwrap();
    assert_eq!(picks.rows.len(), 24);
    let again = temblor(folder.path(), &arguments);
    assert_eq!(again.status.code(), Some(2));
    let nowhere = temblor(
        folder.path(),
        &["associate", "picks.csv", "--stations", "picks.csv", "--out", "x"],
    );
    assert_ne!(nowhere.status.code(), Some(0));
}
