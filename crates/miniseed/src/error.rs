//! What can be wrong with a record, and where.

/// What is wrong, at which byte of the input.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The first bytes cannot begin a SEED file.
    #[error("not miniSEED: expected a record header, found {found}")]
    NotSeed {
        /// The first bytes, printable.
        found: String,
    },
    /// The file ended without a single data record.
    #[error("no data record in {bytes} bytes")]
    NoRecord {
        /// How many bytes were searched.
        bytes: u64,
    },
    /// A record contradicts itself or the standard.
    #[error("byte {offset}: {problem}")]
    Record {
        /// Where the record begins.
        offset: u64,
        /// What was found and what was expected.
        problem: String,
    },
    /// Too many bytes without a header.
    #[error("byte {offset}: {skipped} bytes without a record header; giving up")]
    Lost {
        /// Where the search stopped.
        offset: u64,
        /// How far it went.
        skipped: u64,
    },
    /// The series cannot be written as asked.
    #[error("{0}")]
    Unencodable(String),
    /// The source could not be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn record(offset: u64, problem: impl Into<String>) -> Self {
        Self::Record { offset, problem: problem.into() }
    }
}
