//! Whitening.

use serde::{Deserialize, Serialize};

use super::registry::Settings;
use super::stage::{Begun, Context, Nature};
use crate::error::{Error, Result};
use crate::signal::{self, Whitening};

/// Gives all frequencies of a band the same amplitude, and others none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whiten {
    /// Lower edge, Hz.
    pub low: f64,
    /// Upper edge, Hz.
    pub high: f64,
    /// Bins of the running mean of the amplitude by which it is divided, odd; 1 for each by itself.
    #[serde(default = "one")]
    pub bins: usize,
    /// Share of the run under a Tukey taper beforehand.
    #[serde(default = "tenth")]
    pub taper: f64,
}

fn one() -> usize {
    1
}

fn tenth() -> f64 {
    0.1
}

impl Whiten {
    fn whitening(&self) -> Whitening {
        Whitening { low: self.low, high: self.high, bins: self.bins, taper: self.taper }
    }
}

impl Settings for Whiten {
    fn nature(&self) -> Nature {
        Nature::WHOLE_RUN
    }

    fn check(&self) -> Result<()> {
        if !(0.0..=1.0).contains(&self.taper) {
            return Err(Error::usage(format!("taper lies between 0 and 1, found {}", self.taper)));
        }
        let rate = crate::time::SampleRate::from_ratio(1, 1);
        rate.map_or(Ok(()), |rate| signal::whiten(&[], rate, &self.whitening()).map(|_| ()))
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        let (rate, how) = (context.rate, self.whitening());
        if how.low >= rate.hz() / 2.0 {
            return Err(Error::usage(format!(
                "the band begins at {} Hz, not below half the sampling rate, {} Hz",
                how.low,
                rate.hz() / 2.0
            )));
        }
        Ok(Begun::whole_run(context, move |samples| signal::whiten(&samples, rate, &how)))
    }
}
