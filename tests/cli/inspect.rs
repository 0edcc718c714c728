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
        samples: Samples::I32((0..samples).map(|i| (i % 97) * (i % 97) % 97).collect()),
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

#[test]
fn what_is_wrong_with_samples_is_found_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let mut ill = trace(0, 5000);
    let Samples::I32(samples) = &mut ill.samples else { panic!("integers") };
    samples[1000..1200].fill(5);
    samples[3000..3010].fill(8_388_607);
    samples[4000] = 90_000;
    write(&here.join("a.mseed"), &[ill]);
    let (without, _) = json_lines(here, &["a.mseed"]);
    assert!(without[0].get("checks").is_none());
    let (lines, code) = json_lines(here, &["a.mseed", "--check", "--checksum"]);
    assert_eq!(code, Some(0));
    let checks = &lines[0]["checks"];
    for (field, value) in [
        ("highest", Value::from(8_388_607.0)),
        ("clipped", 10.into()),
        ("clipped_share", 0.002.into()),
        ("clipped_runs", 1.into()),
        ("dead", false.into()),
        ("flat_s", 20.0.into()),
        ("flat_stretches", 1.into()),
        ("spikes", 1.into()),
        ("not_finite", 0.into()),
    ] {
        assert_eq!(checks[field], value, "{field}");
    }
    let table = temblor(here, &["inspect", "a.mseed", "--check", "--flat", "30"]);
    let text = String::from_utf8(table.stdout).unwrap();
    assert!(text.contains("10 clipped (0.200 %) in 1 runs; 1 spikes"), "{text}");
    let wrong = temblor(here, &["inspect", "a.mseed", "--check", "--spike", "0"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn odd_rates_are_named_and_so_are_rates_that_differ() {
    let folder = tempfile::tempdir().unwrap();
    let mut slow = trace(0, 1000);
    slow.rate = SampleRate::from_hz(f64::from(9.99997_f32)).unwrap();
    write(&folder.path().join("a.mseed"), &[slow, trace(500, 100)]);
    let (lines, _) = json_lines(folder.path(), &["a.mseed"]);
    assert_eq!(lines[0]["nominal_rate_hz"], 10.0);
    let ppm = lines[0]["rate_deviation_ppm"].as_f64().unwrap();
    assert!((ppm + 3.0).abs() < 0.1, "{ppm}");
    assert!(lines[1].get("nominal_rate_hz").is_none());
    let table = temblor(folder.path(), &["inspect", "a.mseed"]);
    let said = String::from_utf8(table.stderr).unwrap();
    assert!(said.contains("XX.DEMO..BHZ: rates differ: 9.99997"), "{said}");
    assert!(String::from_utf8(table.stdout).unwrap().contains("ppm below 10 Hz"));
}

#[test]
fn the_recorder_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.mseed");
    write(&file, &[trace(0, 3000)]);
    let mut bytes = std::fs::read(&file).unwrap();
    let records = bytes.len() / 512;
    // Clock locked; the second record clips and has a poor clock. Blockette 1001 stands behind
    // blockette 1000.
    for (number, record) in bytes.chunks_mut(512).enumerate() {
        record[37] |= 0x20;
        assert_eq!(record[56..58], [3, 233], "blockette 1001");
        record[60] = if number == 1 { 40 } else { 99 };
        record[38] |= u8::from(number == 1) << 1;
    }
    std::fs::write(&file, bytes).unwrap();
    let (lines, _) = json_lines(folder.path(), &["a.mseed"]);
    let timing = serde_json::json!({"lowest": 40, "median": 99, "records": records});
    assert_eq!(lines[0]["timing_quality"], timing);
    let flags = serde_json::json!({"records": records, "clock_locked": records, "clipped": 1});
    assert_eq!(lines[0]["flags"], flags);
    let table = temblor(folder.path(), &["inspect", "a.mseed"]);
    let text = String::from_utf8(table.stdout).unwrap();
    assert!(
        text.contains(&format!("recorder: clipped in 1 of {records} records; timing")),
        "{text}"
    );
}

#[test]
fn an_archive_says_what_it_covers() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let day = 86_400;
    write(&here.join("a.mseed"), &[trace(0, 360_000), trace(day - 3600, 36_000)]);
    write(&here.join("b.mseed"), &[trace(day, 36_000), trace(day + 1800, 18_000)]);
    let (lines, code) = json_lines(here, &["a.mseed", "b.mseed", "--coverage", "day"]);
    assert_eq!((lines.len(), code), (1, Some(0)));
    let line = &lines[0];
    for (field, value) in [
        ("id", Value::from("XX.DEMO..BHZ")),
        ("start_ns", 1_534_032_000_000_000_000_i64.into()),
        ("end_ns", 1_534_122_000_000_000_000_i64.into()),
        ("rates_hz", serde_json::json!([10.0])),
        ("present_s", 43_200.0.into()),
        ("present", 0.48.into()),
        ("gaps", 1.into()),
        (
            "longest_gap",
            serde_json::json!({"start_ns": 1_534_068_000_000_000_000_i64, "seconds": 46_800.0}),
        ),
        ("overlaps", 0.into()),
        ("duplicates", 1.into()),
    ] {
        assert_eq!(line[field], value, "{field}");
    }
    let days = serde_json::json!([
        {"day": "2018-08-12", "present": 39_600.0 / 86_400.0, "gaps": 1},
        {"day": "2018-08-13", "present": 3600.0 / 86_400.0, "gaps": 1},
    ]);
    assert_eq!(line["days"], days);
    let draw = ["inspect", "a.mseed", "b.mseed", "--coverage", "--figure", "c.svg"];
    let output = temblor(here, &draw);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("48.00 %") && text.contains("13.0 h"), "{text}");
    assert!(std::fs::read_to_string(here.join("c.svg")).unwrap().contains("48.00 %, 1 gap"));
    let nothing = temblor(here, &["inspect", "a.mseed", "--channels", "XX.*.*.*"]);
    assert_eq!(nothing.status.code(), Some(2));
}

