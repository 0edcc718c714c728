//! `temblor process`.

use std::path::{Path, PathBuf};

use temblor::read::miniseed::{self, WriteOptions};
use temblor::read::{Archive, ArchiveOptions, Samples, StreamId, Trace};
use temblor::time::{SampleRate, UtcTime};

use crate::program::temblor;

fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = temblor(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "temblor {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The exit code and the last line on stderr of a command that fails.
fn refused(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = temblor(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    let last = errors.lines().last().unwrap_or_default().to_string();
    (output.status.code().unwrap(), last)
}

/// Samples `first..end` of a made-up channel at 50 Hz.
fn trace(channel: &str, first: u64, end: u64) -> Trace {
    let id = StreamId {
        network: "XX".into(),
        station: "DEMO".into(),
        location: String::new(),
        channel: channel.into(),
    };
    let rate = SampleRate::from_ratio(50, 1).unwrap();
    let shift = channel.bytes().map(u64::from).sum::<u64>();
    let value = |i: u64| ((i * 7919 + shift * 31) % 1009) as i32 - 504;
    let start = UtcTime(1_534_084_000_000_000_000).plus(rate.offset(first));
    Trace { id, start, rate, samples: Samples::I32((first..end).map(value).collect()) }
}

fn write(folder: &Path, name: &str, traces: &[Trace]) {
    miniseed::write(&folder.join(name), traces, &WriteOptions::default()).unwrap();
}

/// Channel, begin and samples of every piece that continues no other.
fn read(path: PathBuf) -> Vec<(String, UtcTime, Vec<f64>)> {
    let (archive, _) = Archive::open(&[path], &ArchiveOptions::default()).unwrap();
    let mut runs: Vec<(String, UtcTime, Vec<f64>)> = Vec::new();
    for id in archive.channels() {
        let mut before: Option<Trace> = None;
        for piece in archive.pieces(&id).map(Result::unwrap) {
            match (&before, runs.last_mut()) {
                (Some(before), Some(run)) if before.is_continued_by(&piece) => {
                    run.2.extend(piece.samples.to_f64());
                }
                _ => runs.push((id.to_string(), piece.start, piece.samples.to_f64())),
            }
            before = Some(piece);
        }
    }
    runs
}

#[test]
fn files_cut_differently_come_out_byte_for_byte_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write(here, "whole.mseed", &[trace("BHZ", 0, 150_000)]);
    std::fs::create_dir(here.join("cut")).unwrap();
    for (number, (first, end)) in
        [(0, 1), (1, 40_000), (40_000, 65_537), (65_537, 150_000)].into_iter().enumerate()
    {
        write(here, &format!("cut/{number}.mseed"), &[trace("BHZ", first, end)]);
    }
    let steps = ["--demean", "--bandpass", "1,10", "--decimate", "2", "--integrate"];
    done(here, &[&["process", "whole.mseed", "--out", "a"][..], &steps].concat());
    done(here, &[&["process", "cut", "--out", "b"][..], &steps].concat());
    let bytes = |name: &str| std::fs::read(here.join(name).join("XX.DEMO..BHZ.mseed")).unwrap();
    assert!(bytes("a") == bytes("b"));
    let runs = read(here.join("a"));
    assert_eq!((runs.len(), runs[0].2.len()), (1, 75_000));
}

#[test]
fn a_gap_begins_a_new_run_and_the_summary_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write(here, "gap.mseed", &[trace("BHZ", 0, 3000), trace("BHZ", 4000, 9000)]);
    let arguments =
        ["process", "gap.mseed", "--highpass", "1", "--discard-nothing", "--out", "never"];
    assert_eq!(refused(here, &arguments).0, 2);
    let arguments = [
        "process",
        "gap.mseed",
        "--highpass",
        "1",
        "--step",
        "kind = 'discard', seconds = 2.0",
        "--out",
        "out",
        "--json",
    ];
    let summary: serde_json::Value = serde_json::from_str(&done(here, &arguments)).unwrap();
    assert_eq!(summary["steps"][0]["settings"]["kind"], "highpass");
    assert_eq!(summary["steps"][0]["causal"], true);
    assert_eq!(summary["channels"][0]["runs"], 2);
    assert_eq!(summary["channels"][0]["samples"], 8000 - 200);
    let runs = read(here.join("out"));
    let starts = [trace("BHZ", 100, 101).start, trace("BHZ", 4100, 4101).start];
    assert_eq!(runs.iter().map(|run| run.1).collect::<Vec<_>>(), starts);
    // What was written is not overwritten unasked.
    let (code, line) = refused(here, &arguments);
    assert!(code == 2 && line.contains("--force"), "{line}");
    done(here, &[&arguments[..], &["--force"]].concat());
}

