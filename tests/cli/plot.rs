//! `temblor plot` of station files as a process.

use std::path::Path;

use temblor::read::miniseed::{self, WriteOptions};
use temblor::read::{Samples, StreamId, Trace};
use temblor::time::{DAY, SECOND, SampleRate, UtcTime};

use crate::program::temblor;

/// Five hours at 10 Hz of one channel, a tone in noise.
fn trace(station: &str, start: i64, seconds: i64) -> Trace {
    let mut state = 1_u32;
    let mut noise = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as i32 - 128
    };
    let tone = |n: i64| (200.0 * (n as f64 * 0.9).sin()) as i32;
    Trace {
        id: StreamId {
            network: "XX".into(),
            station: station.into(),
            location: String::new(),
            channel: "BHZ".into(),
        },
        start: UtcTime(17_755 * DAY + start * SECOND),
        rate: SampleRate::from_ratio(10, 1).unwrap(),
        samples: Samples::I32((0..10 * seconds).map(|n| tone(n) + noise()).collect()),
    }
}

fn archive(folder: &Path) {
    for station in ["NEAR", "FAR"] {
        let traces = [trace(station, 0, 14_400), trace(station, 15_000, 3_600)];
        let file = folder.join(format!("archive/{station}.mseed"));
        miniseed::write(&file, &traces, &WriteOptions::default()).unwrap();
    }
}

fn drawn(folder: &Path, arguments: &[&str]) -> String {
    let output = temblor(folder, &[&["plot"], arguments].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn svg(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn every_picture_of_station_files_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    archive(here);
    let near = ["--channels", "XX.NEAR..BHZ"];
    let with = |kind: &str| {
        let file = format!("{kind}.svg");
        drawn(here, &[&[kind, "archive", "-o", &file], &near[..]].concat());
        svg(here, &file)
    };
    assert!(with("dayplot").contains("XX.NEAR..BHZ, 2018-08-12"));
    assert!(with("spectrogram").contains("dB re 1 count²/Hz"));
    assert!(with("psd").contains("8 hours, half overlapping"));
    assert!(with("coverage").contains("Data of XX.NEAR..BHZ"));
    assert!(with("waveform").contains("XX.NEAR..BHZ"));
    let names = drawn(here, &["dayplot", "archive", "-o", "d.png", "--minutes", "60"]);
    assert_eq!(names, "d.XX.FAR..BHZ.2018-08-12.png\nd.XX.NEAR..BHZ.2018-08-12.png\n");
    // The data of a picture can be drawn again.
    drawn(here, &["coverage", "archive", "-o", "c.toml"]);
    drawn(here, &["c.toml", "--svg"]);
    assert!(svg(here, "c.svg").contains("Data of 2 channels"));
}

#[test]
fn a_record_section_needs_to_know_where_stations_stand() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    archive(here);
    let line = |station: &str, latitude: f64| {
        format!("XX|{station}|{latitude}|15.0|0|site|2018-01-01T00:00:00|\n")
    };
    let head = "#Network|Station|Latitude|Longitude|Elevation|SiteName|StartTime|EndTime\n";
    let stations = [head, &line("NEAR", 40.1), &line("FAR", 40.5)].concat();
    std::fs::write(here.join("stations.txt"), stations).unwrap();
    let origin = ["--stations", "stations.txt", "--origin", "40.0,15.0,2018-08-12T00:10:00"];
    drawn(here, &[&["waveform", "archive", "-o", "w.svg"], &origin[..]].concat());
    let text = svg(here, "w.svg");
    assert!(text.contains("distance from the epicentre (km)") && text.contains("origin"));
    for wrong in [&["--origin", "40,15"][..], &["--stations", "stations.txt", "--origin", "95,0"]] {
        let output =
            temblor(here, &[&["plot", "waveform", "archive", "-o", "w.svg"], wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    miniseed::write(&here.join("a.mseed"), &[trace("A", 0, 600)], &WriteOptions::default())
        .unwrap();
    let cases: [(&[&str], i32, &str); 5] = [
        (&["psd", "a.mseed", "-o", "p.png"], 1, "not one hour"),
        (&["dayplot", "a.mseed", "-o", "d.pdf"], 2, ".png, .svg or .toml"),
        (&["dayplot", "a.mseed", "-o", "d.png", "--scale", "-1"], 2, "--scale"),
        (&["spectrogram", "a.mseed", "-o", "s.png", "--levels", "-5,-9"], 2, "the lower first"),
        (&["spectrogram", "none.mseed", "-o", "s.png"], 1, "none.mseed"),
    ];
    for (arguments, code, words) in cases {
        let output = temblor(here, &[&["plot"], arguments].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    assert_eq!(temblor(here, &["plot"]).status.code(), Some(2));
}
