//! Finished results become PNG and SVG; one file a figure.

mod canvas;
pub mod confusion;
mod envelope;
pub mod features;
pub mod forecast;
pub mod history;
pub mod images;
mod panel;
pub mod reliability;
pub mod scores;
mod time_axis;
pub mod waveform;

pub use canvas::{Figure, save};
pub use time_axis::TimeAxis;
