//! Bytes become traces, tables and images. One file a format, found by content.
//!
//! | idea | where |
//! |---|---|
//! | a waveform format and the list of them | [`mod@format`], [`miniseed`], [`wav`] |
//! | blocks of a file joined into segments, headers only | [`scan`] |
//! | files, folders and globs | [`files`] |
//! | an archive: index, selection, pieces in time order | [`Archive`] |

mod archive;
mod coverage;
pub mod files;
pub mod format;
pub mod miniseed;
mod piece;
mod report;
pub mod scan;
mod stream_pattern;
pub mod table;
mod trace;
pub mod wav;

pub use archive::{Archive, ArchiveOptions};
pub use report::ReadReport;
pub use stream_pattern::StreamPattern;
pub use trace::{Samples, StreamId, Trace};
