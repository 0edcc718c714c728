//! Bytes become traces, tables and images. One file a format, found by content.

mod trace;

pub use trace::{Samples, StreamId, Trace};
