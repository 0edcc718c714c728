//! `temblor train` and `temblor classify` for windows, continuous data and images.

use std::path::Path;

use super::program::temblor;

fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = temblor(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "temblor {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(str::to_string).collect()
}

fn score(path: &Path, model: &str, metric: &str) -> f64 {
    let start = format!("class,{model},,{metric},");
    let line = lines(path).into_iter().find(|line| line.starts_with(&start)).unwrap();
    line[start.len()..].split(',').next().unwrap().parse().unwrap()
}

const WINDOWS: &str = r#"
kind = "windows"
[windows]
index = "index.csv"
array = "windows.npy"
rate_hz = 40.0
columns = { group = "event_id" }
noise_class = "noise"
augmentation = { shift = 80, flip = 0.5, noise = 0.3, tilt = 0.1 }
[training]
epochs = 25
batch_size = 8
learning_rate = 4e-3
schedule = { kind = "one_cycle" }
[[model]]
name = "raw"
kind = "cnn1d_strided"
channels = [8, 16, 16]
kernels = [15, 7, 7]
strides = [4, 4, 2]
dropout = 0.0
"#;

#[test]
fn windows_are_trained_resumed_and_classified_alike() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    done(here, &["synth", "windows", "--out", "w", "--events-per-class", "10", "--stations", "1"]);
    let header = std::fs::read_to_string(here.join("w/index.csv")).unwrap();
    std::fs::write(here.join("small.toml"), WINDOWS).unwrap();
    let table = done(here, &["train", "small.toml", "--data", "w", "--workers", "2"]);
    assert!(table.contains("majority") && table.contains("forest") && table.contains("raw"));
    let run = here.join("small");
    let predictions = lines(&run.join("predictions.csv"));
    assert!(predictions[0].starts_with("row,label,fold,predicted,p_earthquake"));
    assert_eq!(predictions.len(), header.lines().count());
    let scores = run.join("scores.csv");
    assert!(score(&scores, "forest", "accuracy") > score(&scores, "majority", "accuracy") + 0.1);

    // An interrupted run: what is finished stays, what is missing is made again, alike.
    let before = std::fs::read(&scores).unwrap();
    std::fs::remove_file(run.join("folds/raw-seed0-fold2.json")).unwrap();
    std::fs::remove_file(run.join("metrics.json")).unwrap();
    done(here, &["train", "small.toml", "--data", "w", "--resume"]);
    assert_eq!(std::fs::read(&scores).unwrap(), before);
    let twice = temblor(here, &["train", "small.toml", "--data", "w"]);
    assert_eq!(twice.status.code(), Some(2));

    done(here, &["classify", "small", "w", "--out", "again"]);
    let labelled = lines(&here.join("again/predictions.csv"));
    assert_eq!(labelled.len(), predictions.len());
    assert!(score(&here.join("again/scores.csv"), "raw", "accuracy") > 0.5);
    let twice = temblor(here, &["classify", "small", "w", "--out", "again"]);
    assert_eq!(twice.status.code(), Some(2));
    done(here, &["classify", "small", "w", "--out", "again", "--force"]);
    for folder in ["small", "again"] {
        assert!(done(here, &["plot", folder, "--svg"]).contains("confusion.svg"));
    }
    done(here, &["classify", "small", "w/windows.npy", "--out", "bare"]);
    let bare = lines(&here.join("bare/predictions.csv"));
    assert!(bare[0].starts_with("row,predicted,p_earthquake"));
    let last = |line: &str| line.rsplit(',').next().map(str::to_string);
    assert_eq!(last(&bare[5]), last(&labelled[5]));
    assert!(!here.join("bare/scores.csv").exists());

    let archive = ["synth", "archive", "--out", "a", "--days", "1", "--rate", "40"];
    done(here, &archive);
    done(here, &["classify", "small", "a/archive", "--step", "300", "--out", "slid"]);
    let slid = lines(&here.join("slid/predictions.csv"));
    assert!(slid[0].starts_with("id,start,end,predicted,probability,p_earthquake"));
    // 288 steps of five minutes in a day, less what a gap swallows; it starts the grid anew.
    assert!((250..=292).contains(&slid.len()), "{}", slid.len());
}

const IMAGES: &str = r#"
kind = "images"
folds = 3
floors = true
[images]
folder = "t"
index = "t/index.csv"
size = [32, 32]
interpolation = "bilinear"
standardise = true
eight_views = true
augmentation = { flips = true, transpose = true, gain = 0.1, offset = 0.05 }
[training]
epochs = 4
batch_size = 16
learning_rate = 4e-3
schedule = { kind = "one_cycle" }
[[model]]
name = "small"
kind = "cnn2d"
channels = [8, 16, 16]
dropout = 0.0
"#;

#[test]
fn images_are_trained_and_broken_ones_named() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let textures = ["synth", "images", "--out", "t", "--per-class", "16", "--samples", "8"];
    done(here, &[&textures[..], &["--size", "48"]].concat());
    std::fs::write(here.join("rocks.toml"), IMAGES).unwrap();
    done(here, &["train", "rocks.toml", "--workers", "2"]);
    assert!(here.join("rocks/images.png").is_file());
    let scores = here.join("rocks/scores.csv");
    assert!(score(&scores, "small", "accuracy") > score(&scores, "majority", "accuracy"));

    std::fs::write(here.join("t/layered/torn.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let output = temblor(here, &["classify", "rocks", "t", "--out", "seen"]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("torn.png"), "{errors}");
    let predictions = lines(&here.join("seen/predictions.csv"));
    assert_eq!(predictions.len(), 1 + 64);
    assert!(predictions[0].starts_with("file,label,predicted,p_fractured"));
    assert!(here.join("seen/scores.csv").is_file());
}

#[test]
fn a_network_that_cannot_fit_and_a_typing_error_are_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let textures = ["synth", "images", "--out", "t", "--per-class", "4", "--samples", "4"];
    done(here, &[&textures[..], &["--size", "32"]].concat());
    let article = IMAGES.replace("[8, 16, 16]", "[4, 4]\nmax_pool = \"none\"\npooling = \"none\"");
    for (text, word) in [
        (article, "(N,32,32,4)"),
        (IMAGES.replace("epochs", "epoch"), "line 14: unknown field `epoch`"),
        (IMAGES.replace("\"t\"", "\"nowhere\""), "nowhere"),
    ] {
        std::fs::write(here.join("odd.toml"), text).unwrap();
        let output = temblor(here, &["train", "odd.toml", "--force"]);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let error = errors.lines().last().unwrap_or_default();
        assert!(error.starts_with("error: ") && error.contains(word), "{errors}");
        assert!(matches!(output.status.code(), Some(1 | 2)), "{errors}");
    }
}
