//! Every figure draws what it was given, and an empty one is a picture, not a crash.
//!
//! `TEMBLOR_FIGURES=DIR cargo test --test figures` keeps the pictures to be looked at.

use temblor::plot::confusion::ConfusionFigure;
use temblor::plot::coverage::{CoverageFigure, Row};
use temblor::plot::dayplot::{DayLines, DayplotFigure};
use temblor::plot::features::{FeaturesFigure, Panel};
use temblor::plot::history::{Course, HistoryFigure};
use temblor::plot::images::{ImagesFigure, Tile};
use temblor::plot::noise_density::{Line, NoiseDensityFigure};
use temblor::plot::picks::{PickMark, PicksFigure, ProbabilityCurve};
use temblor::plot::record_section::{RecordSectionFigure, Section};
use temblor::plot::reliability::{Curve, ReliabilityFigure};
use temblor::plot::scores::{Bar, ScoresFigure};
use temblor::plot::spectrogram::SpectrogramFigure;
use temblor::plot::station_day::{MinuteMaxima, StationDayFigure};
use temblor::plot::waveform::{Channel, WaveformFigure};
use temblor::plot::{Figure, save};
use temblor::time::{DAY, SECOND, Span, UtcTime};

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

#[test]
fn coverage_is_legible_for_one_channel_and_for_hundreds() {
    let span = |from: i64, to: i64| Span { start: UtcTime(from * DAY), end: UtcTime(to * DAY) };
    let row = |number: i64| Row {
        name: format!("XX.S{number:03}..HHZ"),
        present: 0.95,
        gaps: 1,
        stretches: vec![span(0, 40 + number % 9), span(45 + number % 9, 100)],
    };
    let figure = |rows: i64| CoverageFigure {
        title: format!("Data of {rows} channels"),
        rows: (0..rows).map(row).collect(),
    };
    holds(&drawn(&figure(1), "coverage"), &["XX.S000..HHZ", "95.00 %, 1 gap", "time (UTC)"]);
    let many = drawn(&figure(400), "coverage_many");
    holds(&many, &["XX.S000..HHZ", "XX.S399..HHZ"]);
    assert!(figure(100_000).size().1 <= 8_200);
    drawn(&CoverageFigure::default(), "coverage_empty");
}

#[test]
fn a_dayplot_has_its_hours_and_its_scale() {
    let mut lines = DayLines::new(UtcTime(19_723 * DAY), 60);
    let value = |n: i64| 50.0 * (n as f64 * 0.37).sin() * (1.0 + (n % 9000) as f64 / 3000.0);
    let samples = (0..8640).filter(|n| !(3000..3500).contains(n));
    lines.push(samples.map(|n| (UtcTime(19_723 * DAY + n * 10 * SECOND), value(n))));
    let figure = lines.figure("XX.A..HHZ".into(), "counts".into(), Some(100.0));
    let words =
        ["XX.A..HHZ, 2024-01-01", "23:00", "one line to the next: 100 counts", "time (UTC)"];
    holds(&drawn(&figure, "dayplot"), &words);
    drawn(&DayplotFigure::default(), "dayplot_empty");
}

#[test]
fn a_spectrogram_has_its_axes_and_a_scale_with_a_unit() {
    let column = |c: usize| match c {
        30..40 => Vec::new(),
        _ => (0..60).map(|r| 40.0 - (r as f32 - c as f32 / 2.0).abs()).collect(),
    };
    let figure = |logarithmic: bool| SpectrogramFigure {
        title: "XX.A..HHZ".into(),
        unit: "dB re 1 count²/Hz".into(),
        span: Span { start: UtcTime(0), end: UtcTime(DAY) },
        frequencies_hz: (0.05, 20.0),
        logarithmic,
        columns: (0..100).map(column).collect(),
        levels: (-10.0, 40.0),
    };
    for (logarithmic, name) in [(true, "spectrogram_log"), (false, "spectrogram")] {
        let svg = drawn(&figure(logarithmic), name);
        holds(&svg, &["frequency (Hz)", "dB re 1 count²/Hz", "time (UTC), 1970-01-01", "20"]);
        assert_eq!(svg.contains("0.05"), logarithmic);
    }
    drawn(&SpectrogramFigure { columns: Vec::new(), ..figure(false) }, "spectrogram_empty");
}

#[test]
fn noise_stands_beside_the_models() {
    let periods: Vec<f64> = (0..80).map(|n| 0.05 * 2f64.powf(f64::from(n) / 8.0)).collect();
    let line = |name: &str, level: f64| Line {
        name: name.into(),
        points: periods.iter().map(|&period| (period, level)).collect(),
    };
    let figure = NoiseDensityFigure {
        title: "XX.A..HHZ".into(),
        unit: "dB re 1 (m/s²)²/Hz".into(),
        lowest: -180,
        shares: (0..80)
            .map(|p| (0..100).map(|l| if l == p { 0.3 } else { 0.0 }).collect())
            .collect(),
        percentiles: vec![line("10th percentile", -150.0), line("median", -140.0)],
        models: vec![line("noise models", -170.0), line("", -100.0)],
        periods: periods.clone(),
    };
    let words = ["median", "noise models", "period (s)", "share of hours (%)", "100", "-160"];
    holds(&drawn(&figure, "psd"), &words);
    drawn(&NoiseDensityFigure::default(), "psd_empty");
}

