//! Resampling.

use serde::{Deserialize, Serialize};

use super::registry::Settings;
use super::stage::{Begun, Context, Nature, scaled};
use crate::error::{Error, Result};
use crate::signal::{self, PolyphaseResampler};
use crate::time::SampleRate;

/// A rate in Hz as the settings give it.
pub(super) fn wanted_rate(hz: f64) -> Result<SampleRate> {
    SampleRate::from_hz(hz)
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
