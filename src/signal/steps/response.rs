//! Counts to ground motion, by the instrument response in the station metadata.

use serde::{Deserialize, Serialize};

use super::registry::Settings;
use super::stage::{Begun, Context, Nature};
use crate::error::{Error, Result};
use crate::read::response::Response;
use crate::signal::{GroundMotion, RemovalSettings, remove_response, remove_sensitivity};

/// The response of the channel that holds at the beginning of the run.
fn response(context: &Context<'_>) -> Result<Response> {
    context.epoch()?.response.clone().ok_or_else(|| {
        Error::data(format!("the station metadata state no response of {}", context.channel))
    })
}

/// Divides by the overall sensitivity of the instrument, whatever the frequency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveSensitivity {}

impl Settings for RemoveSensitivity {
    fn nature(&self) -> Nature {
        Nature::CAUSAL
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        let response = response(context)?;
        // Whatever is wrong with it is wrong from the beginning.
        remove_sensitivity(&mut [], &response)?;
        Ok(Begun::in_place(context, move |samples| {
            let _ = remove_sensitivity(samples, &response);
        }))
    }
}

/// How far the response may fall below its maximum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum WaterLevel {
    /// By this many decibels.
    Decibels(f64),
    /// `"none"`: as far as it does.
    Name(NoWaterLevel),
}

/// No limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoWaterLevel {
    /// No limit.
    None,
}

/// Divides by the full response of the instrument in the frequency domain
/// (`Trace.remove_response` of ObsPy).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoveResponse {
    /// What comes out.
    pub output: GroundMotion,
    /// Decibels below the maximum of the response at which it is held, or "none".
    pub water_level: WaterLevel,
    /// Four frequencies in Hz: cosine flanks rise from the first to the second and fall from the
    /// third to the fourth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_filter: Option<[f64; 4]>,
    /// Whether the mean is subtracted first.
    pub zero_mean: bool,
    /// Share of the run, both ends together, under a cosine taper beforehand; 0 for none.
    pub taper: f64,
}

impl Default for RemoveResponse {
    fn default() -> Self {
        let RemovalSettings { output, water_level, pre_filter, zero_mean, taper } =
            RemovalSettings::default();
        let water_level =
            water_level.map_or(WaterLevel::Name(NoWaterLevel::None), WaterLevel::Decibels);
        Self { output, water_level, pre_filter, zero_mean, taper }
    }
}

impl RemoveResponse {
    fn removal(&self) -> RemovalSettings {
        RemovalSettings {
            output: self.output,
            water_level: match self.water_level {
                WaterLevel::Decibels(level) => Some(level),
                WaterLevel::Name(NoWaterLevel::None) => None,
            },
            pre_filter: self.pre_filter,
            zero_mean: self.zero_mean,
            taper: self.taper,
        }
    }
}

impl Settings for RemoveResponse {
    fn nature(&self) -> Nature {
        Nature::WHOLE_RUN
    }

    fn check(&self) -> Result<()> {
        self.removal().check()
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        let (rate, response, settings) = (context.rate, response(context)?, self.removal());
        Ok(Begun::whole_run(context, move |mut samples| {
            remove_response(&mut samples, rate, &response, &settings)?;
            Ok(samples)
        }))
    }

    fn causal_instead(&self) -> &'static str {
        "remove-sensitivity"
    }
}
