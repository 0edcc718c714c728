//! Every figure draws what it was given, and an empty one is a picture, not a crash.
//!
//! `TEMBLOR_FIGURES=DIR cargo test --test figures` keeps the pictures to be looked at.

use temblor::plot::confusion::ConfusionFigure;
use temblor::plot::features::{FeaturesFigure, Panel};
use temblor::plot::history::{Course, HistoryFigure};
use temblor::plot::images::{ImagesFigure, Tile};
use temblor::plot::reliability::{Curve, ReliabilityFigure};
use temblor::plot::scores::{Bar, ScoresFigure};
use temblor::plot::waveform::{Channel, WaveformFigure};
use temblor::plot::{Figure, save};
use temblor::time::{SECOND, UtcTime};

/// Draws as SVG, returns its text; keeps a PNG if asked to.
fn drawn(figure: &impl Figure, name: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("figure.svg");
    save(figure, &path).unwrap();
    if let Some(keep) = std::env::var_os("TEMBLOR_FIGURES") {
        save(figure, &std::path::Path::new(&keep).join(format!("{name}.png"))).unwrap();
    }
    std::fs::read_to_string(path).unwrap()
}

fn holds(svg: &str, words: &[&str]) {
    for words in words {
        assert!(svg.contains(words), "'{words}' is missing");
    }
}

#[test]
fn history_shows_both_losses_and_the_epoch_kept() {
    let falling = |from: f64| (1..=30).map(|e| from / f64::from(e)).collect::<Vec<_>>();
    let course = Course {
        model: "lstm".into(),
        train: falling(1.0),
        valid: falling(1.3),
        rate: falling(1e-3),
        best: Some(20),
    };
    let figure = HistoryFigure { title: "lstm".into(), runs: vec![course.clone(), course] };
    holds(&drawn(&figure, "history"), &["training", "validation", "weights kept", "epoch"]);
    drawn(&HistoryFigure::default(), "history_empty");
    let other = Course { model: "cnn1d".into(), ..figure.runs[0].clone() };
    let runs = vec![figure.runs[0].clone(), other];
    let both = HistoryFigure { title: "losses".into(), runs };
    holds(&drawn(&both, "history_both"), &["losses", "lstm", "cnn1d", "learning rate"]);
}

#[test]
fn reliability_has_its_diagonal() {
    let points = (0..10).map(|i| (f64::from(i) / 10.0, f64::from(i * i) / 100.0, 10 * i as usize));
    let figure = ReliabilityFigure {
        title: "event probability".into(),
        forecast: "forecast probability".into(),
        observed: "observed frequency".into(),
        curves: vec![Curve { name: "lstm".into(), points: points.collect() }],
    };
    holds(&drawn(&figure, "reliability"), &["perfect", "lstm", "observed frequency"]);
    drawn(&ReliabilityFigure::default(), "reliability_empty");
}

#[test]
fn confusion_counts_and_shares_are_written() {
    let figure = ConfusionFigure {
        title: "accuracy 0.79".into(),
        classes: ["earthquake", "explosion", "noise", "surface"].map(String::from).to_vec(),
        counts: vec![
            vec![126, 16, 6, 21],
            vec![23, 32, 2, 0],
            vec![11, 2, 185, 19],
            vec![20, 4, 11, 176],
        ],
    };
    holds(&drawn(&figure, "confusion"), &["126", "75 %", "predicted", "true", "surface"]);
    drawn(&ConfusionFigure::default(), "confusion_empty");
}

#[test]
fn scores_name_every_model() {
    let bar = |name: &str, value: f64| Bar {
        name: name.into(),
        value,
        lower: value - 0.02,
        upper: value + 0.02,
        baseline: name == "persistence",
    };
    let bars = vec![bar("persistence", 0.4), bar("ar", 0.37), bar("combination", 0.35)];
    let panels = [1, 5, 10, 20].map(|h| (format!("MAE, {h} windows ahead"), bars.clone()));
    let figure = ScoresFigure { title: "TA.C26K..BHZ".into(), panels: panels.to_vec() };
    holds(&drawn(&figure, "scores"), &["persistence", "combination", "20 windows ahead"]);
    drawn(&ScoresFigure::default(), "scores_empty");
}

#[test]
fn waveform_leaves_gaps_open() {
    let piece = |from: i64, to: i64| -> Vec<(UtcTime, f64)> {
        (from..to).map(|n| (UtcTime(n * SECOND / 50), (n as f64 * 0.1).sin() * 500.0)).collect()
    };
    let channel = |name: &str| Channel {
        name: name.into(),
        unit: "counts".into(),
        pieces: vec![piece(0, 20_000), piece(26_000, 50_000)],
    };
    let channels = vec![channel("XX.A..HHZ"), channel("XX.A..HHN"), channel("XX.A..HHE")];
    let marks = vec![UtcTime(200 * SECOND)];
    let figure = WaveformFigure { title: "XX.A".into(), channels, marks };
    holds(&drawn(&figure, "waveform"), &["XX.A..HHZ (counts)", "time (UTC), 1970-01-01"]);
    drawn(&WaveformFigure::default(), "waveform_empty");
}

#[test]
fn features_take_logarithms_only_of_what_is_positive() {
    let values = |zero: bool| -> Vec<(UtcTime, f64)> {
        let value = |n: i64| if zero && n == 50 { 0.0 } else { 100.0 + n as f64 };
        (0..144).map(|n| (UtcTime(n * 600 * SECOND), value(n))).collect()
    };
    let panel = |quantity: &str, logarithm| Panel {
        quantity: quantity.into(),
        logarithm,
        values: values(logarithm),
    };
    let panels = vec![panel("RSAM (counts)", true), panel("DSAR", false), panel("coverage", false)];
    let figure = FeaturesFigure { title: "XX.A..HHZ".into(), panels };
    holds(&drawn(&figure, "features"), &["log10 RSAM (counts)", "DSAR"]);
    drawn(&FeaturesFigure::default(), "features_empty");
}

#[test]
fn images_say_what_was_wrong() {
    let tile = |label: &str, shade: u8| Tile {
        size: (20, 10),
        pixels: (0..600).map(|i| shade.wrapping_add((i / 3) as u8)).collect(),
        label: Some(label.into()),
        predicted: "layered".into(),
        probability: 0.87,
    };
    let tiles = (0..20).map(|i| tile(if i % 5 == 0 { "granular" } else { "layered" }, i * 10));
    let figure = ImagesFigure { title: "rock textures".into(), tiles: tiles.collect() };
    holds(&drawn(&figure, "images"), &["layered 87 %", "is granular"]);
    drawn(&ImagesFigure::default(), "images_empty");
}
