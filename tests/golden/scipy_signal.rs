//! Filters and triggers against SciPy and ObsPy (`golden/signal/signal.npz`).

use std::fs::File;
use std::io::BufReader;

use npyz::npz::NpzArchive;
use temblor::signal::{self, Band, Section};
use temblor::time::SampleRate;

use crate::shared;

struct Golden(NpzArchive<BufReader<File>>);

impl Golden {
    fn open() -> Option<Self> {
        let path = shared::path("golden/signal/signal.npz")?;
        Some(Self(NpzArchive::open(path).unwrap()))
    }

    fn array(&mut self, name: &str) -> Vec<f64> {
        let array = self.0.by_name(name).unwrap().unwrap_or_else(|| panic!("no array {name}"));
        array.into_vec().unwrap()
    }
}

/// Largest difference relative to the largest absolute value of `expected`.
fn difference(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let worst = found.iter().zip(expected).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
    assert!(worst.is_finite());
    worst / scale
}

const DESIGNS: [(&str, Band, usize); 10] = [
    ("lp_10", Band::LowPass(10.0), 4),
    ("lp_0p1", Band::LowPass(0.1), 4),
    ("lp_40_o8", Band::LowPass(40.0), 8),
    ("hp_1", Band::HighPass(1.0), 4),
    ("hp_0p01", Band::HighPass(0.01), 4),
    ("hp_0p5_o2", Band::HighPass(0.5), 2),
    ("bp_2_5", Band::BandPass(2.0, 5.0), 4),
    ("bp_0p01_0p1", Band::BandPass(0.01, 0.1), 4),
    ("bp_1_20_o3", Band::BandPass(1.0, 20.0), 3),
    ("bp_4p5_8", Band::BandPass(4.5, 8.0), 4),
];

fn rate() -> SampleRate {
    SampleRate::from_hz(100.0).unwrap()
}

fn flat(sections: &[Section]) -> Vec<f64> {
    sections.iter().flat_map(|s| [s.b[0], s.b[1], s.b[2], 1.0, s.a[0], s.a[1]]).collect()
}

#[test]
fn butterworth_filters_equal_scipy_and_obspy() {
    let Some(mut golden) = Golden::open() else { return };
    let noise = golden.array("noise");
    let frequencies = golden.array("absH_freqs");
    for (name, band, order) in DESIGNS {
        let sections = signal::butterworth(order, band, rate()).unwrap();
        let mut check = |what: &str, found: &[f64], limit: f64| {
            let off = difference(found, &golden.array(&format!("{what}_{name}")));
            assert!(off <= limit, "{what}_{name}: {off:e}");
        };
        // The sections themselves agree too, so that they stand in the same order.
        check("sos", &flat(&sections), 1e-12);
        check("sosfilt", &signal::sosfilt(&sections, &noise), 1e-9);
        check("obspy", &signal::sosfilt(&sections, &noise), 1e-9);
        check("sosfiltfilt", &signal::sosfiltfilt(&sections, &noise).unwrap(), 1e-9);
        let backward = signal::filter_forward_backward_zero_state(&sections, &noise);
        check("obspy_zerophase", &backward, 1e-9);
        check("zi", &signal::sosfilt_zi(&sections).concat(), 1e-9);
        let gains: Vec<f64> =
            frequencies.iter().map(|&f| signal::gain_at(&sections, f, rate())).collect();
        check("absH", &gains, 1e-9);
    }
}

#[test]
fn triggers_equal_obspy() {
    let Some(mut golden) = Golden::open() else { return };
    let event = golden.array("event");
    let recursive = signal::recursive_sta_lta(&event, 50, 500);
    assert!(difference(&recursive, &golden.array("recursive_sta_lta")) < 1e-9);
    let classic = signal::classic_sta_lta(&event, 50, 500);
    assert!(difference(&classic, &golden.array("classic_sta_lta")) < 1e-9);
    let onsets: Vec<f64> = signal::trigger_onset(&recursive, 3.5, 1.0)
        .into_iter()
        .flat_map(|(on, off)| [on as f64, off as f64])
        .collect();
    assert_eq!(onsets, golden.array("trigger_onset_3p5_1p0"));
}

#[test]
fn trapezoid_integration_equals_obspy() {
    let Some(mut golden) = Golden::open() else { return };
    let mut integral = Vec::new();
    signal::TrapezoidIntegrator::new(0.01).run(&golden.array("event"), &mut integral);
    assert!(difference(&integral, &golden.array("integrate_cumtrapz")) < 1e-12);
}