#[test]
fn every_form_of_file_holds_what_was_computed() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write(here, "raw.mseed", &[trace("BHZ", 0, 5000)]);
    let scaled = |extra: &[&str], out: &str| {
        let base = ["process", "raw.mseed", "--step", "kind = 'scale', factor = 2.5"];
        let said = done(here, &[&base[..], extra, &["--out", out]].concat());
        assert!(said.contains("step 1") && said.contains(": causal"), "{said}");
        read(here.join(out)).remove(0).2
    };
    let raw = trace("BHZ", 0, 5000).samples.to_f64();
    let exact: Vec<f64> = raw.iter().map(|x| x * 2.5).collect();
    let rounded: Vec<f64> = exact.iter().map(|x| x.round()).collect();
    assert_eq!(scaled(&[], "float64"), exact);
    assert_eq!(scaled(&["--format", "mseed3", "--encoding", "float32"], "float32"), exact);
    for format in ["sac", "wav"] {
        assert_eq!(scaled(&["--format", format], format), exact);
    }
    for encoding in ["steim2", "steim1", "int32", "int16"] {
        assert_eq!(scaled(&["--encoding", encoding], encoding), rounded, "{encoding}");
    }
    let huge = [
        "process",
        "raw.mseed",
        "--step",
        "kind = 'scale', factor = 1e9",
        "--encoding",
        "steim2",
        "--out",
        "huge",
    ];
    let (code, line) = refused(here, &huge);
    assert!(code == 2 && line.contains("--encoding float64"), "{line}");
    assert!(!here.join("huge/XX.DEMO..BHZ.mseed").exists());
}

#[test]
fn components_are_rotated_together_over_what_they_share() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let traces = [
        trace("BHZ", 0, 2000),
        trace("BHN", 0, 2000),
        trace("BHE", 500, 3000),
        trace("LHN", 0, 100),
    ];
    write(here, "three.mseed", &traces);
    done(here, &["process", "three.mseed", "--rotate-rt", "37.5", "--out", "out"]);
    let runs = read(here.join("out"));
    let ids: Vec<&str> = runs.iter().map(|run| run.0.as_str()).collect();
    assert_eq!(ids, ["XX.DEMO..BHR", "XX.DEMO..BHT", "XX.DEMO..BHZ"]);
    let values = |i: usize, at: usize| traces[i].samples.to_f64()[at];
    let (sin, cos) = 37.5f64.to_radians().sin_cos();
    let radial = -values(1, 500) * cos - values(2, 0) * sin;
    assert!((runs[0].2[0] - radial).abs() < 1e-9);
    assert!(runs.iter().all(|run| run.2.len() == 1500 && run.1 == traces[2].start));
    let (code, line) = refused(
        here,
        &["process", "three.mseed", "--channels", "*.*.*.BHZ", "--rotate-rt", "1", "--out", "none"],
    );
    assert!(code == 2 && line.contains("no sensor has all"), "{line}");
}

#[test]
fn statistics_are_fitted_on_a_stretch_kept_and_applied() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write(here, "raw.mseed", &[trace("BHZ", 0, 5000)]);
    let (from, until) = (trace("BHZ", 1000, 1001).start, trace("BHZ", 2000, 2001).start);
    let steps = format!(
        "[[step]]\nkind = \"standardise\"\nfit_from = \"{from}\"\nfit_until = \"{until}\"\n"
    );
    std::fs::write(here.join("steps.toml"), steps).unwrap();
    done(here, &["process", "raw.mseed", "--steps", "steps.toml", "--out", "out"]);
    let first = read(here.join("out/XX.DEMO..BHZ.mseed")).remove(0).2;
    let mean = first[1000..2000].iter().sum::<f64>() / 1000.0;
    let square = first[1000..2000].iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 999.0;
    assert!(mean.abs() < 1e-12 && (square - 1.0).abs() < 1e-12, "{mean} {square}");
    let kept = ["process", "raw.mseed", "--steps", "out/steps.fitted.toml", "--out", "again"];
    done(here, &kept);
    assert_eq!(read(here.join("again")).remove(0).2, first);
}

