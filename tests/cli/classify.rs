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

    assert!(score(&scores, "raw", "brier") < score(&scores, "majority", "brier"));
    assert!((0.0..1.0).contains(&score(&scores, "raw", "calibration_error")));
    let events = "class among earthquake/explosion/surface,raw,,auc,";
    assert!(lines(&scores).iter().any(|line| line.starts_with(events)));
    for figure in ["roc", "reliability", "examples", "confusion"] {
        let png = std::fs::read(run.join(format!("{figure}.png"))).unwrap();
        assert!(png.starts_with(b"\x89PNG"), "{figure}");
    }

    // An interrupted run: what is finished stays, what is missing is made again, alike.
    let before = std::fs::read(&scores).unwrap();
    std::fs::remove_file(run.join("folds/raw-seed0-fold2.json")).unwrap();
    std::fs::remove_file(run.join("metrics.json")).unwrap();
    done(here, &["train", "small.toml", "--data", "w", "--resume"]);
    assert_eq!(std::fs::read(&scores).unwrap(), before);
    let twice = temblor(here, &["train", "small.toml", "--data", "w"]);
    assert_eq!(twice.status.code(), Some(2));

    done(here, &["classify", "small", "w", "--out", "again", "--least-certain", "7"]);
    let doubts = lines(&here.join("again/least_certain.csv"));
    assert_eq!(doubts[0], "row,label,class,probability,second_class,second_probability,margin");
    let margins: Vec<f64> =
        doubts[1..].iter().map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect();
    assert!(margins.len() == 7 && margins.is_sorted() && margins[0] >= 0.0);
    assert!(here.join("again/least_certain.png").is_file());
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
    detections_of_continuous_data(here);
}

/// Detections are merged, counted and drawn; every sample of a run of data is under a window;
/// another rate gives nearly as many detections; a rate that is too low is named.
fn detections_of_continuous_data(here: &Path) {
    let slide = |archive: &str, out: &str| {
        let flags = ["--out", out, "--least-certain", "5", "--least-probability", "0.4"];
        temblor(
            here,
            &[&["classify", "small", archive, "--channel", "*.SYA..*"], &flags[..]].concat(),
        )
    };
    let output = slide("a/archive", "found");
    assert!(output.status.success());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("0.00 h in runs shorter than a window"), "{told}");
    let found = lines(&here.join("found/detections.csv"));
    assert_eq!(found[0], "trace_id,start_time,end_time,class,probability");
    assert!(found.len() > 1 && !found.iter().any(|line| line.contains(",noise,")));
    for pair in found[1..].windows(2) {
        let cells = |line: &str| line.split(',').map(str::to_string).collect::<Vec<_>>();
        let (one, next) = (cells(&pair[0]), cells(&pair[1]));
        assert!(one[1] < one[2] && (one[0] != next[0] || one[2] <= next[1]), "{pair:?}");
    }
    let parquet = done(here, &["table", "found/detections.parquet"]);
    assert!(parquet.contains(&format!("{} rows", found.len() - 1)), "{parquet}");
    let counted: usize = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().last().unwrap().parse::<usize>().unwrap())
        .sum();
    assert_eq!(counted, found.len() - 1);
    assert_eq!(lines(&here.join("found/least_certain.csv")).len(), 6);
    assert!(here.join("found/examples.png").is_file());

    let step = "kind=\"resample-polyphase\", up=5, down=2";
    done(here, &["process", "a/archive", "--step", step, "--out", "fast"]);
    let output = slide("fast", "found-fast");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("resampled from 100 Hz"), "{told}");
    let fast = lines(&here.join("found-fast/detections.csv"));
    let near = (fast.len() as f64 / found.len() as f64 - 1.0).abs();
    // Both anti-alias filters weaken what lies near half the rate, which moves some answers.
    assert!(near < 0.25, "{} and {}", fast.len(), found.len());

    done(here, &["process", "a/archive", "--decimate", "2", "--out", "slow"]);
    let output = slide("slow", "found-slow");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("20 Hz, the run expects 40 Hz"), "{told}");
}

#[test]
fn splits_and_inputs_are_named_in_every_score() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    done(here, &["synth", "windows", "--out", "w", "--events-per-class", "8", "--stations", "2"]);
    // Stations by streams: three of one network, three of another.
    let index = lines(&here.join("w/index.csv"));
    let mut text = format!("{},stream\n", index[0]);
    for (row, line) in index[1..].iter().enumerate() {
        let station = (row / 3 + usize::from(row % 9 == 0)) % 6;
        text += &format!("{line},N{}.S{station}..HHZ\n", station % 2);
    }
    std::fs::write(here.join("w/index.csv"), text).unwrap();
    let settings = WINDOWS
        .replace("columns = { group", "columns = { stream = \"stream\", group")
        .replace("noise_class", "against = [[\"earthquake\", \"explosion\"]]\nnoise_class")
        .replace("epochs = 25", "epochs = 2");
    std::fs::write(here.join("small.toml"), format!("folds = 3\nfinal_fits = 0\n{settings}"))
        .unwrap();
    let train = |flags: &[&str]| {
        let output = temblor(here, &[&["train", "small.toml", "--data", "w"], flags].concat());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{told}");
        told
    };
    let told = train(&["--split", "station", "--input", "whitened", "--run", "s"]);
    assert!(
        told.contains("split station: training and test share 0 of 24 groups, 0 of 6 stations"),
        "{told}"
    );
    let scores = lines(&here.join("s/scores.csv"));
    assert!(scores[1].starts_with("\"class, split station, input whitened\",majority,"));
    let pair = "\"class among earthquake/explosion, split station, input whitened\",raw,,auc,";
    assert!(scores.iter().any(|line| line.starts_with(pair)));
    assert!(scores[1..].iter().all(|line| line.contains(", split station, input whitened\"")));
    let metrics = std::fs::read_to_string(here.join("s/metrics.json")).unwrap();
    assert!(metrics.contains("shared_by_training_and_test"));

    let told = train(&["--input", "envelope-removed", "--run", "e"]);
    assert!(
        told.contains("split by groups: training and test share 0 of 24 groups, 6 of 6 stations"),
        "{told}"
    );
    assert!(lines(&here.join("e/scores.csv"))[1].starts_with("\"class, input envelope-removed\""));
    let output = temblor(here, &["train", "small.toml", "--data", "w", "--split", "random"]);
    assert_eq!(output.status.code(), Some(2));
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
