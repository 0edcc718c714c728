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
        return single_file(path);
    }
    if stored::is_set(path) {
        return Ok(stored::open_set(path)?.0);
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
         with one .npz file a window",
    ))
}

fn single_file(path: &Path) -> Result<TraceSet> {
    let hdf5 = ["hdf5", "h5", "hdf"].iter().any(|e| path.extension().is_some_and(|x| x == *e));
    Err(Error::input(
        path,
        match hdf5 {
            true => "HDF5 is not read by this program",
            false => "a single file; a data set is a folder",
        },
    ))
}
