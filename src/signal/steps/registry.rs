//! The steps by name.

use super::stage::{Begun, Context, Nature};
use super::{
    AicStep, BandPass, BandStop, Decimate, Demean, Detrend, Differentiate, Discard, EnvelopeStep,
    HighPass, Integrate, InterpolateStep, LowPass, NormaliseStep, ObspyZerophase, RemoveResponse,
    RemoveSensitivity, ResampleFourier, ResamplePolyphase, RotateLqtZne, RotateNeRt, RotateRtNe,
    RotateToZne, RotateZneLqt, Scale, Sosfiltfilt, StaLta, Standardise, TaperStep, Whiten, ZDetect,
};
use crate::error::Result;

/// One kind of step for listings.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct StepEntry {
    /// The name in `kind = …`.
    pub kind: &'static str,
    /// One line.
    pub about: &'static str,
}

/// The settings of one kind of step.
pub(super) trait Settings {
    /// Causal or not, streaming or not.
    fn nature(&self) -> Nature;

    /// What is wrong whatever the sampling rate.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Begins on a contiguous run.
    fn begin(&self, context: &Context<'_>) -> Result<Begun>;

    /// The components needed, if several are mixed: last letters of channel codes.
    fn components(&self) -> Option<Vec<char>> {
        None
    }

    /// The causal step to take instead of one that is not.
    fn causal_instead(&self) -> &'static str {
        ""
    }
}

/// An entry: the variant with its settings, the name in `kind = …`, one line about it.
macro_rules! steps {
    ($($variant:ident($settings:ty), $kind:literal, $about:literal;)*) => {
        /// A preprocessing step and all its settings, `kind = "bandpass"` and so on. Unknown
        /// settings are errors.
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "kind")]
        pub enum Step {
            $(
                #[doc = $about]
                #[serde(rename = $kind)]
                $variant($settings),
            )*
        }

        /// All kinds, in the order of [`Step`].
        pub const STEP_KINDS: &[StepEntry] = &[$(StepEntry { kind: $kind, about: $about },)*];

        impl Step {
            /// The name in `kind = …`.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $kind,)*
                }
            }

            pub(super) fn settings(&self) -> &dyn Settings {
                match self {
                    $(Self::$variant(settings) => settings,)*
                }
            }
        }
    };
}

steps! {
    Demean(Demean), "demean", "subtract the mean, or a given offset";
    Detrend(Detrend), "detrend", "subtract a line or a polynomial";
    Scale(Scale), "scale", "multiply by a number";
    Discard(Discard), "discard", "drop the beginning of every run";
    Taper(TaperStep), "taper", "fade in and out";
    BandPass(BandPass), "bandpass", "causal Butterworth band-pass";
    HighPass(HighPass), "highpass", "causal Butterworth high-pass";
    LowPass(LowPass), "lowpass", "causal Butterworth low-pass";
    BandStop(BandStop), "bandstop", "causal Butterworth band-stop";
    Sosfiltfilt(Sosfiltfilt), "sosfiltfilt", "zero-phase Butterworth filter as SciPy's";
    ObspyZerophase(ObspyZerophase), "obspy-zerophase", "zero-phase Butterworth filter as ObsPy's";
    Decimate(Decimate), "decimate", "anti-alias filter, then every n-th sample";
    ResampleFourier(ResampleFourier), "resample-fourier", "another rate through the spectrum";
    ResamplePolyphase(ResamplePolyphase), "resample-polyphase",
        "another rate through a symmetric FIR filter";
    Interpolate(InterpolateStep), "interpolate", "another rate by interpolation";
    Integrate(Integrate), "integrate", "integrate in time";
    Differentiate(Differentiate), "differentiate", "differentiate in time";
    Normalise(NormaliseStep), "normalise", "each run or window by its own peak or deviation";
    Standardise(Standardise), "standardise", "by a mean and deviation fitted on a stretch";
    Whiten(Whiten), "whiten", "equal amplitude at all frequencies of a band";
    Envelope(EnvelopeStep), "envelope", "absolute value of the analytic signal";
    StaLta(StaLta), "sta-lta", "short-term over long-term average";
    ZDetect(ZDetect), "z-detect", "energy in standard deviations";
    Aic(AicStep), "aic", "Akaike information criterion of an onset at each sample";
    RemoveSensitivity(RemoveSensitivity), "remove-sensitivity",
        "divide by the instrument's overall sensitivity";
    RemoveResponse(RemoveResponse), "remove-response", "counts to ground motion";
    RotateNeRt(RotateNeRt), "rotate-ne-rt", "north and east to radial and transverse";
    RotateRtNe(RotateRtNe), "rotate-rt-ne", "radial and transverse to north and east";
    RotateZneLqt(RotateZneLqt), "rotate-zne-lqt", "vertical, north, east to the ray's L, Q, T";
    RotateLqtZne(RotateLqtZne), "rotate-lqt-zne", "L, Q, T to vertical, north, east";
    RotateToZne(RotateToZne), "rotate-to-zne", "any three directions to vertical, north, east";
}

impl Step {
    /// Whether no value depends on a later sample.
    pub fn is_causal(&self) -> bool {
        self.settings().nature().causal
    }

    /// Whether values come out while samples go in; otherwise whole runs are held in memory.
    pub fn streams(&self) -> bool {
        self.settings().nature().streams
    }

    /// The components it mixes, by the last letters of channel codes; `None` for a step that works
    /// on each channel by itself.
    pub fn components(&self) -> Option<Vec<char>> {
        self.settings().components()
    }
}
