//! Runs killed in the middle of a training and gone on with, as processes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::program::temblor;

fn done(folder: &Path, arguments: &[&str]) {
    let output = temblor(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "temblor {arguments:?}: {errors}");
}

fn refused(folder: &Path, arguments: &[&str], words: &[&str]) {
    let output = temblor(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "temblor {arguments:?}: {errors}");
    let lines: Vec<&str> = errors.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(lines.len() == 1 && errors.ends_with(&format!("{}\n", lines[0])), "{errors}");
    assert!(words.iter().all(|word| errors.contains(word)), "{words:?}: {errors}");
}

/// Starts the program, ends it with `signal` once a checkpoint within an epoch is on disk, and
/// returns what it said on stderr.
fn stopped(folder: &Path, arguments: &[&str], run: &str, signal: &str) -> String {
    let fits = folder.join(run).join("fits");
    let mut child = Command::new(env!("CARGO_BIN_EXE_temblor"))
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    let before = checkpoints(&fits);
    while !further(&fits, &before) {
        assert!(child.try_wait().unwrap().is_none(), "finished before it could be stopped");
        assert!(began.elapsed() < Duration::from_secs(120), "no checkpoint");
        std::thread::sleep(Duration::from_millis(2));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success());
    assert!(!folder.join(run).join("metrics.json").exists(), "it was finished");
    String::from_utf8(output.stderr).unwrap()
}

/// Epoch and batch of each fit's checkpoint, by its path.
fn checkpoints(fits: &Path) -> Vec<(PathBuf, u64, u64)> {
    let Ok(entries) = std::fs::read_dir(fits) else { return Vec::new() };
    let position = |path: PathBuf| {
        let text = std::fs::read_to_string(path.join("checkpoint/latest.json")).ok()?;
        let state: serde_json::Value = serde_json::from_str(&text).ok()?;
        Some((path, state["epoch"].as_u64()?, state["batch"].as_u64()?))
    };
    entries.flatten().filter_map(|entry| position(entry.path())).collect()
}

/// Whether some fit stands within an epoch that is not its first, where none stood `before`.
fn further(fits: &Path, before: &[(PathBuf, u64, u64)]) -> bool {
    let within = |at: &(PathBuf, u64, u64)| at.1 > 0 && at.2 > 0 && !before.contains(at);
    checkpoints(fits).iter().any(within)
}

fn files(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if wanted(&path.to_string_lossy()) => {
                    found.push(path.strip_prefix(folder).unwrap().to_path_buf());
                }
                false => {}
            }
        }
    }
    found.sort();
    found
}

/// Weights and tables of two runs are the same bytes, and nothing unfinished is left over.
fn same(here: &Path, a: &str, b: &str, least: usize) {
    let kept = |name: &str| name.ends_with(".safetensors") || name.ends_with(".csv");
    let (left, right) = (files(&here.join(a), &kept), files(&here.join(b), &kept));
    assert_eq!(left, right);
    assert!(left.len() >= least, "{left:?}");
    for file in left {
        let read = |run: &str| std::fs::read(here.join(run).join(&file)).unwrap();
        assert!(read(a) == read(b), "{} differs", file.display());
    }
    let litter = |name: &str| name.contains("/.temblor-") || name.contains("/fits/");
    assert_eq!(files(&here.join(b), &litter), Vec::<PathBuf>::new());
}

const WINDOWS: &str = r#"
kind = "windows"
folds = 2
floors = false
[windows]
index = "index.csv"
array = "windows.npy"
rate_hz = 40.0
columns = { group = "event_id", fold = "none" }
augmentation = { shift = 80, flip = 0.5 }
[training]
epochs = 4
batch_size = 4
learning_rate = 4e-3
checkpoint_seconds = 0.0
schedule = { kind = "one_cycle" }
[[model]]
name = "net"
kind = "cnn1d_strided"
channels = [8, 8]
kernels = [15, 7]
strides = [8, 4]
dropout = 0.2
"#;

