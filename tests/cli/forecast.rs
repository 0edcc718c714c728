//! `temblor forecast` on a small table, and its run folder used again.

use std::fmt::Write as _;
use std::path::Path;

use super::program::temblor;

/// `rows` of ten minutes from `first` on of a wandering level.
fn write_series(path: &Path, first: usize, rows: usize) {
    let mut text = String::from("time,level,other\n");
    let (mut level, mut noise) = (2.0, 12_345u64);
    for row in 0..first + rows {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let shock = (noise >> 33) as f64 / (1u64 << 31) as f64 - 0.5;
        level += 0.3 * shock - 0.05 * (level - 2.0);
        if row >= first {
            let (day, minutes) = (1 + row / 144, 10 * (row % 144));
            let (hour, minute) = (minutes / 60, minutes % 60);
            let _ = writeln!(
                text,
                "2026-03-{day:02}T{hour:02}:{minute:02}:00Z,{level},{}",
                0.5 * level + shock
            );
        }
    }
    std::fs::write(path, text).unwrap();
}

const QUICK: [&str; 14] = [
    "--value",
    "level",
    "--epochs",
    "2",
    "--seeds",
    "1",
    "--horizon",
    "1,3",
    "--lookback",
    "20",
    "--model",
    "persistence",
    "--model",
    "gru",
];

fn forecast(folder: &Path, first: &[&str]) -> (Option<i32>, String) {
    let mut arguments = vec!["forecast"];
    arguments.extend(first);
    let output = temblor(folder, &arguments);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn train(folder: &Path, input: &str, out: &str) -> (Option<i32>, String) {
    let models = ["--model", "ses", "--model", "combination", "--out", out];
    forecast(folder, &[&[input], &QUICK[..], &models].concat())
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn a_run_folder_is_made_once_used_again_and_gives_the_same_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_series(&here.join("a.csv"), 0, 360);
    let (code, errors) = train(here, "a.csv", "run");
    assert_eq!(code, Some(0), "{errors}");
    for name in [
        "run.toml",
        "model.json",
        "metrics.json",
        "scores.csv",
        "forecasts.csv",
        "forecasts.parquet",
        "forecast.png",
        "scores.png",
        "reliability.png",
    ] {
        assert!(here.join("run").join(name).is_file(), "{name}");
    }
    let scores = read(&here.join("run/scores.csv"));
    assert!(scores.starts_with("target,model,horizon,metric,value,lower,upper,n"), "{scores}");
    // The folder is refused before the input is opened.
    let (code, errors) = train(here, "missing.csv", "run");
    assert_eq!(code, Some(2));
    assert!(errors.contains("--force") && errors.trim().lines().count() == 1, "{errors}");
    let (code, errors) = train(here, "a.csv", "twin");
    assert_eq!(code, Some(0), "{errors}");
    let trained = read(&here.join("run/forecasts.csv"));
    assert_eq!(trained, read(&here.join("twin/forecasts.csv")));

    // The same input, and the run alone: the training data are gone.
    std::fs::rename(here.join("a.csv"), here.join("b.csv")).unwrap();
    let (code, errors) = forecast(here, &["run", "b.csv", "--out", "again"]);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(trained, read(&here.join("again/forecasts.csv")));
    assert_eq!(scores, read(&here.join("again/scores.csv")));
    assert!(here.join("again/forecast.png").is_file());

    // Later data only: forecasts of rows that the first run knew too are the same.
    write_series(&here.join("later.csv"), 330, 60);
    let (code, errors) = forecast(here, &["run", "later.csv", "--out", "later"]);
    assert_eq!(code, Some(0), "{errors}");
    let later = read(&here.join("later/forecasts.csv"));
    let known = |text: &str| -> Vec<String> {
        let both = |line: &&str| {
            let issued = line.split(',').nth(2).unwrap();
            // Rows 330 … 350 are known at 07:10 … 10:30, their outcomes before the first end.
            ("2026-03-03T07:10".."2026-03-03T10:31").contains(&issued)
        };
        text.lines().skip(1).filter(both).map(str::to_string).collect()
    };
    assert_eq!(known(&later).len(), 21 * 2 * 4);
    assert_eq!(known(&later), known(&trained));
    let forward = read(&here.join("later/forward.csv"));
    assert_eq!(forward.lines().count(), 1 + 2 * 4, "{forward}");
    assert!(forward.lines().skip(1).all(|line| line.contains("2026-03-03T17:00")), "{forward}");

    let (code, _) = forecast(here, &["run", "b.csv", "--out", "run", "--force"]);
    assert_eq!(code, Some(2));
    let other = ["run", "b.csv", "--value", "other", "--out", "other"];
    let (code, errors) = forecast(here, &other);
    assert_eq!(code, Some(2));
    assert!(errors.contains("other") && errors.contains("level"), "{errors}");
    let thinned: Vec<String> =
        read(&here.join("b.csv")).lines().step_by(2).map(str::to_string).collect();
    let thinned = format!("time,level,other\n{}\n", thinned[1..].join("\n"));
    std::fs::write(here.join("thin.csv"), thinned).unwrap();
    let (code, errors) = forecast(here, &["run", "thin.csv", "--out", "other"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("1200 s") && errors.contains("600 s"), "{errors}");
    assert!(!here.join("other").exists());
}

#[test]
fn a_wrong_column_and_a_short_series_are_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_series(&here.join("a.csv"), 0, 200);
    let (code, errors) = forecast(here, &["a.csv", "--value", "depth", "--out", "x"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("'depth'") && errors.contains("level, other"), "{errors}");
    write_series(&here.join("short.csv"), 0, 12);
    let (code, errors) = train(here, "short.csv", "short");
    assert_eq!(code, Some(1), "{errors}");
    let problem: Vec<&str> = errors.lines().filter(|line| line.contains("error")).collect();
    assert!(problem.len() <= 1, "{errors}");
    assert!(!here.join("short/metrics.json").exists());
}
