//! Activity features of real station days against NumPy, SciPy and ObsPy.

use std::path::PathBuf;

use temblor::read::{Archive, ArchiveOptions};
use temblor::signal::{Activity, ActivityRows, ActivitySettings, Align, Feature};
use temblor::time::SECOND;

use crate::shared;

const C26K: &str = "2018/TA/C26K/BHZ.D/TA.C26K..BHZ.D.2018.224";
const CCA: &str = "2022/CI/CCA/BHN.D/CI.CCA..BHN.D.2022.002";

fn rows(file: &str, settings: ActivitySettings) -> Option<ActivityRows> {
    let path: PathBuf = shared::path(&format!("data/waveforms/continuous_station/archive/{file}"))?;
    let (archive, report) = Archive::open(&[path], &ArchiveOptions::default()).unwrap();
    assert!(report.is_clean());
    let mut activity = Activity::new(settings).unwrap();
    for piece in archive.pieces(&archive.channels()[0]) {
        activity.push(piece.unwrap()).unwrap();
    }
    Some(activity.finish().unwrap())
}

fn column(rows: &ActivityRows, name: &str) -> Vec<f64> {
    let c = rows.names.iter().position(|n| *n == name).unwrap();
    rows.values.iter().skip(c).step_by(rows.names.len()).copied().collect()
}

/// Header and rows of a comma-separated file.
fn table(path: &str) -> Option<Vec<Vec<String>>> {
    let text = std::fs::read_to_string(shared::path(path)?).unwrap();
    Some(text.lines().map(|line| line.split(',').map(str::to_string).collect()).collect())
}

#[test]
fn ten_minute_features_through_a_mainshock() {
    let Some(expected) = table("golden/signal/activity_c26k_12h_18h.csv") else { return };
    let settings = ActivitySettings {
        align: Align::FirstSample,
        features: Feature::all(),
        ..ActivitySettings::default()
    };
    let Some(rows) = rows(C26K, settings) else { return };
    assert_eq!(rows.rows(), 144);
    let mut compared = 0;
    for (c, name) in expected[0].iter().enumerate().skip(2) {
        let found = column(&rows, name);
        let limit = match name.as_str() {
            "kurtosis_2_5" | "dsar" | "dsar_median" => 1e-8,
            "shannon_entropy" => 1e-4,
            _ => 1e-9,
        };
        let mut largest = 0.0f64;
        for (i, line) in expected[1..].iter().enumerate() {
            let expected: f64 = line[c].parse().unwrap();
            let off = (found[72 + i] / expected - 1.0).abs();
            largest = largest.max(off);
            assert!(
                off <= limit,
                "{name}, window {i}: {} is not {expected} ({off:e})",
                found[72 + i]
            );
            compared += 1;
        }
        eprintln!("{name:<17} largest relative difference {largest:.1e}");
    }
    assert_eq!(compared, 36 * 33);
}

fn log10_rsam_equals(file: &str, golden: &str) {
    let Some(expected) = table(golden) else { return };
    let settings = ActivitySettings {
        window: 30 * SECOND,
        align: Align::FirstSample,
        features: vec![Feature::Rsam],
        ..ActivitySettings::default()
    };
    let Some(rows) = rows(file, settings) else { return };
    let rsam = column(&rows, "rsam");
    assert_eq!(rsam.len(), expected.len() - 1);
    for (i, line) in expected[1..].iter().enumerate() {
        let expected: f64 = line[1].parse().unwrap();
        let off = (rsam[i].log10() - expected).abs();
        assert!(off <= 1e-9, "window {i}: {} is not {expected} ({off:e})", rsam[i].log10());
    }
}

#[test]
fn half_minute_rsam_of_two_stations() {
    log10_rsam_equals(C26K, "golden/forecast_station/c26k_log10rsam.csv");
    log10_rsam_equals(CCA, "golden/forecast_station/cca_log10rsam.csv");
}
