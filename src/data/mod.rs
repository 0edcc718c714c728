//! Series, waveform windows and images become examples, splits and batches.

mod activity;
mod activity_parts;
mod array_dataset;
mod counts;
mod dataset;
mod fingerprint;
mod ground_motion;
mod image_set;
pub mod level_features;
mod loader;
mod order;
pub mod picks;
mod series;
mod series_dataset;
mod table_series;
mod waveform_set;
mod windows;

pub use activity::ChannelActivity;
pub use activity_parts::ActivityParts;
pub use array_dataset::ArrayDataset;
pub use counts::{CountSettings, Occurrence, Watch, count};
pub use dataset::{Batch, Dataset, ExampleSpec, Layout, Rng, Slot, Subset, Target};
pub use fingerprint::Fingerprint;
pub use ground_motion::{GroundMotionCorrection, Removal};
pub use image_set::{ChannelMoments, ImageAugmentation, ImageDataset, ImageSet, View};
pub use loader::{Loader, LoaderSettings, derive_seed};
pub use order::Order;
pub use series::{Column, Series};
pub use series_dataset::{SeriesDataset, WindowSource, apply_moments, moments, standardise};
pub use table_series::{Aggregation, Duplicates, SeriesOptions, series_of_table, table_of_series};
pub use waveform_set::{WaveformAugmentation, WaveformDataset, WaveformSet};
pub use windows::{Membership, PartEnds, Parts, WindowPlan, fill_forward};
