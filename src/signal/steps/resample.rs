//! Resampling.

use serde::{Deserialize, Serialize};

use super::registry::Settings;
use super::stage::{Begun, Context, Nature, scaled};
use crate::error::{Error, Result};
use crate::signal::{self, PolyphaseResampler};
use crate::time::SampleRate;

/// A rate in Hz as the settings give it: 33.3 is 333/10, not the binary number nearest to it.
pub(super) fn wanted_rate(hz: f64) -> Result<SampleRate> {
    let decimal = (0..=6).map(|digits| 10u64.pow(digits)).find_map(|denominator| {
        let numerator = (hz * denominator as f64).round();
        let exact = (1.0..1e15).contains(&numerator) && numerator / denominator as f64 == hz;
        exact.then(|| SampleRate::from_ratio(numerator as u64, denominator)).flatten()
    });
    let in_range = |rate: &SampleRate| SampleRate::from_hz(rate.hz()).is_some();
    decimal
        .filter(in_range)
        .or_else(|| SampleRate::from_hz(hz))
        .ok_or_else(|| Error::usage(format!("a rate is a positive number of Hz, found {hz}")))
}

/// What lies over the spectrum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpectralWindow {
    /// Hann: weakens high frequencies long before the new half rate.
    #[default]
    Hann,
    /// Nothing.
    None,
}

/// Another rate through the spectrum of the whole run (`Trace.resample` of ObsPy).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResampleFourier {
    /// The new rate, Hz.
    pub rate: f64,
    /// What lies over the spectrum.
    #[serde(default)]
    pub window: SpectralWindow,
}

impl Settings for ResampleFourier {
    fn nature(&self) -> Nature {
        Nature::WHOLE_RUN
    }

    fn check(&self) -> Result<()> {
        wanted_rate(self.rate).map(|_| ())
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        let (from, to) = (context.rate, wanted_rate(self.rate)?);
        let hann = self.window == SpectralWindow::Hann;
        let most = context.options.most_held as f64;
        Ok(Begun::whole_run_to(context, to, move |samples| {
            if samples.len() as f64 * (to.hz() / from.hz()) > most {
                let text = format!("{to} would give more than {most} samples at once");
                return Err(Error::data(text));
            }
            signal::resample_fourier(&samples, from, to, hann)
        }))
    }

    fn causal_instead(&self) -> &'static str {
        "decimate"
    }
}

/// Another rate through a symmetric FIR filter, Kaiser window (`scipy.signal.resample_poly`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResamplePolyphase {
    /// The new rate is the old one times `up` …
    pub up: u64,
    /// … over `down`.
    pub down: u64,
}

impl Settings for ResamplePolyphase {
    fn nature(&self) -> Nature {
        Nature::LOOKS_AHEAD
    }

    fn check(&self) -> Result<()> {
        PolyphaseResampler::new(self.up, self.down).map(|_| ())
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        let rate = scaled(context.rate, self.up, self.down)?;
        Ok(Begun::lagging(PolyphaseResampler::new(self.up, self.down)?, rate))
    }

    fn causal_instead(&self) -> &'static str {
        "decimate"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_what_was_written() {
        for (hz, ratio) in
            [(100.0, (100, 1)), (33.3, (333, 10)), (99.99971, (9_999_971, 100_000)), (0.25, (1, 4))]
        {
            assert_eq!(wanted_rate(hz).unwrap().ratio(), ratio);
        }
        let third = wanted_rate(100.0 / 3.0).unwrap();
        assert!((third.hz() - 100.0 / 3.0).abs() < 1e-8);
        for hz in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e12, 1e-12] {
            assert!(wanted_rate(hz).is_err(), "{hz}");
        }
    }
}
