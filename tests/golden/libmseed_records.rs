//! miniSEED 3, record by record, as libmseed (through pymseed) reads it.

use serde_json::Value;
use sha2::{Digest, Sha256};
use temblor_miniseed::{Record, Records, Samples};

use crate::shared;

/// Checksum over the samples as little-endian bytes, if there are any.
fn checksum(record: &Record<'_>) -> Option<String> {
    let bytes: Vec<u8> = match record.decode().unwrap() {
        Samples::I32(samples) => samples.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Samples::F32(samples) => samples.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Samples::F64(samples) => samples.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Samples::Text(samples) => samples,
    };
    let digest = Sha256::digest(&bytes);
    (!bytes.is_empty()).then(|| digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn differences(record: &Record<'_>, wanted: &Value) -> Vec<String> {
    let header = &record.header;
    let mut wrong = Vec::new();
    let mut same = |what: &str, ours: Value| {
        // A null or absent entry says that there is nothing of the kind.
        if let Some(theirs) = wanted.get(what).filter(|theirs| !theirs.is_null())
            && &ours != theirs
        {
            wrong.push(format!("{what}: {ours}, expected {theirs}"));
        }
    };
    same("sourceid", header.codes.source_identifier().into());
    same("sid", header.codes.source_identifier().into());
    same("starttime_ns", header.start.into());
    same("start_ns", header.start.into());
    same("sampling_rate", header.rate.hz.into());
    same("rate", header.rate.hz.into());
    same("numsamples", header.samples.into());
    same("n", header.samples.into());
    same("encoding", header.encoding.code().into());
    same("reclen", header.record_length.into());
    same("formatversion", header.version.into());
    same("pubversion", header.publication.into());
    same("extra_headers", String::from_utf8_lossy(record.extra_headers()).into());
    same("sha256_le", checksum(record).into());
    wrong
}

fn compare(name: &str, bytes: &[u8], wanted: Option<&Vec<Value>>) -> Option<String> {
    let read: Result<Vec<_>, _> = Records::new(bytes).collect();
    let wrong = match (read, wanted) {
        (Err(_), None) => vec![],
        (Ok(records), None) => vec![format!("read {} records of a bad file", records.len())],
        (Err(error), Some(_)) => vec![error.to_string()],
        (Ok(records), Some(wanted)) if records.len() != wanted.len() => {
            vec![format!("{} records, expected {}", records.len(), wanted.len())]
        }
        (Ok(records), Some(wanted)) => {
            records.iter().zip(wanted).flat_map(|(r, w)| differences(r, w)).collect()
        }
    };
    (!wrong.is_empty()).then(|| format!("{name}: {}", wrong.join("; ")))
}

#[test]
fn every_record_of_version_3_reads_as_libmseed_reads_it() {
    let Some(folder) = shared::path("golden") else { return };
    let json = |file: &str| -> Value {
        serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap()
    };
    let mut failures = Vec::new();
    let mut all = 0;
    let files = json("obspy/waveforms.json");
    for (name, entry) in files["files"].as_object().unwrap() {
        if name.starts_with("mseed3/") {
            all += 1;
            let bytes = std::fs::read(folder.join("obspy").join(name)).unwrap();
            failures.extend(compare(name, &bytes, entry["pymseed"]["records"].as_array()));
        }
    }
    for (name, entry) in json("formats/records.json").as_object().unwrap() {
        if name.ends_with(".mseed3") {
            all += 1;
            let bytes = std::fs::read(folder.join("formats/records").join(name)).unwrap();
            failures.extend(compare(name, &bytes, entry["pymseed"].as_array()));
        }
    }
    println!("libmseed records: {} of {all} files agree", all - failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(all >= 29);
}
