//! A piece of one channel on its way through annotate.

use super::instants;
use crate::read::{Samples, StreamId, Trace};

/// Evenly sampled data of one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// Which channel.
    pub id: StreamId,
    /// Time of the first sample, nanoseconds since 1970.
    pub start: i64,
    /// Rate in Hz, compared exactly.
    pub rate: f64,
    /// The samples, `[T]`.
    pub samples: Samples,
}

impl From<Trace> for Piece {
    fn from(trace: Trace) -> Self {
        let Trace { id, start, rate, samples } = trace;
        Self { id, start: start.0, rate: rate.hz(), samples }
    }
}

impl Piece {
    /// Seconds between samples.
    pub(super) fn delta(&self) -> f64 {
        1.0 / self.rate
    }

    /// Time of sample `index`.
    pub(super) fn time_of(&self, index: usize) -> i64 {
        instants::plus(self.start, index as f64 * self.delta())
    }

    /// Time of the last sample.
    pub(super) fn end(&self) -> i64 {
        self.time_of(self.samples.len().saturating_sub(1))
    }
}

/// Whether two pieces are of the same network, station and location: one instrument for SeisBench.
pub(super) fn same_instrument(a: &StreamId, b: &StreamId) -> bool {
    (&a.network, &a.station, &a.location) == (&b.network, &b.station, &b.location)
}

/// Name of an instrument, `NET.STA.LOC`.
pub(super) fn instrument_name(id: &StreamId) -> String {
    format!("{}.{}.{}", id.network, id.station, id.location)
}
