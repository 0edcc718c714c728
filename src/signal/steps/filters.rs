//! Causal Butterworth filters.

use serde::{Deserialize, Serialize};

use super::registry::Settings;
use super::stage::{Begun, Context, Nature};
use crate::error::Result;
use crate::signal::{Band, SosFilter, butterworth};

/// The default number of corners.
pub(super) fn four() -> usize {
    4
}

/// A filter that begins in zero state.
fn causal(corners: usize, band: Band, context: &Context<'_>) -> Result<Begun> {
    let mut filter = SosFilter::new(&butterworth(corners, band, context.rate)?);
    Ok(Begun::in_place(context, move |samples| filter.run(samples)))
}

/// What can be said of a filter without the rate: it must be possible at a very high one.
pub(super) fn check(corners: usize, band: Band) -> Result<()> {
    let edge = match band {
        Band::LowPass(edge) | Band::HighPass(edge) => edge,
        Band::BandPass(_, high) | Band::BandStop(_, high) => high,
    };
    // An edge that is no number is refused at any rate.
    let hz = if edge.is_finite() { (4.0 * edge.abs()).clamp(1e-6, 1e9) } else { 1.0 };
    let rate = crate::time::SampleRate::from_hz(hz);
    rate.map_or(Ok(()), |rate| butterworth(corners, band, rate).map(|_| ()))
}

/// A filter with two edges.
macro_rules! band_filter {
    ($name:ident, $band:path, $about:literal) => {
        #[doc = $about]
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Lower edge, Hz.
            pub low: f64,
            /// Upper edge, Hz.
            pub high: f64,
            /// Order of the prototype; twice as many poles.
            #[serde(default = "four")]
            pub corners: usize,
        }

        impl Settings for $name {
            fn nature(&self) -> Nature {
                Nature::CAUSAL
            }

            fn check(&self) -> Result<()> {
                check(self.corners, $band(self.low, self.high))
            }

            fn begin(&self, context: &Context<'_>) -> Result<Begun> {
                causal(self.corners, $band(self.low, self.high), context)
            }
        }
    };
}

/// A filter with one edge.
macro_rules! edge_filter {
    ($name:ident, $band:path, $about:literal) => {
        #[doc = $about]
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// The edge, Hz.
            pub frequency: f64,
            /// Order; as many poles.
            #[serde(default = "four")]
            pub corners: usize,
        }

        impl Settings for $name {
            fn nature(&self) -> Nature {
                Nature::CAUSAL
            }

            fn check(&self) -> Result<()> {
                check(self.corners, $band(self.frequency))
            }

            fn begin(&self, context: &Context<'_>) -> Result<Begun> {
                causal(self.corners, $band(self.frequency), context)
            }
        }
    };
}

band_filter!(BandPass, Band::BandPass, "Lets a band through, causally.");
band_filter!(BandStop, Band::BandStop, "Stops a band, causally.");
edge_filter!(HighPass, Band::HighPass, "Lets through what is above an edge, causally.");
edge_filter!(LowPass, Band::LowPass, "Lets through what is below an edge, causally.");
