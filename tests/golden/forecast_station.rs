//! Simple forecasts of four station tables against scores computed with NumPy (absolute
//! tolerance 1e-6 on an MAE in log10 units: the same algorithms in f64).

use temblor::data::{Column, Series};
use temblor::forecast::{Ar, Climatology, Forecaster, Forecasts, Persistence, Record, Training};
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
