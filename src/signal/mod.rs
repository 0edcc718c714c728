//! Traces become clean traces and activity features.
//!
//! All filters run in f64 as cascades of second-order sections: a single transfer-function
//! polynomial is unstable at the low corners seismology needs.

mod butterworth;
mod sections;

pub use butterworth::{Band, butterworth};
pub use sections::{
    Section, SosFilter, filter_forward_backward_zero_state, gain_at, sosfilt, sosfilt_zi,
    sosfiltfilt,
};
