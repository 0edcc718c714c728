//! A contiguous piece of one channel.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::{SampleRate, UtcTime};

/// Network, station, location and channel codes (FDSN), any of them possibly empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamId {
    /// Network code, `TA`.
    pub network: String,
    /// Station code, `C26K`.
    pub station: String,
    /// Location code, often empty.
    pub location: String,
    /// Channel code, `BHZ`.
    pub channel: String,
}

impl fmt::Display for StreamId {
    /// `NET.STA.LOC.CHA`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}.{}", self.network, self.station, self.location, self.channel)
    }
}

/// Samples in the type in which they were stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// Counts.
    I32(Vec<i32>),
    /// Single-precision values.
    F32(Vec<f32>),
    /// Double-precision values.
    F64(Vec<f64>),
}

impl Samples {
    /// Number of samples.
    pub fn len(&self) -> usize {
        match self {
            Self::I32(v) => v.len(),
            Self::F32(v) => v.len(),
            Self::F64(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All samples as f64 (exact for every type).
    pub fn to_f64(&self) -> Vec<f64> {
        match self {
            Self::I32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Self::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Self::F64(v) => v.clone(),
        }
    }
}

/// A contiguous, evenly sampled piece of one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Which channel.
    pub id: StreamId,
    /// Time of the first sample.
    pub start: UtcTime,
    /// Sampling rate.
    pub rate: SampleRate,
    /// The samples, `[T]`.
    pub samples: Samples,
}

impl Trace {
    /// Time of sample `index`.
    pub fn time_of(&self, index: u64) -> UtcTime {
        self.start.plus(self.rate.offset(index))
    }

    /// Time of the last sample; the start if there is none.
    pub fn last_time(&self) -> UtcTime {
        self.time_of((self.samples.len() as u64).saturating_sub(1))
    }

    /// Where the next sample would be.
    pub fn end(&self) -> UtcTime {
        self.time_of(self.samples.len() as u64)
    }

    /// Whether `next` goes on where this trace ends: same channel, same rate to 1e-4, and its
    /// start at most half a sample from where the next sample is expected.
    pub fn is_continued_by(&self, next: &Self) -> bool {
        let gap = i128::from(next.start.0) - i128::from(self.end().0);
        self.id == next.id
            && (1.0 - self.rate.hz() / next.rate.hz()).abs() < 1e-4
            && 2 * gap.abs() <= i128::from(self.rate.period())
    }
}
