//! Steps and pipelines: pieces equal the whole, nothing panics, bad values have one clear line.

use proptest::prelude::*;

use super::*;
use crate::read::{Stations, StreamId};
use crate::time::{SampleRate, UtcTime};

const EVERY_KIND: &str = r#"
[[step]]
kind = "demean"
[[step]]
kind = "demean"
offset = 3
[[step]]
kind = "detrend"
[[step]]
kind = "detrend"
method = "simple"
[[step]]
kind = "detrend"
method = "polynomial"
order = 4
[[step]]
kind = "scale"
factor = 0.5
[[step]]
kind = "discard"
seconds = 0.3
[[step]]
kind = "taper"
shape = "cosine"
max_length = 2.0
[[step]]
kind = "bandpass"
low = 1
high = 10
[[step]]
kind = "highpass"
frequency = 0.5
corners = 2
[[step]]
kind = "lowpass"
frequency = 20.0
[[step]]
kind = "bandstop"
low = 9.0
high = 11.0
[[step]]
kind = "sosfiltfilt"
low = 1.0
high = 10.0
[[step]]
kind = "obspy-zerophase"
high = 10.0
[[step]]
kind = "decimate"
factor = 4
[[step]]
kind = "decimate"
factor = 4
filter = "none"
[[step]]
kind = "decimate"
factor = 3
filter = "fir"
[[step]]
kind = "decimate"
factor = 4
filter = "chebyshev1"
[[step]]
kind = "resample-fourier"
rate = 40.0
[[step]]
kind = "resample-polyphase"
up = 2
down = 5
[[step]]
kind = "interpolate"
rate = 80.0
[[step]]
kind = "interpolate"
rate = 33.3
method = "lanczos"
width = 7
[[step]]
kind = "integrate"
[[step]]
kind = "integrate"
method = "spline"
[[step]]
kind = "differentiate"
[[step]]
kind = "normalise"
by = "peak"
[[step]]
kind = "normalise"
window = 0.25
[[step]]
kind = "standardise"
[step.fitted."..."]
mean = 1.0
std = 2.0
[[step]]
kind = "whiten"
low = 1.0
high = 20.0
bins = 5
[[step]]
kind = "envelope"
[[step]]
kind = "sta-lta"
short = 0.1
long = 1.0
[[step]]
kind = "sta-lta"
short = 0.1
long = 1.0
method = "classic"
[[step]]
kind = "sta-lta"
short = 0.1
long = 1.0
method = "delayed"
[[step]]
kind = "sta-lta"
short = 0.1
long = 1.0
method = "carl"
[[step]]
kind = "z-detect"
window = 0.5
[[step]]
kind = "aic"
"#;

const ROTATIONS: &str = r#"
[[step]]
kind = "rotate-to-zne"
from = [
    { component = "Z", azimuth = 0.0, dip = -90.0 },
    { component = "1", azimuth = 15.0, dip = 0.0 },
    { component = "2", azimuth = 105.0, dip = 0.0 },
]
[[step]]
kind = "rotate-zne-lqt"
back_azimuth = 37.5
incidence = 23.0
[[step]]
kind = "rotate-lqt-zne"
back_azimuth = 37.5
incidence = 23.0
[[step]]
kind = "rotate-ne-rt"
back_azimuth = 37.5
[[step]]
kind = "rotate-rt-ne"
back_azimuth = 37.5
"#;

const BY_METADATA: &str = r#"
[[step]]
kind = "remove-sensitivity"
[[step]]
kind = "remove-response"
output = "displacement"
water_level = "none"
pre_filter = [0.5, 1.0, 40.0, 45.0]
[[step]]
kind = "rotate-to-zne"
from = [{ component = "Z" }, { component = "1" }, { component = "2", dip = 0.0 }]
[[step]]
kind = "rotate-ne-rt"
source = [10.0, 20.0]
"#;

