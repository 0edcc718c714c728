//! Instrument responses and their removal against ObsPy (`golden/formats/response*`).

use std::fs::File;
use std::io::{BufReader, Read};

use npyz::npz::NpzArchive;
use realfft::num_complex::Complex64;
use serde_json::Value;
use temblor::read::response::Response;
use temblor::read::{ChannelEpoch, Stations};
use temblor::signal::{
    self, GroundMotion, RemovalSettings, ResponseRemoval, TransferFunction, cosine_taper,
};
use temblor::time::SampleRate;

use crate::shared;

/// What is asked for; the rounding of one long sum against another's is far below.
const LIMIT: f64 = 1e-9;

struct Golden {
    arrays: NpzArchive<BufReader<File>>,
    facts: Value,
}

impl Golden {
    fn open() -> Option<Self> {
        let arrays = NpzArchive::open(shared::path("golden/formats/response.npz")?).unwrap();
        let facts = File::open(shared::path("golden/formats/response.json")?).unwrap();
        Some(Self { arrays, facts: serde_json::from_reader(facts).unwrap() })
    }

    fn array<T: npyz::Deserialize>(&mut self, name: &str) -> Vec<T> {
        let array = self.arrays.by_name(name).unwrap().unwrap_or_else(|| panic!("no array {name}"));
        array.into_vec().unwrap()
    }
}

fn channel(name: &str) -> ChannelEpoch {
    let path = shared::path(&format!("golden/formats/response/{name}.xml.gz")).unwrap();
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(File::open(&path).unwrap()).read_to_end(&mut bytes).unwrap();
    let stations = Stations::from_bytes(&bytes, &path).unwrap();
    let mut channels = stations.channels();
    let channel = channels.next().unwrap().clone();
    assert!(channels.next().is_none());
    channel
}

fn response(name: &str) -> Response {
    channel(name).response.unwrap()
}

/// Largest difference relative to the largest expected modulus.
fn difference(found: &[Complex64], expected: &[Complex64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().map(|x| x.norm()).fold(0.0, f64::max);
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max);
    assert!(worst.is_finite() && scale > 0.0);
    worst / scale
}

fn complex(values: &[f64]) -> Vec<Complex64> {
    values.iter().map(|&value| Complex64::new(value, 0.0)).collect()
}

#[test]
fn transfer_functions_equal_obspy() {
    let Some(mut golden) = Golden::open() else { return };
    for known in golden.facts["responses"].as_array().unwrap().clone() {
        let name = known["name"].as_str().unwrap();
        let channel = channel(name);
        assert_eq!(channel.id.to_string(), known["id"].as_str().unwrap());
        assert_eq!(channel.rate_hz, known["rate"].as_f64());
        let response = channel.response.unwrap();
        assert_eq!(response.stages.len(), known["stages"].as_array().unwrap().len());
        let function = TransferFunction::new(&response).unwrap();
        let frequencies: Vec<f64> = golden.array(&format!("{name}/f"));
        for (key, motion) in [
            ("DISP", GroundMotion::Displacement),
            ("VEL", GroundMotion::Velocity),
            ("ACC", GroundMotion::Acceleration),
            ("DEF", GroundMotion::InputUnit),
        ] {
            let expected: Vec<Complex64> = golden.array(&format!("{name}/{key}"));
            let off = difference(&function.evaluate(&frequencies, motion), &expected);
            println!("{name} {key}: {off:.1e}");
            assert!(off <= LIMIT, "{name} {key}: {off:e}");
        }
    }
}

fn settings(call: &Value) -> RemovalSettings {
    let output = match call["output"].as_str().unwrap() {
        "DISP" => GroundMotion::Displacement,
        "VEL" => GroundMotion::Velocity,
        "ACC" => GroundMotion::Acceleration,
        _ => GroundMotion::InputUnit,
    };
    let mut settings = RemovalSettings { output, ..RemovalSettings::default() };
    if let Some(level) = call.get("water_level") {
        settings.water_level = level.as_f64();
    }
    if let Some(corners) = call["pre_filt"].as_array() {
        let corners: Vec<f64> = corners.iter().map(|f| f.as_f64().unwrap()).collect();
        settings.pre_filter = Some(corners.try_into().unwrap());
    }
    settings.zero_mean = call["zero_mean"].as_bool().unwrap_or(settings.zero_mean);
    settings.taper = call["taper_fraction"].as_f64().unwrap_or(settings.taper);
    if call["taper"] == false {
        settings.taper = 0.0;
    }
    settings
}

#[test]
fn removals_equal_obspy() {
    let Some(mut golden) = Golden::open() else { return };
    let input: Vec<i32> = golden.array("input");
    let input: Vec<f64> = input.into_iter().map(f64::from).collect();
    for call in golden.facts["removals"].as_array().unwrap().clone() {
        let (name, key) = (call["name"].as_str().unwrap(), call["key"].as_str().unwrap());
        let rate = SampleRate::from_hz(call["rate"].as_f64().unwrap()).unwrap();
        let mut removal = ResponseRemoval::new(&response(name), rate, &settings(&call)).unwrap();
        let expected = complex(&golden.array::<f64>(key));
        // The second time what was worked out for the first is used again.
        for _ in 0..2 {
            let mut samples = input.clone();
            removal.apply(&mut samples).unwrap();
            let off = difference(&complex(&samples), &expected);
            println!("{key}: {off:.1e}");
            assert!(off <= LIMIT, "{key}: {off:e}");
        }
    }
}

#[test]
fn sensitivity_alone_is_a_division() {
    let Some(_) = Golden::open() else { return };
    let mut samples = [3.0, -6.0];
    let response = response("IU_ANMO_00_BHZ");
    let value = response.sensitivity.as_ref().unwrap().value;
    signal::remove_sensitivity(&mut samples, &response).unwrap();
    assert_eq!(samples, [3.0 / value, -6.0 / value]);
}

#[test]
fn lengths_and_tapers_equal_obspy() {
    let Some(golden) = Golden::open() else { return };
    let table = golden.facts["nfft"].as_object().unwrap();
    assert!(table.len() > 10);
    for (count, length) in table {
        let found = signal::transform_length(count.parse().unwrap());
        assert_eq!(found as u64, length.as_u64().unwrap(), "{count}");
    }
    for (key, count, part) in [
        ("cosine_taper_n20_p0.2_sac_quarter", 20, 0.2),
        ("cosine_taper_n7_p0.05_sac_quarter", 7, 0.05),
    ] {
        let expected: Vec<f64> = serde_json::from_value(golden.facts[key].clone()).unwrap();
        for (found, expected) in cosine_taper(count, part).iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-15, "{key}: {found} and {expected}");
        }
    }
}
