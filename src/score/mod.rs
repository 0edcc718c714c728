//! Metrics with their uncertainty.
//!
//! Scores take finished numbers — observations beside forecasts — and know nothing of models.
//! Functions of single samples return one number a sample, so that the same numbers serve the
//! mean, its bootstrap interval and paired differences.

mod bootstrap;
mod classes;
mod events;
mod levels;
pub mod picks;
pub mod quantile;
mod sheet;
mod table;

pub use bootstrap::{BlockBootstrap, GroupBootstrap, Interval};
pub use classes::{ClassScores, Confusion};
pub use events::{
    BrierParts, ReliabilityBin, average_precision, brier, brier_parts, equal_mass_edges,
    log_scores, reliability, roc_area, roc_curve,
};
pub use levels::{
    absolute_errors, covered, crps, mean, mean_naive_change, mean_pinball, pinball, quantile_rates,
    skill, squared_errors, winkler, worst_running_share,
};
pub use sheet::{EventScores, LevelScores};
pub use table::{ScoreRow, ScoreTable};