/// Three components of one station, the horizontals turned by 15 degrees.
fn stations() -> Stations {
    let channel = |code: &str, azimuth: f64, dip: f64| {
        format!(
            r#"<Channel code="{code}" locationCode="" startDate="2018-01-01T00:00:00">
            <Latitude>-35</Latitude><Longitude>140</Longitude><Elevation>0</Elevation>
            <Depth>0</Depth><Azimuth>{azimuth}</Azimuth><Dip>{dip}</Dip>
            <SampleRate>100</SampleRate><Response><InstrumentSensitivity><Value>400</Value>
            <Frequency>1</Frequency><InputUnits><Name>m/s</Name></InputUnits>
            <OutputUnits><Name>counts</Name></OutputUnits></InstrumentSensitivity>
            <Stage number="1"><PolesZeros><InputUnits><Name>m/s</Name></InputUnits>
            <OutputUnits><Name>counts</Name></OutputUnits>
            <PzTransferFunctionType>LAPLACE (RADIANS/SECOND)</PzTransferFunctionType>
            <NormalizationFactor>1</NormalizationFactor>
            <NormalizationFrequency>1</NormalizationFrequency></PolesZeros>
            <StageGain><Value>400</Value><Frequency>1</Frequency></StageGain></Stage>
            </Response></Channel>"#
        )
    };
    let channels =
        channel("HHZ", 0.0, -90.0) + &channel("HH1", 15.0, 0.0) + &channel("HH2", 105.0, 0.0);
    let text = format!(
        r#"<?xml version="1.0"?>
        <FDSNStationXML xmlns="http://www.fdsn.org/xml/station/1" schemaVersion="1.1">
        <Source>test</Source><Created>2018-01-01T00:00:00</Created>
        <Network code="XX"><Station code="DEMO" startDate="2018-01-01T00:00:00">
        <Latitude>-35</Latitude><Longitude>140</Longitude><Elevation>0</Elevation>
        <Site><Name>Demo</Name></Site>{channels}</Station></Network></FDSNStationXML>"#
    );
    Stations::from_bytes(text.as_bytes(), std::path::Path::new("demo.xml")).unwrap()
}

fn hundred() -> SampleRate {
    SampleRate::from_hz(100.0).unwrap()
}

fn run(pipeline: &Pipeline, pieces: &[&[f64]]) -> crate::Result<Vec<f64>> {
    let mut stream = pipeline.begin(hundred())?;
    let mut out = Vec::new();
    for piece in pieces {
        out.extend(stream.push(piece)?);
    }
    out.extend(stream.finish()?);
    Ok(out)
}

fn noise(n: usize) -> Vec<f64> {
    (0..n).map(|i| ((i * 7919 + 13) % 1009) as f64 - 504.0).collect()
}

fn bits(samples: &[f64]) -> Vec<u64> {
    samples.iter().map(|x| x.to_bits()).collect()
}

/// Every kind of step by itself.
fn each() -> Vec<Pipeline> {
    let all = Pipeline::from_toml(EVERY_KIND).unwrap();
    all.steps.into_iter().map(|step| Pipeline::new(vec![step]).unwrap()).collect()
}

#[test]
fn every_kind_is_tried_and_written_back() {
    let mut tried: Vec<&str> = each().iter().map(|p| p.steps[0].kind()).collect();
    for text in [ROTATIONS, BY_METADATA] {
        let pipeline = Pipeline::from_toml(text).unwrap();
        tried.extend(pipeline.steps.iter().map(Step::kind));
        assert_eq!(Pipeline::from_toml(&pipeline.to_toml().unwrap()).unwrap(), pipeline);
    }
    for entry in STEP_KINDS {
        assert!(tried.contains(&entry.kind), "{}", entry.kind);
    }
    let pipeline = Pipeline::from_toml(EVERY_KIND).unwrap();
    assert_eq!(Pipeline::from_toml(&pipeline.to_toml().unwrap()).unwrap(), pipeline);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn pieces_equal_the_whole_bit_for_bit(
        n in 0usize..1500,
        mut cuts in prop::collection::vec(0usize..1500, 0..6),
    ) {
        let samples = noise(n);
        cuts.iter_mut().for_each(|cut| *cut = (*cut).min(n));
        cuts.sort_unstable();
        let bounds = || std::iter::once(0).chain(cuts.iter().copied()).chain([n]);
        let pieces: Vec<&[f64]> =
            bounds().zip(bounds().skip(1)).map(|(a, b)| &samples[a..b]).collect();
        for pipeline in each() {
            let kind = pipeline.steps[0].kind();
            match (run(&pipeline, &[&samples]), run(&pipeline, &pieces)) {
                (Ok(whole), Ok(parts)) => prop_assert_eq!(bits(&whole), bits(&parts), "{}", kind),
                (Err(whole), Err(parts)) => {
                    prop_assert_eq!(whole.to_string(), parts.to_string());
                }
                _ => prop_assert!(false, "{kind} fails only one way"),
            }
        }
    }
}

#[test]
fn a_causal_step_does_not_see_what_comes_after() {
    let early = noise(600);
    let mut late = early.clone();
    late.extend([1e6; 300]);
    for pipeline in each().into_iter().filter(|p| p.steps[0].is_causal()) {
        let (early, late) = (run(&pipeline, &[&early]).unwrap(), run(&pipeline, &[&late]).unwrap());
        assert_eq!(bits(&early), bits(&late[..early.len()]), "{}", pipeline.steps[0].kind());
    }
}

