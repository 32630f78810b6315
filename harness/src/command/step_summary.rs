//! The summary of a CI step: appended to the file that `$GITHUB_STEP_SUMMARY` names.

use std::{
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
};

use crate::{
    error::Error,
    report::{markdown::markdown, run_report::RunReport},
};

/// Appends to the file, where the variable is set. What cannot be written is said, and costs nothing.
pub fn append(reports: &[RunReport]) {
    let file = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|name| !name.is_empty());
    let Some(path) = file.map(PathBuf::from) else { return };
    if let Err(error) = append_to(&path, &markdown(reports)) {
        eprintln!("warning: there is no step summary: {error}");
    }
}

fn append_to(path: &Path, text: &str) -> Result<(), Error> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    let mut file = file.map_err(Error::file("open", path))?;
    file.write_all(text.as_bytes()).map_err(Error::file("write", path))
}
