//! What happened while an archive was read.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::progress;

/// Files read and refused, and how often data were late, repeated or missing.
#[derive(Clone, Debug, Default)]
pub struct ReadReport {
    /// Files that were read.
    pub files: usize,
    /// Files that were refused, and why; the rest was read.
    pub failed: Vec<(PathBuf, String)>,
    /// Harmless oddities of files that were read.
    pub notes: Vec<(PathBuf, String)>,
    /// Breaks of more than half a sample between neighbouring pieces.
    pub gaps: u64,
    /// Segments of which a part was left out because a better or earlier one covers it.
    pub overlaps: u64,
    /// Segments left out altogether because others cover them.
    pub duplicates: u64,
    /// Segments that begin before an earlier one of their file.
    pub late: u64,
}

impl ReadReport {
    /// Notes that `file` was refused. The message does not repeat the file's name.
    pub fn fail(&mut self, file: &Path, error: &Error) {
        let problem = match error {
            Error::Input { problem, .. } => problem.clone(),
            Error::Io { source, .. } => source.to_string(),
            other => other.to_string(),
        };
        self.failed.push((file.to_path_buf(), problem));
    }

    /// Whether no file was refused.
    pub fn is_clean(&self) -> bool {
        self.failed.is_empty()
    }

    /// Names refused files (and, when verbose, oddities) on stderr, and the counts if any.
    pub fn say(&self) {
        for (file, problem) in &self.failed {
            progress::note(format_args!("skipped {}: {problem}", file.display()));
        }
        for (file, note) in &self.notes {
            progress::note(format_args!("{}: {note}", file.display()));
        }
        if self.gaps + self.overlaps + self.duplicates + self.late > 0 {
            progress::note(self);
        }
    }
}

impl fmt::Display for ReadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} files read, {} skipped; gaps {}, overlaps {}, duplicates {}, late {}",
            self.files,
            self.failed.len(),
            self.gaps,
            self.overlaps,
            self.duplicates,
            self.late
        )
    }
}
