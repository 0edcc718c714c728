//! Walks the records of a file in bounded memory.

use std::io::Read;

use crate::error::{Error, Result};
use crate::header::{self, FIXED, LONGEST_RECORD, Parsed};
use crate::record::Record;

/// Records lie on a grid of this many bytes, and so do the steps of a search for the next one.
const GRID: usize = 128;

/// How far the search for a header goes before the file is given up.
const MOST_SKIPPED: u64 = 1 << 20;

/// Bytes kept ahead of the current position, so that every decision sees what it needs.
const LOOK_AHEAD: usize = LONGEST_RECORD + FIXED + GRID;

/// Hands out the data records of a source in order, skipping control headers, blank records and
/// (up to 1 MiB at a stretch) bytes that are no record. Memory: at most twice the longest record.
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
    begun: bool,
    finished: bool,
    records: u64,
    in_control_headers: bool,
    skipped_at_a_stretch: u64,
    skipped: u64,
    truncated: Option<u64>,
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
            begun: false,
            finished: false,
            records: 0,
            in_control_headers: false,
            skipped_at_a_stretch: 0,
            skipped: 0,
            truncated: None,
        }
    }

    /// Bytes passed over that belong to no record, blank record or control header.
    pub fn skipped_bytes(&self) -> u64 {
        self.skipped
    }

    /// Where the file ended in the middle of a record, if it did.
    pub fn truncated_at(&self) -> Option<u64> {
        self.truncated
    }

    /// The next data record; `None` at the end of the file.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>> {
        loop {
            if self.finished {
                return Ok(None);
            }
            self.fill()?;
            let rest = self.window.get(self.at..).unwrap_or_default();
            let offset = self.base + self.at as u64;
            if !self.begun {
                self.begun = true;
                if !header::looks_like_seed(rest) {
                    self.finished = true;
                    return Err(Error::NotSeed { found: printable(self.window.get(..8)) });
                }
            }
            if rest.len() < GRID {
                self.skipped += rest.len() as u64;
                return self.end();
            }
            if !header::is_data(rest) {
                self.step_over_other_bytes()?;
                continue;
            }
            match header::parse(rest) {
                Ok(Parsed::Record(header)) => {
                    self.records += 1;
                    self.in_control_headers = false;
                    self.skipped_at_a_stretch = 0;
                    let start = self.at;
                    self.at += header.record_length as usize;
                    let bytes = self.window.get(start..self.at).unwrap_or_default();
                    return Ok(Some(Record { offset, header, bytes }));
                }
                Ok(Parsed::Truncated) => {
                    self.truncated = Some(offset);
                    return self.end();
                }
                Err(problem) => {
                    self.at += GRID;
                    return Err(Error::record(offset, problem));
                }
            }
        }
    }

    fn end(&mut self) -> Result<Option<Record<'_>>> {
        self.finished = true;
        match self.truncated {
            _ if self.records > 0 => Ok(None),
            Some(offset) => Err(Error::record(offset, "the file ends inside its only record")),
            None => Err(Error::NoRecord { bytes: self.base + self.window.len() as u64 }),
        }
    }

    fn step_over_other_bytes(&mut self) -> Result<()> {
        let rest = self.window.get(self.at..).unwrap_or_default();
        if header::is_control(rest) {
            self.in_control_headers = true;
        }
        if !header::is_blank(rest) && !self.in_control_headers {
            self.skipped += GRID as u64;
            self.skipped_at_a_stretch += GRID as u64;
        }
        self.at += GRID;
        if self.skipped_at_a_stretch > MOST_SKIPPED {
            let offset = self.base + self.at as u64;
            self.finished = true;
            return Err(Error::Lost { offset, skipped: self.skipped_at_a_stretch });
        }
        Ok(())
    }

    /// Makes sure that the window reaches `LOOK_AHEAD` bytes ahead, or to the end of the file.
    fn fill(&mut self) -> Result<()> {
        let ahead = self.window.len() - self.at;
        if self.source_ended || ahead >= LOOK_AHEAD {
            return Ok(());
        }
        self.window.drain(..self.at);
        self.base += self.at as u64;
        self.at = 0;
        let room = (2 * LOOK_AHEAD).saturating_sub(self.window.len()) as u64;
        let read = self.source.by_ref().take(room).read_to_end(&mut self.window)?;
        self.source_ended = (read as u64) < room;
        Ok(())
    }
}

/// The first bytes of a file that is something else, fit for a message.
fn printable(bytes: Option<&[u8]>) -> String {
    match bytes {
        None | Some([]) => "fewer than 8 bytes".to_string(),
        Some(bytes) => format!("'{}'", bytes.escape_ascii()),
    }
}
