//! `temblor catalogue`.

use std::path::Path;
use std::process::Output;

use crate::program::temblor;

const TEXT: &str = "#EventID|Time|Latitude|Longitude|Depth/km|Author|Catalog|Contributor|ContributorID|MagType|Magnitude|MagAuthor|EventLocationName\n\
    b|2020-01-03T01:02:03.5|-39.28|175.57|5.0|GNS|GNS|GNS||ML|3.1|GNS|Ruapehu\n\
    a|2020-01-01T00:00:00|-39.2|175.6||GNS|GNS|GNS||||GNS|Rim\n";

const XML: &str = r#"<quakeml><eventParameters><event publicID="c"><type>earthquake</type>
    <pick publicID="p"><time><value>2020-01-02T00:00:05Z</value></time>
     <waveformID networkCode="XX" stationCode="DEMO" channelCode="HHZ"/><phaseHint>P</phaseHint></pick>
    <origin><time><value>2020-01-02T00:00:00Z</value></time><depth><value>1500</value></depth></origin>
    <magnitude><mag><value>-0.5</value></mag><type>Mw</type></magnitude></event></eventParameters></quakeml>"#;

fn catalogue(folder: &Path, arguments: &[&str]) -> Output {
    std::fs::write(folder.join("events.txt"), TEXT).unwrap();
    std::fs::write(folder.join("events.xml"), XML).unwrap();
    temblor(folder, &[&["catalogue"], arguments].concat())
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn events_of_both_formats_are_listed_in_time_order_and_filtered() {
    let folder = tempfile::tempdir().unwrap();
    let ids = |arguments: &[&str]| -> Vec<String> {
        let all = [&["events.txt", "events.xml", "--json"], arguments].concat();
        let output = catalogue(folder.path(), &all);
        assert!(output.status.success(), "{}", stderr(&output));
        let lines = String::from_utf8(output.stdout).unwrap();
        let id = |line: &str| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            event["id"].as_str().unwrap().to_string()
        };
        lines.lines().map(id).collect()
    };
    assert_eq!(ids(&[]), ["a", "c", "b"]);
    assert_eq!(ids(&["--from", "2020-01-02", "--until", "2020-01-03"]), ["c"]);
    assert_eq!(ids(&["--min-magnitude", "3"]), ["b"]);
    assert_eq!(ids(&["--max-magnitude", "-0.5"]), ["c"]);
    let output = catalogue(folder.path(), &["events.txt"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("3.1 ML        0  Ruapehu"), "{text}");
    let output = catalogue(folder.path(), &["events.txt", "--min-magnitude", "9"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("none of the 2 events"), "{}", stderr(&output));
}

#[test]
fn tables_of_events_and_picks_are_read_by_the_other_commands() {
    let folder = tempfile::tempdir().unwrap();
    let write = ["events.xml", "events.txt", "-o", "events.csv", "--picks", "picks.csv"];
    let more = ["--before", "2.5", "--sds", "archive"];
    let output = catalogue(folder.path(), &[&write[..], &more].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let picks = std::fs::read_to_string(folder.path().join("picks.csv")).unwrap();
    let file = "archive/2020/XX/DEMO/HHZ.D/XX.DEMO..HHZ.D.2020.002";
    assert!(picks.contains(&format!("{file},2020-01-02T00:00:02.5")), "{picks}");
    let table = temblor(folder.path(), &["table", "--json", "events.csv"]);
    let table: serde_json::Value = serde_json::from_slice(&table.stdout).unwrap();
    assert_eq!(table["rows"], 3);
    assert_eq!(table["columns"][0]["kind"], "time");
    assert_eq!(table["columns"][3]["nulls"], 1);
    // Tables that are there stay.
    let again = catalogue(folder.path(), &write);
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("events.csv: exists already"), "{}", stderr(&again));
}

#[test]
fn a_broken_file_costs_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("broken.xml"), &XML[..100]).unwrap();
    let output = catalogue(folder.path(), &["events.txt", "broken.xml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("skipped broken.xml: XML near byte"), "{}", stderr(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("Rim"));
    let output = catalogue(folder.path(), &["broken.xml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no catalogue: broken.xml"), "{}", stderr(&output));
}
