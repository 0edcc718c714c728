//! Simple forecasts of four station tables against scores computed with NumPy (absolute
//! tolerance 1e-6 on an MAE in log10 units: the same algorithms in f64).

use temblor::data::{Column, Series};
use temblor::forecast::{
    Ar, Arima, Calibrator, Climatology, Forecaster, Forecasts, Gate, Norm, Outcome, Persistence,
    RecentMean, Record, Ridge, Ses, SmoothingRate, TrailingMeans, Training,
};
use temblor::score::{absolute_errors, mean};
use temblor::time::{SECOND, UtcTime};

use crate::shared;

const HORIZONS: [usize; 4] = [1, 5, 10, 20];
const ROWS_AN_HOUR: usize = 120;

/// Rows `first_hour..first_hour + hours` of a day file of log10 RSAM.
fn record(file: &str, first_hour: usize, hours: usize) -> Option<Record> {
    let text = std::fs::read_to_string(shared::path(file)?).unwrap();
    let cell = |line: &str| line.split(',').nth(1).unwrap().parse::<f64>().unwrap();
    let values: Vec<f64> = text.lines().skip(1).map(cell).collect();
    let rows = first_hour * ROWS_AN_HOUR..(first_hour + hours) * ROWS_AN_HOUR;
    let columns = vec![Column { name: "log10_rsam".into(), unit: None }];
    let (start, step) = (UtcTime(0), 30 * SECOND);
    let values = values[rows].to_vec();
    Some(Record::new(Series { group: file.into(), start, step, columns, values }, 0).unwrap())
}

/// MAE of each horizon over every target row of the test part.
fn errors(forecaster: &mut dyn Forecaster, record: &Record, train: usize) -> Vec<f64> {
    let training = Training::new(record, 0..train, train..train, &HORIZONS, 1).unwrap();
    forecaster.fit(&training).unwrap();
    HORIZONS
        .iter()
        .enumerate()
        .map(|(h, &horizon)| {
            let issues: Vec<usize> = (train - horizon..record.rows() - horizon).collect();
            let all = Forecasts::issue(forecaster, record, &issues, &HORIZONS).unwrap();
            mean(&absolute_errors(&record.outcomes(&issues, horizon), &all.point(h)))
        })
        .collect()
}

#[test]
fn golden_simple_station_forecasts_match_numpy() {
    let cases = [
        ("c26k_d24", "c26k", 0, 16, 8),
        ("c26k_h12", "c26k", 12, 8, 4),
        ("cca_d24", "cca", 0, 16, 8),
        ("cca_h12", "cca", 0, 8, 4),
    ];
    for (name, station, first_hour, train, test) in cases {
        let file = format!("golden/forecast_station/{station}_log10rsam.csv");
        let Some(record) = record(&file, first_hour, train + test) else { return };
        let Some(path) = shared::path(&format!("golden/forecast_station/{name}.json")) else {
            return;
        };
        let expected: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let train = train * ROWS_AN_HOUR;
        let ours = [
            ("persistence", errors(&mut Persistence::default(), &record, train)),
            ("climatology", errors(&mut Climatology::new(vec![0.5]), &record, train)),
            ("ar12_ridge", errors(&mut Ar::new(12), &record, train)),
        ];
        for (model, maes) in ours {
            for (horizon, mae) in HORIZONS.iter().zip(&maes) {
                let peer = expected["mae"][horizon.to_string()][model].as_f64().unwrap();
                eprintln!("{name} h = {horizon} {model}: {mae:.6} ({peer:.6})");
                assert!((mae - peer).abs() < 1e-6, "{name} {model} {horizon}: {mae}, {peer}");
            }
        }
    }
}

#[allow(clippy::approx_constant, reason = "a score that happens to be near 1/π")]
/// MAE at each horizon of: mean of 12, median regression, ridge on trailing means, gate over
/// these with persistence and AR(12); then coverage and width of its adaptive 90 % intervals.
/// From a NumPy version of the same steps on the same tables.
const COMBINED: [(&str, [[f64; 4]; 6]); 4] = [
    (
        "c26k_d24",
        [
            [0.427151, 0.466363, 0.473533, 0.495678],
            [0.369138, 0.461445, 0.475534, 0.485377],
            [0.376599, 0.481672, 0.496533, 0.500385],
            [0.367813, 0.467338, 0.479534, 0.487372],
            [0.92396, 0.92396, 0.91667, 0.90938],
            [1.68441, 2.63737, 2.85195, 2.85908],
        ],
    ),
    (
        "c26k_h12",
        [
            [0.426415, 0.466166, 0.488465, 0.535887],
            [0.367986, 0.468039, 0.485551, 0.517454],
            [0.371199, 0.480646, 0.495569, 0.52674],
            [0.367434, 0.466681, 0.485947, 0.515549],
            [0.92708, 0.91667, 0.90417, 0.89583],
            [1.64929, 2.45527, 2.4277, 2.41306],
        ],
    ),
    (
        "cca_d24",
        [
            [0.093904, 0.110048, 0.115014, 0.118206],
            [0.068418, 0.10003, 0.103464, 0.106835],
            [0.065659, 0.097874, 0.101549, 0.10594],
            [0.064908, 0.099239, 0.104638, 0.108587],
            [0.91563, 0.90938, 0.90833, 0.90938],
            [0.31481, 0.53361, 0.55431, 0.61707],
        ],
    ),
    (
        "cca_h12",
        [
            [0.050607, 0.056658, 0.060539, 0.059982],
            [0.042103, 0.053197, 0.05558, 0.056778],
            [0.04111, 0.052614, 0.055932, 0.057546],
            [0.041886, 0.053565, 0.055961, 0.056598],
            [0.92083, 0.91458, 0.91042, 0.90833],
            [0.20654, 0.27944, 0.30912, 0.318],
        ],
    ),
];

