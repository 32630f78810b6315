//! What can go wrong around a run, and what each means for the exit code.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use crate::exit::Exit;

/// An error that a person reads: what happened, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line names something that does not exist.
    #[error("{0}")]
    Usage(String),
    /// A variant cannot be started on this machine.
    #[error("{what}\n  to mend it: {mend}")]
    NotRun {
        /// What is missing.
        what: String,
        /// The one command that mends it.
        mend: String,
    },
    /// A broker or a worker failed before there was anything to account for.
    #[error("{what}{log}")]
    Node {
        /// Which node, and what it did.
        what: String,
        /// Its last words.
        log: LogTail,
    },
    /// A file or folder of the harness could not be used.
    #[error("cannot {what} {path}: {source}", path = path.display())]
    File {
        /// The verb: "read", "create".
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The command line or a lab file is not right.
    #[error(transparent)]
    Scenario(#[from] crate::scenario::Error),
    /// A journal could not be written or read.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// Anything else, already a whole sentence.
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// The exit code that goes with it.
    pub fn exit(&self) -> Exit {
        match self {
            Error::Usage(_) | Error::Scenario(_) => Exit::Usage,
            Error::NotRun { .. } => Exit::Inconclusive,
            Error::Node { .. } | Error::File { .. } | Error::Journal(_) | Error::Other(_) => Exit::Failed,
        }
    }

    /// For `map_err`: the file, and what was to be done with it.
    pub fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::File { what, path, source }
    }
}

/// The last lines of a node's log, for an error message.
#[derive(Clone, Debug, Default)]
pub struct LogTail {
    /// Where the whole log is.
    pub path: PathBuf,
    /// The last lines.
    pub lines: Vec<String>,
}

impl LogTail {
    const LINES: usize = 12;

    /// The last lines of the file; none if it cannot be read.
    pub fn of(path: &Path) -> Self {
        let text =
            std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        let first = lines.len().saturating_sub(Self::LINES);
        Self { path: path.to_owned(), lines: lines[first..].to_vec() }
    }
}

impl fmt::Display for LogTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lines.is_empty() {
            return Ok(());
        }
        write!(f, "\n  last lines of {}:", self.path.display())?;
        for line in &self.lines {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}
