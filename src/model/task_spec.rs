//! The tasks by name, with their settings, as a run folder keeps them.

use super::classes::ClassTask;
use super::events::EventTask;
use super::levels::LevelTask;
use super::pick_task::PickTask;
use super::quantiles::QuantileTask;
use super::shape::check_fraction;
use super::task::Task;
use crate::error::{Error, Result};

/// A task and all its settings, `kind = "quantiles"` and so on.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TaskSpec {
    /// Quantiles of levels.
    Quantiles(QuantileTask),
    /// Levels as single numbers.
    Levels(LevelTask),
    /// Probabilities of events.
    Events(EventTask),
    /// Probabilities of classes.
    Classes(ClassTask),
    /// Labels at every sample.
    Picks(PickTask),
}

impl TaskSpec {
    /// The task itself.
    pub fn task(&self) -> &dyn Task {
        match self {
            Self::Quantiles(task) => task,
            Self::Levels(task) => task,
            Self::Events(task) => task,
            Self::Classes(task) => task,
            Self::Picks(task) => task,
        }
    }

    /// Refuses settings that no loss can be computed with; call it on tasks read from files.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Quantiles(task) => task.check(),
            Self::Levels(task) => check_horizons(task.horizons),
            Self::Events(task) => {
                check_horizons(task.horizons)?;
                check_weights("positive_weight", task.positive_weight.as_slice())
            }
            Self::Classes(task) => check_classes(task),
            Self::Picks(task) => check_labels(task),
        }
    }
}

fn check_horizons(horizons: usize) -> Result<()> {
    if horizons == 0 { Err(Error::usage("horizons = 0: expected at least 1")) } else { Ok(()) }
}

fn check_weights(name: &str, weights: &[f64]) -> Result<()> {
    match weights.iter().find(|w| !w.is_finite() || **w < 0.0) {
        Some(weight) => {
            Err(Error::usage(format!("{name} holds {weight}: expected finite numbers from 0 on")))
        }
        None => Ok(()),
    }
}

fn check_classes(task: &ClassTask) -> Result<()> {
    let weights = task.class_weights.as_deref().unwrap_or_default();
    if task.classes == 0 || (task.class_weights.is_some() && weights.len() != task.classes) {
        return Err(Error::usage(format!(
            "{} class weights for {} classes: expected one a class, and at least one class",
            weights.len(),
            task.classes
        )));
    }
    check_weights("class_weights", weights)?;
    check_weights("focal_gamma", task.focal_gamma.as_slice())?;
    check_fraction("label_smoothing", task.label_smoothing)
}

fn check_labels(task: &PickTask) -> Result<()> {
    let weights = task.label_weights.as_deref().unwrap_or_default();
    if task.labels == 0 || (task.label_weights.is_some() && weights.len() != task.labels) {
        return Err(Error::usage(format!(
            "{} label weights for {} labels: expected one a label, and at least one label",
            weights.len(),
            task.labels
        )));
    }
    check_weights("label_weights", weights)
}
