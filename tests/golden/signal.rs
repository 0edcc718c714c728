//! The signal functions against SciPy and ObsPy (`golden/signal/signal.npz`), every array of it.
//! Printed: the largest difference of each step, relative to the largest absolute value.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;

use npyz::npz::NpzArchive;
use realfft::num_complex::Complex64;
use temblor::signal::steps::Pipeline;
use temblor::signal::{self, Band, Interpolation, Norm, Section, Segments, TaperShape, TaperSide};
use temblor::time::SampleRate;

use crate::shared;

struct Golden {
    archive: RefCell<NpzArchive<BufReader<File>>>,
    /// Arrays not looked at yet.
    left: RefCell<BTreeSet<String>>,
}

impl Golden {
    fn open() -> Option<Self> {
        let path = shared::path("golden/signal/signal.npz")?;
        let archive = NpzArchive::open(path).unwrap();
        let left = archive.array_names().map(str::to_string).collect();
        Some(Self { archive: RefCell::new(archive), left: RefCell::new(left) })
    }

    fn array(&self, name: &str) -> Vec<f64> {
        self.left.borrow_mut().remove(name);
        let mut archive = self.archive.borrow_mut();
        let array = archive.by_name(name).unwrap().unwrap_or_else(|| panic!("no array {name}"));
        let by_columns = array.order() == npyz::Order::Fortran;
        let shape: Vec<usize> = array.shape().iter().map(|&n| n as usize).collect();
        let by_rows = |index: usize| match shape[..] {
            [rows, columns] if by_columns => index / columns + index % columns * rows,
            _ => index,
        };
        if name.ends_with("_c") {
            let values: Vec<Complex64> = array.into_vec().unwrap();
            return (0..values.len())
                .map(|i| values[by_rows(i)])
                .flat_map(|c| [c.re, c.im])
                .collect();
        }
        let values: Vec<f64> = array.into_vec().unwrap();
        (0..values.len()).map(|i| values[by_rows(i)]).collect()
    }

    /// Prints and checks the largest difference relative to the largest absolute value.
    fn check(&self, name: &str, found: &[f64], limit: f64) {
        self.compare(name, found, &self.array(name), limit);
    }

    fn compare(&self, name: &str, found: &[f64], expected: &[f64], limit: f64) {
        let off = difference(found, expected);
        println!("{name:30} {off:9.1e}");
        assert!(off <= limit, "{name}: {off:e} is above {limit:e}");
    }
}

/// Largest difference relative to the largest absolute value of `expected`.
fn difference(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let worst = found.iter().zip(expected).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
    assert!(found.iter().chain(expected).all(|x| x.is_finite()));
    worst / scale
}

/// What the reference asks for unless it says otherwise.
const LIMIT: f64 = 1e-9;

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

fn hz(rate: f64) -> SampleRate {
    SampleRate::from_hz(rate).unwrap()
}

fn rate() -> SampleRate {
    hz(100.0)
}

fn flat(sections: &[Section]) -> Vec<f64> {
    sections.iter().flat_map(|s| [s.b[0], s.b[1], s.b[2], 1.0, s.a[0], s.a[1]]).collect()
}

/// The denominators in order of size: the poles, whatever the order of the sections.
fn denominators(sections: &[f64]) -> Vec<f64> {
    let mut pairs: Vec<[f64; 2]> =
        sections.as_chunks::<6>().0.iter().map(|s| [s[4], s[5]]).collect();
    pairs.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    pairs.concat()
}

