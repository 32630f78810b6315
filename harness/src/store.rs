//! The run folder: `runs/<lab>/<variant>/<time>-<seed>/`, written in three steps.
//!
//! `run.toml` before anything starts, journals and events while it runs, `verdict.json` at the end:
//! a crash in one step never costs what an earlier one wrote.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{error::Error, scenario::Plan};

/// The folder of one run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes a new one under `runs`, and points `latest` to it.
    ///
    /// A second run within the same second gets a number behind its name.
    pub fn create(runs: &Path, lab: &str, variant: &str, seed: u64) -> Result<Self, Error> {
        let parent = runs.join(lab).join(variant);
        make_folder(&parent)?;
        let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut number = 0;
        let path = loop {
            let name =
                if number == 0 { format!("{stamp}-{seed}") } else { format!("{stamp}-{seed}.{number}") };
            let path = parent.join(&name);
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => break path,
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                Err(source) => return Err(Error::File { what: "create", path, source }),
            }
        };
        let folder = Self { path };
        make_folder(&folder.journals())?;
        make_folder(&folder.logs())?;
        point_latest(&parent, &folder.path);
        Ok(folder)
    }

    /// An existing one, as a person names it: a run folder, or `latest` of a variant.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let path = fs::canonicalize(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::Usage(format!("there is no run folder {}", path.display()))
            }
            _ => Error::file("open the run folder", path)(error),
        })?;
        if !path.join("run.toml").is_file() {
            return Err(Error::Usage(format!(
                "{} is not a run folder: it has no run.toml. One looks like runs/<lab>/<variant>/latest",
                path.display()
            )));
        }
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the journals.
    pub fn journals(&self) -> PathBuf {
        self.path.join("journal")
    }

    /// The folder of the logs.
    pub fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// A node's log.
    pub fn log(&self, node: &str) -> PathBuf {
        self.logs().join(format!("{node}.log"))
    }

    /// The resolved scenario, seed and command line.
    pub fn run_toml(&self) -> PathBuf {
        self.path.join("run.toml")
    }

    /// Every event of the run, one JSON object a line.
    pub fn events(&self) -> PathBuf {
        self.path.join("events.jsonl")
    }

    /// Writes a file of the folder whole or not at all.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        write_whole(&self.path.join(name), bytes)
    }

    /// The run's journals, sorted by name.
    pub fn journal_files(&self) -> Result<Vec<PathBuf>, Error> {
        let folder = self.journals();
        let entries = fs::read_dir(&folder).map_err(Error::file("list", &folder))?;
        let mut files: Vec<_> = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "journal"))
            .collect();
        files.sort();
        Ok(files)
    }
}

/// What stands in `run.toml`: the plan, and what made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunToml {
    /// The version of the harness.
    pub harness: String,
    /// The command line.
    pub command: Vec<String>,
    /// Where the run folder lies, from the project's folder.
    pub run: String,
    /// Which repeat, from 0.
    pub repeat: u32,
    /// What was to be done.
    pub plan: Plan,
}

impl RunToml {
    /// For a run of this plan in this folder.
    pub fn new(plan: Plan, repeat: u32, folder: &RunFolder, project: &Path) -> Self {
        let run = folder.path().strip_prefix(project).unwrap_or(folder.path());
        Self {
            harness: env!("CARGO_PKG_VERSION").to_owned(),
            command: std::env::args().collect(),
            run: run.display().to_string(),
            repeat,
            plan,
        }
    }

    /// As text.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self)
            .map_err(|error| Error::Other(format!("the plan cannot be written down: {error}")))
    }

    /// Reads a run folder's file.
    pub fn read(folder: &RunFolder) -> Result<Self, Error> {
        let path = folder.run_toml();
        let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        toml::from_str(&text).map_err(|error| Error::Other(format!("{}: {error}", path.display())))
    }
}

/// Makes a folder and its parents, readable by its owner alone.
pub fn make_folder(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Error::file("create", path))
}

/// Writes a file through a temporary one beside it, so that a reader never sees half of it.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    // Two programs may write the same file at the same time: each has a name of its own for it until it is whole.
    let unfinished = path.with_added_extension(format!("{:016x}.unfinished", rand::random::<u64>()));
    let mut file = File::create_new(&unfinished).map_err(Error::file("create", &unfinished))?;
    let written = file.write_all(bytes).map_err(Error::file("write", &unfinished));
    let renamed = written.and_then(|()| fs::rename(&unfinished, path).map_err(Error::file("write", path)));
    if renamed.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    renamed
}

/// `latest` is a convenience: two runs that end at once may both set it, and either is right.
fn point_latest(parent: &Path, folder: &Path) {
    let (Some(name), link) = (folder.file_name(), parent.join("latest")) else { return };
    let fresh = parent.join(format!(".latest-{}", std::process::id()));
    let _ = fs::remove_file(&fresh);
    if symlink(name, &fresh).is_ok() {
        let _ = fs::rename(&fresh, &link);
    }
}

/// The folder of what one `harness` process has standing: brokers' data and a lock that it holds.
///
/// When the process dies the lock is free, and `harness clean` knows what is left over.
#[derive(Debug)]
pub struct Session {
    path: PathBuf,
    _lock: File,
}

impl Session {
    /// Makes the folder `runs/.sessions/<mark>` and takes its lock.
    pub fn create(runs: &Path, mark: &str) -> Result<Self, Error> {
        let path = sessions(runs).join(mark);
        make_folder(&path)?;
        let file = path.join("lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let lock = options.open(&file).map_err(Error::file("create", &file))?;
        lock.lock().map_err(Error::file("lock", &file))?;
        Ok(Self { path, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder of its own for a broker.
    pub fn broker(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Removes the folder; called when everything in it has ended.
    pub fn remove(&self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Where the sessions' folders are.
pub fn sessions(runs: &Path) -> PathBuf {
    runs.join(".sessions")
}

/// Whether a session's process is gone: its lock can be taken.
pub fn is_left_over(session: &Path) -> bool {
    match OpenOptions::new().write(true).open(session.join("lock")) {
        Ok(file) => file.try_lock().is_ok(),
        Err(_) => true,
    }
}
