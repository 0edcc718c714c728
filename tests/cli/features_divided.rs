//! `temblor features` interrupted, divided into shards and on several threads: always the same
//! bytes.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use temblor_miniseed::{SampleSlice, Series, WriteOptions, encode};

use crate::program::{stopped, temblor};

/// Writes `minutes` of noise of one channel, beginning `after` minutes after 2020.
fn write(folder: &Path, station: &str, rate: u64, after: usize, minutes: usize) {
    let first = after * 60 * rate as usize;
    let samples: Vec<i32> = (first..first + minutes * 60 * rate as usize)
        .map(|i| ((i.wrapping_mul(i) ^ (i >> 5)) % 1009) as i32 - 500)
        .collect();
    let series = Series {
        network: "XX",
        station,
        location: "",
        channel: "HHZ",
        start: 1_577_836_800_000_000_000 + after as i64 * 60_000_000_000,
        rate: (rate, 1),
        samples: SampleSlice::I32(&samples),
    };
    std::fs::create_dir_all(folder).unwrap();
    let bytes = encode(&series, &WriteOptions::default()).unwrap();
    std::fs::write(folder.join(format!("{station}.{after:05}")), bytes).unwrap();
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = temblor(folder, arguments);
    assert!(output.status.success(), "temblor {arguments:?}: {}", stderr(&output));
    stderr(&output)
}

#[test]
fn killed_among_many_channels_it_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    for station in 0..8 {
        write(&here.join("archive"), &format!("S{station}"), 50, 0, 240);
    }
    for out in ["rows.csv", "rows.parquet"] {
        let arguments = ["features", "archive", "--columns", "all", "--out", out];
        let parts = format!("{out}.parts");
        stopped(here, &arguments, &parts, "-KILL");
        assert!(!here.join(out).exists() && here.join(&parts).is_dir());
        let said = done(here, &[&arguments[..], &["--resume"]].concat());
        assert!(said.contains("XX.S0..HHZ: finished by an earlier run"), "{said}");
        assert!(!said.contains("XX.S7..HHZ: finished"), "{said}");
        assert!(!here.join(&parts).exists());
        let whole = format!("whole.{out}");
        done(here, &["features", "archive", "--columns", "all", "--out", &whole]);
        let bytes = |name: &str| std::fs::read(here.join(name)).unwrap();
        assert!(bytes(out) == bytes(&whole), "{out}");
    }
}

#[test]
fn stopped_within_a_channel_it_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    // The filters begin after a day; files end within windows.
    for file in 0..160 {
        write(&here.join("archive"), "LONG", 20, file * 13, 13);
    }
    let whole = ["features", "archive", "--out", "whole.csv"];
    done(here, &whole);
    let often = ["features", "archive", "--out", "rows.csv", "--keep-every", "0"];
    let said = stopped(here, &often, "rows.csv.parts", "-INT");
    assert!(said.contains("continue with: temblor features archive"), "{said}");
    // Stopped again, this time without a word.
    let again = [&often[..], &["--resume"]].concat();
    let said = stopped_at_once(here, &again);
    assert!(said.contains("XX.LONG..HHZ: goes on after"), "{said}");
    let said = done(here, &again);
    assert!(said.contains("XX.LONG..HHZ: goes on after"), "{said}");
    let bytes = |name: &str| std::fs::read(here.join(name)).unwrap();
    assert_eq!(bytes("rows.csv"), bytes("whole.csv"));
}

/// Killed as soon as it says that it goes on.
fn stopped_at_once(folder: &Path, arguments: &[&str]) -> String {
    use std::io::{BufRead, BufReader};
    let mut child = Command::new(env!("CARGO_BIN_EXE_temblor"))
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let said = lines.map_while(Result::ok).find(|line| line.contains("goes on")).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    said
}

#[test]
fn what_was_kept_is_not_used_for_other_data_or_settings_or_without_being_asked() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let archive = here.join("archive");
    for station in 0..6 {
        write(&archive, &format!("S{station}"), 50, 0, 240);
    }
    let arguments = ["features", "archive", "--out", "rows.csv"];
    stopped(here, &arguments, "rows.csv.parts", "-KILL");
    write(&archive, "S0", 50, 0, 200);
    let said = done(here, &[&arguments[..], &["--resume"]].concat());
    assert!(said.contains("other data or settings"), "{said}");
    done(here, &["features", "archive", "--out", "whole.csv"]);
    let bytes = |name: &str| std::fs::read(here.join(name)).unwrap();
    assert_eq!(bytes("rows.csv"), bytes("whole.csv"));

    stopped(here, &arguments, "rows.csv.parts", "-KILL");
    let wider = [&arguments[..], &["--window", "1200", "--resume"]].concat();
    assert!(done(here, &wider).contains("other data or settings"));

    stopped(here, &arguments, "rows.csv.parts", "-KILL");
    let said = done(here, &arguments);
    assert!(said.contains("removed what an earlier run had kept"), "{said}");
    assert_eq!(bytes("rows.csv"), bytes("whole.csv"));
}

#[test]
fn merged_shards_and_any_number_of_threads_give_the_bytes_of_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let archive = here.join("archive");
    for (station, rate) in [("A", 50), ("A-1", 20), ("B", 40), ("C", 100), ("D", 50)] {
        write(&archive, station, rate, 0, 60);
    }
    let bytes = |name: &str| std::fs::read(here.join(name)).unwrap();
    for suffix in ["csv", "parquet"] {
        let out = format!("rows.{suffix}");
        let all = ["features", "archive", "--columns", "all", "--window", "300", "--out"];
        let run = |out: &str, more: &[&str]| done(here, &[&all[..], &[out], more].concat());
        run(&out, &[]);
        let one = bytes(&out);
        // More shards than channels: the last ones have none.
        for of in [2, 7] {
            let shards: Vec<String> = (1..=of)
                .map(|i| {
                    run(&out, &["--shard", &format!("{i}/{of}")]);
                    format!("rows.shard-{i}-of-{of}.{suffix}")
                })
                .collect();
            let merge = |shards: &[String]| {
                let shards: Vec<&str> = shards.iter().map(String::as_str).collect();
                let merged = format!("merged.{suffix}");
                temblor(here, &[&["features", "--merge", "--out", &merged], &shards[..]].concat())
            };
            let mut backwards = shards.clone();
            backwards.reverse();
            for order in [&shards, &backwards] {
                let output = merge(order);
                assert!(output.status.success(), "{}", stderr(&output));
                assert!(bytes(&format!("merged.{suffix}")) == one, "{of} shards, {suffix}");
            }
            let refused = merge(&shards[1..]);
            assert_eq!(refused.status.code(), Some(2));
            assert!(stderr(&refused).contains(&format!("shard 1 of {of} is missing")));
        }
        for threads in ["1", "2", "5"] {
            let output = Command::new(env!("CARGO_BIN_EXE_temblor"))
                .args(all)
                .arg(format!("threads.{suffix}"))
                .env("RAYON_NUM_THREADS", threads)
                .current_dir(here)
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", stderr(&output));
            assert!(bytes(&format!("threads.{suffix}")) == one, "{threads} threads, {suffix}");
        }
    }
    let refused = temblor(here, &["features", "archive", "--out", "a.csv", "--shard", "3/2"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("I/N"), "{}", stderr(&refused));
}
