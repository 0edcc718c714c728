//! `temblor features`.

use std::path::Path;
use std::process::Output;

use temblor_miniseed::{SampleSlice, Series, WriteOptions, encode};

use crate::program::temblor;

/// 2020-01-01T00:00:00Z.
const START: i64 = 1_577_836_800_000_000_000;

/// Writes `minutes` of noise of one channel, beginning `after` minutes after [`START`].
fn write(folder: &Path, file: &str, station: &str, rate: u64, after: i64, minutes: usize) {
    let first = after as usize * 60 * rate as usize;
    let samples: Vec<i32> = (first..first + minutes * 60 * rate as usize)
        .map(|i| ((i * i) % 1009) as i32 - 500)
        .collect();
    let series = Series {
        network: "XX",
        station,
        location: "",
        channel: "HHZ",
        start: START + after * 60_000_000_000,
        rate: (rate, 1),
        samples: SampleSlice::I32(&samples),
    };
    let options = WriteOptions::default();
    std::fs::write(folder.join(file), encode(&series, &options).unwrap()).unwrap();
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The cells of a CSV file.
fn table(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_string).collect()).collect()
}

#[test]
fn channels_share_one_table_whatever_the_cut_into_files() {
    let folder = tempfile::tempdir().unwrap();
    let (one, many) = (folder.path().join("one"), folder.path().join("many"));
    std::fs::create_dir_all(&one).unwrap();
    std::fs::create_dir_all(&many).unwrap();
    write(&one, "a", "AAA", 50, 0, 30);
    write(&one, "b", "BBB", 20, 0, 30);
    write(&many, "b", "BBB", 20, 0, 30);
    for part in 0..3 {
        write(&many, &format!("a{part}"), "AAA", 50, part * 10, 10);
    }
    for (archive, out) in [("one", "one.csv"), ("many", "many.csv")] {
        let output =
            temblor(folder.path(), &["features", archive, "--window", "300", "--out", out]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(stderr(&output).contains("XX.BBB..HHZ: no values in hf"), "{}", stderr(&output));
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 2);
    }
    let rows = table(&folder.path().join("one.csv"));
    assert_eq!(rows.len(), 1 + 6 + 6);
    assert_eq!(rows[0][..3], ["time", "group", "rsam"]);
    assert_eq!(rows[1][..2], ["2020-01-01T00:00:00Z", "XX.AAA..HHZ"]);
    assert_eq!(rows[7][..2], ["2020-01-01T00:00:00Z", "XX.BBB..HHZ"]);
    let hf = rows[0].iter().position(|name| name == "hf").unwrap();
    assert!(rows[1][hf].parse::<f64>().unwrap() > 0.0);
    assert_eq!(rows[7][hf], "", "a rate of 20 Hz has no 8 to 16 Hz");
    let out = ["features", "one", "--window", "300", "--out", "one.parquet"];
    assert!(temblor(folder.path(), &out).status.success());
    let parquet = temblor_tables::read_parquet(&folder.path().join("one.parquet")).unwrap();
    assert_eq!((parquet.columns.len(), parquet.rows()), (rows[0].len(), 12));
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!(bytes("one.csv"), bytes("many.csv"));
}

#[test]
fn a_bad_file_is_named_and_the_rest_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    std::fs::create_dir_all(&archive).unwrap();
    write(&archive, "good", "AAA", 50, 0, 20);
    std::fs::write(archive.join("bad"), [7u8; 700]).unwrap();
    let arguments = ["features", "archive", "--out", "series.csv", "--json", "--columns", "rsam"];
    let output = temblor(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("bad"), "{}", stderr(&output));
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["channel"], "XX.AAA..HHZ");
    assert_eq!(line["rows"], 2);
    assert_eq!(table(&folder.path().join("series.csv"))[0], ["time", "group", "rsam", "coverage"]);
}

#[test]
fn a_gap_shows_in_the_coverage() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    std::fs::create_dir_all(&archive).unwrap();
    write(&archive, "a", "AAA", 50, 0, 20);
    write(&archive, "b", "AAA", 50, 40, 20);
    let arguments = ["features", "archive", "--out", "s.csv", "--columns", "rsam"];
    assert!(temblor(folder.path(), &arguments).status.success());
    let rows = table(&folder.path().join("s.csv"));
    let coverage: Vec<&str> = rows[1..].iter().map(|r| r[3].as_str()).collect();
    // The minute in which the filters settle is missing from the fifth window.
    assert_eq!(coverage, ["1", "1", "0", "0", "0.9", "1"]);
    assert_eq!((rows[3][2].as_str(), rows[4][2].as_str()), ("", ""));
}

#[test]
fn wrong_requests_are_refused_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |more: &[&str], expected: &str| {
        let arguments = [&["features", "."], more].concat();
        let output = temblor(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(2), "{more:?}");
        assert!(stderr(&output).contains(expected), "{more:?}: {}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    };
    refused(&["--out", "a.xls"], "--out");
    refused(&["--out", "a.csv", "--window", "0"], "--window");
    refused(&["--out", "a.csv", "--window", "NaN"], "--window");
    refused(&["--out", "a.csv", "--min-coverage", "2"], "--min-coverage");
    refused(&["--out", "a.csv", "--columns", "tremor"], "rsam");
}

#[test]
fn figures_are_drawn_for_each_channel_and_again_from_their_data() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let archive = here.join("archive");
    std::fs::create_dir_all(&archive).unwrap();
    write(&archive, "a", "AAA", 50, 0, 60);
    let draw = ["features", "archive", "--out", "s.csv", "--figure", "s.svg", "--figure", "s.toml"];
    let output = temblor(here, &draw);
    assert!(output.status.success(), "{}", stderr(&output));
    let svg = std::fs::read_to_string(here.join("s.svg")).unwrap();
    assert!(svg.contains("log10 rsam (counts)") && svg.contains("coverage"));
    std::fs::remove_file(here.join("s.svg")).unwrap();
    assert!(temblor(here, &["plot", "s.toml", "--svg"]).status.success());
    assert_eq!(std::fs::read_to_string(here.join("s.svg")).unwrap(), svg);
    write(&archive, "b", "BBB", 50, 0, 60);
    let output = temblor(here, &["features", "archive", "--out", "s.csv", "--figure", "two.png"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        here.join("two.XX.AAA..HHZ.png").is_file() && here.join("two.XX.BBB..HHZ.png").is_file()
    );
    let refused = temblor(here, &["features", "archive", "--out", "s.csv", "--figure", "s.gif"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains(".toml"), "{}", stderr(&refused));
}
