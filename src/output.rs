//! Files that are either the old one or the new one, never half of either.

use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes `bytes` to `path`: to a temporary file beside it, flushed, then renamed.
/// Missing parent folders are made.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    replace_atomically(path, |temporary| {
        let mut file = std::fs::File::create(temporary).map_err(Error::io(temporary))?;
        file.write_all(bytes).map_err(Error::io(temporary))
    })
}

/// Lets `write` fill a temporary file beside `path` (same extension, so that writers which
/// choose a format by suffix choose the right one), flushes it and renames it to `path`.
pub fn replace_atomically(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let suffix = path.extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default();
    let temporary = tempfile::Builder::new()
        .prefix(".temblor-")
        .suffix(&suffix)
        .tempfile_in(folder)
        .map_err(Error::io(path))?
        .into_temp_path();
    write(&temporary)?;
    let file = std::fs::File::open(&temporary).map_err(Error::io(path))?;
    file.sync_all().map_err(Error::io(path))?;
    make_readable(&file).map_err(Error::io(path))?;
    temporary.persist(path).map_err(|e| Error::Io { path: path.to_path_buf(), source: e.error })?;
    Ok(())
}

/// Temporary files are private to their owner; results are ordinary files (0644).
#[cfg(unix)]
fn make_readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_file: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_write_leaves_the_old_file_and_no_litter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.csv");
        write_atomically(&path, b"old").unwrap();
        let failed = replace_atomically(&path, |t| {
            std::fs::write(t, b"half").unwrap();
            Err(Error::data("stopped"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
