//! Why a scenario cannot be had. Each is the person's to mend: exit code 2.

use std::{io, path::PathBuf};

use super::mistake::Mistakes;

/// What stands between a person and a plan.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There are no labs here.
    #[error(
        "no labs found: neither {} nor any folder above it holds labs/*/lab.toml\n  \
         run this inside the project, or name the project's folder in HARNESS_HOME", .0.display()
    )]
    NoLabs(PathBuf),
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Lab files have mistakes.
    #[error(transparent)]
    Mistakes(#[from] Mistakes),
    /// A target names nothing.
    #[error("{0}")]
    Target(String),
    /// A `--set` is not possible.
    #[error("{0}")]
    Set(String),
    /// The defaults inside the program cannot be read: a fault of the program.
    #[error("the built-in defaults.toml cannot be read: {0}")]
    Defaults(String),
}
