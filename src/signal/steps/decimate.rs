//! Decimation.

use serde::{Deserialize, Serialize};

use super::registry::Settings;
use super::stage::{Begun, Context, Nature, Stage, scaled};
use crate::error::{Error, Result};
use crate::signal::{
    PolyphaseResampler, SosFilter, anti_alias_low_pass, chebyshev1_low_pass, sosfiltfilt,
};

/// What keeps frequencies above the new half rate out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AntiAlias {
    /// Causal Chebyshev filter of the second kind, 96 dB down (`Trace.decimate` of ObsPy).
    #[default]
    Chebyshev2,
    /// Chebyshev filter of the first kind, order 8, zero phase (`scipy.signal.decimate`).
    Chebyshev1,
    /// Symmetric FIR filter of 20 · factor + 1 taps (`scipy.signal.decimate`, `ftype="fir"`).
    Fir,
    /// Nothing.
    None,
}

/// Keeps every `factor`-th sample, the first one first, after an anti-alias filter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decimate {
    /// 2 to 16 with a Chebyshev filter, else 2 to 10 000.
    pub factor: u64,
    /// The filter.
    #[serde(default)]
    pub filter: AntiAlias,
}

struct Decimating {
    filter: Option<SosFilter>,
    factor: u64,
    /// Samples to pass over before the next that is kept.
    ahead: u64,
}

impl Stage for Decimating {
    fn push(&mut self, mut samples: Vec<f64>) -> Result<Vec<f64>> {
        if let Some(filter) = &mut self.filter {
            filter.run(&mut samples);
        }
        let length = samples.len() as u64;
        if self.ahead >= length {
            self.ahead -= length;
            return Ok(Vec::new());
        }
        let kept: Vec<f64> = samples
            .iter()
            .skip(self.ahead as usize)
            .step_by(self.factor as usize)
            .copied()
            .collect();
        self.ahead = (self.ahead + kept.len() as u64 * self.factor) - length;
        Ok(kept)
    }
}

impl Settings for Decimate {
    fn nature(&self) -> Nature {
        match self.filter {
            AntiAlias::Chebyshev2 | AntiAlias::None => Nature::CAUSAL,
            AntiAlias::Chebyshev1 => Nature::WHOLE_RUN,
            AntiAlias::Fir => Nature::LOOKS_AHEAD,
        }
    }

    fn check(&self) -> Result<()> {
        let highest = match self.filter {
            AntiAlias::Chebyshev2 | AntiAlias::Chebyshev1 => 16,
            AntiAlias::Fir | AntiAlias::None => 10_000,
        };
        if (2..=highest).contains(&self.factor) {
            return Ok(());
        }
        Err(Error::usage(format!(
            "the factor lies between 2 and {highest} with this filter, found {}; larger ones in \
             several steps",
            self.factor
        )))
    }

    fn begin(&self, context: &Context<'_>) -> Result<Begun> {
        let rate = scaled(context.rate, 1, self.factor)?;
        let factor = self.factor;
        let every = |filter| Begun::Channel {
            stage: Box::new(Decimating { filter, factor, ahead: 0 }),
            rate,
            skipped: 0,
        };
        Ok(match self.filter {
            AntiAlias::None => every(None),
            AntiAlias::Chebyshev2 => {
                let sections = anti_alias_low_pass(rate.hz() / 2.0, context.rate)?;
                every(Some(SosFilter::new(&sections)))
            }
            AntiAlias::Chebyshev1 => {
                let sections = chebyshev1_low_pass(8, 0.05, 0.4 * rate.hz(), context.rate)?;
                Begun::whole_run_to(context, rate, move |samples| {
                    let filtered = sosfiltfilt(&sections, &samples)?;
                    Ok(filtered.into_iter().step_by(factor as usize).collect())
                })
            }
            AntiAlias::Fir => Begun::lagging(PolyphaseResampler::decimator(factor)?, rate),
        })
    }

    fn causal_instead(&self) -> &'static str {
        "filter = \"chebyshev2\""
    }
}
