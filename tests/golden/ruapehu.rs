//! Daily RSAM of Ruapehu: the simple forecasts of the protocol, with intervals from residuals
//! of the calibration years, against scores computed with NumPy and statsmodels.
//!
//! Tolerance 6e-6 on scores stored to five digits (the algorithms are the same in f64); 1e-4
//! for ARIMA, whose coefficients depend on the optimiser.

use std::io::Read;

use temblor::data::{Column, Series};
use temblor::forecast::{
    Ar, Arima, Calibrator, Climatology, ClimatologyDoy, Forecaster, Forecasts, LEVELS, Persistence,
    RecentMean, Record, Ses, SmoothingRate, Training,
};
use temblor::score::{BlockBootstrap, LevelScores, ScoreTable, mean_naive_change};
use temblor::time::{DAY, UtcTime};

use crate::shared;

const HORIZONS: [usize; 3] = [1, 7, 30];
const LOOKBACK: usize = 60;

/// Days from the first of January 2008 to the first of January of `year`.
fn row(year: i64) -> usize {
    let start: UtcTime = "2008-01-01".parse().unwrap();
    let end: UtcTime = format!("{year}-01-01").parse().unwrap();
    ((end.0 - start.0) / DAY) as usize
}

fn record() -> Option<Record> {
    let path = shared::path("data/series/ruapehu/ruapehu_rsam_daily.csv.gz")?;
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let start: UtcTime = "2008-01-01".parse().unwrap();
    let mut values = vec![f64::NAN; row(2023)];
    for line in text.lines().skip(1) {
        let (date, value) = line.split_once(',').unwrap();
        let date: UtcTime = date.parse().unwrap();
        let day = ((date.0 - start.0) / DAY) as usize;
        if let (Ok(value), Some(place)) = (value.parse::<f64>(), values.get_mut(day)) {
            *place = if value > 0.0 { value.log10() } else { f64::NAN };
        }
    }
    let columns = vec![Column { name: "log10_rsam".into(), unit: None }];
    let series = Series { group: "Ruapehu".into(), start, step: DAY, columns, values };
    Some(Record::new(series, 0).unwrap())
}

/// Scores of one forecaster at every horizon over the test years.
fn scores(forecaster: &mut dyn Forecaster, record: &Record) -> ScoreTable {
    let training = Training::new(record, 0..row(2017), row(2017)..row(2018), &HORIZONS, LOOKBACK);
    forecaster.fit(&training.unwrap()).unwrap();
    let issues: Vec<usize> = (row(2018)..row(2023)).collect();
    let plain = Forecasts::issue(forecaster, record, &issues, &HORIZONS).unwrap();
    let kind = match plain.outcome.levels().len() {
        1 => Calibrator::Residuals,
        _ => Calibrator::None,
    };
    let made = kind.calibrate(&plain, record, &(row(2018)..row(2020)), &LEVELS).unwrap();
    let mut table = ScoreTable::default();
    for (h, &horizon) in HORIZONS.iter().enumerate() {
        let outcomes = record.outcomes(&issues, horizon);
        let test = row(2020)..row(2023) - horizon;
        let scored: Vec<usize> = (0..issues.len())
            .filter(|&n| test.contains(&issues[n]) && outcomes[n].is_finite())
            .collect();
        let observed: Vec<f64> = scored.iter().map(|&n| outcomes[n]).collect();
        let quantiles: Vec<f64> =
            scored.iter().flat_map(|&n| made.at(n, h).iter().copied()).collect();
        let sheet = LevelScores {
            observed: &observed,
            quantiles: &quantiles,
            levels: &LEVELS,
            point: None,
            naive_change: Some(mean_naive_change(&record.observed()[..row(2017)], 1)),
            reference: None,
        };
        let names = ("log10_rsam", plain.name.as_str(), &*horizon.to_string());
        table.rows.extend(sheet.rows(names, &BlockBootstrap::new(60)));
    }
    table
}

