//! Continuous data through a picker: probabilities over time, picks and detections.
//!
//! | idea | where |
//! |---|---|
//! | SeisBench's annotate and classify, exactly | [`seisbench`] |
//! | its arithmetic of time | [`instants`] |
//! | its merging, filtering, resampling, aligning | [`merge`], [`stream_filter`], [`model_rate`], [`alignment`] |
//! | arguments and their defaults | [`AnnotateSettings`] |
//! | windows, batches on threads, stacking | [`windows`], [`Workers`], [`Stack`] |
//! | thresholds | [`mod@trigger`] |

mod alignment;
mod components;
mod curves;
mod instants;
pub mod instruments;
mod merge;
mod model_rate;
mod network;
mod pick;
mod piece;
mod rows;
pub mod seisbench;
mod settings;
mod spans;
mod stacking;
mod stream_filter;
mod trigger;
mod windows;
mod workers;

pub use components::ComponentMap;
pub use curves::{Curves, curves};
pub use network::Network;
pub use pick::{Detection, PhasePick};
pub use piece::Piece;
pub use rows::Rows;
pub use settings::{AnnotateSettings, DETECTION};
pub use stacking::{Stack, Stacking};
pub use stream_filter::StreamFilters;
pub use trigger::{Onset, onsets};
pub use windows::window_starts;
pub use workers::{Predictor, Question, Workers};