#[test]
fn traces_stand_at_their_distance_or_one_under_another() {
    let section = |number: i64, distance_km: Option<f64>| {
        let value = |n: i64| ((n + number) as f64 * 0.2).sin() * 100.0;
        let piece = |from: i64, to: i64| -> Vec<(UtcTime, f64)> {
            (from..to).map(|n| (UtcTime(n * SECOND / 20), value(n))).collect()
        };
        let channel = Channel {
            name: format!("XX.S{number}..HHZ"),
            unit: "counts".into(),
            pieces: vec![piece(0, 700), piece(900, 2000)],
        };
        Section { distance_km, channel }
    };
    let figure = |known: bool| RecordSectionFigure {
        title: "event".into(),
        origin: Some(UtcTime(10 * SECOND)),
        sections: (0..12).map(|n| section(n, known.then_some(3.0 * n as f64))).collect(),
    };
    let by_distance = drawn(&figure(true), "record_section");
    holds(&by_distance, &["distance from the epicentre (km)", "XX.S0..HHZ", "origin", "30"]);
    let stacked = drawn(&figure(false), "waveform_many");
    holds(&stacked, &["XX.S11..HHZ", "±"]);
    assert!(!stacked.contains("(km)"));
    drawn(&RecordSectionFigure::default(), "record_section_empty");
}

/// A pulse at each of `peaks`, in seconds, about 0.3 s wide.
fn probability(seconds: f64, peaks: &[(f64, f64)]) -> f64 {
    let pulse = |&(at, height): &(f64, f64)| height * (-((seconds - at) / 0.3).powi(2)).exp();
    0.01 + peaks.iter().map(pulse).fold(0.0, f64::max)
}

#[test]
fn picks_are_named_over_their_components_and_their_probabilities_below() {
    let day: UtcTime = "2020-02-03T04:05:06".parse().unwrap();
    let at = |seconds: f64| day.plus((seconds * SECOND as f64) as i64);
    let value = |n: i64, scale: f64| {
        let seconds = n as f64 / 100.0;
        let wave = |from: f64, size: f64| match seconds > from {
            true => size * (-(seconds - from) / 3.0).exp() * (seconds * 31.0).sin(),
            false => 0.0,
        };
        scale * (wave(8.0, 300.0) + wave(13.0, 900.0) + 20.0 * (n as f64 * 0.71).sin())
    };
    let piece = |from: i64, to: i64, scale: f64| -> Vec<(UtcTime, f64)> {
        (from..to).map(|n| (at(n as f64 / 100.0), value(n, scale))).collect()
    };
    let channel = |component: &str, scale: f64| Channel {
        name: format!("XX.DEMO..HH{component}"),
        unit: "counts".into(),
        pieces: vec![piece(0, 2200, scale), piece(2500, 3000, scale)],
    };
    let curve = |label: &str, peaks: &[(f64, f64)], threshold| ProbabilityCurve {
        label: label.into(),
        pieces: vec![
            (0..2200)
                .map(|n| (at(n as f64 / 100.0), probability(n as f64 / 100.0, peaks)))
                .collect(),
        ],
        threshold,
    };
    let pick = |seconds: f64, phase: &str, probability: f64| PickMark {
        time: at(seconds),
        phase: phase.into(),
        probability,
    };
    let figure = PicksFigure {
        title: "XX.DEMO..HH, phasenet".into(),
        span: None,
        channels: vec![channel("Z", 1.0), channel("N", 0.5), channel("E", 0.7)],
        picks: vec![
            pick(8.0, "P", 0.93),
            pick(13.0, "S", 0.71),
            pick(13.3, "P", 0.4),
            pick(13.6, "P", 0.31),
        ],
        curves: vec![
            curve("P", &[(8.0, 0.92), (13.3, 0.39)], Some(0.3)),
            curve("S", &[(13.0, 0.70)], Some(0.3)),
            curve("Detection", &[(12.0, 0.9)], Some(0.5)),
        ],
    };
    let svg = drawn(&figure, "picks");
    holds(&svg, &["P 0.93", "S 0.71", "P: 3 picks", "S: 1 pick", "Detection", "probability"]);
    // The second P is named below the S; there is no third row for the last.
    assert!(svg.contains("P 0.40") && !svg.contains("P 0.31"));
    drawn(&PicksFigure { curves: Vec::new(), ..figure }, "picks_without_probabilities");
    drawn(&PicksFigure::default(), "picks_empty");
}

#[test]
fn a_station_day_has_its_counts_its_coverage_and_its_probabilities() {
    let day: UtcTime = "2020-02-03".parse().unwrap();
    let at = |seconds: i64| day.plus(seconds * SECOND);
    let times = |step: i64| (0..300).map(move |n: i64| (n * n * step) % 86_400);
    let of = |phase: &str, step: i64| -> Vec<PickMark> {
        let mark = |s| PickMark { time: at(s), phase: phase.to_string(), probability: 0.6 };
        times(step).map(mark).collect()
    };
    let curve = |label: &str, step: i64| {
        let mut maxima = MinuteMaxima::new(day);
        maxima.push((0..60_000).map(|s| (at(s), 0.02 + (s % 97) as f64 * 4e-4)));
        maxima.push((70_000..86_400).map(|s| (at(s), 0.02 + (s % 83) as f64 * 4e-4)));
        maxima.push(times(step).map(|s| (at(s), 0.3 + (s % 60) as f64 * 0.01)));
        maxima.curve(label, Some(0.3))
    };
    let figure = StationDayFigure {
        title: "XX.DEMO..HH, 2020-02-03".into(),
        day,
        phases: ["P", "S"].map(String::from).to_vec(),
        picks: [of("P", 37), of("S", 53)].concat(),
        covered: vec![
            Span { start: day, end: at(60_000) },
            Span { start: at(70_000), end: at(86_400) },
        ],
        curves: vec![curve("P", 37), curve("S", 53)],
    };
    let svg = drawn(&figure, "station_day");
    let words = ["picks an hour", "P: 300 picks", "coverage, 88.4 %", "largest probability"];
    holds(&svg, &words);
    drawn(&StationDayFigure::default(), "station_day_empty");
}