#[test]
fn empty_short_nan_and_huge_runs_never_panic() {
    let lengths = [0, 1, 2, 3, 4, 30, 400];
    let fills = [0.0, 1.0, f64::NAN, f64::INFINITY, f64::MAX, -f64::MAX, f64::MIN_POSITIVE];
    for pipeline in each() {
        for n in lengths {
            for fill in fills {
                let _ = run(&pipeline, &[&vec![fill; n]]);
                let mut mixed = noise(n);
                if let Some(x) = mixed.get_mut(n / 2) {
                    *x = fill;
                }
                let _ = run(&pipeline, &[&mixed]);
            }
        }
    }
}

#[test]
fn rates_and_starts_follow_exactly() {
    let text = r#"
        [[step]]
        kind = "discard"
        seconds = 0.025
        [[step]]
        kind = "decimate"
        factor = 4
        [[step]]
        kind = "resample-polyphase"
        up = 4
        down = 3
    "#;
    let pipeline = Pipeline::from_toml(text).unwrap();
    let stream = pipeline.begin(SampleRate::from_ratio(100, 3).unwrap()).unwrap();
    assert_eq!(stream.rate(), SampleRate::from_ratio(100, 9).unwrap());
    assert_eq!(stream.start(UtcTime(7)), UtcTime(7 + 30_000_000));
}