fn butterworth_filters(golden: &Golden) {
    let noise = golden.array("noise");
    let frequencies = golden.array("absH_freqs");
    for (name, band, order) in DESIGNS {
        let sections = signal::butterworth(order, band, rate()).unwrap();
        let check = |what: &str, found: &[f64], limit: f64| {
            golden.check(&format!("{what}_{name}"), found, limit);
        };
        // The sections themselves agree too, so that they stand in the same order.
        check("sos", &flat(&sections), 1e-12);
        let theirs = denominators(&golden.array(&format!("sos_obspy_{name}")));
        golden.compare(
            &format!("sos_obspy_{name}: poles"),
            &denominators(&flat(&sections)),
            &theirs,
            1e-12,
        );
        check("sosfilt", &signal::sosfilt(&sections, &noise), LIMIT);
        check("obspy", &signal::sosfilt(&sections, &noise), LIMIT);
        check("sosfiltfilt", &signal::sosfiltfilt(&sections, &noise).unwrap(), LIMIT);
        let backward = signal::filter_forward_backward_zero_state(&sections, &noise);
        check("obspy_zerophase", &backward, LIMIT);
        check("zi", &signal::sosfilt_zi(&sections).concat(), LIMIT);
        let gains: Vec<f64> =
            frequencies.iter().map(|&f| signal::gain_at(&sections, f, rate())).collect();
        check("absH", &gains, LIMIT);
    }
}

fn conditioning(golden: &Golden) {
    let drift = golden.array("drift");
    let changed = |change: &dyn Fn(&mut Vec<f64>)| {
        let mut samples = drift.clone();
        change(&mut samples);
        samples
    };
    let demeaned = changed(&|x| signal::demean(x));
    golden.check("detrend_demean", &demeaned, LIMIT);
    golden.check("detrend_constant", &demeaned, LIMIT);
    golden.check("detrend_linear", &changed(&|x| signal::detrend_linear(x)), LIMIT);
    golden.check("detrend_simple", &changed(&|x| signal::detrend_simple(x)), LIMIT);
    golden.check("detrend_poly3", &changed(&|x| signal::detrend_polynomial(x, 3)), LIMIT);
    for (name, length, shape, side) in [
        ("cosine_5pct", 50, TaperShape::Cosine, TaperSide::Both),
        ("hann_5pct", 50, TaperShape::Hann, TaperSide::Both),
        ("hamming_5pct", 50, TaperShape::Hamming, TaperSide::Both),
        ("triang_5pct", 50, TaperShape::Triang, TaperSide::Both),
        ("cosine_left_5pct", 50, TaperShape::Cosine, TaperSide::Left),
        ("hann_maxlen_0p5s", 50, TaperShape::Hann, TaperSide::Both),
    ] {
        let mut ones = vec![1.0; 1000];
        signal::taper(&mut ones, length, shape, side);
        golden.check(&format!("taper_{name}"), &ones, LIMIT);
    }
}

fn resampling(golden: &Golden) {
    let event = golden.array("event");
    let fourier =
        |to: f64, hann: bool| signal::resample_fourier(&event, rate(), hz(to), hann).unwrap();
    golden.check("resample_fourier_40", &fourier(40.0, true), LIMIT);
    golden.check("resample_fourier_40_nowin", &fourier(40.0, false), LIMIT);
    golden.check("resample_fourier_125", &fourier(125.0, true), LIMIT);
    let polyphase = |up, down| signal::resample_polyphase(&event, up, down).unwrap();
    golden.check("resample_poly_2_5", &polyphase(2, 5), LIMIT);
    golden.check("resample_poly_5_4", &polyphase(5, 4), LIMIT);
    let every =
        |samples: &[f64], factor| -> Vec<f64> { samples.iter().step_by(factor).copied().collect() };
    let low_pass = signal::anti_alias_low_pass(10.0, rate()).unwrap();
    golden.check("decimate5_obspy", &every(&signal::sosfilt(&low_pass, &event), 5), LIMIT);
    golden.check("decimate5_obspy_nofilter", &every(&event, 5), 0.0);
    let low_pass = signal::chebyshev1_low_pass(8, 0.05, 10.0, rate()).unwrap();
    let filtered = signal::sosfiltfilt(&low_pass, &event).unwrap();
    golden.check("decimate4_scipy_iir", &every(&filtered, 4), LIMIT);
    let mut fir = Vec::new();
    let mut decimator = signal::PolyphaseResampler::decimator(4).unwrap();
    decimator.run(&event, &mut fir);
    decimator.finish(&mut fir);
    golden.check("decimate4_scipy_fir", &fir, LIMIT);
}

