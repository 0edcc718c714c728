//! The files in `fixtures/`: they are what their generator makes, and what they are for.

#[path = "../../fixtures/make.rs"]
mod make;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use temblor::read::{ImageFolder, Listing};

use crate::program::temblor;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Every file below `folder` by its path there.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_string();
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn they_are_what_their_generator_makes_and_listed_with_their_sizes() {
    let fresh = tempfile::tempdir().unwrap();
    make::make(fresh.path()).unwrap();
    let mut stored = files(&fixtures());
    let readme = String::from_utf8(stored.remove("README.md").unwrap()).unwrap();
    stored.remove("make.rs").unwrap();
    // HDF5 holds the version of its library: these are listed, with sizes, but not made anew.
    stored.remove("make_hdf5.py").unwrap();
    let hdf5: Vec<String> = stored.keys().filter(|k| k.starts_with("picks/")).cloned().collect();
    for name in &hdf5 {
        let row = format!("| `{name}` | {} |", stored.remove(name).unwrap().len());
        assert!(readme.contains(&row), "fixtures/README.md lacks: {row}");
    }
    assert_eq!(hdf5.len(), 4);
    let made = files(fresh.path());
    assert!(made.len() > 10);
    assert!(stored.keys().eq(made.keys()), "{:?} {:?}", stored.keys(), made.keys());
    for (name, bytes) in &made {
        assert!(bytes == &stored[name], "{name}: cargo run --example make_fixtures");
        let row = format!("| `{name}` | {} |", bytes.len());
        assert!(readme.contains(&row), "fixtures/README.md lacks: {row}");
    }
}

fn json_lines(arguments: &[&str]) -> (Vec<Value>, Option<i32>) {
    let output = temblor(&fixtures(), arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), output.status.code())
}

#[test]
fn station_files_are_read_with_gap_and_sidecar() {
    let (lines, code) = json_lines(&["inspect", "--json", "station"]);
    assert_eq!(code, Some(0));
    let [first, second, microphone] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((&first["samples"], &second["samples"]), (&900.into(), &500.into()));
    assert_eq!((&first["gaps"], &first["id"]), (&1.into(), &"XX.FIX.01.HHZ".into()));
    assert_eq!(first["start_ns"], 1_709_164_770_000_000_000_i64);
    assert_eq!(second["start_ns"], 1_709_164_822_000_000_000_i64);
    assert_eq!(
        (&microphone["format"], &microphone["id"]),
        (&"WAV".into(), &"XX.FIX.01.HDF".into())
    );
    assert_eq!(microphone["start_ns"], first["start_ns"]);
}

#[test]
fn a_loggers_dialect_is_understood() {
    let (lines, code) = json_lines(&["table", "--json", "series/dialect.csv", "--nulls=-999.9"]);
    assert_eq!(code, Some(0));
    let table = &lines[0];
    assert_eq!(table["rows"], 49);
    let columns = table["columns"].as_array().unwrap();
    let facts: Vec<_> = columns.iter().map(|c| (&c["kind"], &c["unit"], &c["nulls"])).collect();
    let (number, none) = (Value::from("number"), Value::Null);
    let (metre, degree) = (Value::from("m"), Value::from("°C"));
    assert_eq!(facts[0], (&"time".into(), &none, &0.into()));
    assert_eq!(facts[1], (&number, &metre, &2.into()));
    assert_eq!(facts[2], (&number, &degree, &0.into()));
    assert_eq!(columns[0]["last"], "2024-03-01T23:00:00Z");
}

#[test]
fn parquet_is_read() {
    let (lines, code) = json_lines(&["table", "--json", "series/levels.parquet"]);
    assert_eq!(code, Some(0));
    assert_eq!(lines[0]["rows"], 80);
    assert_eq!(lines[0]["columns"][0]["first"], "2024-02-28T00:00:00Z");
    assert_eq!(lines[0]["columns"][2]["nulls"], 1);
}

#[test]
fn images_lie_in_a_folder_a_class() {
    let folder = ImageFolder::list(&fixtures().join("images"), Listing::Plain, None).unwrap();
    assert_eq!(folder.classes, ["granular", "layered"]);
    assert_eq!(folder.files.len(), 6);
}

#[test]
fn broken_files_are_named_and_cost_only_themselves() {
    let (lines, code) = json_lines(&["inspect", "--json", "broken"]);
    assert_eq!(code, Some(1));
    let (refused, read): (Vec<_>, Vec<_>) = lines.iter().partition(|l| l.get("error").is_some());
    let names = |lines: Vec<&Value>| -> Vec<String> {
        lines.iter().map(|l| l["file"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(names(read)[0], "broken/truncated.mseed");
    assert_eq!(names(refused), ["broken/empty.mseed", "broken/noise.mseed"]);
    let output = temblor(&fixtures(), &["table", "broken/truncated.parquet"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("truncated.parquet") && said.lines().count() == 1, "{said}");
}
