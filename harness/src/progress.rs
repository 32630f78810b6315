//! How far a participant is: `runs/progress.jsonl`, one line for each run of a lab as it is.
//!
//! The file is only added to. A line that cannot be read is named and passed over; the others count.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use ledger::Verdict;
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    report::{document::RunResult, list::Newest},
};

/// Where it is.
pub fn path(runs: &Path) -> PathBuf {
    runs.join("progress.jsonl")
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    /// When it had ended.
    at: jiff::Timestamp,
    lab: String,
    variant: String,
    verdict: Verdict,
    as_expected: Option<bool>,
    run: Option<String>,
}

/// How every variant came out last.
#[derive(Debug, Default)]
pub struct Progress {
    newest: BTreeMap<(String, String), Newest>,
    /// Lines that cannot be read, each named in a sentence.
    pub damaged: Vec<String>,
}

impl Progress {
    /// Reads the file; nothing where there is none yet.
    pub fn read(runs: &Path) -> Result<Self, Error> {
        let path = path(runs);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            read => read.map_err(Error::file("read", &path))?,
        };
        let mut progress = Self::default();
        for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            match serde_json::from_slice::<Line>(line) {
                Ok(Line { lab, variant, verdict, as_expected, .. }) => {
                    progress.newest.insert((lab, variant), Newest { verdict, as_expected });
                }
                Err(error) => progress.damaged.push(format!(
                    "{}, line {}: it cannot be read and is passed over ({error})",
                    path.display(),
                    number + 1
                )),
            }
        }
        Ok(progress)
    }

    /// How a variant came out last.
    pub fn newest(&self, lab: &str, variant: &str) -> Option<Newest> {
        self.newest.get(&(lab.to_owned(), variant.to_owned())).copied()
    }
}

/// Adds a run. One that did not take place is none.
pub fn note(runs: &Path, result: &RunResult) -> Result<(), Error> {
    if result.verdict == Verdict::NotRun {
        return Ok(());
    }
    let line = Line {
        at: jiff::Timestamp::now(),
        lab: result.lab.clone(),
        variant: result.variant.clone(),
        verdict: result.verdict,
        as_expected: result.as_expected,
        run: result.run.clone(),
    };
    let mut text = serde_json::to_vec(&line)
        .map_err(|error| Error::Other(format!("a line of progress has no JSON: {error}")))?;
    text.push(b'\n');
    let path = path(runs);
    let mut options = OpenOptions::new();
    let mut file = options
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&path)
        .map_err(Error::file("open", &path))?;
    // What a crash left of a line must not swallow this one.
    if !ends_a_line(&mut file).map_err(Error::file("read", &path))? {
        text.insert(0, b'\n');
    }
    // One call, so that two processes do not mix their lines.
    file.write_all(&text).map_err(Error::file("write", &path))
}

fn ends_a_line(file: &mut fs::File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn with(as_expected: bool) -> RunResult {
        RunResult { as_expected: Some(as_expected), ..samples::crash_before_ack() }
    }

    fn newest(runs: &Path) -> Option<bool> {
        let progress = Progress::read(runs).unwrap();
        progress.newest("04-duplicates", "crash-before-ack").and_then(|newest| newest.as_expected)
    }

    #[test]
    fn the_last_run_counts_and_one_that_was_not_run_does_not() {
        let runs = tempfile::tempdir().unwrap();
        assert_eq!(newest(runs.path()), None);
        note(runs.path(), &with(false)).unwrap();
        assert_eq!(newest(runs.path()), Some(false));
        note(runs.path(), &with(true)).unwrap();
        note(runs.path(), &RunResult { verdict: Verdict::NotRun, ..with(false) }).unwrap();
        assert_eq!(newest(runs.path()), Some(true));
    }

    #[test]
    fn a_damaged_line_is_named_and_costs_no_other() {
        let runs = tempfile::tempdir().unwrap();
        note(runs.path(), &with(true)).unwrap();
        let path = path(runs.path());
        let mut bytes = fs::read(&path).unwrap();
        // A line that a crash left half, and bytes that are no text.
        bytes.extend_from_slice(b"\xff\xfe\n{\"at\": \"2026-01");
        fs::write(&path, &bytes).unwrap();
        note(runs.path(), &RunResult { variant: "other".into(), ..with(true) }).unwrap();
        let progress = Progress::read(runs.path()).unwrap();
        assert!(progress.newest("04-duplicates", "crash-before-ack").is_some());
        assert!(progress.newest("04-duplicates", "other").is_some(), "{:?}", progress.damaged);
        assert_eq!(progress.damaged.len(), 2, "{:?}", progress.damaged);
        assert!(progress.damaged[0].contains("progress.jsonl, line 2: "), "{:?}", progress.damaged);
        assert!(progress.damaged[1].contains("progress.jsonl, line 3: "), "{:?}", progress.damaged);
        assert!(fs::read(&path).unwrap().starts_with(&bytes), "nothing of it was taken away");
    }
}