/// `numpy.linspace`.
fn linspace(start: f64, end: f64, number: usize) -> Vec<f64> {
    let step = (end - start) / (number - 1) as f64;
    let mut values: Vec<f64> = (0..number).map(|i| i as f64 * step + start).collect();
    values[number - 1] = end;
    values
}

/// ObsPy takes times as seconds since 1970, in doubles that are 2.4e-7 s apart. The formula is
/// compared at these rounded times, what we do at the exact ones.
fn interpolation(golden: &Golden) {
    let event = golden.array("event");
    let get = |i: i64| event.get(usize::try_from(i).ok()?).copied();
    let exact = |method| signal::interpolate(&event, method, rate(), hz(80.0)).unwrap();
    let lanczos = Interpolation::Lanczos(20);
    golden.check("interp_lanczos_80_a20", &exact(lanczos), LIMIT);

    let start = 1_577_836_800.0;
    let times = linspace(start, start + 0.01 * 3999.0, 4000);
    let at = linspace(start, start + 0.0125 * 3199.0, 3200);
    let linear: Vec<f64> = at
        .iter()
        .map(|&t| {
            let right = times.partition_point(|&x| x < t).clamp(1, 3999);
            let share = (t - times[right - 1]) / (times[right] - times[right - 1]);
            Interpolation::Linear.value(get, right as i64 - 1, share)
        })
        .collect();
    golden.check("interp_linear_80", &linear, LIMIT);
    let slopes = Interpolation::WeightedAverageSlopes;
    let rounded: Vec<f64> = at
        .iter()
        .map(|&t| {
            let position = (t - start) / 0.01;
            slopes.value(get, position.floor() as i64, position.fract())
        })
        .collect();
    golden.check("interp_wavg_80", &rounded, LIMIT);
    let linear = golden.array("interp_linear_80");
    golden.compare("interp_linear_80, exact times", &exact(Interpolation::Linear), &linear, 1e-4);
    let cubics = golden.array("interp_wavg_80");
    golden.compare("interp_wavg_80, exact times", &exact(slopes), &cubics, 1e-4);
}

fn calculus(golden: &Golden) {
    let event = golden.array("event");
    let mut integral = Vec::new();
    signal::TrapezoidIntegrator::new(0.01).run(&event, &mut integral);
    golden.check("integrate_cumtrapz", &integral, LIMIT);
    let spline = signal::integrate_spline(&event, 0.01).unwrap();
    golden.check("integrate_spline", &spline, LIMIT);
    golden.check("differentiate_gradient", &signal::gradient(&event, 0.01), LIMIT);
}

fn triggers(golden: &Golden) {
    let event = golden.array("event");
    let recursive = signal::recursive_sta_lta(&event, 50, 500);
    golden.check("recursive_sta_lta", &recursive, LIMIT);
    golden.check("recursive_sta_lta_py", &recursive, LIMIT);
    let classic = signal::classic_sta_lta(&event, 50, 500);
    golden.check("classic_sta_lta", &classic, LIMIT);
    golden.check("classic_sta_lta_py", &classic, LIMIT);
    golden.check("delayed_sta_lta", &signal::delayed_sta_lta(&event, 50, 500), LIMIT);
    let levels = signal::CarlLevels { ratio: 0.8, quiet: 0.8 };
    golden.check("carl_sta_trig", &signal::carl_sta_trig(&event, 50, 500, levels), LIMIT);
    golden.check("z_detect", &signal::z_detect(&event, 50), LIMIT);
    let onsets: Vec<f64> = signal::trigger_onset(&recursive, 3.5, 1.0)
        .into_iter()
        .flat_map(|(on, off)| [on as f64, off as f64])
        .collect();
    golden.check("trigger_onset_3p5_1p0", &onsets, 0.0);
    // The first and the last two values are fillers.
    let criterion = signal::aic(&event);
    golden.compare("aic_simple", &criterion[1..3998], &golden.array("aic_simple")[1..3998], LIMIT);
}

