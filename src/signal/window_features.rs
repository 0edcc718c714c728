//! Ten hand-made features of a short event window: the floor under every network that classifies.

use super::activity::SpectralShape;
use super::butterworth::{Band, butterworth};
use super::sections::SosFilter;
use super::spectrum::Periodogram;
use super::trigger::recursive_sta_lta;
use crate::error::{Error, Result};
use crate::time::SampleRate;

/// The band of event windows in Hz.
pub const EVENT_BAND: (f64, f64) = (1.0, 15.0);

/// Names of the features, in the order of [`window_features`].
pub const WINDOW_FEATURES: [&str; 10] = [
    "crest",
    "log_kurtosis",
    "env_skew",
    "centroid",
    "bandwidth",
    "peak_freq",
    "entropy",
    "log_ratio_1_5_5_15",
    "duration_frac",
    "max_sta_lta",
];

/// Makes an event window ready for a classifier: mean removed, causal Butterworth band-pass
/// 1–15 Hz of order 4, the first `dropped` seconds (the start of the filter) left out, divided
/// by the standard deviation. Amplitude is gone on purpose.
///
/// # Errors
/// `Usage` if the rate is 30 Hz or less; `Data` if nothing is left after `dropped` seconds.
pub fn prepare_window(samples: &[f64], rate: SampleRate, dropped: f64) -> Result<Vec<f64>> {
    let skip = (dropped.max(0.0) * rate.hz()).round() as usize;
    if samples.len() <= skip {
        return Err(Error::data(format!(
            "a window of {} samples is not longer than the {skip} that are dropped at its start",
            samples.len()
        )));
    }
    let centre = mean(samples);
    let mut out: Vec<f64> = samples.iter().map(|x| x - centre).collect();
    let sections = butterworth(4, Band::BandPass(EVENT_BAND.0, EVENT_BAND.1), rate)?;
    SosFilter::new(&sections).run(&mut out);
    out.drain(..skip);
    let deviation = moments(&out).deviation.max(1e-20);
    out.iter_mut().for_each(|x| *x /= deviation);
    Ok(out)
}

/// The ten features of a window made by [`prepare_window`], in the order of
/// [`WINDOW_FEATURES`]: crest factor; ln kurtosis (Gaussian: ln 3); skewness of the 1 s moving
/// average of |x|; centroid, bandwidth and peak frequency (Hz) and entropy of the Hann
/// periodogram in 1–15 Hz; ln energy ratio (1–5)/(5–15) Hz; fraction of that moving average above
/// 0.2 of its maximum; largest recursive STA/LTA (1 s / 10 s).
///
/// # Errors
/// `Data` if the window is not longer than 10 s or has no energy.
pub fn window_features(window: &[f64], rate: SampleRate) -> Result<[f64; 10]> {
    let (short, long) = (rate.hz().round() as usize, (10.0 * rate.hz()).round() as usize);
    if window.len() <= long {
        return Err(Error::data(format!(
            "window features need more than 10 s ({long} samples), found {} samples",
            window.len()
        )));
    }
    let Moments { deviation, kurtosis, .. } = moments(window);
    let envelope = moving_average_of_abs(window, short);
    let largest = envelope.iter().copied().fold(0.0, f64::max);
    let above = envelope.iter().filter(|e| **e > 0.2 * largest).count();
    let power = Periodogram::new(window.len()).power(window.iter().copied()).unwrap_or_default();
    let resolution = rate.hz() / window.len() as f64;
    let shape = SpectralShape::of(&power, resolution, EVENT_BAND.0, EVENT_BAND.1);
    let energy = |inside: &dyn Fn(f64) -> bool| -> f64 {
        let bins = power.iter().enumerate().map(|(k, p)| (k as f64 * resolution, p));
        bins.filter(|(f, _)| inside(*f)).map(|(_, p)| p).sum()
    };
    let low = energy(&|f| (EVENT_BAND.0..5.0).contains(&f));
    let high = energy(&|f| (5.0..=EVENT_BAND.1).contains(&f));
    let ratio = recursive_sta_lta(window, short, long);
    let features = [
        window.iter().fold(0.0f64, |m, x| m.max(x.abs())) / deviation,
        kurtosis.ln(),
        moments(&envelope).skewness,
        shape.centroid,
        shape.bandwidth,
        shape.peak,
        shape.entropy,
        (low / high).ln(),
        above as f64 / envelope.len() as f64,
        ratio[long..].iter().copied().fold(0.0, f64::max),
    ];
    if features.iter().all(|x| x.is_finite()) {
        Ok(features)
    } else {
        Err(Error::data("a window without energy in 1 to 15 Hz, or with a non-finite sample"))
    }
}

