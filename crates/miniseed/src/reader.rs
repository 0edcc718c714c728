//! Walks the records of a file in bounded memory, or of bytes in memory without copying them.

use std::io::Read;

use crate::error::Result;
use crate::record::Record;
use crate::walk::{LOOK_AHEAD, Step, Walker};

/// Hands out the data records of a source in order, skipping control headers, blank records and
/// (up to 1 MiB at a stretch) bytes that are no record. Memory: twice the longest record of
/// version 2 (2 MiB), or one record of version 3 (at most 10 MiB) beyond it.
///
/// After an error the next call continues behind the bad record, so a caller may be strict
/// (stop) or lenient (note and go on).
pub struct RecordReader<R> {
    source: R,
    window: Vec<u8>,
    /// Position in the window.
    at: usize,
    /// Offset of the window in the file.
    base: u64,
    source_ended: bool,
    finished: bool,
    walker: Walker,
}

impl<R: Read> RecordReader<R> {
    /// Reads from the start of a file.
    pub fn new(source: R) -> Self {
        Self::at(source, 0)
    }

    /// Reads from byte `offset`, at which `source` stands (the offset of an earlier record).
    pub fn at(source: R, offset: u64) -> Self {
        Self {
            source,
            window: Vec::new(),
            at: 0,
            base: offset,
            source_ended: false,
            finished: false,
            walker: Walker::default(),
        }
    }

    /// Bytes passed over that belong to no record, blank record or control header.
    pub fn skipped_bytes(&self) -> u64 {
        self.walker.skipped
    }

    /// Where the file ended in the middle of a record, if it did.
    pub fn truncated_at(&self) -> Option<u64> {
        self.walker.truncated
    }

    /// The next data record; `None` at the end of the file.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>> {
        loop {
            if self.finished {
                return Ok(None);
            }
            let rest = self.window.get(self.at..).unwrap_or_default();
            let offset = self.base + self.at as u64;
            match self.walker.step(rest, self.source_ended, offset) {
                Step::Need(bytes) => self.fill(bytes)?,
                Step::Skip(bytes) => self.at += bytes,
                Step::Broken(error, bytes) => {
                    self.at += bytes;
                    return Err(error);
                }
                Step::End(result) => {
                    self.finished = true;
                    return result.map(|()| None);
                }
                Step::Record(header) => {
                    let start = self.at;
                    self.at += header.record_length as usize;
                    let bytes = self.window.get(start..self.at).unwrap_or_default();
                    return Ok(Some(Record { offset, header, bytes }));
                }
            }
        }
    }

    /// Reads until the window reaches `needed` bytes ahead and some further, or to the file's end.
    fn fill(&mut self, needed: usize) -> Result<()> {
        self.window.drain(..self.at.min(self.window.len()));
        self.base += self.at as u64;
        self.at = 0;
        let room = (needed + LOOK_AHEAD).saturating_sub(self.window.len()) as u64;
        let read = self.source.by_ref().take(room).read_to_end(&mut self.window)?;
        self.source_ended = (read as u64) < room;
        Ok(())
    }
}

/// The data records of bytes in memory, borrowed from them: an iterator by the rules of
/// [`RecordReader`], whose records outlive it.
pub struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
    finished: bool,
    walker: Walker,
}

impl<'a> Records<'a> {
    /// Walks `bytes` from their start.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, finished: false, walker: Walker::default() }
    }

    /// Bytes passed over that belong to no record, blank record or control header.
    pub fn skipped_bytes(&self) -> u64 {
        self.walker.skipped
    }

    /// Where the bytes ended in the middle of a record, if they did.
    pub fn truncated_at(&self) -> Option<u64> {
        self.walker.truncated
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.finished {
                return None;
            }
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let offset = self.at as u64;
            match self.walker.step(rest, true, offset) {
                Step::Need(_) => self.finished = true, // never asked of complete bytes
                Step::Skip(bytes) => self.at += bytes,
                Step::Broken(error, bytes) => {
                    self.at += bytes;
                    return Some(Err(error));
                }
                Step::End(result) => {
                    self.finished = true;
                    return result.err().map(Err);
                }
                Step::Record(header) => {
                    let length = header.record_length as usize;
                    self.at += length;
                    let bytes = rest.get(..length).unwrap_or_default();
                    return Some(Ok(Record { offset, header, bytes }));
                }
            }
        }
    }
}
