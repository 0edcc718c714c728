//! Picks and detections.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::time::UtcTime;

/// The onset of a phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhasePick {
    /// The instrument.
    pub trace_id: String,
    /// Label of the network, `P`.
    pub phase: String,
    /// Where the probability is largest.
    pub time: UtcTime,
    /// The largest probability.
    pub probability: f32,
    /// First sample at or above the threshold.
    pub start: UtcTime,
    /// Last sample at or above half of it.
    pub end: UtcTime,
    /// The threshold.
    pub threshold: f64,
    /// Largest excursion after the pick, counts.
    pub amplitude: Option<f64>,
    /// Ratio of root mean squares after and before the pick.
    pub snr: Option<f64>,
    /// Standard deviation of a Gaussian as wide as the peak, seconds.
    pub uncertainty_s: Option<f64>,
}

impl PhasePick {
    /// By time, instrument and phase: a total order for picks of one run.
    pub fn order(&self, other: &Self) -> Ordering {
        let key = |p: &Self| (p.time, p.start, p.end);
        let text = |a: &Self, b: &Self| a.trace_id.cmp(&b.trace_id).then(a.phase.cmp(&b.phase));
        self.time.cmp(&other.time).then(text(self, other)).then(key(self).cmp(&key(other)))
    }
}

/// A stretch of time with an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// The instrument.
    pub trace_id: String,
    /// First sample at or above the threshold.
    pub start: UtcTime,
    /// Last sample at or above half of it.
    pub end: UtcTime,
    /// The largest probability.
    pub probability: f32,
}

impl Detection {
    /// By start, instrument and end.
    pub fn order(&self, other: &Self) -> Ordering {
        let key = |d: &Self| (d.start, d.trace_id.clone(), d.end);
        key(self).cmp(&key(other))
    }
}
