//! `temblor index` as a process.

use std::fs;
use std::path::Path;

use serde_json::Value;
use temblor::read::miniseed::{self, WriteOptions};
use temblor::read::{INDEX_NAME, Samples, StreamId, Trace};
use temblor::time::{DAY, SampleRate, UtcTime};

use crate::program::temblor;

fn trace(channel: &str, day: i64) -> Trace {
    Trace {
        id: StreamId {
            network: "XX".into(),
            station: "DEMO".into(),
            location: String::new(),
            channel: channel.into(),
        },
        start: UtcTime((17_755 + day) * DAY),
        rate: SampleRate::from_ratio(10, 1).unwrap(),
        samples: Samples::I32((0..2000).map(|i| i * 7 % 97).collect()),
    }
}

/// Two channels of two days, and a file that is none.
fn archive(folder: &Path) {
    for channel in ["BHN", "BHZ"] {
        for day in 0..2 {
            let file = folder.join(format!("archive/{channel}/{day}.mseed"));
            miniseed::write(&file, &[trace(channel, day)], &WriteOptions::default()).unwrap();
        }
    }
    fs::write(folder.join("archive/noise.mseed"), [0xA5; 3000]).unwrap();
}

fn said(folder: &Path, arguments: &[&str]) -> (String, String, Option<i32>) {
    let output = temblor(folder, arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

fn indexed(folder: &Path, arguments: &[&str]) -> Value {
    let (out, _, _) = said(folder, &[&["index", "archive", "--json"], arguments].concat());
    serde_json::from_str(&out).unwrap()
}

/// Other bytes, but the size and the time of modification of before.
fn replace_unnoticed(file: &Path) {
    let metadata = fs::metadata(file).unwrap();
    fs::write(file, vec![0; metadata.len() as usize]).unwrap();
    let opened = fs::File::options().write(true).open(file).unwrap();
    opened.set_modified(metadata.modified().unwrap()).unwrap();
}

#[test]
fn a_second_look_reads_no_data_file() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    archive(here);
    let before = said(here, &["inspect", "archive", "--json"]);
    let coverage = said(here, &["inspect", "archive", "--coverage"]);
    let made = indexed(here, &[]);
    assert_eq!((&made["files"], &made["new"]), (&Value::from(5), &Value::from(5)));
    for file in ["BHN/0.mseed", "BHN/1.mseed", "BHZ/0.mseed", "BHZ/1.mseed", "noise.mseed"] {
        replace_unnoticed(&here.join("archive").join(file));
    }
    assert_eq!(said(here, &["inspect", "archive", "--json"]), before);
    assert_eq!(said(here, &["inspect", "archive", "--coverage"]).0, coverage.0);
    // From below the root too; samples are read from the files, which are not what they were.
    let (out, _, code) = said(here, &["inspect", "archive/BHZ/0.mseed", "--json"]);
    assert!(out.contains("XX.DEMO..BHZ") && code == Some(0));
    let (_, errors, code) = said(here, &["inspect", "archive/BHZ/0.mseed", "--checksum"]);
    assert_eq!(code, Some(1), "{errors}");
    assert_eq!(indexed(here, &[])["unchanged"], 5);
    assert_eq!(indexed(here, &["--anew"])["refused"].as_array().unwrap().len(), 5);
}

#[test]
fn new_changed_and_removed_files_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    archive(here);
    indexed(here, &[]);
    let at = |name: &str| here.join("archive").join(name);
    miniseed::write(&at("BHZ/2.mseed"), &[trace("BHZ", 2)], &WriteOptions::default()).unwrap();
    let opened = fs::File::options().write(true).open(at("BHZ/1.mseed")).unwrap();
    opened.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(9)).unwrap();
    fs::remove_file(at("BHN/0.mseed")).unwrap();
    let (out, errors, _) = said(here, &["inspect", "archive", "--json"]);
    assert_eq!(out.lines().filter(|line| line.contains("start_ns")).count(), 4);
    assert!(errors.contains("index: 3 files as they were, 2 read again"), "{errors}");
    assert!(errors.contains("1 gone"), "{errors}");
    let updated = indexed(here, &[]);
    for (field, count) in [("new", 1), ("changed", 1), ("removed", 1), ("unchanged", 3)] {
        assert_eq!(updated[field], count, "{field}");
    }
    let (_, errors, _) = said(here, &["inspect", "archive", "--json"]);
    assert!(!errors.contains("index"), "{errors}");
}

#[test]
fn a_damaged_index_is_named_and_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    archive(here);
    let plain = said(here, &["inspect", "archive", "--json"]);
    indexed(here, &[]);
    let file = here.join("archive").join(INDEX_NAME);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("BHZ", "BHX", 1)).unwrap();
    let (out, errors, _) = said(here, &["inspect", "archive", "--json"]);
    assert_eq!(out, plain.0);
    assert!(errors.contains("checksum is wrong; not used"), "{errors}");
    assert_eq!(indexed(here, &[])["new"], 5);
    assert_eq!(said(here, &["inspect", "archive", "--json"]), plain);
    let (_, errors, code) = said(here, &["index", "archive/noise.mseed"]);
    assert_eq!(code, Some(2), "{errors}");
}
