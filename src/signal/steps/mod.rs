//! Preprocessing as values: a list of steps, read from TOML, run over contiguous samples piece by
//! piece.
//!
//! A kind of step is one struct with serde fields and one line in `registry.rs`. Each says whether
//! it is causal (no value depends on a later sample) and whether it streams (values come out as
//! samples go in) or needs the whole contiguous run in memory.

mod calculus;
mod decimate;
mod filters;
mod interpolate;
mod normalise;
mod offset;
mod pipeline;
mod processed;
mod registry;
mod resample;
mod response;
mod rotate;
mod stage;
mod stream;
mod taper;
mod triggers;
mod whiten;
mod zero_phase;

pub use calculus::{Differentiate, Integrate, IntegrationMethod};
pub use decimate::{AntiAlias, Decimate};
pub use filters::{BandPass, BandStop, HighPass, LowPass};
pub use interpolate::{InterpolateStep, InterpolationMethod};
pub use normalise::{NormaliseStep, Standardise};
pub use offset::{Demean, Detrend, DetrendMethod, Discard, Scale};
pub use pipeline::Pipeline;
pub use processed::{Aligned, Bundle, Processed};
pub use registry::{STEP_KINDS, Step, StepEntry};
pub use resample::{ResampleFourier, ResamplePolyphase, SpectralWindow};
pub use response::{RemoveResponse, RemoveSensitivity, WaterLevel};
pub use rotate::{Orientation, RotateLqtZne, RotateNeRt, RotateRtNe, RotateToZne, RotateZneLqt};
pub use stage::{MOST_HELD, Nature, RunOptions};
pub use stream::{ComponentStream, Stream};
pub use taper::TaperStep;
pub use triggers::{AicStep, EnvelopeStep, StaLta, StaLtaMethod, ZDetect};
pub use whiten::Whiten;
pub use zero_phase::{ObspyZerophase, Sosfiltfilt};

#[cfg(test)]
mod tests;