/// All forecasts from row 60 on, fitted on the training rows.
fn issued(forecaster: &mut dyn Forecaster, record: &Record, train: usize) -> Forecasts {
    let training = Training::new(record, 0..train, train..train, &HORIZONS, 1).unwrap();
    forecaster.fit(&training).unwrap();
    let issues: Vec<usize> = (60..record.rows()).collect();
    Forecasts::issue(forecaster, record, &issues, &HORIZONS).unwrap()
}

#[test]
fn golden_gated_combination_matches_numpy() {
    for (name, expected) in &COMBINED {
        let (station, first_hour, train, test) = match *name {
            "c26k_d24" => ("c26k", 0, 16, 8),
            "c26k_h12" => ("c26k", 12, 8, 4),
            "cca_d24" => ("cca", 0, 16, 8),
            _ => ("cca", 0, 8, 4),
        };
        let file = format!("golden/forecast_station/{station}_log10rsam.csv");
        let Some(record) = record(&file, first_hour, train + test) else { return };
        let train = train * ROWS_AN_HOUR;
        let experts = [
            issued(&mut Persistence::default(), &record, train),
            issued(&mut RecentMean::new(12), &record, train),
            issued(&mut Ar::new(12), &record, train),
            issued(&mut TrailingMeans::new(Norm::Absolute), &record, train),
            issued(&mut TrailingMeans::new(Norm::Squared), &record, train),
        ];
        for (h, &horizon) in HORIZONS.iter().enumerate() {
            let issues = &experts[0].issues;
            let outcomes = record.outcomes(issues, horizon);
            let points: Vec<Vec<f64>> = experts.iter().map(|expert| expert.point(h)).collect();
            let gated = Gate::default().combine(&points, &outcomes, issues, horizon).unwrap();
            let tested = train - horizon - 60..record.rows() - horizon - 60;
            let mae = |point: &[f64]| {
                mean(&absolute_errors(&outcomes[tested.clone()], &point[tested.clone()]))
            };
            let ours = [mae(&points[1]), mae(&points[3]), mae(&points[4]), mae(&gated)];
            for (kind, (ours, peer)) in ours.iter().zip(expected.iter().map(|e| e[h])).enumerate() {
                assert!((ours - peer).abs() < 2e-6, "{name} {horizon} {kind}: {ours}, {peer}");
            }
            // The peer starts its intervals a fixed number of rows before the test; ours start
            // where enough residuals are known. The first level differs, the rest must agree.
            let late = train - 580 - 60;
            let combination = Forecasts {
                name: "gate".into(),
                issues: issues[late..].to_vec(),
                horizons: vec![horizon],
                outcome: Outcome::Quantiles(vec![0.5]),
                values: gated[late..].to_vec(),
            };
            let made = Calibrator::SIGNED
                .calibrate(&combination, &record, &(0..train), &[0.05, 0.5, 0.95])
                .unwrap();
            let rows = tested.start - late..tested.end - late;
            let inside = rows.clone().map(|n| {
                let row = made.at(n, 0);
                f64::from(row[0] <= outcomes[n + late] && outcomes[n + late] <= row[2])
            });
            let coverage = mean(&inside.collect::<Vec<_>>());
            let widths: Vec<f64> = rows.map(|n| made.at(n, 0)[2] - made.at(n, 0)[0]).collect();
            eprintln!(
                "{name} h = {horizon}: gate {:.4}, coverage {coverage:.3} ({:.3}), width {:.4} ({:.4})",
                ours[3],
                expected[4][h],
                mean(&widths),
                expected[5][h]
            );
            assert!((coverage - expected[4][h]).abs() < 0.01, "{name} {horizon}: {coverage}");
            assert!((mean(&widths) / expected[5][h] - 1.0).abs() < 0.03, "{name} {horizon}");
        }
    }
}

/// MAE of the ridge on exponentially weighted means, to four digits.
const RIDGE: [(&str, usize, usize, usize, [f64; 4]); 4] = [
    ("c26k", 0, 16, 8, [0.3697, 0.4773, 0.4892, 0.4864]),
    ("c26k", 12, 8, 4, [0.3666, 0.4707, 0.4842, 0.5083]),
    ("cca", 0, 16, 8, [0.0653, 0.0975, 0.1003, 0.1043]),
    ("cca", 0, 8, 4, [0.0411, 0.0517, 0.0536, 0.0551]),
];

#[test]
fn golden_ridge_on_weighted_means_matches_numpy() {
    for (station, first_hour, train, test, expected) in RIDGE {
        let file = format!("golden/forecast_station/{station}_log10rsam.csv");
        let Some(record) = record(&file, first_hour, train + test) else { return };
        let train = train * ROWS_AN_HOUR;
        let ours = errors(&mut Ridge::default(), &record, train);
        let smoothed = errors(&mut Ses::new(SmoothingRate::PerHorizon), &record, train);
        let once = errors(&mut Ses::new(SmoothingRate::OneStep), &record, train);
        let arima = errors(&mut Arima::new(1, 1, 1), &record, train);
        eprintln!("{station} {train}: ridge {ours:.4?} ({expected:?})");
        eprintln!("  ses {once:.4?} per horizon {smoothed:.4?} arima {arima:.4?}");
        for (ours, peer) in ours.iter().zip(expected) {
            assert!((ours - peer).abs() < 6e-5, "{station} {train}: {ours}, {peer}");
        }
    }
}