/// Population moments: standard deviation, skewness, kurtosis (Gaussian 3).
struct Moments {
    deviation: f64,
    skewness: f64,
    kurtosis: f64,
}

fn moments(values: &[f64]) -> Moments {
    let centre = mean(values);
    let central =
        |power| values.iter().map(|x| (x - centre).powi(power)).sum::<f64>() / values.len() as f64;
    let variance = central(2);
    Moments {
        deviation: variance.sqrt(),
        skewness: central(3) / variance.powf(1.5),
        kurtosis: central(4) / (variance * variance),
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Mean of |x| over `length` samples, only where all of them exist.
fn moving_average_of_abs(values: &[f64], length: usize) -> Vec<f64> {
    let length = length.max(1);
    values.windows(length).map(|w| w.iter().map(|x| x.abs()).sum::<f64>() / length as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate() -> SampleRate {
        SampleRate::from_hz(40.0).unwrap()
    }

    /// 1800 samples of a decaying wave train on a deterministic background.
    fn window() -> Vec<f64> {
        (0..1800)
            .map(|i| {
                let t = f64::from(i) / 40.0;
                let background = (f64::from(i * i % 101) - 50.0) / 100.0 + 0.3 * (7.0 * t).sin();
                let event = if i < 600 { 0.0 } else { 20.0 * (-(t - 15.0) / 4.0).exp() };
                1000.0 + background + event * (25.0 * (t - 15.0)).sin()
            })
            .collect()
    }

    /// Reference values computed with NumPy 2.4.6, SciPy 1.17.1 and ObsPy 1.5.1 from the same
    /// formula for the window (butter, sosfilt, kurtosis, skew, hanning, recursive_sta_lta).
    #[test]
    fn features_equal_scipy() {
        let expected = [
            6.700_723_126_029_498,
            2.751_968_145_778_484,
            2.452_879_543_596_751_4,
            3.980_409_958_225_246,
            0.483_131_750_746_798_1,
            3.976_190_476_190_476,
            0.432_731_215_192_370_5,
            4.810_366_585_748_635,
            0.173_065_204_143_814_74,
            9.474_360_573_372_483,
        ];
        let prepared = prepare_window(&window(), rate(), 3.0).unwrap();
        assert_eq!(prepared.len(), 1680);
        let found = window_features(&prepared, rate()).unwrap();
        for ((name, found), expected) in WINDOW_FEATURES.iter().zip(found).zip(expected) {
            assert!((found - expected).abs() < 1e-9 * f64::abs(expected), "{name}: {found}");
        }
    }

    #[test]
    fn dead_short_and_broken_windows_are_refused() {
        let dead = prepare_window(&[5.0; 1800], rate(), 3.0).unwrap();
        assert!(window_features(&dead, rate()).is_err());
        assert!(prepare_window(&[1.0; 120], rate(), 3.0).is_err());
        assert!(prepare_window(&[], rate(), 0.0).is_err());
        assert!(window_features(&[1.0; 400], rate()).is_err());
        let mut broken = window();
        broken[900] = f64::NAN;
        let prepared = prepare_window(&broken, rate(), 3.0).unwrap();
        assert!(window_features(&prepared, rate()).is_err());
    }
}
