//! What a picker says of every trace of a set.

use crate::score::picks::Pick;

/// Picks of one phase in one trace, times in ns after its first sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TracePicks {
    /// At the picker's own threshold.
    pub own: Vec<Pick>,
    /// At each of the thresholds of the curve.
    pub at: Vec<Vec<Pick>>,
}

/// Picks of one phase in all traces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PhaseAnswers {
    /// `P` or `S`.
    pub phase: String,
    /// The picker's own threshold; absent where it has none.
    pub threshold: Option<f64>,
    /// Traces that were answered, in order, and their picks.
    pub traces: Vec<(usize, TracePicks)>,
}

/// A picker's answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// Name in tables.
    pub name: String,
    /// What the weights say of themselves.
    pub about: String,
    /// How tiny amplitudes are treated; empty where that has no meaning.
    pub amplitude: String,
    /// Whether this is no trained network.
    pub baseline: bool,
    /// Thresholds of the curve; none where there is no curve.
    pub thresholds: Vec<f64>,
    /// By phase.
    pub phases: Vec<PhaseAnswers>,
    /// What could not be answered and why; such traces count as traces without picks.
    pub warnings: Vec<String>,
}
