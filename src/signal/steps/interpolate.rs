//! Interpolation.

use serde::{Deserialize, Serialize};

use super::registry::Settings;
use super::resample::wanted_rate;
use super::stage::{Begun, Context, Nature};
use crate::error::{Error, Result};
use crate::signal::{Interpolation, Interpolator};

/// How values between samples are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InterpolationMethod {
    /// Straight lines.
    Linear,
    /// A tapered sinc of half width `width`.
    Lanczos,
    /// Cubics without new extrema.
    #[default]
    WeightedAverageSlopes,
}

/// Another rate by interpolation, without an anti-alias filter (`Trace.interpolate` of ObsPy).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InterpolateStep {
    /// The new rate, Hz.
    pub rate: f64,
    /// How values are made.
    #[serde(default)]
    pub method: InterpolationMethod,
    /// Half width of the Lanczos kernel in samples, 1 to 1000.
    #[serde(default = "default_width")]
    pub width: usize,
}

fn default_width() -> usize {
    20
}

impl InterpolateStep {
    fn interpolation(&self) -> Interpolation {
        match self.method {
            InterpolationMethod::Linear => Interpolation::Linear,
            InterpolationMethod::Lanczos => Interpolation::Lanczos(self.width),
            InterpolationMethod::WeightedAverageSlopes => Interpolation::WeightedAverageSlopes,
        }
    }
}

impl Settings for InterpolateStep {
    fn nature(&self) -> Nature {
        Nature::LOOKS_AHEAD
    }

    fn check(&self) -> Result<()> {
        let rate = wanted_rate(self.rate)?;
        Interpolator::new(self.interpolation(), rate, rate).map(|_| ())
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        let rate = wanted_rate(self.rate)?;
        if rate.hz() > 1000.0 * context.rate.hz() {
            return Err(Error::usage(format!(
                "{rate} is more than a thousand times the rate of the data, {}",
                context.rate
            )));
        }
        Ok(Begun::lagging(Interpolator::new(self.interpolation(), context.rate, rate)?, rate))
    }

    fn causal_instead(&self) -> &'static str {
        "decimate"
    }
}
