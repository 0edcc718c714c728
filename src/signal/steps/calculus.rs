//! Integration and differentiation in time.

use serde::{Deserialize, Serialize};

use super::registry::Settings;
use super::stage::{Begun, Context, Nature};
use crate::error::Result;
use crate::signal::{Gradient, TrapezoidIntegrator, integrate_spline};

/// How areas are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IntegrationMethod {
    /// Cumulative trapezoid rule (`cumtrapz` of ObsPy).
    #[default]
    Trapezoid,
    /// Cubic spline through the whole run (`spline` of ObsPy).
    Spline,
}

/// Integrates; the first value is 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Integrate {
    /// How areas are found.
    #[serde(default)]
    pub method: IntegrationMethod,
}

impl Settings for Integrate {
    fn nature(&self) -> Nature {
        match self.method {
            IntegrationMethod::Trapezoid => Nature::CAUSAL,
            IntegrationMethod::Spline => Nature::WHOLE_RUN,
        }
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        let interval = 1.0 / context.rate.hz();
        Ok(match self.method {
            IntegrationMethod::Trapezoid => {
                let mut integral = TrapezoidIntegrator::new(interval);
                Begun::in_place(context, move |samples| {
                    samples.iter_mut().for_each(|x| *x = integral.next(*x));
                })
            }
            IntegrationMethod::Spline => {
                Begun::whole_run(context, move |samples| integrate_spline(&samples, interval))
            }
        })
    }

    fn causal_instead(&self) -> &'static str {
        "method = \"trapezoid\""
    }
}

/// Differentiates by central differences, one-sided at the ends (`gradient` of ObsPy): each value
/// needs the next sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Differentiate {}

impl Settings for Differentiate {
    fn nature(&self) -> Nature {
        Nature::LOOKS_AHEAD
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        Ok(Begun::lagging(Gradient::new(1.0 / context.rate.hz()), context.rate))
    }
}
