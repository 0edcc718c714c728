//! Tapering.

use serde::{Deserialize, Serialize};

use super::registry::Settings;
use super::stage::{Begun, Context, Nature};
use crate::error::{Error, Result};
use crate::signal::{self, TaperShape, TaperSide};

/// Fades a run in and out (`Trace.taper` of ObsPy).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaperStep {
    /// Share of the run tapered at one end, 0 to 0.5.
    #[serde(default = "default_fraction")]
    pub fraction: f64,
    /// The curve.
    #[serde(default)]
    pub shape: TaperShape,
    /// At most so many seconds at one end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<f64>,
    /// Which ends.
    #[serde(default)]
    pub side: TaperSide,
}

fn default_fraction() -> f64 {
    0.05
}

impl Default for TaperStep {
    fn default() -> Self {
        Self {
            fraction: default_fraction(),
            shape: TaperShape::default(),
            max_length: None,
            side: TaperSide::default(),
        }
    }
}

impl Settings for TaperStep {
    fn nature(&self) -> Nature {
        Nature::WHOLE_RUN
    }

    fn check(&self) -> Result<()> {
        if !(0.0..=0.5).contains(&self.fraction) {
            return Err(Error::usage(format!(
                "the share tapered at one end (fraction) lies between 0 and 0.5, found {}",
                self.fraction
            )));
        }
        match self.max_length {
            Some(seconds) if !(seconds >= 0.0 && seconds.is_finite()) => {
                let text = format!("max_length is a number of seconds, found {seconds}");
                Err(Error::usage(text))
            }
            _ => Ok(()),
        }
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        let (fraction, shape, side) = (self.fraction, self.shape, self.side);
        let longest = self.max_length.map_or(usize::MAX, |s| (s * context.rate.hz()) as usize);
        Ok(Begun::whole_run(context, move |mut samples| {
            let length = ((fraction * samples.len() as f64) as usize).min(longest);
            signal::taper(&mut samples, length, shape, side);
            Ok(samples)
        }))
    }
}