#[test]
fn a_killed_training_of_windows_ends_as_one_never_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    done(here, &["synth", "windows", "--out", "w", "--events-per-class", "4", "--stations", "1"]);
    std::fs::write(here.join("s.toml"), WINDOWS).unwrap();
    let train = ["train", "s.toml", "--data", "w", "--workers", "1", "--run"];
    done(here, &[&train[..], &["whole"]].concat());
    assert!(here.join("whole/history.png").is_file());
    done(here, &["plot", "whole", "history", "--svg"]);
    assert!(here.join("whole/history.svg").is_file());

    stopped(here, &[&train[..], &["cut"]].concat(), "cut", "-KILL");
    refused(here, &[&train[..], &["cut"]].concat(), &["--force"]);
    let resume = [&train[..], &["cut", "--resume"]].concat();
    let said = stopped(here, &resume, "cut", "-INT");
    assert!(said.contains("continue with: temblor train s.toml --data w"), "{said}");
    assert!(said.contains("--run cut --resume"), "{said}");
    let other = [&resume[..], &["--seeds", "2"]].concat();
    refused(here, &other, &["seeds was 1, is 2"]);
    let index = std::fs::read_to_string(here.join("w/index.csv")).unwrap();
    let shorter: Vec<&str> = index.lines().take(index.lines().count() - 1).collect();
    std::fs::write(here.join("w/index.csv"), shorter.join("\n")).unwrap();
    let output = temblor(here, &resume);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("the data differ: examples ("), "{errors}");
    std::fs::write(here.join("w/index.csv"), index).unwrap();
    done(here, &resume);
    same(here, "whole", "cut", 3);
    let settings = std::fs::read_to_string(here.join("cut/run.toml")).unwrap();
    assert!(settings.contains("device = \"cpu\"\ncomputed_on = \"cpu\""), "{settings}");

    // Scored on what it was trained on.
    let output = temblor(here, &["classify", "cut", "w", "--out", "again"]);
    let said = String::from_utf8_lossy(&output.stderr);
    let warnings: Vec<&str> = said.lines().filter(|line| line.starts_with("warning:")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("trained on"), "{said}");
    let scores = std::fs::read_to_string(here.join("again/scores.csv")).unwrap();
    assert!(scores.contains("class,net,,seen_in_training,"), "{scores}");
    let fresh = ["--seed", "99", "--events-per-class", "4", "--stations", "1"];
    done(here, &[&["synth", "windows", "--out", "new"], &fresh[..]].concat());
    let output = temblor(here, &["classify", "cut", "new", "--out", "fresh"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("warning"), "{said}");
}

/// 400 rows of ten minutes of a wandering level.
fn write_series(path: &Path) {
    use std::fmt::Write as _;
    let mut text = String::from("time,level\n");
    let (mut level, mut noise) = (2.0, 12_345u64);
    for row in 0..400 {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        level += 0.3 * ((noise >> 33) as f64 / (1u64 << 31) as f64 - 0.5) - 0.05 * (level - 2.0);
        let (day, minutes) = (1 + row / 144, 10 * (row % 144));
        let (hour, minute) = (minutes / 60, minutes % 60);
        let _ = writeln!(text, "2026-03-{day:02}T{hour:02}:{minute:02}:00Z,{level}");
    }
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_killed_forecast_ends_as_one_never_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_series(&here.join("a.csv"));
    let quick = ["--epochs", "3", "--seeds", "2", "--horizon", "1,3", "--lookback", "20"];
    let models = ["--model", "persistence", "--model", "gru", "--model", "mlp"];
    let more = ["--model", "combination", "--refit-every", "40", "--checkpoint-seconds", "0"];
    let event = ["--threshold", "2.1", "--out"];
    let forecast = [&["forecast", "a.csv"], &quick[..], &models[..], &more[..], &event].concat();
    let into = |out: &'static str| [&forecast[..], &[out]].concat();
    done(here, &into("whole"));
    assert!(here.join("whole/history.png").is_file());

    stopped(here, &into("cut"), "cut", "-KILL");
    refused(here, &into("cut"), &["--force"]);
    let resume = [&into("cut")[..], &["--resume"]].concat();
    stopped(here, &resume, "cut", "-KILL");
    let said = stopped(here, &resume, "cut", "-INT");
    assert!(said.contains("continue with: temblor forecast a.csv --epochs 3"), "{said}");
    assert!(said.contains("--out cut --resume"), "{said}");
    refused(here, &[&resume[..], &["--order", "7"]].concat(), &["forecast.order was 12, is 7"]);
    let data = std::fs::read_to_string(here.join("a.csv")).unwrap();
    std::fs::write(here.join("a.csv"), data.replacen("00Z,2.", "00Z,1.", 1)).unwrap();
    refused(here, &resume, &["the data differ: level (other values)"]);
    std::fs::write(here.join("a.csv"), data).unwrap();
    done(here, &resume);
    same(here, "whole", "cut", 6);
    let settings = std::fs::read_to_string(here.join("cut/run.toml")).unwrap();
    assert!(settings.contains("computed_on = \"cpu\""), "{settings}");
}

#[test]
fn a_demand_for_cuda_works_or_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::write(here.join("s.toml"), WINDOWS).unwrap();
    // Without CUDA the refusal comes before the (absent) data are looked for.
    let output = temblor(here, &["train", "s.toml", "--device", "cuda"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("--device cuda") {
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert_eq!(errors.trim().lines().count(), 1, "{errors}");
        for command in [["classify", "nowhere", "here"], ["forecast", "nowhere.csv", "-q"]] {
            refused(here, &[&command[..], &["--device", "cuda"]].concat(), &["--device cuda: "]);
        }
    } else {
        assert!(errors.contains("index.csv"), "{errors}");
    }
}
