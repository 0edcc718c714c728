//! Where the bytes of an input lie, apart from the name by which users know it: in a file, in a
//! compressed file, in a member of an archive.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::expansion::Layer;
use crate::error::{Error, Result};

/// The bytes of one input. Cheap to copy; opened as often as needed.
#[derive(Clone, Debug)]
pub struct Source {
    path: PathBuf,
    place: Place,
}

/// A file or a layer of expanded bytes, or a part of either.
#[derive(Clone, Debug)]
pub(super) struct Place {
    base: Base,
    /// Start and length; `None` for all.
    part: Option<(u64, u64)>,
}

#[derive(Clone, Debug)]
enum Base {
    File(PathBuf),
    Layer(Arc<Layer>),
}

impl Source {
    /// A file on disk.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { place: Place { base: Base::File(path.clone()), part: None }, path }
    }

    pub(super) fn new(path: PathBuf, place: Place) -> Self {
        Self { path, place }
    }

    /// The name for messages and tables; of a member of an archive `archive.tar!member`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path, where the bytes are those of a file on disk as they lie there.
    pub fn on_disk(&self) -> Option<&Path> {
        match &self.place {
            Place { base: Base::File(path), part: None } => Some(path),
            _ => None,
        }
    }

    /// The bytes from the first; those of a compressed file are expanded first.
    pub fn open(&self) -> Result<Content> {
        self.place.open(&self.path)
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// All bytes, if there are no more than `most`.
    pub fn bytes(&self, most: u64) -> Result<Vec<u8>> {
        let bytes = self.place.head(&self.path, most + 1)?;
        if bytes.len() as u64 > most {
            let problem = format!("more than {most} bytes, the most that is read of such a file");
            return Err(Error::input(&self.path, problem));
        }
        Ok(bytes)
    }
}

impl Place {
    /// All of the expanded bytes.
    pub fn layer(layer: Arc<Layer>) -> Self {
        Self { base: Base::Layer(layer), part: None }
    }

    /// `length` bytes from `start` on.
    pub fn part(&self, start: u64, length: u64) -> Self {
        let offset = self.part.map_or(0, |(offset, _)| offset);
        Self { base: self.base.clone(), part: Some((offset.saturating_add(start), length)) }
    }

    /// The first `most` bytes, or all; compressed ones are expanded no further.
    pub fn head(&self, name: &Path, most: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match (&self.base, self.part) {
            (Base::Layer(layer), None) => {
                let read = layer.reader()?.take(most).read_to_end(&mut bytes);
                read.map_err(|error| layer.fault(&error))?;
            }
            _ => {
                let read = self.open(name)?.take(most).read_to_end(&mut bytes);
                read.map_err(Error::io(name))?;
            }
        }
        Ok(bytes)
    }

    /// `name` is for messages.
    pub fn open(&self, name: &Path) -> Result<Content> {
        let bytes = match &self.base {
            Base::File(path) => {
                let file = File::open(path).map_err(Error::io(name))?;
                let length = file.metadata().map_err(Error::io(name))?.len();
                if self.part.is_none() {
                    return Ok(Content(Opened::Whole { file, length }));
                }
                Arc::new(Bytes::File(file, length))
            }
            Base::Layer(layer) => layer.bytes()?,
        };
        let there = bytes.length();
        let (start, length) = self.part.unwrap_or((0, there));
        if start.checked_add(length).is_none_or(|end| end > there) {
            return Err(Error::input(name, "changed while it was being read"));
        }
        Ok(Content(Opened::Window { bytes, start, length, position: 0 }))
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

/// Bytes that several readers may share.
#[derive(Debug)]
pub(super) enum Bytes {
    Memory(Vec<u8>),
    /// With its length.
    File(File, u64),
}

impl Bytes {
    /// Number of bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(_, length) => *length,
        }
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        match self {
            Self::Memory(bytes) => {
                let at = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                bytes.get(at..).unwrap_or_default().read(buffer)
            }
            Self::File(file, _) => file.read_at(buffer, at),
        }
    }
}

/// An opened [`Source`].
#[derive(Debug)]
pub struct Content(Opened);

#[derive(Debug)]
enum Opened {
    Whole { file: File, length: u64 },
    Window { bytes: Arc<Bytes>, start: u64, length: u64, position: u64 },
}

impl Content {
    /// Number of bytes.
    pub fn length(&self) -> u64 {
        match &self.0 {
            Opened::Whole { length, .. } | Opened::Window { length, .. } => *length,
        }
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Opened::Whole { file, .. } => file.read(buffer),
            Opened::Window { bytes, start, length, position } => {
                let left = length.saturating_sub(*position);
                let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
                let read = bytes.read_at(&mut buffer[..most], *start + *position)?;
                *position += read as u64;
                Ok(read)
            }
        }
    }
}

impl Seek for Content {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.0 {
            Opened::Whole { file, .. } => file.seek(to),
            Opened::Window { length, position, .. } => {
                let place = match to {
                    SeekFrom::Start(at) => Some(at),
                    SeekFrom::Current(by) => position.checked_add_signed(by),
                    SeekFrom::End(by) => length.checked_add_signed(by),
                };
                *position = place.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
                Ok(*position)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_file_reads_and_seeks_like_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, b"0123456789").unwrap();
        let whole = Source::file(&path);
        let part = Source::new("a!b".into(), whole.place().part(2, 6).part(1, 4));
        assert_eq!((part.on_disk(), whole.on_disk()), (None, Some(path.as_path())));
        let mut content = part.open().unwrap();
        assert_eq!(content.length(), 4);
        content.seek(SeekFrom::End(-2)).unwrap();
        let mut text = String::new();
        content.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), part.bytes(4).unwrap().as_slice()), ("56", &b"3456"[..]));
        content.seek(SeekFrom::Start(100)).unwrap();
        assert_eq!(content.read(&mut [0; 4]).unwrap(), 0);
        assert!(content.seek(SeekFrom::Current(-101)).is_err());
        assert!(part.bytes(3).unwrap_err().to_string().contains("a!b: more than 3 bytes"));
        let beyond = Source::new("a!c".into(), whole.place().part(8, 6));
        assert!(beyond.open().is_err());
    }
}
