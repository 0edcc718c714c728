//! Series, waveform windows and images become examples, splits and batches.

mod dataset;
mod series;

pub use dataset::{Batch, Dataset, ExampleSpec, Layout, Rng, Slot, Subset, Target};
pub use series::{Column, Series};
