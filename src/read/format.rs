//! What a waveform format is, and the list of them.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::recorder_state::RecorderState;
use super::source::Source;
use super::trace::{Samples, StreamId};
use super::{gse, miniseed, sac, segy, wav};
use crate::error::Result;
use crate::time::{SampleRate, UtcTime};

/// The type in which a file stores its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SampleType {
    /// Signed bytes (SEG-Y).
    #[serde(rename = "i1")]
    I8,
    /// Unsigned bytes (8-bit WAV).
    #[serde(rename = "u1")]
    U8,
    /// 16-bit integers (WAV, SEG-Y).
    #[serde(rename = "i2")]
    I16,
    /// 32-bit integers, and every integer encoding of miniSEED.
    #[serde(rename = "i4")]
    I32,
    /// Single precision.
    #[serde(rename = "f4")]
    F32,
    /// Double precision.
    #[serde(rename = "f8")]
    F64,
    /// Text: no samples in the sense of a series.
    #[serde(rename = "S1")]
    Text,
}

impl SampleType {
    /// NumPy's short name: `i4`, `f4`, `f8` …
    pub fn name(self) -> &'static str {
        match self {
            Self::I8 => "i1",
            Self::U8 => "u1",
            Self::I16 => "i2",
            Self::I32 => "i4",
            Self::F32 => "f4",
            Self::F64 => "f8",
            Self::Text => "S1",
        }
    }
}

/// A stretch of samples of one channel that lies in one place of a file: a miniSEED record, a
/// part of a WAV file. Contiguous blocks are joined into segments by [`super::scan`].
pub struct Block<'a> {
    /// Which channel.
    pub id: &'a StreamId,
    /// miniSEED's quality letter, where there is one.
    pub quality: Option<char>,
    /// Time of the first sample.
    pub start: UtcTime,
    /// Sampling rate in Hz as other readers compute it; 0 where samples have no times.
    pub rate_hz: f64,
    /// The exact rate; `None` where samples have no times.
    pub rate: Option<SampleRate>,
    /// Number of samples.
    pub samples: u64,
    /// Number of samples whose time the block covers; differs where they are missing.
    pub covered: u64,
    /// How they are stored.
    pub sample_type: SampleType,
    /// Name of the encoding.
    pub encoding: &'static str,
    /// `>` big-endian, `<` little-endian, `-` where there is no order (text).
    pub byte_order: char,
    /// Bytes in the block, if the format has blocks of stated length.
    pub length: u32,
    /// Where the block begins, in a unit of the format's own.
    pub offset: u64,
    /// Whether it never continues the block before, however well it fits.
    pub begins_trace: bool,
    /// Nanoseconds by which the block ends earlier than its rate says (leap second).
    pub ends_earlier: i64,
    /// What the recorder says of itself, where the format has room for it.
    pub recorder: RecorderState,
    /// Decodes the samples.
    pub decode: &'a dyn Fn() -> Result<Samples>,
}

/// What a format that does not say everything in the file must be told.
#[derive(Clone, Copy, Debug, Default)]
pub struct FormatOptions {
    /// Start time of WAV files that have no sidecar.
    pub wav_start: Option<UtcTime>,
    /// A miniSEED record that cannot be decoded is left out with a note; otherwise it makes the
    /// whole file an error.
    pub lenient: bool,
}

/// Called for each block in file order; `Break` ends the walk.
pub type Visit<'a> = dyn FnMut(&Block<'_>) -> Result<ControlFlow<()>> + 'a;

/// A waveform format. To add one: a file beside this one and a line in [`FORMATS`].
pub trait Format: Sync {
    /// The name users know it by.
    fn name(&self) -> &'static str;

    /// Whether a file of `length` bytes that begins with `head` (at most [`HEAD`] bytes) is of this
    /// format.
    fn probe(&self, head: &[u8], length: u64) -> bool;

    /// Whether a file says everything by itself, so that an index may answer for it. Not so where a
    /// sidecar or an option decides.
    fn is_self_contained(&self) -> bool {
        true
    }

    /// Calls `visit` for the blocks of `file` in order, beginning at the block at `offset`, in
    /// bounded memory. Returns notes about harmless oddities.
    ///
    /// A block that could not be decoded makes the whole file an error before it is visited,
    /// unless `options` are lenient and the format can go on behind it.
    fn walk(
        &self,
        file: &Source,
        offset: u64,
        options: &FormatOptions,
        visit: &mut Visit<'_>,
    ) -> Result<Vec<String>>;
}

/// All formats, in the order in which they are tried.
pub static FORMATS: [&dyn Format; 7] = [
    &miniseed::MiniSeed,
    &sac::Sac,
    &sac::SacText,
    &gse::Gse,
    &wav::Wav,
    &segy::SeismicUnix,
    &segy::SegY,
];

/// Bytes from the start of a file that every format can be told by.
pub const HEAD: usize = 4096;

/// The format of a file by its first bytes and its length.
pub fn format_of(head: &[u8], length: u64) -> Option<&'static dyn Format> {
    FORMATS.into_iter().find(|format| format.probe(head, length))
}

/// A file and its format.
#[derive(Clone)]
pub struct WaveformFile {
    /// Where its bytes lie, and its name.
    pub source: Source,
    /// What it is.
    pub format: &'static dyn Format,
}
