//! `temblor convert`.

use std::path::Path;

use crate::program::temblor;

fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = temblor(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "temblor {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// What `inspect` says of the traces of a folder, less what belongs to the form of the files.
fn traces(folder: &Path, path: &str) -> Vec<(String, i64, f64, u64, String)> {
    let text = done(folder, &["inspect", path, "--json", "--checksum"]);
    let mut traces: Vec<_> = text
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            (
                line["id"].as_str().unwrap().to_string(),
                line["start_ns"].as_i64().unwrap(),
                line["rate_hz"].as_f64().unwrap(),
                line["samples"].as_u64().unwrap(),
                line["sha256"].as_str().unwrap().to_string(),
            )
        })
        .collect();
    traces.sort_by(|a, b| a.partial_cmp(b).unwrap());
    traces
}

#[test]
fn every_format_written_reads_back_as_the_same_traces() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/station/gap.mseed");
    let before = traces(here, fixture);
    assert_eq!(before.len(), 2);
    for encoding in ["steim2", "steim1", "int32", "int16"] {
        for to in ["mseed", "mseed3"] {
            let out = format!("{to}-{encoding}");
            let flags = ["--to", to, "--encoding", encoding, "--out", &out];
            let said = done(here, &[&["convert", fixture][..], &flags].concat());
            assert!(said.contains(" samples"), "{said}");
            assert_eq!(traces(here, &out), before, "{out}");
        }
    }
    done(here, &["convert", fixture, "--to", "wav", "--out", "wav"]);
    assert_eq!(traces(here, "wav"), before);
    // SAC: floats, a file a trace; the counts come back when converted again.
    done(here, &["convert", fixture, "--to", "sac", "--out", "sac"]);
    let sac = traces(here, "sac");
    let key = |t: &(String, i64, f64, u64, String)| (t.0.clone(), t.1, t.3);
    assert!(sac.iter().map(key).eq(before.iter().map(key)), "{sac:?}");
    done(here, &["convert", "sac", "--out", "back"]);
    assert_eq!(traces(here, "back"), sac);
}

#[test]
fn a_range_of_time_is_cut_and_nothing_is_overwritten_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/station/gap.mseed");
    let (start, rate) = (traces(here, fixture)[0].1, traces(here, fixture)[0].2);
    let at = |seconds: i64| {
        let time = temblor::time::UtcTime(start + seconds * 1_000_000_000);
        time.to_string()
    };
    let (from, until) = (at(10), at(20));
    let arguments = ["convert", fixture, "--from", &from, "--until", &until, "--out", "cut"];
    done(here, &arguments);
    let cut = traces(here, "cut");
    assert_eq!((cut.len(), cut[0].3), (1, (10.0 * rate) as u64));
    assert_eq!(temblor(here, &arguments).status.code(), Some(2));
    done(here, &[&arguments[..], &["--force"]].concat());
    let nowhere = temblor(here, &["convert", "missing.mseed", "--out", "x"]);
    assert_ne!(nowhere.status.code(), Some(0));
}
