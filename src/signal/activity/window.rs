//! The samples of one window.

use serde::{Deserialize, Serialize};

use super::bits;
use super::feature::ActivityBand;
use crate::time::UtcTime;

/// What a window gathers while the run is filtered. Its memory is that of the window.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Window {
    /// Which one, counted from the origin.
    pub number: i64,
    /// Where it starts.
    pub start: UtcTime,
    /// Unfiltered samples less the reference.
    #[serde(with = "bits::one")]
    pub raw: Vec<f64>,
    /// The offset of the first run that has samples here.
    reference: Option<f64>,
    /// Band-passed samples by [`ActivityBand`]; empty where not asked for or not possible.
    #[serde(with = "bits::several")]
    pub bands: [Vec<f64>; ActivityBand::ALL.len()],
    /// Where contiguous stretches begin.
    pub stretches: Vec<usize>,
    /// Trigger onsets.
    pub triggers: u32,
    /// Rate of the latest samples.
    pub rate_hz: f64,
    /// Samples gathered, and how many a full window has, at the present rate.
    present: u64,
    expected: f64,
    /// What samples at earlier rates cover.
    covered_before: f64,
}

impl Window {
    /// Forgets the samples, keeps the memory.
    pub(super) fn clear(&mut self) {
        self.raw.clear();
        self.reference = None;
        self.bands.iter_mut().for_each(Vec::clear);
        self.stretches.clear();
        self.triggers = 0;
        self.present = 0;
        self.covered_before = 0.0;
    }

    /// What to subtract from every unfiltered sample of this window, if the present run's offset
    /// is `offset`: one number for the whole window, so that no step arises at a gap.
    pub(super) fn reference(&mut self, offset: f64) -> f64 {
        *self.reference.get_or_insert(offset)
    }

    /// Counts `samples` of the `expected` that fill a window. The numbers are summed as integers,
    /// so that the coverage does not depend on the cutting into blocks.
    pub(super) fn count(&mut self, samples: usize, expected: f64) {
        if self.expected != expected {
            self.covered_before = self.coverage();
            self.present = 0;
            self.expected = expected;
        }
        self.present += samples as u64;
    }

    /// Fraction of the window's samples that are there.
    pub(super) fn coverage(&self) -> f64 {
        let present = if self.present == 0 { 0.0 } else { self.present as f64 / self.expected };
        self.covered_before + present
    }

    /// Whether no sample is missing.
    pub(super) fn is_complete(&self) -> bool {
        self.stretches.len() == 1 && self.present as f64 >= self.expected
    }
}
