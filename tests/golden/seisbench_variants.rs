//! Continuous data through pickers beside SeisBench 0.12.6: 86 cases on 23 streams.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;
use tch::Device;
use temblor::detect::annotate::seisbench::{Annotated, annotate, classify};
use temblor::detect::annotate::{
    AnnotateSettings, Detection, MeasureWindows, Network, PhasePick, Piece, Workers,
};
use temblor::detect::{AmplitudeRule, Picker, PickerSettings};
use temblor::read::array::read_array;
use temblor::read::{Archive, ArchiveOptions};
use temblor::time::{Span, UtcTime};

use super::shared;

/// A weight set and threads that answer with it.
struct Opened {
    settings: PickerSettings,
    workers: Workers,
}

fn open(path: PathBuf) -> Opened {
    let settings = Picker::open(&path, Device::Cpu).unwrap().settings().clone();
    let workers = Workers::start(2, move || {
        let picker = Picker::open(&path, Device::Cpu)?;
        Ok(Network { picker, amplitude: AmplitudeRule::Absolute })
    });
    Opened { settings, workers }
}

/// The pieces of a file as ObsPy reads them.
fn pieces(file: &Path, select: Option<&Value>) -> Vec<Piece> {
    let (archive, _) = Archive::open(&[file.to_path_buf()], &ArchiveOptions::default()).unwrap();
    let mut pieces = Vec::new();
    for id in archive.channels() {
        let letter = id.channel.chars().next_back().unwrap().to_string();
        let chosen = |list: &Value| list.as_array().unwrap().iter().any(|c| c == letter.as_str());
        if select.is_none_or(chosen) {
            let traces = archive.segments_within(&id, Span::ALL);
            pieces.extend(traces.map(|trace| Piece::from(trace.unwrap())));
        }
    }
    pieces
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Microseconds since 1970 of a time that has no more digits.
fn microseconds(value: &Value) -> i64 {
    value.as_str().unwrap().parse::<UtcTime>().unwrap().0.div_euclid(1000)
}

fn rounded(time: UtcTime) -> i64 {
    let (whole, rest) = (time.0.div_euclid(1000), time.0.rem_euclid(1000));
    whole + i64::from(rest > 500 || (rest == 500 && whole % 2 != 0))
}

/// Codes, start, number of samples, rate and sum of a trace.
type Input = (String, i64, u64, f64, f64);

fn compare_input(expected: &Value, pieces: &[Piece]) -> Result<(), String> {
    let sum = |piece: &Piece| piece.samples.to_f64().iter().sum::<f64>();
    let mut theirs: Vec<Input> = Vec::new();
    for trace in expected.as_array().unwrap() {
        theirs.push((
            text(trace, "id").to_string(),
            trace["starttime_ns"].as_i64().unwrap(),
            trace["npts"].as_u64().unwrap(),
            trace["sampling_rate"].as_f64().unwrap(),
            trace["sum"].as_f64().unwrap(),
        ));
    }
    let mut ours: Vec<_> = pieces
        .iter()
        .map(|p| (p.id.to_string(), p.start, p.samples.len() as u64, p.rate, sum(p)))
        .collect();
    theirs.sort_by(|a, b| a.partial_cmp(b).unwrap());
    ours.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let same = |(a, b): (&Input, &Input)| {
        (&a.0, a.1, a.2, a.3) == (&b.0, b.1, b.2, b.3) && (a.4 - b.4).abs() <= 1e-9 * b.4.abs()
    };
    match ours.len() == theirs.len() && ours.iter().zip(&theirs).all(same) {
        true => Ok(()),
        false => Err(format!("input {ours:?} for {theirs:?}")),
    }
}

/// Largest difference of values; an error names what differs first.
fn compare_traces(
    expected: &Value,
    arrays: &Path,
    found: &Annotated,
    class: &str,
    tolerance: f64,
) -> Result<f64, String> {
    let expected = expected.as_array().unwrap();
    let ours: Vec<_> = found
        .stretches
        .iter()
        .flat_map(|s| s.annotations.iter().map(move |a| (&s.instrument, a)))
        .collect();
    if ours.len() != expected.len() {
        return Err(format!("{} traces for {}", ours.len(), expected.len()));
    }
    let mut worst = 0f64;
    for (i, ((instrument, annotation), expected)) in ours.iter().zip(expected).enumerate() {
        let id = format!(
            "{}.{}.{}.{class}_{}",
            instrument.network, instrument.station, instrument.location, annotation.label
        );
        let holes = annotation.values.iter().filter(|x| x.is_nan()).count() as u64;
        let found = (id.as_str(), annotation.start, annotation.values.len() as u64, holes);
        let wanted = (
            text(expected, "id"),
            expected["starttime_ns"].as_i64().unwrap(),
            expected["npts"].as_u64().unwrap(),
            expected["n_nan"].as_u64().unwrap(),
        );
        if found != wanted
            || (annotation.rate - expected["sampling_rate"].as_f64().unwrap()).abs() > 1e-9
        {
            return Err(format!("trace {found:?} for {wanted:?}"));
        }
        if !expected["stored"].as_bool().unwrap() {
            continue;
        }
        let stride = expected["value_stride"].as_u64().unwrap() as usize;
        let stored = read_array(arrays, Some(&format!("t{i}"))).map_err(|e| e.to_string())?.values;
        let values: Vec<f32> = annotation.values.iter().copied().step_by(stride).collect();
        if values.len() != stored.len() {
            return Err(format!("{id}: {} values for {}", values.len(), stored.len()));
        }
        for (a, b) in values.iter().zip(&stored) {
            if a.is_nan() != b.is_nan() {
                return Err(format!("{id}: holes lie elsewhere"));
            }
            worst = worst.max(if a.is_nan() { 0.0 } else { f64::from((a - b).abs()) });
        }
        let sum: f64 =
            annotation.values.iter().filter(|x| !x.is_nan()).map(|&x| f64::from(x)).sum();
        let off = (sum - expected["sum"].as_f64().unwrap()).abs() / wanted.2.max(1) as f64;
        worst = worst.max(off);
    }
    match worst <= tolerance {
        true => Ok(worst),
        false => Err(format!("values differ by {worst:.1e}")),
    }
}

/// A pick or a detection: codes and times, value.
type Row = ((String, String, i64, i64, i64), f64);

fn compare_rows(
    what: &str,
    expected: &Value,
    mut ours: Vec<Row>,
    tolerance: f64,
) -> Result<(), String> {
    let empty = Vec::new();
    let mut theirs: Vec<Row> = expected
        .as_array()
        .unwrap_or(&empty)
        .iter()
        .map(|row| {
            let peak = row["peak_time"].as_str().map_or(0, |_| microseconds(&row["peak_time"]));
            let (start, end) = (microseconds(&row["start_time"]), microseconds(&row["end_time"]));
            let key = (text(row, "trace_id").into(), text(row, "phase").into(), start, end, peak);
            (key, row["peak_value"].as_f64().unwrap())
        })
        .collect();
    ours.sort_by(|a, b| a.0.cmp(&b.0));
    theirs.sort_by(|a, b| a.0.cmp(&b.0));
    let missing = |a: &[Row], b: &[Row]| {
        let found = a.iter().find(|row| !b.iter().any(|other| other.0 == row.0));
        found.map(|row| format!("{:?}", row))
    };
    if let Some(row) = missing(&ours, &theirs) {
        return Err(format!("{what}: {row} is not theirs"));
    }
    if let Some(row) = missing(&theirs, &ours) {
        return Err(format!("{what}: {row} is not ours"));
    }
    match ours.iter().zip(&theirs).find(|(a, b)| (a.1 - b.1).abs() > tolerance) {
        Some((a, b)) => Err(format!("{what}: {a:?} for {b:?}")),
        None => Ok(()),
    }
}

fn pick_row(pick: &PhasePick) -> Row {
    let (start, end) = (rounded(pick.start), rounded(pick.end));
    let key = (pick.trace_id.clone(), pick.phase.clone(), start, end, rounded(pick.time));
    (key, f64::from(pick.probability))
}

fn detection_row(found: &Detection) -> Row {
    let (start, end) = (rounded(found.start), rounded(found.end));
    ((found.trace_id.clone(), String::new(), start, end, 0), f64::from(found.probability))
}

/// Largest difference of values.
fn run(golden: &Path, case: &Value, opened: &Opened) -> Result<f64, String> {
    let id = text(case, "id");
    let expected = std::fs::read(golden.join(format!("expected/{id}.json"))).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    let stream = golden.join("streams").join(text(case, "stream"));
    let pieces = pieces(&stream, case.get("select_channels"));
    compare_input(&expected["input"], &pieces)?;
    let call = case["args"].as_object().unwrap();
    let (settings, warnings) = AnnotateSettings::resolve(&opened.settings, call).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let other_rate = pieces.iter().any(|p| Some(p.rate) != opened.settings.rate_hz);
    let annotated = annotate(pieces, &opened.settings, &settings, &opened.workers);
    let annotated = match (annotated, expected.get("error")) {
        (Err(_), Some(_)) => return Ok(0.0),
        (Err(error), None) => return Err(error.to_string()),
        (Ok(_), Some(error)) => return Err(format!("no {error}")),
        (Ok(annotated), None) => annotated,
    };
    let class = text(case, "model");
    let processed = other_rate || opened.settings.filter.is_some();
    let tolerance = match (class == "EQTransformer", processed) {
        (false, false) => 2e-5,
        (false, true) => 1e-4,
        (true, false) => 2e-4,
        (true, true) => 5e-4,
    };
    let arrays = golden.join(format!("expected/{id}.npz"));
    let worst = compare_traces(&expected["traces"], &arrays, &annotated, class, tolerance)?;
    let (picks, detections) = classify(&annotated, &settings, &MeasureWindows::default());
    compare_rows("picks", &expected["picks"], picks.iter().map(pick_row).collect(), tolerance)?;
    let rows = detections.iter().map(detection_row).collect();
    compare_rows("detections", &expected["detections"], rows, tolerance)?;
    Ok(worst)
}

#[test]
fn every_case_agrees_in_traces_picks_and_detections() {
    let Some(golden) = shared::path("golden/seisbench/variants") else { return };
    let Some(weights) = shared::path("weights") else { return };
    tch::set_num_threads(1);
    let cases = std::fs::read(golden.join("cases.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_slice(&cases).unwrap();
    let mut opened: BTreeMap<String, Opened> = BTreeMap::new();
    let (mut agreed, mut worst) = (0, BTreeMap::<&str, f64>::new());
    for case in &cases {
        let began = Instant::now();
        let name = format!("{}.json.v{}", text(case, "weights"), case["version"]);
        let picker = opened.entry(name).or_insert_with_key(|name| open(weights.join(name)));
        match run(&golden, case, picker) {
            Ok(difference) => {
                agreed += 1;
                let worst = worst.entry(text(case, "model")).or_default();
                *worst = worst.max(difference);
            }
            Err(fault) => eprintln!("{}: {fault}", text(case, "id")),
        }
        let seconds = began.elapsed().as_secs_f64();
        if seconds > 3.0 {
            eprintln!("{}: {seconds:.1} s", text(case, "id"));
        }
    }
    eprintln!("{agreed} of {} cases agree; values differ by at most {worst:?}", cases.len());
    assert_eq!(agreed, cases.len());
}
