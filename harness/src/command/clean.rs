//! `harness clean`: what a crash left is removed, what is standing is left alone.

use std::{fs, path::Path};

use crate::{
    broker::postgres,
    error::Error,
    runtime::guard::kill_marked,
    store::{is_left_over, sessions},
};

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Sessions of a harness that is gone.
    pub sessions: usize,
    /// Processes that were still there.
    pub processes: usize,
    /// Run folders without a verdict.
    pub runs: usize,
}

/// Removes leftovers under `runs`: processes by the mark of their session, brokers' data, unfinished run folders.
pub fn clean(runs: &Path) -> Result<Cleaned, Error> {
    let mut cleaned = Cleaned::default();
    let mut standing = false;
    for session in folders(&sessions(runs)) {
        if !is_left_over(&session) {
            standing = true;
            continue;
        }
        let mark = session.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        cleaned.processes += kill_marked(mark);
        postgres::clean(&session)?;
        fs::remove_dir_all(&session).map_err(Error::file("remove", &session))?;
        cleaned.sessions += 1;
    }
    // An unfinished folder may be a run that goes on just now: then none is touched.
    if !standing {
        for run in unfinished(runs) {
            fs::remove_dir_all(&run).map_err(Error::file("remove", &run))?;
            cleaned.runs += 1;
        }
    }
    Ok(cleaned)
}

/// Run folders that have no verdict.
fn unfinished(runs: &Path) -> Vec<std::path::PathBuf> {
    let labs = folders(runs).into_iter().filter(|lab| *lab != sessions(runs));
    let variants = labs.flat_map(|lab| folders(&lab));
    let all = variants.flat_map(|variant| folders(&variant));
    all.filter(|run| !run.join("verdict.json").exists()).collect()
}

/// The folders in a folder, without links, so that `latest` is not one.
fn folders(parent: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Session;

    #[test]
    fn an_unfinished_run_goes_and_a_finished_one_stays() {
        let runs = tempfile::tempdir().unwrap();
        let variant = runs.path().join("02-x/slow");
        for name in ["1", "2"] {
            fs::create_dir_all(variant.join(name)).unwrap();
        }
        fs::write(variant.join("2/verdict.json"), "{}").unwrap();
        std::os::unix::fs::symlink("1", variant.join("latest")).unwrap();
        assert_eq!(clean(runs.path()).unwrap(), Cleaned { runs: 1, ..Cleaned::default() });
        assert!(variant.join("2").exists() && !variant.join("1").exists());
        assert_eq!(clean(runs.path()).unwrap(), Cleaned::default());
    }

    #[test]
    fn a_session_that_goes_on_is_left_alone_and_so_are_unfinished_runs() {
        let runs = tempfile::tempdir().unwrap();
        fs::create_dir_all(runs.path().join("02-x/slow/1")).unwrap();
        let session = Session::create(runs.path(), "00000000000000aa").unwrap();
        assert_eq!(clean(runs.path()).unwrap(), Cleaned::default());
        drop(session);
        assert_eq!(clean(runs.path()).unwrap(), Cleaned { sessions: 1, runs: 1, processes: 0 });
    }
}