/// Every field of a line of JSON is described, and nothing described is missing.
#[test]
fn the_description_of_the_json_is_the_json() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let file = here.join("a.mseed");
    let mut slow = trace(0, 3000);
    slow.rate = SampleRate::from_hz(f64::from(9.99997_f32)).unwrap();
    write(&file, &[slow, trace(900, 200)]);
    let mut bytes = std::fs::read(&file).unwrap();
    for record in bytes.chunks_mut(512) {
        (record[36], record[37], record[38]) = (0xFF, 0xFF, 0xFF);
    }
    std::fs::write(&file, bytes).unwrap();
    let (traces, _) = json_lines(here, &["a.mseed", "--check", "--checksum"]);
    let (coverage, _) = json_lines(here, &["a.mseed", "--coverage", "day"]);
    let text = include_str!("../../docs/formats.md");
    for (heading, line) in [
        ("## `temblor inspect --json`", &traces[0]),
        ("## `temblor inspect --coverage --json`", &coverage[0]),
    ] {
        let section = text.split(heading).nth(1).unwrap_or_default();
        let section = section.split("\n## ").next().unwrap_or_default();
        let described: std::collections::BTreeSet<String> = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .map(str::to_string)
            .collect();
        assert_eq!(fields(line, ""), described, "{heading}");
    }
}

/// `a`, `a.b` … of an object; a list stands for its first element.
fn fields(value: &Value, prefix: &str) -> std::collections::BTreeSet<String> {
    let mut names = std::collections::BTreeSet::new();
    if let Some(object) = value.as_object() {
        for (name, value) in object {
            let path = format!("{prefix}{name}");
            let first = value.as_array().and_then(|list| list.first()).unwrap_or(value);
            names.extend(fields(first, &format!("{path}.")));
            names.insert(path);
        }
    }
    names
}

#[test]
fn a_last_sample_that_is_not_as_stated_is_noted_where_samples_are_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.mseed");
    write(&file, &[trace(0, 300)]);
    let mut bytes = std::fs::read(&file).unwrap();
    // The third word of the first frame.
    bytes[64 + 8] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let output = temblor(folder.path(), &["inspect", "a.mseed", "--checksum"]);
    let notes = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{notes}");
    assert!(notes.contains("1 records end in another sample"), "{notes}");
}