fn pickers(golden: &Golden) {
    let [z, n, e] = ["event", "event_n", "event_e"].map(|name| golden.array(name));
    let onsets = signal::ArPicker::default().pick(&z, [&n, &e], rate()).unwrap();
    let seconds = [onsets.p, onsets.s].map(|sample| sample.unwrap() as f64 / 100.0);
    // ObsPy gives single numbers.
    golden.check("ar_pick_p_s", &seconds, 1e-6);
    let baer = signal::BaerPicker {
        longest_drop: 20,
        least_length: 60,
        pick_level: 7.0,
        update_level: 12.0,
        noise: 100,
        amplitude: 100,
    };
    let single: Vec<f32> = z.iter().map(|&x| x as f32).collect();
    let pick = baer.pick(&single, 100.0).unwrap();
    let report = std::fs::read_to_string(shared::path("golden/signal/signal.json").unwrap());
    let report: serde_json::Value = serde_json::from_str(&report.unwrap()).unwrap();
    assert_eq!(report["pk_baer"]["onset_sample"], pick.sample + 1);
    assert_eq!(report["pk_baer"]["description"], pick.phase());
}

fn rotation(golden: &Golden) {
    let [z, n, e] = ["event", "event_n", "event_e"].map(|name| golden.array(name));
    let [radial, transverse] = signal::rotate_ne_rt(&n, &e, 37.5);
    golden.check("rt_from_ne_ba37p5_r", &radial, LIMIT);
    golden.check("rt_from_ne_ba37p5_t", &transverse, LIMIT);
    let lqt = signal::rotate([&z, &n, &e], &signal::lqt_matrix(37.5, 23.0));
    for (component, found) in ["l", "q", "t"].iter().zip(lqt) {
        golden.check(&format!("lqt_ba37p5_inc23_{component}"), &found, LIMIT);
    }
    let matrix = signal::zne_matrix([(0.0, -90.0), (15.0, 0.0), (105.0, 0.0)]).unwrap();
    let zne = signal::rotate([&z, &n, &e], &matrix);
    for (component, found) in ["z", "n", "e"].iter().zip(zne) {
        golden.check(&format!("z12_to_zne_azi15_{component}"), &found, LIMIT);
    }
}

/// `[segment][frequency]` as `[frequency][segment]`.
fn transposed<T: Copy>(values: &[Vec<T>]) -> Vec<T> {
    (0..values[0].len()).flat_map(|k| values.iter().map(move |row| row[k])).collect()
}

fn spectra(golden: &Golden) {
    let event = golden.array("event");
    let segments = Segments { length: 256, overlap: 128 };
    let powers = signal::spectrogram(&event, rate(), segments).unwrap();
    golden.check("spectrogram_f", &powers.frequencies, LIMIT);
    golden.check("spectrogram_t", &powers.times, LIMIT);
    golden.check("spectrogram_psd", &transposed(&powers.values), LIMIT);
    let short = signal::stft_zero_padded(&event, rate(), segments).unwrap();
    golden.check("stft_f", &short.frequencies, LIMIT);
    golden.check("stft_t", &short.times, LIMIT);
    let values: Vec<f64> =
        transposed(&short.values).into_iter().flat_map(|c| [c.re, c.im]).collect();
    golden.check("stft_c", &values, LIMIT);
    let segments = Segments { length: 512, overlap: 256 };
    let (frequencies, density) = signal::welch(&event, rate(), segments).unwrap();
    golden.check("welch_f", &frequencies, LIMIT);
    golden.check("welch_psd", &density, LIMIT);
    let how = signal::Whitening { low: 1.0, high: 20.0, bins: 1, taper: 0.1 };
    golden.check("whiten_1_20", &signal::whiten(&event, rate(), &how).unwrap(), LIMIT);
    let how = signal::Whitening { bins: 41, ..how };
    golden.check("whiten_smooth41_1_20", &signal::whiten(&event, rate(), &how).unwrap(), LIMIT);
    golden.check("envelope", &signal::envelope(&event).unwrap(), LIMIT);
    let rolled: Vec<f64> = (0..4000).map(|i| event[(i + 4000 - 7) % 4000]).collect();
    let correlation = signal::correlate(&event, &rolled, 50).unwrap();
    golden.check("xcorr_norm_shift50", &correlation, LIMIT);
}