#[test]
fn rotations_rename_channels_and_undo_each_other() {
    let channels: Vec<StreamId> = ["HHE", "HH2", "HHZ", "HH1"]
        .iter()
        .map(|channel| StreamId { channel: (*channel).into(), ..StreamId::default() })
        .skip(1)
        .collect();
    let pipeline = Pipeline::from_toml(ROTATIONS).unwrap();
    assert_eq!(pipeline.components(), ['Z', '1', '2']);
    let mut stream =
        pipeline.begin_channels(hundred(), &channels, UtcTime(0), &RunOptions::default()).unwrap();
    let named: Vec<&str> = stream.channels().iter().map(|id| id.channel.as_str()).collect();
    assert_eq!(named, ["HHE", "HHZ", "HHN"]);
    let out = stream.push(vec![vec![3.0], vec![1.0], vec![2.0]]).unwrap();
    let (sin, cos) = 15f64.to_radians().sin_cos();
    for (found, expected) in
        [(out[1][0], 1.0), (out[2][0], 2.0 * cos - 3.0 * sin), (out[0][0], 2.0 * sin + 3.0 * cos)]
    {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
    let error = pipeline.begin(hundred()).err().unwrap().to_string();
    assert!(error.starts_with("step 1 (rotate-to-zne): no channel ends in"), "{error}");
    let unequal = stream.push(vec![vec![], vec![1.0], vec![2.0]]);
    assert!(unequal.is_err());
}

#[test]
fn sensitivities_orientations_and_places_come_from_the_metadata() {
    let (stations, start) = (stations(), UtcTime::from_date(2018, 8, 12).unwrap());
    let options = RunOptions { stations: Some(&stations), ..RunOptions::default() };
    let id = |channel: &str| StreamId {
        network: "XX".into(),
        station: "DEMO".into(),
        location: String::new(),
        channel: channel.into(),
    };
    let channels = [id("HH1"), id("HH2"), id("HHZ")];
    let n = 2000;
    let samples = || vec![noise(n), noise(n + 7).split_off(7), vec![0.0; n]];
    let out = |text: &str| {
        let pipeline = Pipeline::from_toml(text).unwrap();
        let mut stream = pipeline.begin_channels(hundred(), &channels, start, &options).unwrap();
        let mut out = stream.push(samples()).unwrap();
        let rest = stream.finish().unwrap();
        out.iter_mut().zip(rest).for_each(|(all, rest)| all.extend(rest));
        out
    };
    let steps: Vec<&str> = BY_METADATA.split("[[step]]").collect();
    let step = |number: usize| format!("[[step]]{}", steps[number]);
    assert_eq!(out(&step(1))[0][5], samples()[0][5] / 400.0);
    // The response is the sensitivity alone: taken away and integrated, only its ends change.
    assert!(out(&step(2))[0].iter().all(|x| x.is_finite()));
    // The way from 35 S 140 E to 10 N 20 E begins at 260.47 degrees.
    let rotated = out(&(step(3) + &step(4)));
    let (one, two) = (samples()[0][9], samples()[1][9]);
    let (sin, cos) = 15f64.to_radians().sin_cos();
    let (north, east) = (one * cos - two * sin, one * sin + two * cos);
    let (sin, cos) = 260.473_854_638_777_8_f64.to_radians().sin_cos();
    assert!((rotated[0][9] - (-north * cos - east * sin)).abs() < 1e-6);
    // Before the station was there, and without metadata.
    let pipeline = Pipeline::from_toml(&step(1)).unwrap();
    let early = pipeline.begin_channels(hundred(), &channels, UtcTime(0), &options);
    assert!(early.err().unwrap().to_string().starts_with("step 1 (remove-sensitivity): none of"));
    let line = pipeline.begin(hundred()).err().unwrap().to_string();
    assert!(line.contains("--stations"), "{line}");
}

#[test]
fn bad_values_have_one_clear_line_with_the_number_of_the_step() {
    let one = |body: &str| {
        let text = format!("[[step]]\nkind = \"integrate\"\n[[step]]\n{body}");
        let read = Pipeline::from_toml(&text).and_then(|p| p.begin(hundred()).map(|_| ()));
        let error = read.expect_err(body);
        assert_eq!(error.exit_code(), 2, "{body}");
        let line = error.to_string();
        assert!(line.starts_with("step 2 (") && !line.contains('\n'), "{line}");
        line
    };
    for (body, word) in [
        ("kind = \"bandpass\"\nlow = 1.0\nhigh = 80.0", "50 Hz"),
        ("kind = \"bandpass\"\nlow = 9.0\nhigh = 2.0", "lower edge first"),
        ("kind = \"bandpass\"\nlow = 1.0\nhigh = 9.0\ncorners = 99", "found 99"),
        ("kind = \"bandpass\"\nlow = 1.0", "missing field `high`"),
        ("kind = \"bandpass\"\nlow = 1.0\nhigh = 9.0\nhihg = 1", "unknown field `hihg`"),
        ("kind = \"highpass\"\nfrequency = nan", "found NaN"),
        ("kind = \"lowpass\"\nfrequency = -1.0", "found -1"),
        ("kind = \"decimate\"\nfactor = 0", "found 0"),
        ("kind = \"decimate\"\nfactor = 17", "found 17"),
        ("kind = \"decimate\"\nfactor = -2", "invalid value"),
        ("kind = \"taper\"\nfraction = 0.9", "found 0.9"),
        ("kind = \"detrend\"\nmethod = \"polynomial\"\norder = 99", "found 99"),
        ("kind = \"sosfiltfilt\"", "low, high or both"),
        ("kind = \"interpolate\"\nrate = 1e9", "a thousand times"),
        ("kind = \"resample-polyphase\"\nup = 0\ndown = 1", "found 0 up"),
        ("kind = \"sta-lta\"\nshort = 9.0\nlong = 1.0", "shorter than the long"),
        ("kind = \"standardise\"", "nothing is fitted"),
        ("kind = \"standardise\"\nfit_from = \"noon\"\nfit_until = \"later\"", "expected a time"),
        ("kind = \"rotate-ne-rt\"\nback_azimuth = 400.0", "found 400"),
        ("kind = \"rotate-ne-rt\"", "source = [latitude"),
        ("kind = \"rotate-ne-rt\"\nsource = [95.0, 0.0]", "no latitude"),
        ("kind = \"remove-response\"\ntaper = 3.0", "taper 3"),
        ("kind = \"remove-response\"\npre_filter = [4.0, 3.0, 2.0, 1.0]", "four rising"),
        ("kind = \"rotate-to-zne\"\nfrom = []", "found 0"),
        ("kind = \"sharpen\"", "unknown variant `sharpen`"),
    ] {
        let line = one(body);
        assert!(line.contains(word), "{line}");
    }
    for (text, word) in [("", "no steps"), ("[[stpe]]", "'stpe'"), ("[[step]\n", "line 1")] {
        let line = Pipeline::from_toml(text).unwrap_err().to_string();
        assert!(line.contains(word) && !line.contains('\n'), "{line}");
    }
}

#[test]
fn a_run_too_long_to_hold_is_refused_and_says_what_helps() {
    let pipeline = Pipeline::from_toml("[[step]]\nkind = \"detrend\"").unwrap();
    let options = RunOptions { most_held: 1000, ..RunOptions::default() };
    let channels = [StreamId::default()];
    let mut stream = pipeline.begin_channels(hundred(), &channels, UtcTime(0), &options).unwrap();
    stream.push(vec![vec![1.0; 1000]]).unwrap();
    let line = stream.push(vec![vec![1.0]]).unwrap_err().to_string();
    assert!(line.starts_with("step 1 (detrend): needs the whole") && line.contains("--hold"));
}

#[test]
fn a_forecaster_refuses_what_looks_ahead_by_name() {
    for pipeline in each() {
        let step = &pipeline.steps[0];
        let refusal = pipeline.require_causal();
        assert_eq!(refusal.is_ok(), step.is_causal(), "{}", step.kind());
        if let Err(refusal) = refusal {
            let line = refusal.to_string();
            let named = format!("step 1 ({}) looks into the future", step.kind());
            assert!(line.starts_with(&named), "{line}");
        }
    }
    let zero_phase = "[[step]]\nkind = \"sosfiltfilt\"\nlow = 1.0\nhigh = 2.0";
    let line = Pipeline::from_toml(zero_phase).unwrap().require_causal().unwrap_err().to_string();
    assert!(line.ends_with("causal steps only; use bandpass"), "{line}");
}
