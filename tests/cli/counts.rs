//! `temblor counts`: picks become a table that `temblor forecast` takes.

use std::path::Path;
use std::process::Output;

use crate::program::temblor;

const COVERAGE: &str = "trace_id,start_time,end_time\n\
    XX.A.,2020-01-01T00:00:00.000000000Z,2020-01-01T00:40:00.000000000Z\n\
    XX.A.,2020-01-01T00:50:00.000000000Z,2020-01-01T01:00:00.000000000Z\n\
    XX.B.,2020-01-01T00:00:00.000000000Z,2020-01-01T01:00:00.000000000Z\n";

const PICKS: &str = "trace_id,phase,time,probability,start_time,end_time\n\
    XX.A.,P,2020-01-01T00:05:00.120000000Z,0.9,2020-01-01T00:05:00Z,2020-01-01T00:05:01Z\n\
    XX.A.,S,2020-01-01T00:05:07.120000000Z,0.35,2020-01-01T00:05:07Z,2020-01-01T00:05:08Z\n\
    XX.B.,P,2020-01-01T00:19:59.999999999Z,0.5,2020-01-01T00:19:59Z,2020-01-01T00:20:01Z\n\
    XX.B.,P,2020-01-01T00:20:00.000000000Z,0.6,2020-01-01T00:19:59Z,2020-01-01T00:20:01Z\n";

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The table that comes of the picks, and what was said.
fn counted(folder: &Path, arguments: &[&str]) -> (Vec<String>, String) {
    let arguments = [&["counts"], arguments, &["--out", "counts.csv"]].concat();
    let output = temblor(folder, &arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = std::fs::read_to_string(folder.join("counts.csv")).unwrap();
    (text.lines().map(str::to_string).collect(), stderr(&output))
}

fn folder_of_picks() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("picked")).unwrap();
    std::fs::write(folder.path().join("picked/picks.csv"), PICKS).unwrap();
    std::fs::write(folder.path().join("picked/coverage.csv"), COVERAGE).unwrap();
    folder
}

#[test]
fn windows_that_were_not_covered_are_empty_and_quiet_ones_zero() {
    let folder = folder_of_picks();
    let (lines, _) = counted(folder.path(), &["picked", "--every", "10m"]);
    let values = |lines: &[String]| -> Vec<String> {
        lines.iter().skip(1).filter_map(|line| Some(line.split_once(',')?.1.into())).collect()
    };
    assert_eq!(lines[0], "time,count");
    assert!(lines[1].starts_with("2020-01-01T00:00:00"), "{}", lines[1]);
    // From 00:40 to 00:50 only one of the two stations was there.
    assert_eq!(values(&lines), ["2", "1", "1", "0", "", "0"]);
    let half = ["picked", "--every", "10m", "--least-coverage", "0.5", "--by", "phase"];
    let (lines, _) = counted(folder.path(), &half);
    assert_eq!(lines[0], "time,P,S");
    assert_eq!(values(&lines), ["1,1", "1,0", "1,0", "0,0", "0,0", "0,0"]);
    let by_station = ["picked", "--every", "30m", "--group", "trace_id"];
    let (lines, _) = counted(folder.path(), &by_station);
    assert_eq!(lines[0], "time,group,count");
    assert_eq!(values(&lines), ["XX.A.,2", "XX.A.,", "XX.B.,2", "XX.B.,0"]);
    let without =
        ["picked/picks.csv", "--every", "10m", "--least-probability", "0.5", "--by", "phase"];
    let (lines, said) = counted(folder.path(), &without);
    assert_eq!((lines.len(), lines[0].as_str()), (4, "time,P"));
    assert!(said.contains("without --coverage"), "{said}");
}

#[test]
fn the_archive_says_what_was_covered() {
    let folder = folder_of_picks();
    let made = ["synth", "archive", "--days", "1", "--stations", "1", "--rate", "20"];
    let made = [&made[..], &["--components", "Z", "--out", "archive", "--seed", "3"]].concat();
    let output = temblor(folder.path(), &made);
    assert!(output.status.success(), "{}", stderr(&output));
    let arguments = ["picked/picks.csv", "--every", "1h", "--archive", "archive"];
    let (lines, _) = counted(folder.path(), &arguments);
    // The archive has a day of its own, in which none of the picks are.
    assert_eq!(lines.len(), 25);
    assert!(lines.iter().skip(1).all(|line| line.ends_with(",0") || line.ends_with(',')));
}

#[test]
fn counts_are_forecast() {
    let folder = tempfile::tempdir().unwrap();
    let start = 1_577_836_800_i64;
    // Swarms that come and go, a pick each few minutes at their height.
    let mut picks = "time,phase\n".to_string();
    let (mut seconds, mut number) = (0, 0u64);
    while seconds < 20 * 86_400 {
        let active = (seconds / 21_600) % 3 == 0;
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
        seconds += if active { 60 } else { 900 } + (number >> 40) as i64 % 300;
        let time = temblor::time::UtcTime((start + seconds) * temblor::time::SECOND);
        picks += &format!("{time},P\n");
    }
    std::fs::write(folder.path().join("picks.csv"), picks).unwrap();
    counted(folder.path(), &["picks.csv", "--every", "30m"]);
    let models = ["--model", "persistence", "--model", "mean"];
    let forecast = ["forecast", "counts.csv", "--horizon", "1", "--horizon", "2", "--out", "run"];
    let output = temblor(folder.path(), &[&forecast[..], &models].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let scores = std::fs::read_to_string(folder.path().join("run/scores.csv")).unwrap();
    let scored = |model: &str, horizon: &str| {
        scores.lines().any(|line| line.starts_with(&format!("count,{model},{horizon},mae,")))
    };
    assert!(scored("mean", "1") && scored("persistence", "2"), "{scores}");
}

#[test]
fn what_cannot_be_counted_is_named() {
    let folder = folder_of_picks();
    let refused = |arguments: &[&str], code: i32, expected: &str| {
        let all = [&["counts", "--out", "counts.csv"], arguments].concat();
        let output = temblor(folder.path(), &all);
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
        assert!(!folder.path().join("counts.csv").exists());
    };
    refused(&["picked", "--every", "ten"], 2, "10m");
    refused(&["picked", "--every", "10m", "--by", "colour"], 2, "colour");
    refused(&["picked", "--every", "10m", "--least-coverage", "2"], 2, "0 to 1");
    refused(&["picked", "--every", "1h", "--from", "2021-01-01"], 1, "no window");
    refused(&["nowhere.csv", "--every", "1h"], 1, "nowhere.csv");
    let coverage = ["picked", "--every", "1h", "--coverage", "picked/picks.csv"];
    assert!(
        temblor(folder.path(), &[&["counts", "--out", "c.csv"], &coverage[..]].concat())
            .status
            .success()
    );
    std::fs::write(folder.path().join("other.csv"), "a,start_time\n1,2020-01-01\n").unwrap();
    refused(&["picked", "--every", "1h", "--coverage", "other.csv"], 1, "trace_id");
}