/// `(n, score by column name)` of each model and horizon in the peer's table.
fn peer(model: &str, horizon: usize) -> Option<std::collections::HashMap<String, f64>> {
    let path = shared::path("golden/series/ruapehu/ruapehu_scores_test.csv")?;
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let wanted = format!("{model},{horizon},");
    let line = lines.find(|line| line.starts_with(&wanted)).unwrap();
    let pairs = names.into_iter().zip(line.split(','));
    Some(pairs.skip(1).map(|(name, value)| (name.into(), value.parse().unwrap())).collect())
}

fn compare(model: &str, tolerance: f64, table: &ScoreTable) {
    let columns = [
        ("mae", "mae"),
        ("rmse", "rmse"),
        ("mase", "mase"),
        ("pinball", "pinball"),
        ("crps", "crps"),
        ("coverage80", "cov80"),
        ("coverage90", "cov90"),
        ("width90", "width90"),
        ("winkler90", "winkler90"),
    ];
    for horizon in HORIZONS {
        let Some(expected) = peer(model, horizon) else { return };
        for (metric, column) in columns {
            let row = table
                .rows
                .iter()
                .find(|row| row.metric == metric && row.horizon == horizon.to_string());
            let row = row.unwrap();
            assert_eq!(row.n as f64, expected["n"]);
            let off = (row.value - expected[column]).abs();
            eprintln!("{model} {horizon} {metric}: {:.6} ({})", row.value, expected[column]);
            assert!(
                off <= tolerance,
                "{model} {horizon} {metric}: {}, {}",
                row.value,
                expected[column]
            );
        }
        // Another generator draws other blocks: the ends of the interval agree to its noise.
        let mae =
            table.rows.iter().find(|row| row.metric == "mae" && row.horizon == horizon.to_string());
        let mae = mae.unwrap();
        let width = expected["mae_hi"] - expected["mae_lo"];
        assert!((mae.lower - expected["mae_lo"]).abs() < 0.15 * width, "{model} {horizon}");
        assert!((mae.upper - expected["mae_hi"]).abs() < 0.15 * width, "{model} {horizon}");
    }
}

#[test]
fn golden_simple_ruapehu_forecasts_match_numpy() {
    let Some(record) = record() else { return };
    compare("persistence", 6e-6, &scores(&mut Persistence::default(), &record));
    compare("mean_7d", 6e-6, &scores(&mut RecentMean::new(7), &record));
    compare("climatology", 6e-6, &scores(&mut Climatology::default(), &record));
    compare("climatology_doy", 6e-6, &scores(&mut ClimatologyDoy::default(), &record));
    let mut ses = Ses::new(SmoothingRate::OneStep);
    compare("ses", 6e-6, &scores(&mut ses, &record));
    assert!((ses.rates()[0] - 0.65).abs() < 1e-12);
}

#[test]
fn golden_ruapehu_autoregression_matches_numpy() {
    let Some(record) = record() else { return };
    let mut ar = Ar::new(7);
    compare("ar7_direct", 6e-6, &scores(&mut ar, &record));
    let Some(path) = shared::path("golden/series/ruapehu/ruapehu_run_info.json") else { return };
    let info: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for (model, horizon) in ar.models().iter().zip(HORIZONS) {
        let peer: Vec<f64> =
            serde_json::from_value(info[format!("ar7_h{horizon}")].clone()).unwrap();
        assert!((model.intercept - peer[0]).abs() < 1e-6);
        let pairs = model.weights.iter().zip(&peer[1..]);
        assert!(pairs.into_iter().all(|(ours, theirs)| (ours - theirs).abs() < 1e-6));
    }
}

#[test]
fn golden_ruapehu_arima_matches_statsmodels() {
    let Some(record) = record() else { return };
    let mut arima = Arima::new(1, 1, 1);
    compare("arima111", 1e-4, &scores(&mut arima, &record));
    let (phi, theta, variance) = arima.coefficients().unwrap();
    eprintln!("phi {phi:?} theta {theta:?} variance {variance}");
    assert!((phi[0] - 0.52444).abs() < 2e-3 && (theta[0] + 0.83064).abs() < 2e-3);
    assert!((variance - 0.037371).abs() < 1e-4);
}
