//! `harness compare RUN RUN`: two accounts side by side.

use std::{collections::BTreeMap, path::Path};

use super::output;
use crate::{
    assess::assess,
    error::Error,
    exit::Exit,
    report::{compare, document::RunResult},
    scenario::Plan,
    store::{RunFolder, RunToml},
};

/// What of a plan is no setting: what it is called, what it says, what is compared by itself.
const NO_SETTINGS: [&str; 11] =
    ["lab", "number", "title", "question", "hint", "binary", "variant", "says", "knob", "next", "expect"];

/// Prints what differs. That two runs differ is what one wants to see, and no failure.
pub fn compare(runs: [&Path; 2], json: bool) -> Result<Exit, Error> {
    let (one, other) = (open(runs[0])?, open(runs[1])?);
    let comparison = compare::compare([&one.1, &other.1], [&settings(&one.0)?, &settings(&other.0)?]);
    match json {
        true => output::print(&comparison.to_json()),
        false => output::print(&comparison.text(&output::page())),
    }
}

/// A run's plan, and its account made again from its folder, so that an unfinished or damaged one says so.
fn open(run: &Path) -> Result<(Plan, RunResult), Error> {
    let folder = RunFolder::open(run)?;
    let plan = RunToml::read(&folder)?.plan;
    Ok((plan, assess(&folder)?.result))
}

/// A plan's settings, each with the name of its place: "nats.stream.storage", "workers[0].count".
fn settings(plan: &Plan) -> Result<BTreeMap<String, String>, Error> {
    let table = toml::Table::try_from(plan)
        .map_err(|error| Error::Other(format!("the plan cannot be written down: {error}")))?;
    let mut found = BTreeMap::new();
    for (key, value) in table.iter().filter(|(key, _)| !NO_SETTINGS.contains(&key.as_str())) {
        flatten(key, value, &mut found);
    }
    Ok(found)
}

fn flatten(name: &str, value: &toml::Value, found: &mut BTreeMap<String, String>) {
    match value {
        toml::Value::Table(table) => {
            table.iter().for_each(|(key, value)| flatten(&format!("{name}.{key}"), value, found));
        }
        // A list of plain values is one setting: arguments, brokers.
        toml::Value::Array(items) if items.iter().any(toml::Value::is_table) => {
            items.iter().enumerate().for_each(|(at, value)| flatten(&format!("{name}[{at}]"), value, found));
        }
        toml::Value::Array(items) => {
            let words: Vec<_> = items.iter().map(plain).collect();
            found.insert(name.to_owned(), words.join(" "));
        }
        value => {
            found.insert(name.to_owned(), plain(value));
        }
    }
}

fn plain(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
