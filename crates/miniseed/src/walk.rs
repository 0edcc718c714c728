//! Where the next record lies: the rules of stepping through a file, apart from how it is read.

use crate::error::{Error, Result};
use crate::header::{self, Header, Parsed};
use crate::version3;

/// Records of version 2 lie on a grid of this many bytes, and so do the steps of a search for the
/// next one.
const GRID: usize = 128;

/// How far the search for a header goes before the file is given up.
const MOST_SKIPPED: u64 = 1 << 20;

/// How many bytes are checksummed in a search before it is given up: a file may be full of headers
/// that all claim to be long.
const MOST_CHECKSUMMED: u64 = 64 << 20;

/// Bytes ahead of a position with which a record of version 2 can be judged.
pub(crate) const LOOK_AHEAD: usize = header::LONGEST_RECORD + header::FIXED + GRID;

/// What to do at a position.
#[expect(clippy::large_enum_variant, reason = "made once a record and taken apart at once")]
pub(crate) enum Step {
    /// Call again with so many bytes, or all that the file has.
    Need(usize),
    /// Go on behind so many bytes.
    Skip(usize),
    /// A record, as long as its header says.
    Record(Header),
    /// Something broken; the next step is so many bytes on.
    Broken(Error, usize),
    /// Nothing follows.
    End(Result<()>),
}

/// What was met so far.
#[derive(Debug, Default)]
pub(crate) struct Walker {
    begun: bool,
    records: u64,
    in_control_headers: bool,
    /// A broken record of version 3 has no grid behind it: every byte may begin the next.
    searching: bool,
    skipped_at_a_stretch: u64,
    checksummed_in_search: u64,
    pub skipped: u64,
    pub truncated: Option<u64>,
}

impl Walker {
    /// Judges `rest`, the bytes from `offset` on; `complete` if the file ends with them.
    pub fn step(&mut self, rest: &[u8], complete: bool, offset: u64) -> Step {
        if rest.len() < LOOK_AHEAD && !complete {
            return Step::Need(LOOK_AHEAD);
        }
        if !self.begun {
            self.begun = true;
            if !header::looks_like_seed(rest) {
                return Step::End(Err(Error::NotSeed { found: printable(rest.get(..8)) }));
            }
        }
        if version3::is_header(rest) {
            return self.step_at_version3(rest, complete, offset);
        }
        if self.searching {
            return self.search(rest, complete, offset);
        }
        if rest.len() < GRID {
            self.skipped += rest.len() as u64;
            return self.end(offset + rest.len() as u64);
        }
        if !header::is_data(rest) {
            return self.step_over_other_bytes(rest, offset);
        }
        match header::parse(rest) {
            Ok(parsed) => self.take(parsed, offset),
            Err(problem) => Step::Broken(Error::record(offset, problem), GRID),
        }
    }

    fn step_at_version3(&mut self, rest: &[u8], complete: bool, offset: u64) -> Step {
        let length = version3::record_length(rest).unwrap_or(version3::FIXED);
        if length > rest.len() && length <= version3::LONGEST_RECORD && !complete {
            return Step::Need(length);
        }
        if self.searching {
            self.checksummed_in_search += length.min(rest.len()) as u64;
            if self.checksummed_in_search > MOST_CHECKSUMMED {
                return Step::End(Err(Error::Lost { offset, skipped: self.skipped_at_a_stretch }));
            }
        }
        match version3::parse(rest) {
            // In a search a record counts only if its checksum is right; the claim to be longer
            // than the file may come from anything.
            Ok(Parsed::Truncated) | Err(_) if self.searching => {
                self.skip(version3::MAGIC.len(), offset)
            }
            Ok(parsed) => self.take(parsed, offset),
            Err(problem) => {
                self.searching = true;
                Step::Broken(Error::record(offset, problem), version3::MAGIC.len())
            }
        }
    }

    fn take(&mut self, parsed: Parsed, offset: u64) -> Step {
        match parsed {
            Parsed::Record(header) => {
                self.records += 1;
                self.in_control_headers = false;
                self.searching = false;
                self.skipped_at_a_stretch = 0;
                self.checksummed_in_search = 0;
                Step::Record(header)
            }
            Parsed::Truncated => {
                self.truncated = Some(offset);
                self.end(offset)
            }
        }
    }

    /// On to the next bytes that begin like version 3.
    fn search(&mut self, rest: &[u8], complete: bool, offset: u64) -> Step {
        let next = rest.iter().skip(1).position(|&b| b == version3::MAGIC[0]).map(|at| at + 1);
        match next {
            Some(next) => self.skip(next, offset),
            None if complete => {
                self.skipped += rest.len() as u64;
                self.end(offset + rest.len() as u64)
            }
            None => self.skip(rest.len(), offset),
        }
    }

    fn end(&self, bytes: u64) -> Step {
        Step::End(match self.truncated {
            _ if self.records > 0 => Ok(()),
            Some(offset) => Err(Error::record(offset, "the file ends inside its only record")),
            None => Err(Error::NoRecord { bytes }),
        })
    }

    fn step_over_other_bytes(&mut self, rest: &[u8], offset: u64) -> Step {
        if header::is_control(rest) {
            self.in_control_headers = true;
        }
        if header::is_blank(rest) || self.in_control_headers {
            return Step::Skip(GRID);
        }
        self.skip(GRID, offset)
    }

    /// Passes over bytes that belong to nothing.
    fn skip(&mut self, bytes: usize, offset: u64) -> Step {
        self.skipped += bytes as u64;
        self.skipped_at_a_stretch += bytes as u64;
        if self.skipped_at_a_stretch > MOST_SKIPPED {
            let skipped = self.skipped_at_a_stretch;
            return Step::End(Err(Error::Lost { offset: offset + bytes as u64, skipped }));
        }
        Step::Skip(bytes)
    }
}

/// The first bytes of a file that is something else, fit for a message.
fn printable(bytes: Option<&[u8]>) -> String {
    match bytes {
        None | Some([]) => "fewer than 8 bytes".to_string(),
        Some(bytes) => format!("'{}'", bytes.escape_ascii()),
    }
}
