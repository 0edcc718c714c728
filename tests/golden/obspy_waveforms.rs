//! Files of every format as ObsPy and our packing rules say they read.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use temblor::Result;
use temblor::read::files;
use temblor::read::format::FormatOptions;
use temblor::read::scan::{self, Segment};

use crate::shared;

fn read(file: &Path) -> Result<Vec<Segment>> {
    let recognised = files::recognise(file)?;
    Ok(scan::scan(file, recognised.format, &FormatOptions::default(), true)?.segments)
}

fn json(file: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// Files that agree, of all, by format and encoding; printed with `--nocapture`.
#[derive(Default)]
struct Tally(BTreeMap<(String, String), (usize, usize)>);

impl Tally {
    fn count(&mut self, file: &Path, ours: &Result<Vec<Segment>>, agrees: bool) {
        let format = files::recognise(file).map_or("unknown", |file| file.format.name());
        let mut encodings: Vec<&str> = match ours {
            Err(_) => vec!["refused"],
            Ok(segments) => segments.iter().map(|segment| &*segment.encoding).collect(),
        };
        encodings.sort_unstable();
        encodings.dedup();
        let row = self.0.entry((format.to_string(), encodings.join(" + "))).or_default();
        *row = (row.0 + usize::from(agrees), row.1 + 1);
    }

    fn print(&self) {
        for ((format, encoding), (agree, all)) in &self.0 {
            println!("{format:<8} {encoding:<24} {agree:>3} of {all:>3}");
        }
    }
}

/// What differs between a segment and ObsPy's trace.
fn differences(segment: &Segment, trace: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut same = |what: &str, ours: Value, theirs: &Value| {
        if &ours != theirs {
            wrong.push(format!("{what}: {ours}, expected {theirs}"));
        }
    };
    // ObsPy pads the channels of GSE1 with blanks.
    let id = trace["id"].as_str().unwrap_or_default().replace(' ', "");
    same("id", segment.id.to_string().into(), &id.into());
    same("start", segment.start.0.into(), &trace["starttime_ns"]);
    same("end", segment.last_time().0.into(), &trace["endtime_ns"]);
    same("rate", segment.rate_hz.into(), &trace["sampling_rate"]);
    same("samples", segment.samples.into(), &trace["npts"]);
    same("type", segment.sample_type.name().into(), &trace["dtype"]);
    same("sha256", segment.sha256.clone().into(), &trace["sha256_le"]);
    if let Some(record) = trace.get("mseed") {
        same("encoding", segment.encoding.to_string().into(), &record["encoding"]);
        same("byte order", segment.byte_order.to_string().into(), &record["byteorder"]);
        same("record length", segment.record_length.into(), &record["record_length"]);
    }
    wrong
}

#[test]
fn every_file_reads_as_obspy_reads_it_or_is_refused_as_obspy_refuses_it() {
    let Some(folder) = shared::path("golden/obspy") else { return };
    let golden = json(&folder.join("waveforms.json"));
    let (mut agree, mut all, mut refused) = (0, 0, 0);
    let mut failures = Vec::new();
    let mut tally = Tally::default();
    for (name, entry) in golden["files"].as_object().unwrap() {
        // ObsPy does not read version 3; another test compares it with libmseed.
        if name.starts_with("mseed3/") {
            continue;
        }
        all += 1;
        let ours = read(&folder.join(name));
        let wrong = match (&ours, entry["obspy"]["traces"].as_array()) {
            (Err(_), None) => {
                refused += 1;
                vec![]
            }
            (Ok(segments), None) => vec![format!("read {} traces of a bad file", segments.len())],
            (Err(error), Some(_)) => vec![error.to_string()],
            (Ok(segments), Some(traces)) if segments.len() != traces.len() => {
                vec![format!("{} traces, expected {}", segments.len(), traces.len())]
            }
            (Ok(segments), Some(traces)) => {
                segments.iter().zip(traces).flat_map(|(s, t)| differences(s, t)).collect()
            }
        };
        tally.count(&folder.join(name), &ours, wrong.is_empty());
        match wrong.is_empty() {
            true => agree += 1,
            false => failures.push(format!("{name}: {}", wrong.join("; "))),
        }
    }
    tally.print();
    println!("obspy waveforms: {agree} of {all} agree, {refused} of them refused by both");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(all >= 92);
}

#[test]
fn synthetic_records_read_as_they_were_packed() {
    let Some(folder) = shared::path("golden/formats") else { return };
    let golden = json(&folder.join("records.json"));
    let (mut agree, mut all) = (0, 0);
    let mut failures = Vec::new();
    let mut tally = Tally::default();
    for (name, entry) in golden.as_object().unwrap() {
        if !name.ends_with(".mseed2") {
            continue;
        }
        all += 1;
        let ours = read(&folder.join("records").join(name));
        let wrong = match expected(entry) {
            None => ours.is_ok().then(|| "read, expected a refusal".to_string()),
            Some(expected) => match &ours {
                Err(error) => Some(error.to_string()),
                Ok(segments) => {
                    let ours: Vec<_> = segments.iter().map(reading).collect();
                    (ours != expected).then(|| format!("{ours:?}, expected {expected:?}"))
                }
            },
        };
        tally.count(&folder.join("records").join(name), &ours, wrong.is_none());
        match wrong {
            None => agree += 1,
            Some(wrong) => failures.push(format!("{name}: {wrong}")),
        }
    }
    tally.print();
    println!("synthetic records: {agree} of {all} agree");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(all >= 60);
}

/// Start, rate, number of samples and checksum of a trace.
type Reading = (Option<i64>, Option<f64>, u64, String);

fn reading(segment: &Segment) -> Reading {
    let sum = segment.sha256.clone().unwrap_or_default();
    (Some(segment.start.0), Some(segment.rate_hz), segment.samples, sum)
}

/// ObsPy's reading, except where it is known to be wrong or silent: there what was packed, with
/// start and rate of the other oracle. `None`: both refuse.
fn expected(entry: &Value) -> Option<Vec<Reading>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let packed = entry.get("packed").filter(|packed| packed.is_object());
    if let Some(traces) = entry["obspy"].as_array() {
        let readings = traces.iter().map(|t| {
            let sum = text(
                packed.filter(|_| traces.len() == 1).map_or(&t["sha256_le"], |p| &p["sha256_le"]),
            );
            (t["start_ns"].as_i64(), t["rate"].as_f64(), t["npts"].as_u64().unwrap(), sum)
        });
        return Some(readings.collect());
    }
    let packed = packed?;
    let other = entry["pymseed"].get(0);
    let start = other.map_or(Some(1_613_347_198_123_400_000), |r| r["start_ns"].as_i64());
    let rate = other.map_or(Some(20.0), |r| r["rate"].as_f64());
    Some(vec![(start, rate, packed["n"].as_u64().unwrap(), text(&packed["sha256_le"]))])
}

#[test]
fn one_record_in_three_files_gives_the_same_samples() {
    let Some(folder) = shared::path("data/waveforms/same_data_three_formats") else { return };
    let golden = json(&folder.join("formats.json"));
    for name in ["C26K_BHZ.mseed", "C26K_BHZ_i32.wav", "C26K_BHZ_i16.wav"] {
        let segments = read(&folder.join(name)).unwrap();
        let [segment] = &segments[..] else { panic!("{name}: {} traces", segments.len()) };
        let wanted = &golden["read_back"][name];
        assert_eq!(segment.sha256.as_deref(), wanted["sha256_le"].as_str(), "{name}");
        assert_eq!(Some(segment.sample_type.name()), wanted["dtype"].as_str(), "{name}");
        assert_eq!(Some(segment.samples), wanted["npts"].as_u64(), "{name}");
        assert_eq!(Some(segment.rate_hz), wanted["sampling_rate"].as_f64(), "{name}");
    }
}
