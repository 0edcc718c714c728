//! Characteristic functions.

use serde::{Deserialize, Serialize};

use super::registry::Settings;
use super::stage::{Begun, Context, Nature, samples_in};
use crate::error::{Error, Result};
use crate::signal::{self, CarlLevels, ClassicStaLta, RecursiveStaLta};

/// Which averages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StaLtaMethod {
    /// Averages that forget exponentially.
    #[default]
    Recursive,
    /// Plain averages that both end at the present sample.
    Classic,
    /// Ever growing sums, the long one delayed.
    Delayed,
    /// Carl Johnson's trigger.
    Carl,
}

/// Short-term over long-term average (ObsPy's functions of the methods' names).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaLta {
    /// Short window, seconds.
    pub short: f64,
    /// Long window, seconds.
    pub long: f64,
    /// Which averages.
    #[serde(default)]
    pub method: StaLtaMethod,
    /// Of Carl's trigger: the smaller, the more sensitive.
    #[serde(default = "default_level")]
    pub ratio: f64,
    /// Likewise, in the unit of the samples.
    #[serde(default = "default_level")]
    pub quiet: f64,
}

fn default_level() -> f64 {
    0.8
}

impl Settings for StaLta {
    fn nature(&self) -> Nature {
        match self.method {
            StaLtaMethod::Recursive | StaLtaMethod::Classic => Nature::CAUSAL,
            // Begins with samples from the end of the trace, as ObsPy's does.
            StaLtaMethod::Delayed => Nature::WHOLE_RUN,
            StaLtaMethod::Carl => Nature { causal: true, streams: false },
        }
    }

    fn check(&self) -> Result<()> {
        if self.short > 0.0 && self.long > self.short && self.long.is_finite() {
            return Ok(());
        }
        Err(Error::usage(format!(
            "the short window must be positive and shorter than the long one, found {} s and {} s",
            self.short, self.long
        )))
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        let nsta = samples_in(self.short, context.rate, "a short window")?;
        let nlta = samples_in(self.long, context.rate, "a long window")?;
        let levels = CarlLevels { ratio: self.ratio, quiet: self.quiet };
        Ok(match self.method {
            StaLtaMethod::Recursive => {
                let mut ratio = RecursiveStaLta::new(nsta, nlta);
                Begun::in_place(context, move |x| x.iter_mut().for_each(|x| *x = ratio.next(*x)))
            }
            StaLtaMethod::Classic => {
                let mut ratio = ClassicStaLta::new(nsta, nlta);
                Begun::in_place(context, move |x| x.iter_mut().for_each(|x| *x = ratio.next(*x)))
            }
            StaLtaMethod::Delayed => {
                Begun::whole_run(context, move |x| Ok(signal::delayed_sta_lta(&x, nsta, nlta)))
            }
            StaLtaMethod::Carl => Begun::whole_run(context, move |x| {
                Ok(signal::carl_sta_trig(&x, nsta, nlta, levels))
            }),
        })
    }

    fn causal_instead(&self) -> &'static str {
        "method = \"recursive\""
    }
}

/// The Z-detector over the whole run (`z_detect` of ObsPy).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZDetect {
    /// Seconds of energy before each sample.
    pub window: f64,
}

impl Settings for ZDetect {
    fn nature(&self) -> Nature {
        Nature::WHOLE_RUN
    }

    fn check(&self) -> Result<()> {
        if self.window > 0.0 && self.window.is_finite() {
            return Ok(());
        }
        Err(Error::usage(format!("window is a number of seconds, found {}", self.window)))
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        let nsta = samples_in(self.window, context.rate, "a window")?;
        Ok(Begun::whole_run(context, move |x| Ok(signal::z_detect(&x, nsta))))
    }

    fn causal_instead(&self) -> &'static str {
        "sta-lta"
    }
}

/// The Akaike information criterion over the whole run (`aic_simple` of ObsPy).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AicStep {}

impl Settings for AicStep {
    fn nature(&self) -> Nature {
        Nature::WHOLE_RUN
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        Ok(Begun::whole_run(context, |x| Ok(signal::aic(&x))))
    }

    fn causal_instead(&self) -> &'static str {
        "sta-lta"
    }
}

/// The envelope of the whole run (`envelope` of ObsPy).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeStep {}

impl Settings for EnvelopeStep {
    fn nature(&self) -> Nature {
        Nature::WHOLE_RUN
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        Ok(Begun::whole_run(context, |x| signal::envelope(&x)))
    }
}
