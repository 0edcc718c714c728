//! Files of loggers and agencies with all their oddities, against a reading by pandas
//! (`sensors_expected.json`): rows, empty cells, first and last time, doubled times, and mean,
//! least and greatest value within 1e-6 of their size.

use std::collections::HashSet;

use serde_json::Value;
use temblor::read::table::{self, ColumnValues, CsvOptions, Layout, Table, TimeFormat};

use super::shared;

/// A column of the expected file as a sum of columns here, times a factor.
type Expected = (&'static str, &'static [&'static str], f64);

struct File {
    path: &'static str,
    options: CsvOptions,
    /// Empty: the names are the same.
    columns: &'static [Expected],
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| n.to_string()).collect()
}

/// The files and what has to be declared to read them.
fn files() -> Vec<File> {
    let declared = |path, options| File { path, options, columns: &[] };
    let logger = || CsvOptions {
        time_columns: names(&["DRME_OCR_UTC_DTE"]),
        columns: names(&["DRME_DRU", "DRME_TPU"]),
        ..CsvOptions::default()
    };
    vec![
        declared("sensors/inbo/DYLP116X_C5615.csv", logger()),
        declared("sensors/inbo/DYLP222A_G4201.csv.gz", logger()),
        declared("sensors/inbo/DYLP029A_S4054.csv.gz", logger()),
        declared("sensors/inbo/BAOL002X_78678.csv.gz", logger()),
        declared("sensors/inbo/BAOL826X_P2_15615.csv.gz", logger()),
        File {
            path: "sensors/rws/debiet_Lobith_1901-1915_tabel.csv.gz",
            options: CsvOptions {
                columns: names(&["debiet Lobith 8h"]),
                pivot: Some(0),
                ..CsvOptions::default()
            },
            columns: &[("debiet", &["debiet Lobith 8h"], 1.0)],
        },
        File {
            path: "sensors/rws/debiet_Lobith_1950-2016_tabel.csv.gz",
            options: CsvOptions {
                skip_lines: 14,
                layout: Layout::DaysByYear,
                ..CsvOptions::default()
            },
            columns: &[("debiet", &["value"], 1.0)],
        },
        declared(
            "sensors/diver/pp08-2_120829135933_F8503.MON.gz",
            CsvOptions {
                start_after: Some("[Data]".into()),
                names: Some(names(&["date", "clock", "pressure_cmH2O", "temperature_C"])),
                time_columns: names(&["date", "clock"]),
                ..CsvOptions::default()
            },
        ),
        declared("sensors/vmm/3-0057_ROLLEGEM_06082009_132108_00.txt.gz", CsvOptions::default()),
        declared(
            "sensors/vmm/3-0057_ROLLEGEM_07062010_140000_00_with_temp.txt",
            CsvOptions::default(),
        ),
        declared("sensors/vmm/ellitrack_18032111.txt.gz", CsvOptions::default()),
        File {
            path: "sensors/knmi/KNMI_20200312_hourly_head.txt.gz",
            options: CsvOptions {
                time_columns: names(&["YYYYMMDD", "HH"]),
                ..CsvOptions::default()
            },
            columns: &[("T", &["T"], 0.1), ("P", &["P"], 0.1)],
        },
        File {
            path: "sensors/hast/Sensor_data_part.csv.gz",
            options: CsvOptions {
                time_columns: names(&["Time"]),
                time_format: TimeFormat::EpochSeconds,
                ..CsvOptions::default()
            },
            columns: &[
                ("node", &["Node"], 1.0),
                ("message", &["Message"], 1.0),
                ("battery_V", &["Battery V"], 0.01),
                ("tx_ms", &["Last TX Dur ms"], 1.0),
                ("temp_C", &["Temp C"], 0.01),
                ("hum_pct", &["Hum %"], 0.01),
            ],
        },
        File {
            path: "sensors/gnss_formats/LHAS.tenv3.gz",
            options: CsvOptions {
                time_columns: names(&["__MJD"]),
                time_format: TimeFormat::Mjd,
                ..CsvOptions::default()
            },
            columns: &[
                ("east_m", &["_e0", "__east"], 1.0),
                ("north_m", &["____n0", "_north"], 1.0),
                ("up_m", &["u0", "____up"], 1.0),
                ("sig_u", &["sig_u"], 1.0),
            ],
        },
    ]
}

fn times(table: &Table) -> &[Option<i64>] {
    match &table.columns[0].values {
        ColumnValues::Time(times) => times,
        other => panic!("the first column is no time: {} cells", other.len()),
    }
}

fn numbers<'a>(table: &'a Table, name: &str) -> &'a [f64] {
    match &table.column(name).unwrap().values {
        ColumnValues::Number(numbers) => numbers,
        _ => panic!("{name} holds no numbers"),
    }
}

/// Nanoseconds since 1970 of `2017-12-01 23:00:00+00:00`.
fn instant(text: &Value) -> i64 {
    let text = text.as_str().unwrap().trim_end_matches("+00:00").replace(' ', "T");
    format!("{text}Z").parse::<temblor::time::UtcTime>().unwrap().0
}

fn close(found: f64, expected: &Value) -> bool {
    // The expected means are rounded to six decimals.
    let expected = expected.as_f64().unwrap();
    (found - expected).abs() <= 1e-6 * expected.abs().max(0.5)
}

