//! `temblor inspect` as a process.

use std::path::Path;

use serde_json::Value;
use temblor::read::miniseed::{self, WriteOptions};
use temblor::read::{Samples, StreamId, Trace};
use temblor::time::{SECOND, SampleRate, UtcTime};

use crate::program::temblor;

/// Ten samples a second, starting `start` seconds after 2018-08-12.
fn trace(start: i64, samples: i32) -> Trace {
    Trace {
        id: StreamId {
            network: "XX".into(),
            station: "DEMO".into(),
            location: String::new(),
            channel: "BHZ".into(),
        },
        start: UtcTime(1_534_032_000 * SECOND + start * SECOND),
        rate: SampleRate::from_ratio(10, 1).unwrap(),
        samples: Samples::I32((0..samples).map(|i| i * i % 97).collect()),
    }
}

fn write(file: &Path, traces: &[Trace]) {
    miniseed::write(file, traces, &WriteOptions::default()).unwrap();
}

fn json_lines(folder: &Path, arguments: &[&str]) -> (Vec<Value>, Option<i32>) {
    let output = temblor(folder, &[&["inspect", "--json"], arguments].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), output.status.code())
}

#[test]
fn a_line_a_contiguous_trace_with_its_checksum() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("a.mseed"), &[trace(0, 1000), trace(200, 50), trace(150, 10)]);
    let (lines, code) = json_lines(folder.path(), &["a.mseed", "--checksum"]);
    assert_eq!(code, Some(0));
    assert_eq!(lines.len(), 3);
    let first = &lines[0];
    for (field, value) in [
        ("file", Value::from("a.mseed")),
        ("format", "MSEED".into()),
        ("id", "XX.DEMO..BHZ".into()),
        ("start_ns", 1_534_032_000_000_000_000_i64.into()),
        ("end_ns", 1_534_032_099_900_000_000_i64.into()),
        ("rate_hz", 10.0.into()),
        ("samples", 1000.into()),
        ("sample_type", "i4".into()),
        ("encoding", "STEIM2".into()),
        ("byte_order", ">".into()),
        ("record_length", 512.into()),
        ("gaps", 2.into()),
        ("overlaps", 0.into()),
        ("sha256", sha256_of(&trace(0, 1000)).into()),
    ] {
        assert_eq!(first[field], value, "{field}");
    }
    let (without, _) = json_lines(folder.path(), &["a.mseed"]);
    assert!(without[0].get("sha256").is_none());
    let table = temblor(folder.path(), &["inspect", "a.mseed"]);
    assert_eq!(String::from_utf8(table.stdout).unwrap().lines().count(), 4);
}

fn sha256_of(trace: &Trace) -> String {
    use sha2::Digest;
    let Samples::I32(samples) = &trace.samples else { panic!("integers") };
    let bytes: Vec<u8> = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_hostile_archive_is_read_as_far_as_it_can_be_and_ends_with_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    std::fs::create_dir_all(archive.join("deep/x.mseed")).unwrap();
    write(&archive.join("deep/good.mseed"), &[trace(0, 5000)]);
    let good = std::fs::read(archive.join("deep/good.mseed")).unwrap();
    std::fs::write(archive.join("truncated.mseed"), &good[..good.len() - 300]).unwrap();
    std::fs::write(archive.join("empty.mseed"), b"").unwrap();
    let noise: Vec<u8> =
        (0..20_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(archive.join("noise.mseed"), noise).unwrap();
    std::fs::write(archive.join("README.md"), "not a waveform").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&archive, archive.join("loop")).unwrap();

    let (lines, code) = json_lines(folder.path(), &["archive"]);
    assert_eq!(code, Some(1));
    let names = |lines: Vec<&Value>| -> Vec<String> {
        let name =
            |line: &Value| line["file"].as_str().unwrap().rsplit('/').next().unwrap().to_string();
        lines.into_iter().map(name).collect()
    };
    let (bad, read): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.get("error").is_some());
    assert_eq!(names(read), ["good.mseed", "truncated.mseed"]);
    assert_eq!(names(bad), ["x.mseed", "empty.mseed", "noise.mseed"]);
}

#[test]
fn a_path_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in ["missing.mseed", "*.mseed"] {
        let output = temblor(folder.path(), &["inspect", path]);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8(output.stderr).unwrap().contains(path), "{path}");
    }
}

#[test]
fn waveforms_are_drawn_with_their_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write(&here.join("a.mseed"), &[trace(0, 1000), trace(200, 500)]);
    let draw = ["inspect", "a.mseed", "--figure", "w.svg", "--figure", "w.toml"];
    let output = temblor(here, &draw);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let svg = std::fs::read_to_string(here.join("w.svg")).unwrap();
    assert!(svg.contains("XX.DEMO..BHZ (counts)"));
    // The gap is a shaded polygon, and there is one.
    assert_eq!(svg.matches("<polygon").count(), 1);
    assert!(temblor(here, &["plot", "w.toml"]).status.success());
    assert!(here.join("w.png").is_file());
    let cut = ["inspect", "a.mseed", "--figure", "c.svg", "--to", "2018-08-12T00:01:00"];
    assert_eq!(temblor(here, &cut).status.code(), Some(0));
    let svg = std::fs::read_to_string(here.join("c.svg")).unwrap();
    assert_eq!(svg.matches("<polygon").count(), 0);
    let wrong = temblor(here, &["inspect", "a.mseed", "--figure", "w.pdf"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn a_bad_record_costs_its_file_or_leniently_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.mseed");
    write(&file, &[trace(0, 3000)]);
    let mut bytes = std::fs::read(&file).unwrap();
    assert!(bytes.len() >= 4 * 512);
    // No Steim word of code 3 has the upper bits 3.
    bytes[512 + 64..512 + 128].fill(0xFF);
    std::fs::write(&file, bytes).unwrap();
    let strict = temblor(folder.path(), &["inspect", "a.mseed"]);
    assert_eq!(strict.status.code(), Some(1));
    let (lines, code) = json_lines(folder.path(), &["a.mseed", "--lenient"]);
    assert_eq!((lines.len(), code), (2, Some(0)));
    let samples: u64 = lines.iter().map(|line| line["samples"].as_u64().unwrap()).sum();
    assert!((1500..3000).contains(&samples), "{samples}");
    let lenient = temblor(folder.path(), &["inspect", "a.mseed", "--lenient"]);
    let notes = String::from_utf8(lenient.stderr).unwrap();
    assert!(notes.contains("left out") && notes.contains("byte 512"), "{notes}");
}
