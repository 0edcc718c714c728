//! The tasks by name, with their settings, as a run folder keeps them.

use super::classes::ClassTask;
use super::events::EventTask;
use super::levels::LevelTask;
use super::quantiles::QuantileTask;
use super::task::Task;

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
}

impl TaskSpec {
    /// The task itself.
    pub fn task(&self) -> &dyn Task {
        match self {
            Self::Quantiles(task) => task,
            Self::Levels(task) => task,
            Self::Events(task) => task,
            Self::Classes(task) => task,
        }
    }
}