/// The same through pipelines, in pieces: what is written in a file of steps is what is compared.
fn steps(golden: &Golden) {
    for (name, input, step) in [
        ("sosfilt_bp_2_5", "noise", "kind = 'bandpass', low = 2, high = 5"),
        ("sosfiltfilt_lp_40_o8", "noise", "kind = 'sosfiltfilt', high = 40, corners = 8"),
        ("obspy_zerophase_hp_1", "noise", "kind = 'obspy-zerophase', low = 1"),
        ("detrend_poly3", "drift", "kind = 'detrend', method = 'polynomial', order = 3"),
        ("detrend_demean", "drift", "kind = 'demean'"),
        ("decimate5_obspy", "event", "kind = 'decimate', factor = 5"),
        ("decimate5_obspy_nofilter", "event", "kind = 'decimate', factor = 5, filter = 'none'"),
        ("decimate4_scipy_iir", "event", "kind = 'decimate', factor = 4, filter = 'chebyshev1'"),
        ("decimate4_scipy_fir", "event", "kind = 'decimate', factor = 4, filter = 'fir'"),
        ("resample_fourier_40", "event", "kind = 'resample-fourier', rate = 40"),
        ("resample_poly_2_5", "event", "kind = 'resample-polyphase', up = 2, down = 5"),
        ("interp_lanczos_80_a20", "event", "kind = 'interpolate', rate = 80, method = 'lanczos'"),
        ("integrate_cumtrapz", "event", "kind = 'integrate'"),
        ("integrate_spline", "event", "kind = 'integrate', method = 'spline'"),
        ("differentiate_gradient", "event", "kind = 'differentiate'"),
        ("recursive_sta_lta", "event", "kind = 'sta-lta', short = 0.5, long = 5"),
        ("classic_sta_lta", "event", "kind = 'sta-lta', short = 0.5, long = 5, method = 'classic'"),
        ("delayed_sta_lta", "event", "kind = 'sta-lta', short = 0.5, long = 5, method = 'delayed'"),
        ("carl_sta_trig", "event", "kind = 'sta-lta', short = 0.5, long = 5, method = 'carl'"),
        ("z_detect", "event", "kind = 'z-detect', window = 0.5"),
        ("whiten_1_20", "event", "kind = 'whiten', low = 1, high = 20"),
        ("whiten_smooth41_1_20", "event", "kind = 'whiten', low = 1, high = 20, bins = 41"),
        ("envelope", "event", "kind = 'envelope'"),
    ] {
        let pipeline = Pipeline::from_toml(&format!("step = [{{ {step} }}]")).unwrap();
        let mut stream = pipeline.begin(rate()).unwrap();
        let mut found = Vec::new();
        for piece in golden.array(input).chunks(999) {
            found.extend(stream.push(piece).unwrap());
        }
        found.extend(stream.finish().unwrap());
        golden.compare(&format!("step: {step}"), &found, &golden.array(name), LIMIT);
    }
}

#[test]
fn every_array_is_met() {
    let Some(golden) = Golden::open() else { return };
    butterworth_filters(&golden);
    conditioning(&golden);
    resampling(&golden);
    interpolation(&golden);
    calculus(&golden);
    triggers(&golden);
    rotation(&golden);
    spectra(&golden);
    steps(&golden);
    pickers(&golden);
    let left: Vec<String> = golden.left.borrow().iter().cloned().collect();
    assert!(left.is_empty(), "not compared: {left:?}");
    // Norms are defined, not measured: the mean goes, the largest value becomes 1.
    let mut event = golden.array("event");
    signal::normalise(&mut event, Norm::Peak, 0.0);
    assert_eq!(event.iter().fold(0.0f64, |m, x| m.max(x.abs())), 1.0);
}
