//! The waveform files that commands write: formats and names.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::progress;
use crate::read::{StreamId, Trace, sac, wav_writer};

/// The formats that commands write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum OutputFormat {
    /// miniSEED 2.
    Mseed,
    /// miniSEED 3.
    Mseed3,
    /// SAC, version 6, little-endian.
    Sac,
    /// WAV, 32-bit integers or single precision, with a sidecar for start and codes.
    Wav,
}

impl OutputFormat {
    /// Whether a file holds one contiguous trace only.
    pub fn holds_one_trace(self) -> bool {
        matches!(self, Self::Sac | Self::Wav)
    }

    /// The version of miniSEED.
    pub fn version(self) -> u8 {
        if self == Self::Mseed3 { 3 } else { 2 }
    }

    /// How names of files end.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Mseed => "mseed",
            Self::Mseed3 => "mseed3",
            Self::Sac => "sac",
            Self::Wav => "wav",
        }
    }
}

/// Writes a contiguous trace as SAC or WAV into a folder and gives the place; says so where samples
/// lose digits.
pub fn write_trace(
    folder: &Path,
    trace: &Trace,
    format: OutputFormat,
    force: bool,
) -> Result<PathBuf> {
    let fraction = trace.start.0.rem_euclid(crate::time::SECOND) / 1000;
    let time = trace.start.format("%Y.%j.%H%M%S");
    let name = format!("{}.{time}.{fraction:06}.{}", stem(&trace.id), format.suffix());
    let path = free_place(folder, &name, force)?;
    let loses = match format {
        OutputFormat::Wav => wav_writer::write(&path, trace)?,
        _ => sac::write(&path, trace)?,
    };
    if loses {
        progress::note(format_args!(
            "{}: holds single precision; samples with more digits were rounded",
            path.display()
        ));
    }
    Ok(path)
}

/// The codes as the beginning of a file's name; those of a format without codes are all empty.
pub fn stem(id: &StreamId) -> String {
    let empty = *id == StreamId::default();
    safe(&if empty { "trace".to_string() } else { id.to_string() })
}

/// A name whose characters every file system takes.
pub fn safe(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' })
        .collect()
}

/// The place of an output that is not there yet, or may be overwritten.
pub fn free_place(folder: &Path, name: &str, force: bool) -> Result<PathBuf> {
    let path = folder.join(name);
    if path.exists() && !force {
        let text = "exists already; choose another --out, or overwrite with --force";
        return Err(Error::usage(format!("{}: {text}", path.display())));
    }
    Ok(path)
}
