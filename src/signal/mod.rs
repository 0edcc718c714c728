//! Traces become clean traces and activity features.
//!
//! All filters run in f64 as cascades of second-order sections: a single transfer-function
//! polynomial is unstable at the low corners seismology needs.

mod activity;
mod butterworth;
mod integrate;
mod sections;
mod spectrum;
mod trigger;
mod window_features;

pub use activity::{Activity, ActivityRows, ActivitySettings, Align, Feature, SpectralShape};
pub use butterworth::{Band, butterworth};
pub use integrate::TrapezoidIntegrator;
pub use sections::{
    Section, SosFilter, filter_forward_backward_zero_state, gain_at, sosfilt, sosfilt_zi,
    sosfiltfilt,
};
pub use spectrum::{Periodogram, stft};
pub use trigger::{RecursiveStaLta, Trigger, classic_sta_lta, recursive_sta_lta, trigger_onset};
pub use window_features::{EVENT_BAND, WINDOW_FEATURES, prepare_window, window_features};
