//! Data sets of any kind, found by what lies there.

use std::path::{Path, PathBuf};

use super::trace_set::TraceSet;
use super::{array_windows, phasenet_windows, stored};
use crate::error::{Error, Result};

/// Where a set lies.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetSource {
    /// A folder (a set of ours, `windows.npz` with `index.csv`, PhaseNet's `.npz` files) or, with
    /// the feature `hdf5`, an HDF5 file of SeisBench or STEAD.
    pub path: PathBuf,
    /// Letters of the rows, for formats that do not state them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<String>,
}

/// PhaseNet's order of rows.
const PHASENET_ORDER: &str = "ENZ";

/// Reads a set.
///
/// # Errors
/// A path where no known set lies, saying what is known; damaged sets.
pub fn read_set(source: &SetSource) -> Result<TraceSet> {
    let path = source.path.as_path();
    let components = source.components.as_deref().unwrap_or(PHASENET_ORDER);
    if !path.exists() {
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(Error::Io { path: path.to_path_buf(), source: missing });
    }
    if path.is_file() {
        return single_file(path, source.components.as_deref());
    }
    if stored::is_set(path) {
        return Ok(stored::open_set(path)?.0);
    }
    if path.join("waveforms.hdf5").is_file() {
        return single_file(&path.join("waveforms.hdf5"), source.components.as_deref());
    }
    if array_windows::FILES.iter().all(|name| path.join(name).is_file()) {
        return array_windows::read(path, components);
    }
    if !phasenet_windows::files(path)?.is_empty() {
        return phasenet_windows::read(path, components);
    }
    Err(Error::input(
        path,
        "no data set: expected a folder with dataset.json, with windows.npz and index.csv, or \
         with one .npz file a window, or with waveforms.hdf5 and metadata.csv",
    ))
}

fn single_file(path: &Path, components: Option<&str>) -> Result<TraceSet> {
    if ["hdf5", "h5", "hdf"].iter().any(|e| path.extension().is_some_and(|x| x == *e)) {
        return read_hdf5(path, components);
    }
    Err(Error::input(path, "a single file; a data set is a folder, or an HDF5 file with its table"))
}

#[cfg(feature = "hdf5")]
fn read_hdf5(path: &Path, components: Option<&str>) -> Result<TraceSet> {
    super::hdf5_windows::read(path, components)
}

#[cfg(not(feature = "hdf5"))]
fn read_hdf5(path: &Path, _: Option<&str>) -> Result<TraceSet> {
    let text = "HDF5 is read by a program built with --features hdf5; this one is not";
    Err(Error::input(path, text))
}
