//! The two zero-phase Butterworth filters. They differ near the ends of a run.

use serde::{Deserialize, Serialize};

use super::filters::{check, four};
use super::registry::Settings;
use super::stage::{Begun, Context, Nature};
use crate::error::{Error, Result};
use crate::signal::{self, Band, butterworth};

/// A zero-phase filter: one edge makes a high-pass (`low`) or a low-pass (`high`), two a band-pass
/// or, with `stop`, a band-stop.
macro_rules! zero_phase {
    ($name:ident, $run:expr, $about:literal) => {
        #[doc = $about]
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Lower edge, Hz; without it a low-pass.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub low: Option<f64>,
            /// Upper edge, Hz; without it a high-pass.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub high: Option<f64>,
            /// Stop the band between the edges instead of letting it through.
            #[serde(default)]
            pub stop: bool,
            /// Order of the prototype.
            #[serde(default = "four")]
            pub corners: usize,
        }

        impl Settings for $name {
            fn nature(&self) -> Nature {
                Nature::WHOLE_RUN
            }

            fn check(&self) -> Result<()> {
                check(self.corners, band(self.low, self.high, self.stop)?)
            }

            fn begin(&self, context: &Context<'_>) -> Result<Begun> {
                let band = band(self.low, self.high, self.stop)?;
                let sections = butterworth(self.corners, band, context.rate)?;
                Ok(Begun::whole_run(context, move |samples| $run(&sections, &samples)))
            }

            fn causal_instead(&self) -> &'static str {
                match (self.low, self.high, self.stop) {
                    (Some(_), Some(_), true) => "bandstop",
                    (Some(_), Some(_), false) => "bandpass",
                    (Some(_), None, _) => "highpass",
                    _ => "lowpass",
                }
            }
        }
    };
}

zero_phase!(
    Sosfiltfilt,
    signal::sosfiltfilt,
    "Zero phase as `scipy.signal.sosfiltfilt`: odd extension, steady state at both ends."
);
zero_phase!(
    ObspyZerophase,
    |sections: &[signal::Section], samples: &[f64]| Ok::<_, Error>(
        signal::filter_forward_backward_zero_state(sections, samples)
    ),
    "Zero phase as ObsPy's `zerophase=True`: zero state and no extension at both ends."
);

fn band(low: Option<f64>, high: Option<f64>, stop: bool) -> Result<Band> {
    match (low, high, stop) {
        (Some(low), Some(high), false) => Ok(Band::BandPass(low, high)),
        (Some(low), Some(high), true) => Ok(Band::BandStop(low, high)),
        (Some(low), None, false) => Ok(Band::HighPass(low)),
        (None, Some(high), false) => Ok(Band::LowPass(high)),
        (None, None, _) => Err(Error::usage("give low, high or both, in Hz")),
        (_, _, true) => Err(Error::usage("a band is stopped between low and high: give both")),
    }
}
