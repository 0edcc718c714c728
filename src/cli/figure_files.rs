//! `--figure FILE` of commands that draw without a run folder.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Refuses a name whose suffix says nothing about how to draw.
pub fn check(files: &[PathBuf]) -> Result<()> {
    let known = |file: &&PathBuf| {
        let suffix = file.extension().and_then(|suffix| suffix.to_str());
        matches!(suffix, Some("png" | "svg" | "toml"))
    };
    match files.iter().find(|file| !known(file)) {
        None => Ok(()),
        Some(other) => Err(Error::usage(format!(
            "a figure needs a name ending in .png, .svg or .toml (its data), found '{}'",
            other.display()
        ))),
    }
}

/// `activity.png` for one thing, `activity.TA.C26K..BHZ.png` for one called so of several.
pub fn named(file: &Path, name: &str, several: bool) -> PathBuf {
    if !several {
        return file.to_path_buf();
    }
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let suffix = file.extension().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!("{stem}.{name}.{suffix}"))
}
