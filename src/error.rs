//! Errors as values: who is at fault, what was found, what to do.

use std::path::{Path, PathBuf};

/// What went wrong, sorted by who can mend it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Flags, settings or a request that cannot be served as stated; exit code 2.
    #[error("{0}")]
    Usage(String),
    /// One input file is not what it should be; exit code 1.
    #[error("{}: {problem}", file.display())]
    Input {
        /// The file at fault.
        file: PathBuf,
        /// Where in it (byte offset or row), what was found, what was expected.
        problem: String,
    },
    /// The data read do not allow what was asked (too short, no target, all missing); exit code 1.
    #[error("{0}")]
    Data(String),
    /// The operating system refused; exit code 1.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder concerned.
        path: PathBuf,
        /// The system's own word.
        source: std::io::Error,
    },
    /// libtorch refused; the text is cut at its first line. Exit code 1.
    #[error("libtorch: {0}")]
    Torch(String),
    /// Ctrl-C; the state on disk is resumable. Exit code 130.
    #[error("interrupted; what was done is kept")]
    Interrupted,
}

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A request that cannot be served as stated.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// Data that do not allow what was asked.
    pub fn data(message: impl Into<String>) -> Self {
        Self::Data(message.into())
    }

    /// A fault of one input file.
    pub fn input(file: impl AsRef<Path>, problem: impl Into<String>) -> Self {
        Self::Input { file: file.as_ref().to_path_buf(), problem: problem.into() }
    }

    /// Wraps an I/O error with its path; made for `map_err(Error::io(path))`.
    pub fn io(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { path, source }
    }

    /// The exit code of a program that ends with this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Interrupted => 130,
            _ => 1,
        }
    }
}

impl From<tch::TchError> for Error {
    /// libtorch appends a C++ backtrace of thousands of characters; only the first line helps.
    fn from(error: tch::TchError) -> Self {
        let text = error.to_string();
        Self::Torch(text.lines().next().unwrap_or("unknown failure").to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_names_the_file_and_exit_code_follows_the_fault() {
        let error = Error::input("a.mseed", "byte 48: expected a record header, found 'HTTP'");
        assert_eq!(error.to_string(), "a.mseed: byte 48: expected a record header, found 'HTTP'");
        assert_eq!(error.exit_code(), 1);
        assert_eq!(Error::usage("no").exit_code(), 2);
    }
}
