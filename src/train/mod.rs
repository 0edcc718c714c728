//! One training loop for every dataset and head.

mod checkpoint;
mod clipping;
mod history;
mod meter;
mod optimizer;
mod parameters;
mod predict;
mod resume;
pub mod run_folder;
mod schedule;
mod seeds;
mod session;
mod settings;
mod trainer;
#[cfg(test)]
mod trainer_tests;
mod workplace;

pub use clipping::clip;
pub use history::{BatchRecord, EpochRecord, Observer, Report};
pub use meter::Meter;
pub use optimizer::{AdamConstants, Optimizer, OptimizerKind};
pub use parameters::{Parameters, Snapshot};
pub use predict::{evaluate, predict, raw_outputs};
pub use resume::{InputMark, begin};
pub use run_folder::RunFolder;
pub use schedule::{OneCycle, Plateau, PlateauState, Rate, Schedule};
pub use seeds::for_each_seed;
pub use settings::TrainSettings;
pub use trainer::Trainer;
pub use workplace::Workplace;
