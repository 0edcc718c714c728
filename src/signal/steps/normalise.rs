//! Normalisation by a window's own statistics, and by statistics fitted elsewhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::registry::Settings;
use super::stage::{Begun, Context, Lagging, Nature, samples_in};
use crate::error::{Error, Result};
use crate::signal::{Norm, Statistics, normalise};

/// Normalises each run, or each of adjacent windows, by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NormaliseStep {
    /// By what.
    #[serde(default)]
    pub by: Norm,
    /// Seconds a window; the whole run without it. The last window of a run may be shorter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<f64>,
    /// Added to the divisor, so that silence stays silence.
    #[serde(default = "default_floor")]
    pub floor: f64,
}

fn default_floor() -> f64 {
    1e-10
}

impl Default for NormaliseStep {
    fn default() -> Self {
        Self { by: Norm::default(), window: None, floor: default_floor() }
    }
}

struct Windows {
    held: Vec<f64>,
    length: usize,
    by: Norm,
    floor: f64,
}

impl Lagging for Windows {
    fn run(&mut self, samples: &[f64], out: &mut Vec<f64>) {
        self.held.extend(samples);
        let whole = self.held.len() / self.length * self.length;
        for window in self.held[..whole].chunks_exact_mut(self.length) {
            normalise(window, self.by, self.floor);
        }
        out.extend(self.held.drain(..whole));
    }

    fn finish(mut self, out: &mut Vec<f64>) {
        normalise(&mut self.held, self.by, self.floor);
        out.append(&mut self.held);
    }
}

impl Settings for NormaliseStep {
    fn nature(&self) -> Nature {
        if self.window.is_some() { Nature::LOOKS_AHEAD } else { Nature::WHOLE_RUN }
    }

    fn check(&self) -> Result<()> {
        if !(self.floor >= 0.0 && self.floor.is_finite()) {
            return Err(Error::usage(format!("floor is at least 0, found {}", self.floor)));
        }
        match self.window {
            Some(seconds) if !(seconds > 0.0 && seconds.is_finite()) => {
                Err(Error::usage(format!("window is a number of seconds, found {seconds}")))
            }
            _ => Ok(()),
        }
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        let (by, floor) = (self.by, self.floor);
        let Some(seconds) = self.window else {
            return Ok(Begun::whole_run(context, move |mut samples| {
                normalise(&mut samples, by, floor);
                Ok(samples)
            }));
        };
        let length = samples_in(seconds, context.rate, "a window")?;
        Ok(Begun::lagging(Windows { held: Vec::new(), length, by, floor }, context.rate))
    }

    fn causal_instead(&self) -> &'static str {
        "standardise"
    }
}

/// Subtracts a mean and divides by a standard deviation, both fitted on a stretch beforehand, one
/// pair a channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standardise {
    /// Begin of the stretch on which they are fitted, such as `2018-08-12T06:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fit_from: Option<String>,
    /// End of that stretch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fit_until: Option<String>,
    /// What was fitted, by channel `NET.STA.LOC.CHA`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fitted: BTreeMap<String, Statistics>,
}

impl Settings for Standardise {
    fn nature(&self) -> Nature {
        Nature::CAUSAL
    }

    fn check(&self) -> Result<()> {
        self.stretch()?;
        for (channel, Statistics { mean, std }) in &self.fitted {
            if !(mean.is_finite() && *std > 0.0 && std.is_finite()) {
                return Err(Error::usage(format!(
                    "{channel}: a finite mean and a positive deviation are needed, found {mean} \
                     and {std}"
                )));
            }
        }
        Ok(())
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        let channel = context.channel.to_string();
        let Some(&Statistics { mean, std }) = self.fitted.get(&channel) else {
            return Err(Error::usage(format!(
                "nothing is fitted for {channel}: give fit_from and fit_until, or its mean and std"
            )));
        };
        Ok(Begun::in_place(context, move |samples| {
            samples.iter_mut().for_each(|x| *x = (*x - mean) / std);
        }))
    }
}

impl Standardise {
    /// The stretch to fit on; `None` if it is not given.
    ///
    /// # Errors
    /// `Usage` if only one end is given, one is no time, or the stretch is empty.
    pub fn stretch(&self) -> Result<Option<crate::time::Span>> {
        let (from, until) = match (&self.fit_from, &self.fit_until) {
            (None, None) => return Ok(None),
            (Some(from), Some(until)) => (from.parse()?, until.parse()?),
            _ => return Err(Error::usage("fit_from and fit_until belong together")),
        };
        if from >= until {
            return Err(Error::usage(format!("nothing lies between {from} and {until}")));
        }
        Ok(Some(crate::time::Span { start: from, end: until }))
    }
}
