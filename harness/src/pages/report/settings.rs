//! What a run was told: every setting of its plan, and the command that runs it again.

use toml::{Table, Value};

use crate::{error::Error, report::run_report::LabView, scenario::Plan};

/// Shown elsewhere in the report, or the same in every run of the lab.
const ELSEWHERE: [&str; 8] = ["lab", "number", "title", "question", "hint", "variant", "says", "next"];

/// The settings of a plan by their names in the lab file: "workload.messages" → "2000".
pub fn settings(plan: &Plan) -> Result<Vec<(String, String)>, Error> {
    let table = Table::try_from(plan)
        .map_err(|error| Error::Other(format!("the plan cannot be written down: {error}")))?;
    let mut rows = Vec::new();
    for (name, value) in table.iter().filter(|(name, _)| !ELSEWHERE.contains(&name.as_str())) {
        flatten(name, value, &mut rows);
    }
    Ok(rows)
}

fn flatten(name: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    let inner = |key: &str| format!("{name}.{key}");
    match value {
        Value::Table(table) => table.iter().for_each(|(key, value)| flatten(&inner(key), value, rows)),
        Value::Array(values) if values.iter().any(Value::is_table) => {
            let numbered = values.iter().enumerate();
            numbered.for_each(|(place, value)| flatten(&inner(&(place + 1).to_string()), value, rows));
        }
        Value::Array(values) => {
            let words: Vec<_> = values.iter().map(text).collect();
            rows.push((name.to_owned(), words.join(" ")));
        }
        value => rows.push((name.to_owned(), text(value))),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What a person types to run the same again.
pub fn command(lab: &LabView, plan: &Plan) -> String {
    let mut words = vec![format!("harness run {} --seed {}", lab.target(Some(&plan.variant)), plan.seed)];
    words.extend(plan.set.iter().map(|(key, value)| format!("--set {}", quoted(&format!("{key}={value}")))));
    words.extend(plan.no_faults.then(|| "--no-faults".to_owned()));
    words.join(" ")
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:,@%+".contains(letter);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selftest::plan::clean as clean_plan;

    #[test]
    fn every_setting_has_its_dotted_name() {
        let rows = settings(&clean_plan()).unwrap();
        let value =
            |wanted: &str| rows.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        assert_eq!(value("contract"), Some("effectively-once"), "{rows:?}");
        assert_eq!(value("workers.1.role"), Some("producer"), "{rows:?}");
        assert!(value("workload.messages").is_some(), "{rows:?}");
        assert_eq!(value("says"), None);
    }

    #[test]
    fn the_command_is_one_that_a_shell_takes() {
        let mut plan = clean_plan();
        plan.variant = "slow".to_owned();
        plan.no_faults = true;
        plan.set = [("messages".to_owned(), "5".to_owned()), ("x".to_owned(), "it's; rm".to_owned())].into();
        let lab = LabView { number: 2, ..LabView::default() };
        let expected = format!(
            r"harness run 2/slow --seed {} --set messages=5 --set 'x=it'\''s; rm' --no-faults",
            plan.seed
        );
        assert_eq!(command(&lab, &plan), expected);
    }
}
