//! A picker as workers ask it.

use super::workers::Predictor;
use crate::detect::picker::{AmplitudeRule, Picker};
use crate::error::Result;

/// A picker and how it treats tiny amplitudes.
pub struct Network {
    /// The picker.
    pub picker: Picker,
    /// The rule.
    pub amplitude: AmplitudeRule,
}

impl Predictor for Network {
    fn probabilities(&self, windows: &[f32], count: usize) -> Result<Vec<f32>> {
        self.picker.probabilities(windows, count, self.amplitude)
    }

    fn sampled(&self, windows: &[f32], count: usize, seed: u64) -> Result<Vec<f32>> {
        self.picker.sampled_probabilities(windows, count, self.amplitude, seed)
    }
}
