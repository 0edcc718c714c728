//! Finished results become PNG and SVG; one file a figure.

mod canvas;
mod time_axis;

pub use canvas::{Figure, save};
pub use time_axis::TimeAxis;
