//! `temblor dataset`, and `temblor train` for pickers.

use std::path::Path;
use std::process::Output;

use super::program::temblor;

fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = temblor(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "temblor {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(output: &Output, code: i32) -> String {
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{errors}");
    errors
}

fn info(folder: &Path, set: &str) -> serde_json::Value {
    serde_json::from_str(&done(folder, &["dataset", "info", set, "--json", "--check"])).unwrap()
}

/// A day of two stations with three components at 50 Hz, and when waves arrive there.
fn archive(folder: &Path) {
    let make = ["synth", "archive", "--out", "v", "--days", "1", "--stations", "2"];
    let more = ["--components", "ZNE", "--gaps-per-day", "1", "--earthquakes-per-day", "12"];
    done(folder, &[&make[..], &more].concat());
}

#[test]
fn a_set_is_built_around_arrivals_and_described() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    archive(here);
    let build = ["dataset", "build", "v/archive", "--picks", "v/arrivals.csv", "-o", "set"];
    let cut = ["--before", "10", "--after", "20", "--noise", "3", "--noise-margin", "20"];
    let said = done(here, &[&build[..], &cut].concat());
    assert!(said.contains("(6 of noise)"), "{said}");
    let set = info(here, "set");
    assert_eq!(set["categories"]["noise"], 6);
    assert_eq!((&set["stations"], &set["days"]), (&2.into(), &1.into()));
    assert_eq!(set["components"]["ZNE"], set["traces"]);
    assert_eq!(set["rates_hz"]["50"], set["traces"]);
    assert!(set["groups"]["event"].as_u64() > Some(6), "{set}");
    assert!(set["phases"]["P"].as_u64() > Some(10), "{set}");
    // The picks' times come back from their samples.
    let arrivals = std::fs::read_to_string(here.join("v/arrivals.csv")).unwrap();
    let table = done(here, &["table", "set/picks.parquet", "--json"]);
    let table: serde_json::Value = serde_json::from_str(&table).unwrap();
    assert_eq!(table["rows"], set["picks"]);
    assert!(arrivals.lines().count() > 1 + table["rows"].as_u64().unwrap() as usize / 2);
    let again = temblor(here, &[&build[..], &cut].concat());
    assert!(refused(&again, 2).contains("--force"));
    // The same request gives the same bytes.
    let before = std::fs::read(here.join("set/samples/00000.safetensors")).unwrap();
    done(here, &[&build[..], &cut, &["--force"]].concat());
    assert_eq!(std::fs::read(here.join("set/samples/00000.safetensors")).unwrap(), before);
    // At another rate, back to back.
    let tiles = ["-o", "tiles", "--tile", "60", "--rate", "25", "--until", "2024-01-01T00:20"];
    let build = ["dataset", "build", "v/archive", "--picks", "v/arrivals.csv"];
    done(here, &[&build[..], &tiles].concat());
    let tiles = info(here, "tiles");
    assert_eq!(tiles["rates_hz"]["25"], tiles["traces"]);
    assert_eq!(tiles["longest_seconds"], 60.0);
    assert!((30..=40).contains(&tiles["traces"].as_u64().unwrap()), "{tiles}");
}

#[test]
fn what_cannot_be_built_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    archive(here);
    let build = ["dataset", "build", "v/archive", "-o", "set", "--picks"];
    std::fs::write(here.join("other.csv"), "EventID,Sta,When\n1,DEMO,2024-01-01T00:00:00\n")
        .unwrap();
    let error = refused(&temblor(here, &[&build[..], &["other.csv"]].concat()), 1);
    assert!(error.contains("no column for 'phase'") || error.contains("no column for 'time'"));
    std::fs::write(here.join("far.csv"), "time,phase,station\n2024-01-01T00:00:00,P,FAR\n")
        .unwrap();
    let error = refused(&temblor(here, &[&build[..], &["far.csv"]].concat()), 1);
    assert!(error.contains("no trace to write"), "{error}");
    assert!(!here.join("set").exists());
    let columns = ["far.csv", "--columns", "tme=a"];
    refused(&temblor(here, &[&build[..], &columns].concat()), 2);
    let error = refused(&temblor(here, &["dataset", "info", "v"]), 1);
    assert!(error.contains("expected a folder with dataset.json"), "{error}");
}

const TRAINING: &str = r#"
kind = "picker"
folds = 2
[[data]]
path = "set"
[picker]
class = "VariableLengthPhaseNet"
arguments = { in_samples = 512, sampling_rate = 50 }
[[augmentation]]
step = "window"
[[augmentation]]
step = "noise"
probability = 0.3
snr_db = [0, 20]
[training]
epochs = 2
batch_size = 8
patience = 5
"#;

#[test]
fn a_picker_is_trained_gone_on_from_and_resumed_alike() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    archive(here);
    let build = ["dataset", "build", "v/archive", "--picks", "v/arrivals.csv", "-o", "set"];
    done(here, &[&build[..], &["--before", "5", "--after", "10", "--noise", "3"]].concat());
    std::fs::write(here.join("new.toml"), TRAINING).unwrap();
    let scores = done(here, &["train", "new.toml", "--workers", "1"]);
    assert!(scores.contains("recall within 0.1 s") && !scores.contains("before"), "{scores}");
    for file in ["model.json", "model.safetensors", "metrics.json", "test_picks.csv"] {
        assert!(here.join("new").join(file).is_file(), "{file}");
    }
    // Once more, on two threads: the same bytes.
    done(here, &["train", "new.toml", "--workers", "2", "--run", "again"]);
    for file in ["model.safetensors", "scores.csv"] {
        let [a, b] = ["new", "again"].map(|run| std::fs::read(here.join(run).join(file)).unwrap());
        assert!(a == b, "{file}");
    }
    // On from there, with all but the output frozen.
    let from = TRAINING.replace("class = \"VariableLengthPhaseNet\"", "from = \"new\"").replace(
        "arguments = { in_samples = 512, sampling_rate = 50 }",
        "freeze = [\"in*\", \"down*\", \"up*\"]\nfreeze_statistics = true",
    );
    std::fs::write(here.join("more.toml"), &from).unwrap();
    let scores = done(here, &["train", "more.toml", "--workers", "1"]);
    assert!(scores.contains("before") && scores.contains("after"), "{scores}");
    let weights = |run: &str| std::fs::read(here.join(run).join("model.safetensors")).unwrap();
    assert_ne!(weights("new"), weights("more"));
    let error = refused(&temblor(here, &["train", "more.toml", "--resume"]), 2);
    assert!(error.contains("training is finished here"), "{error}");
    // Mistakes are told before any work.
    let told = |from: &str, to: &str| {
        std::fs::write(here.join("wrong.toml"), TRAINING.replace(from, to)).unwrap();
        let output = temblor(here, &["train", "wrong.toml"]);
        assert!(!here.join("wrong").exists());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(told("folds = 2", "folds = 2\nsplit = \"window\"").contains("random-leaky"));
    assert!(told("folds = 2", "folds = 2\nsplit = \"station\"\nepochs = 1").contains("epochs"));
    assert!(told("sampling_rate = 50", "sampling_rate = 100").contains("--rate 100"));
}
