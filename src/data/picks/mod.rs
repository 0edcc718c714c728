//! Waveform windows with picks: what pickers learn from.
//!
//! | idea | where |
//! |---|---|
//! | traces with picks, wherever their samples lie | [`TraceSet`], [`LabelledTrace`] |
//! | the format on disk | [`write_set`], [`open_set`]; `docs/datasets.md` |
//! | sets of other programs | [`read_set`] |
//! | cutting a set out of an archive | [`build`] |
//! | parts and folds that share nothing | [`SplitBy`], [`Folds`] |
//! | labels sample by sample | [`LabelSettings`] |
//! | augmentation, step by step | [`Step`] |
//! | examples for the trainer | [`PickDataset`] |

mod array_windows;
mod augmentation;
mod build;
mod channels;
mod example;
#[cfg(feature = "hdf5")]
mod hdf5_windows;
mod labels;
mod phasenet_windows;
mod pick_dataset;
mod pick_table;
mod read_set;
mod split;
mod stored;
mod superposed;
mod trace_set;
mod window;

pub use augmentation::{Fetch, Step, check_steps};
pub use build::{BuildReport, BuildSettings, build};
pub use example::{Example, ExamplePick};
pub use labels::{LabelSettings, LabelShape};
pub use pick_dataset::{PickDataset, PickDatasetSettings, Prepare};
pub use pick_table::{PickColumns, PickList, PickRow, read_picks};
pub use read_set::{SetSource, read_set};
pub use split::{Folds, SharedKeys, SplitBy, Subsets, shared};
pub use stored::{FORMAT_VERSION, SetDescription, open_set, write_set};
pub use trace_set::{LabelledPick, LabelledTrace, MemorySamples, SampleSource, TraceSet};
