//! One training loop for every dataset and head.

mod history;
mod meter;
mod optimizer;
mod parameters;
mod predict;
pub mod run_folder;
mod schedule;
mod session;
mod settings;
mod trainer;

pub use history::{BatchRecord, EpochRecord, Observer, Report};
pub use meter::Meter;
pub use optimizer::{AdamConstants, Optimizer, OptimizerKind};
pub use parameters::{Parameters, Snapshot};
pub use predict::{evaluate, predict, raw_outputs};
pub use run_folder::RunFolder;
pub use schedule::{OneCycle, Plateau, PlateauState, Rate, Schedule};
pub use settings::TrainSettings;
pub use trainer::Trainer;
