//! The floors of window and image classification beside scikit-learn's.

use std::path::PathBuf;

use temblor::detect::cross_validation::floors;
use temblor::detect::{
    ClassExamples, ClassKind, ClassSettings, class_report, read_images, read_windows,
};
use temblor::score::ScoreTable;

use crate::shared;

fn settings(example: &str, data: &std::path::Path) -> ClassSettings {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples").join(example);
    let mut settings = ClassSettings::parse(&std::fs::read_to_string(file).unwrap()).unwrap();
    settings.relative_to(data);
    settings
}

fn scores(examples: &dyn ClassExamples) -> ScoreTable {
    let pooled = floors(examples, examples.table(), 1).unwrap();
    class_report::score(examples.table(), &pooled, examples.noise_class())
}

/// Ours repeat rows where scikit-learn weighs them, and count votes where it averages leaves:
/// within two points, no more (a standard error is 1.6 points of accuracy).
fn close(scores: &ScoreTable, model: &str, expected: [(&str, f64); 3], bound: f64) {
    for (metric, expected) in expected {
        let value = scores.value(model, "", metric).unwrap();
        eprintln!("{model} {metric} {value:.4}, scikit-learn {expected}");
        assert!((value - expected).abs() <= bound, "{model} {metric}: {value}, {expected}");
    }
}

#[test]
fn golden_window_floors_match_scikit_learn() {
    let Some(data) = shared::path("data/waveforms/event_windows") else { return };
    let settings = settings("windows.toml", &data);
    assert_eq!(settings.kind, ClassKind::Windows);
    let read = read_windows(&settings.windows.unwrap(), None).unwrap();
    let scores = scores(&read.examples);
    assert!((scores.value("majority", "", "accuracy").unwrap() - 0.3318).abs() < 1e-4);
    let logistic = [("accuracy", 0.677), ("macro_f1", 0.624), ("auc", 0.851)];
    close(&scores, "logistic", logistic, 0.01);
    let forest = [("accuracy", 0.696), ("macro_f1", 0.642), ("auc", 0.878)];
    close(&scores, "forest", forest, 0.02);
    let trigger = [("accuracy", 0.416), ("macro_f1", 0.358), ("auc", 0.643)];
    close(&scores, "sta_lta", trigger, 0.03);
    // On rare stations leaves hold few rows: a vote says less than their shares, and ours is lower.
    let metadata = [("accuracy", 0.488), ("macro_f1", 0.410), ("auc", 0.749)];
    close(&scores, "metadata", metadata, 0.06);
}

#[test]
fn golden_ash_majority_matches() {
    let Some(data) = shared::path("data/images/ash") else { return };
    let settings = settings("images.toml", &data);
    let read = read_images(&settings.images.unwrap()).unwrap();
    assert_eq!(read.examples.table().len(), 748);
    assert!(read.failed.is_empty());
    let mut counts = vec![0; 4];
    read.examples.table().labels.iter().flatten().for_each(|&c| counts[c] += 1);
    assert_eq!(counts, [214, 187, 208, 139]);
    read.examples.table().check_folds().unwrap();
}
