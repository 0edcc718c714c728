//! Finished results become PNG and SVG; one file a figure.
//!
//! A new figure is one file with a [`Figure`] and one line in the list of [`Drawing`].

mod canvas;
mod color_scale;
pub mod confusion;
pub mod coverage;
pub mod dayplot;
mod drawing;
mod envelope;
pub mod epicentres;
pub mod examples;
pub mod features;
pub mod forecast;
pub mod history;
pub mod images;
pub mod noise_density;
mod panel;
pub mod picks;
pub mod record_section;
pub mod reliability;
pub mod residuals;
pub mod roc;
pub mod scores;
pub mod spectrogram;
pub mod station_day;
pub mod threshold_curves;
mod time_axis;
pub mod waveform;

pub use canvas::{Figure, save};
pub use drawing::{Drawing, keep, kept, redraw, redraw_file, write};
pub use time_axis::TimeAxis;
