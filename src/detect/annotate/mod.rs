//! Continuous data through a picker: probabilities over time, picks and detections.
//!
//! | idea | where |
//! |---|---|
//! | SeisBench's annotate and classify, exactly | [`seisbench`] |
//! | its arithmetic of time | `instants` |
//! | its merging, filtering, resampling, aligning | `merge`, `stream_filter`, `model_rate`, `alignment` |
//! | arguments and their defaults | [`AnnotateSettings`] |
//! | windows, batches on threads, stacking | `windows`, [`Workers`], [`Stack`] |
//! | instruments of an archive and their stretches of time | [`instruments`] |
//! | our own rules: samples on a grid, picks of a part of the time | `gathering`, [`ArchivePicker`] |
//! | thresholds | `trigger` |

mod alignment;
mod components;
mod curves;
mod gathering;
mod instants;
pub mod instruments;
mod measures;
mod merge;
mod model_rate;
mod network;
mod pick;
mod piece;
mod rows;
pub mod seisbench;
mod settings;
mod span_picks;
mod spans;
mod stacking;
mod stream_filter;
mod trigger;
mod windows;
mod workers;

pub use components::ComponentMap;
pub use curves::curves;
pub use measures::MeasureWindows;
pub use network::Network;
pub use pick::{Detection, PhasePick};
pub use piece::Piece;
pub use rows::Rows;
pub use settings::{AnnotateSettings, DETECTION};
pub use span_picks::{
    ArchivePicker, CurvePiece, PickingSettings, SpanPicks, SweepCount, add_count, covered,
};
pub use stacking::{Stack, Stacking};
pub use stream_filter::StreamFilters;
pub use trigger::{Onset, onsets};
pub use windows::window_starts;
pub use workers::{Predictor, Question, Workers};
