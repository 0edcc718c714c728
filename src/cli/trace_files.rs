//! Names of the waveform files that commands write.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::read::{StreamId, Trace};

/// The codes as the beginning of a file's name; those of a format without codes are all empty.
pub fn stem(id: &StreamId) -> String {
    let empty = *id == StreamId::default();
    let id = if empty { "trace".to_string() } else { id.to_string() };
    id.chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' })
        .collect()
}

/// The name of the file of a contiguous trace.
pub fn trace_name(trace: &Trace, suffix: &str) -> String {
    let fraction = trace.start.0.rem_euclid(crate::time::SECOND) / 1000;
    let time = trace.start.format("%Y.%j.%H%M%S");
    format!("{}.{time}.{fraction:06}.{suffix}", stem(&trace.id))
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