#[test]
fn bad_steps_are_one_line_and_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write(here, "raw.mseed", &[trace("BHZ", 0, 5000)]);
    for (flags, word) in [
        (&["--demean", "--bandpass", "1,40"][..], "step 2 (bandpass)"),
        (&["--decimate", "17"], "step 1 (decimate)"),
        (&["--taper", "0.9"], "step 1 (taper)"),
        (&["--steps", "missing.toml"], "missing.toml"),
        (&[], "no steps"),
    ] {
        let arguments = [&["process", "raw.mseed", "--out", "out"][..], flags].concat();
        let (code, line) = refused(here, &arguments);
        assert!(code != 0 && line.contains(word), "{line}");
        assert!(!here.join("out").exists());
    }
    let held = ["process", "raw.mseed", "--demean", "--hold", "1000", "--out", "out"];
    let (code, line) = refused(here, &held);
    assert!(code == 1 && !here.join("out/XX.DEMO..BHZ.mseed").exists(), "{line}");
}

const CAUSAL: &str = "[[step]]\nkind = \"highpass\"\nfrequency = 0.5\n[[step]]\nkind = \"decimate\"\n\
                      factor = 2\n[[step]]\nkind = \"scale\"\nfactor = 3.0\n";

#[test]
fn features_of_prepared_samples_are_those_of_files_prepared_before() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let traces = [trace("BHZ", 0, 30_000), trace("BHZ", 40_000, 90_000)];
    write(here, "raw.mseed", &traces);
    std::fs::write(here.join("steps.toml"), CAUSAL).unwrap();
    let table = ["--window", "60", "--columns", "rms,peak,rsam", "--out"];
    done(here, &["process", "raw.mseed", "--steps", "steps.toml", "--out", "files"]);
    done(here, &[&["features", "files"][..], &table, &["before.csv"]].concat());
    let steps = ["--steps", "steps.toml"];
    done(here, &[&["features", "raw.mseed"][..], &steps, &table, &["on-the-way.csv"]].concat());
    done(here, &[&["features", "raw.mseed"][..], &table, &["raw.csv"]].concat());
    let text = |name: &str| std::fs::read_to_string(here.join(name)).unwrap();
    assert_eq!(text("before.csv"), text("on-the-way.csv"));
    assert_ne!(text("raw.csv"), text("on-the-way.csv"));
}

#[test]
fn a_forecaster_keeps_its_steps_and_refuses_those_that_look_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write(here, "raw.mseed", &[trace("BHZ", 0, 150_000)]);
    write(here, "new.mseed", &[trace("BHZ", 150_000, 200_000)]);
    std::fs::write(here.join("steps.toml"), CAUSAL).unwrap();
    let late = format!("{CAUSAL}[[step]]\nkind = \"sosfiltfilt\"\nlow = 1.0\nhigh = 5.0\n");
    std::fs::write(here.join("late.toml"), late).unwrap();
    let quick = [
        "--window",
        "10",
        "--horizon",
        "1,3",
        "--lookback",
        "12",
        "--model",
        "persistence",
        "--no-baselines",
        "--out",
    ];
    let with = |steps: &'static str, out: &'static str| {
        [&["forecast", "raw.mseed", "--steps", steps][..], &quick, &[out]].concat()
    };
    let output = temblor(here, &with("late.toml", "late"));
    let line = String::from_utf8_lossy(&output.stderr).into_owned();
    let expected = "step 4 (sosfiltfilt) looks into the future; a forecaster takes causal steps \
                    only; use bandpass";
    assert!(output.status.code() == Some(2) && line.contains(expected), "{line}");
    assert_eq!(
        refused(here, &["features", "raw.mseed", "--steps", "late.toml", "--out", "f.csv"]).0,
        2
    );
    done(here, &with("steps.toml", "run"));
    assert!(std::fs::read_to_string(here.join("run/run.toml")).unwrap().contains("\"highpass\""));
    done(here, &["forecast", "run", "new.mseed", "--out", "new"]);
    std::fs::write(here.join("other.toml"), "[[step]]\nkind = \"integrate\"\n").unwrap();
    let (code, line) =
        refused(here, &["forecast", "run", "new.mseed", "--steps", "other.toml", "--out", "other"]);
    assert!(code == 2 && line.contains("trained with other steps"), "{line}");
}
