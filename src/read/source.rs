//! Where the bytes of an input lie, apart from the name by which users know it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The bytes of one input: a file. Cheap to copy; opened as often as needed.
#[derive(Clone, Debug)]
pub struct Source {
    path: PathBuf,
}

impl Source {
    /// A file on disk.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The name for messages and tables; not always the path of a file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path, where the bytes are those of a file on disk as they lie there.
    pub fn on_disk(&self) -> Option<&Path> {
        Some(&self.path)
    }

    /// The bytes from the first.
    pub fn open(&self) -> Result<Content> {
        let file = File::open(&self.path).map_err(Error::io(&self.path))?;
        let length = file.metadata().map_err(Error::io(&self.path))?.len();
        Ok(Content { file, length })
    }

    /// All bytes, if there are no more than `most`.
    pub fn bytes(&self, most: u64) -> Result<Vec<u8>> {
        let content = self.open()?;
        if content.length() > most {
            let problem = format!("{} bytes; at most {most} are read", content.length());
            return Err(Error::input(&self.path, problem));
        }
        let mut bytes = Vec::new();
        content.take(most).read_to_end(&mut bytes).map_err(Error::io(&self.path))?;
        Ok(bytes)
    }
}

impl AsRef<Path> for Source {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

impl From<&Source> for Source {
    fn from(source: &Source) -> Self {
        source.clone()
    }
}

impl From<&Path> for Source {
    fn from(path: &Path) -> Self {
        Self::file(path)
    }
}

impl From<&PathBuf> for Source {
    fn from(path: &PathBuf) -> Self {
        Self::file(path)
    }
}

/// An opened [`Source`].
#[derive(Debug)]
pub struct Content {
    file: File,
    length: u64,
}

impl Content {
    /// Number of bytes.
    pub fn length(&self) -> u64 {
        self.length
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Seek for Content {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
