//! What can be wrong with a journal.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use crate::header::{CHECK_AT, RUN_AT, VERSION_AT};

/// Why a journal cannot be written, or not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk is full. Everything that was appended before stays readable.
    #[error("the disk is full: {path} cannot grow by {bytes} bytes; make room there and run again", path = path.display())]
    DiskFull {
        /// The journal.
        path: PathBuf,
        /// How much room it needed.
        bytes: u64,
    },
    /// A journal is written once.
    #[error("{path}: the journal exists already; give each life of a worker a name of its own", path = path.display())]
    Exists {
        /// The journal.
        path: PathBuf,
    },
    /// A folder, a pipe or a device.
    #[error("{path}: not a regular file, so not a journal; look whether the path is right", path = path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot {what} the journal {path}: {source}; look at the path, its permissions and the disk", path = path.display())]
    File {
        /// "create", "map", "read".
        what: &'static str,
        /// The journal.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no journal, or not one that this program may read.
    #[error("{path}, byte {offset}: {what}", path = path.display(), offset = what.offset())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: Foreign,
    },
    /// More point names, or a longer one, than a journal has room for.
    #[error("{path}: {what}", path = path.display())]
    Point {
        /// The journal.
        path: PathBuf,
        /// What is too much.
        what: String,
    },
}

/// What a file is instead of a journal of this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// No bytes at all.
    Empty,
    /// Shorter than a header.
    Truncated {
        /// Its length in bytes.
        bytes: u64,
    },
    /// It does not begin as a journal does.
    Garbage,
    /// The header's check does not match, or a field of it is impossible.
    Header(&'static str),
    /// A journal of another format version.
    Version {
        /// The version that it names.
        found: u32,
        /// The version that this program reads.
        known: u32,
    },
    /// A journal of another run.
    Run {
        /// That run's id.
        found: u64,
        /// The id that was expected.
        expected: u64,
    },
}

impl Foreign {
    /// Where in the file it shows, in bytes from the start.
    pub fn offset(&self) -> u64 {
        match self {
            Foreign::Empty | Foreign::Garbage => 0,
            Foreign::Truncated { bytes } => *bytes,
            Foreign::Header(_) => CHECK_AT as u64,
            Foreign::Version { .. } => VERSION_AT as u64,
            Foreign::Run { .. } => RUN_AT as u64,
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Foreign::Empty => write!(f, "an empty file, not a journal. Remove it and run again"),
            Foreign::Truncated { bytes } => {
                write!(f, "cut off: {bytes} bytes are less than a journal's header. ")?;
                write!(f, "Copy the run folder again, or run again")
            }
            Foreign::Garbage => {
                write!(f, "not a journal: it does not begin as one. Look whether the path is right")
            }
            Foreign::Header(what) => {
                write!(f, "the header is damaged: {what}. Copy the run folder again, or run again")
            }
            Foreign::Version { found, known } => {
                write!(f, "a journal of format version {found}; this program reads version {known}. ")?;
                write!(f, "Read it with the version that wrote it")
            }
            Foreign::Run { found, expected } => {
                write!(f, "a journal of another run: {found:016x}, expected {expected:016x}. ")?;
                write!(f, "Take it out of the folder")
            }
        }
    }
}

/// Where a journal stops to make sense. What stands before is good; the run is inconclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Byte offset of the first bad entry.
    pub offset: u64,
    /// What is wrong with it.
    pub what: BadPlace,
}

/// What is wrong at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPlace {
    /// The file is shorter than its header promises.
    Truncated {
        /// How long it was made, in bytes.
        promised: u64,
    },
    /// No entry has this kind.
    Kind(u8),
    /// The check does not match.
    Check,
    /// The time goes back.
    Time,
    /// Something stands behind the end.
    BehindTheEnd,
    /// The system could not read it.
    Unreadable(io::ErrorKind),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "damaged at byte {}: ", self.offset)?;
        match self.what {
            BadPlace::Truncated { promised } => write!(f, "cut off, it was {promised} bytes long")?,
            BadPlace::Kind(number) => write!(f, "no entry has the kind {number}")?,
            BadPlace::Check => write!(f, "the entry's check does not match")?,
            BadPlace::Time => write!(f, "the time goes back")?,
            BadPlace::BehindTheEnd => write!(f, "there is something behind the end")?,
            BadPlace::Unreadable(kind) => write!(f, "the system cannot read it: {kind}")?,
        }
        write!(f, "; what stands before is kept. Copy the run folder again, or run again")
    }
}

impl std::error::Error for Damage {}

impl Error {
    /// True where there is no file of that name, or not yet.
    pub fn is_missing(&self) -> bool {
        matches!(self, Error::File { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::File { what, path, source }
    }
}