/// What differs from the expected reading.
fn differences(table: &Table, columns: &[Expected], expected: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |what: &str, found: String, expected: &Value, equal: bool| {
        if !equal {
            wrong.push(format!("{what}: expected {expected}, found {found}"));
        }
    };
    let times = times(table);
    let known: Vec<i64> = times.iter().flatten().copied().collect();
    let count = |what: &str| expected[what].as_u64().unwrap() as usize;
    check("rows", times.len().to_string(), &expected["rows"], times.len() == count("rows"));
    check("times", known.len().to_string(), &expected["rows"], known.len() == count("rows"));
    let (first, last) = (known[0], known[known.len() - 1]);
    check("first", first.to_string(), &expected["first"], first == instant(&expected["first"]));
    check("last", last.to_string(), &expected["last"], last == instant(&expected["last"]));
    let double = known.len() - known.iter().collect::<HashSet<_>>().len();
    let name = "duplicate_times";
    check(name, double.to_string(), &expected[name], double == count(name));
    let monotonic = known.is_sorted();
    let name = "time_monotonic";
    check(name, monotonic.to_string(), &expected[name], expected[name] == monotonic);
    for (name, column) in expected["columns"].as_object().unwrap() {
        let own = [name.as_str()];
        let (parts, factor) = match columns.iter().find(|c| c.0 == name) {
            Some((_, parts, factor)) => (*parts, *factor),
            None => (&own[..], 1.0),
        };
        let mut values = vec![0.0; table.rows()];
        for part in parts {
            values.iter_mut().zip(numbers(table, part)).for_each(|(v, x)| *v += x * factor);
        }
        let nulls = values.iter().filter(|v| v.is_nan()).count();
        values.retain(|v| !v.is_nan());
        let what = |what: &str| format!("{name}: {what}");
        let equal = column["nulls"] == nulls && column["values"] == values.len();
        check(&what("nulls"), nulls.to_string(), &column["nulls"], equal);
        if values.is_empty() {
            continue;
        }
        for (statistic, found) in [
            ("mean", values.iter().sum::<f64>() / values.len() as f64),
            ("min", values.iter().copied().fold(f64::INFINITY, f64::min)),
            ("max", values.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        ] {
            let expected = &column[statistic];
            check(&what(statistic), found.to_string(), expected, close(found, expected));
        }
    }
    wrong
}

fn expected() -> Option<Value> {
    let path = shared::path("golden/series/sensors_expected.json")?;
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

#[test]
fn odd_files_are_read_as_pandas_reads_them_once_told_how() {
    let (Some(expected), Some(folder)) = (expected(), shared::path("data/series")) else { return };
    let files = files();
    assert_eq!(files.len(), 14);
    let mut wrong = Vec::new();
    for file in &files {
        match table::read(&folder.join(file.path), &file.options) {
            Ok((table, _)) => {
                for difference in differences(&table, file.columns, &expected[file.path]) {
                    wrong.push(format!("{}: {difference}", file.path));
                }
            }
            Err(error) => wrong.push(error.to_string()),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn time_in_three_columns_below_a_free_text_heading() {
    let path = "sensors/vmm/slugtest_22006280.csv.gz";
    let (Some(expected), Some(folder)) = (expected(), shared::path("data/series")) else { return };
    let options =
        CsvOptions { time_columns: names(&["Date", "Time", "ms"]), ..CsvOptions::default() };
    let (table, notes) = table::read(&folder.join(path), &options).unwrap();
    let expected = &expected[path];
    assert_eq!(expected["rows"], table.rows());
    assert!(notes.0.iter().any(|n| n.starts_with("11 lines of text before")), "{notes:?}");
    for (row, name) in [(0, "first_row"), (table.rows() - 1, "last_row")] {
        let cell = |c: usize| expected[name][c].as_str().unwrap();
        let time = format!("{}T{}.{:0>3}Z", cell(0).replace('/', "-"), cell(1), cell(2));
        let time = time.parse::<temblor::time::UtcTime>().unwrap();
        assert_eq!(times(&table)[row], Some(time.0));
        assert_eq!(numbers(&table, "LEVEL")[row].to_string(), cell(3));
        assert_eq!(numbers(&table, "TEMPERATURE")[row].to_string(), cell(4));
    }
}

#[test]
fn the_daily_series_with_a_sentinel() {
    let path = "ruapehu/ruapehu_rsam_daily.csv.gz";
    let (Some(expected), Some(folder)) = (expected(), shared::path("data/series")) else { return };
    let (table, notes) = table::read(&folder.join(path), &CsvOptions::default()).unwrap();
    let expected = &expected[path];
    let times: Vec<i64> = times(&table).iter().flatten().copied().collect();
    assert_eq!(expected["rows"], times.len());
    let days = (times[times.len() - 1] - times[0]) / 86_400_000_000_000 + 1;
    assert_eq!(expected["missing_days_in_grid"], days - times.len() as i64);
    let observed = numbers(&table, "obs");
    assert_eq!(expected["valid"], observed.iter().filter(|v| **v > 0.0).count());
    let sentinel = format!("column 'obs': {} cells of -1 taken as null", expected["minus_one"]);
    assert!(notes.0.contains(&sentinel), "{notes:?}");
    let nulls = expected["empty"].as_u64().unwrap() + expected["minus_one"].as_u64().unwrap();
    assert_eq!(nulls, observed.iter().filter(|v| v.is_nan()).count() as u64);
}
