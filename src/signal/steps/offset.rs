//! Offsets, trends, factors, and the beginning of a run.

use serde::{Deserialize, Serialize};

use super::registry::Settings;
use super::stage::{Begun, Context, Nature, Stage};
use crate::error::{Error, Result};
use crate::signal;

/// Subtracts the mean of the run, or `offset`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demean {
    /// Known beforehand, it makes the step causal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<f64>,
}

impl Settings for Demean {
    fn nature(&self) -> Nature {
        if self.offset.is_some() { Nature::CAUSAL } else { Nature::WHOLE_RUN }
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        Ok(match self.offset {
            Some(offset) => Begun::in_place(context, move |samples| {
                samples.iter_mut().for_each(|x| *x -= offset);
            }),
            None => Begun::whole_run(context, |mut samples| {
                signal::demean(&mut samples);
                Ok(samples)
            }),
        })
    }

    fn causal_instead(&self) -> &'static str {
        "highpass, or demean with a fixed offset"
    }
}

/// What is subtracted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DetrendMethod {
    /// The least-squares line.
    #[default]
    Linear,
    /// The line through the first and the last sample.
    Simple,
    /// The mean.
    Constant,
    /// The least-squares polynomial of degree `order`.
    Polynomial,
}

/// Subtracts a trend of the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detrend {
    /// What is subtracted.
    #[serde(default)]
    pub method: DetrendMethod,
    /// Degree of the polynomial, 0 to 20; only with that method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<usize>,
}

impl Settings for Detrend {
    fn nature(&self) -> Nature {
        Nature::WHOLE_RUN
    }

    fn check(&self) -> Result<()> {
        match (self.method, self.order) {
            (DetrendMethod::Polynomial, Some(0..=20)) => Ok(()),
            (DetrendMethod::Polynomial, Some(order)) => {
                let text =
                    format!("the order of a polynomial lies between 0 and 20, found {order}");
                Err(Error::usage(text))
            }
            (DetrendMethod::Polynomial, None) => Err(Error::usage("a polynomial needs an order")),
            (_, Some(_)) => Err(Error::usage("only method = \"polynomial\" has an order")),
            (_, None) => Ok(()),
        }
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        let (method, order) = (self.method, self.order.unwrap_or(1));
        Ok(Begun::whole_run(context, move |mut samples| {
            match method {
                DetrendMethod::Linear => signal::detrend_linear(&mut samples),
                DetrendMethod::Simple => signal::detrend_simple(&mut samples),
                DetrendMethod::Constant => signal::demean(&mut samples),
                DetrendMethod::Polynomial => signal::detrend_polynomial(&mut samples, order),
            }
            Ok(samples)
        }))
    }

    fn causal_instead(&self) -> &'static str {
        "highpass"
    }
}

/// Multiplies by a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// The number.
    pub factor: f64,
}

impl Settings for Scale {
    fn nature(&self) -> Nature {
        Nature::CAUSAL
    }

    fn check(&self) -> Result<()> {
        if self.factor.is_finite() {
            return Ok(());
        }
        Err(Error::usage(format!("a factor is a finite number, found {}", self.factor)))
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        let factor = self.factor;
        Ok(Begun::in_place(context, move |x| x.iter_mut().for_each(|x| *x *= factor)))
    }
}

/// Drops the beginning of every run, where a filter has not settled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discard {
    /// Seconds, rounded up to samples.
    pub seconds: f64,
}

struct Discarding {
    left: u64,
}

impl Stage for Discarding {
    fn push(&mut self, mut samples: Vec<f64>) -> Result<Vec<f64>> {
        let now = usize::try_from(self.left).unwrap_or(usize::MAX).min(samples.len());
        samples.drain(..now);
        self.left -= now as u64;
        Ok(samples)
    }
}

impl Settings for Discard {
    fn nature(&self) -> Nature {
        Nature::CAUSAL
    }

    fn check(&self) -> Result<()> {
        if self.seconds >= 0.0 && self.seconds < 1e9 {
            return Ok(());
        }
        Err(Error::usage(format!("seconds from 0 to 1e9 can be dropped, found {}", self.seconds)))
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        let skipped = (self.seconds * context.rate.hz()).ceil() as u64;
        let stage = Box::new(Discarding { left: skipped });
        Ok(Begun::Channel { stage, rate: context.rate, skipped })
    }
}
