//! `temblor features --response`: counts into ground motion.

use std::path::Path;

use temblor_miniseed::{SampleSlice, Series, WriteOptions, encode};

use crate::program::temblor;

const RATE: usize = 40;

/// Half an hour of sines of 3, 6 and 12 Hz, 2000 counts each; beyond, an offset.
fn archive(folder: &Path) {
    let second = |i: usize| i as f64 / RATE as f64;
    let sine = |i: usize, hz: f64| 2000.0 * (std::f64::consts::TAU * hz * second(i)).sin();
    let samples: Vec<i32> = (0..RATE * 1800)
        .map(|i| (sine(i, 3.0) + sine(i, 6.0) + sine(i, 12.0)).round() as i32 + 10_000)
        .collect();
    let series = Series {
        network: "XX",
        station: "SEIS",
        location: "",
        channel: "BHZ",
        start: 1_577_836_800_000_000_000,
        rate: (RATE as u64, 1),
        samples: SampleSlice::I32(&samples),
    };
    let bytes = encode(&series, &WriteOptions::default()).unwrap();
    std::fs::write(folder.join("seis.mseed"), bytes).unwrap();
}

/// A broadband seismometer of 30 s: 4·10⁸ counts per metre a second.
fn station_xml(code: &str) -> String {
    format!(
        r#"<?xml version="1.0"?>
<FDSNStationXML xmlns="http://www.fdsn.org/xml/station/1" schemaVersion="1.1">
 <Source>test</Source><Created>2020-01-01T00:00:00Z</Created>
 <Network code="XX"><Station code="{code}" startDate="2019-01-01T00:00:00Z">
  <Latitude>1</Latitude><Longitude>2</Longitude><Elevation>3</Elevation><Site><Name>S</Name></Site>
  <Channel code="BHZ" locationCode="" startDate="2019-01-01T00:00:00Z">
   <Latitude>1</Latitude><Longitude>2</Longitude><Elevation>3</Elevation><Depth>0</Depth>
   <SampleRate>40</SampleRate>
   <Response>
    <InstrumentSensitivity><Value>4E8</Value><Frequency>1</Frequency>
     <InputUnits><Name>M/S</Name></InputUnits><OutputUnits><Name>COUNTS</Name></OutputUnits>
    </InstrumentSensitivity>
    <Stage number="1"><PolesZeros>
      <InputUnits><Name>M/S</Name></InputUnits><OutputUnits><Name>V</Name></OutputUnits>
      <PzTransferFunctionType>LAPLACE (RADIANS/SECOND)</PzTransferFunctionType>
      <NormalizationFactor>1</NormalizationFactor>
      <NormalizationFrequency>1</NormalizationFrequency>
      <Zero number="0"><Real>0</Real><Imaginary>0</Imaginary></Zero>
      <Zero number="1"><Real>0</Real><Imaginary>0</Imaginary></Zero>
      <Pole number="0"><Real>-0.148</Real><Imaginary>0.148</Imaginary></Pole>
      <Pole number="1"><Real>-0.148</Real><Imaginary>-0.148</Imaginary></Pole>
     </PolesZeros><StageGain><Value>1000</Value><Frequency>1</Frequency></StageGain></Stage>
    <Stage number="2"><Coefficients>
      <InputUnits><Name>V</Name></InputUnits><OutputUnits><Name>COUNTS</Name></OutputUnits>
      <CfTransferFunctionType>DIGITAL</CfTransferFunctionType>
     </Coefficients>
     <Decimation><InputSampleRate>40</InputSampleRate><Factor>1</Factor><Offset>0</Offset>
      <Delay>0</Delay><Correction>0</Correction></Decimation>
     <StageGain><Value>400000</Value><Frequency>0</Frequency></StageGain></Stage>
   </Response>
  </Channel>
 </Station></Network>
</FDSNStationXML>"#
    )
}

/// The named columns of the middle window.
fn row(folder: &Path, out: &str, names: [&str; 4]) -> [f64; 4] {
    let text = std::fs::read_to_string(folder.join(out)).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    names.map(|name| {
        let c = lines[0].iter().position(|header| *header == name).unwrap();
        lines[2][c].parse().unwrap()
    })
}

#[test]
fn features_are_in_units_of_the_ground() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    archive(here);
    std::fs::write(here.join("stations.xml"), station_xml("SEIS")).unwrap();
    let names = ["rsam", "mf", "hf", "rms"];
    let of = |more: &[&str]| {
        let arguments = [&["features", "seis.mseed", "--out", "a.csv"], more].concat();
        let output = temblor(here, &arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        row(here, "a.csv", names)
    };
    let stations = ["--stations", "stations.xml", "--response"];
    let counts = of(&[]);
    let by_sensitivity = of(&[&stations[..], &["sensitivity"]].concat());
    for (counts, metres) in counts.iter().zip(by_sensitivity) {
        assert!((metres * 4e8 / counts - 1.0).abs() < 1e-9, "{metres} {counts}");
    }
    // The response is flat above 1 Hz: integration and differentiation are by 2πf.
    let motion = |kind| of(&[&stations[..], &[kind]].concat());
    let [velocity, displacement, acceleration] = ["vel", "disp", "acc"].map(motion);
    for (i, hz) in [3.0, 6.0, 12.0].into_iter().enumerate() {
        let omega = std::f64::consts::TAU * hz;
        for (found, expected, limit) in [
            (velocity[i], counts[i] / 4e8, 1e-3),
            // The flanks of the bands let a little of the neighbouring sine through.
            (displacement[i], counts[i] / 4e8 / omega, 0.1),
            (acceleration[i], counts[i] / 4e8 * omega, 0.1),
        ] {
            assert!((found / expected - 1.0).abs() < limit, "{hz} Hz: {found} {expected}");
        }
    }
    // With a narrow band only the sine of 3 Hz is left.
    let band = ["vel", "--pre-filter", "1,2,4,5"];
    let narrow = of(&[&stations[..], &band].concat());
    let sine = 2000.0 / 4e8 / 2f64.sqrt();
    assert!((narrow[3] / sine - 1.0).abs() < 1e-3, "{} {sine}", narrow[3]);
}

#[test]
fn a_channel_without_metadata_is_named_and_flags_belong_together() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    archive(here);
    std::fs::write(here.join("other.xml"), station_xml("OTHER")).unwrap();
    let run = |more: &[&str]| {
        let arguments = [&["features", "seis.mseed", "--out", "a.csv"], more].concat();
        let output = temblor(here, &arguments);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = run(&["--stations", "other.xml", "--response", "vel"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("no channel XX.SEIS..BHZ"), "{said}");
    for flags in [
        &["--response", "vel"][..],
        &["--stations", "other.xml"],
        &["--stations", "other.xml", "--response", "vel", "--pre-filter", "0,1,2,3"],
        &["--stations", "other.xml", "--response", "vel", "--pre-filter", "1,2,3"],
        &["--stations", "other.xml", "--response", "tilt"],
    ] {
        assert_eq!(run(flags).0, Some(2), "{flags:?}: {}", run(flags).1);
    }
}
