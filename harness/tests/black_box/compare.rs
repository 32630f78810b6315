//! Two runs side by side, and the summary of a CI step.

use std::fs;

use serde_json::Value;

use crate::common::{AS_EXPECTED, Project, USAGE};

#[test]
fn two_runs_are_compared_for_people_and_for_programs() {
    let project = Project::tiny("");
    let (_, results) = project.results(&["run", "7"]);
    let (_, changed) = project.results(&["run", "7", "--set", "messages=20"]);
    let runs = [&results[0], &changed[0]].map(|result| result["run"].as_str().expect("a run").to_owned());
    let ran = project.run(&["compare", &runs[0], &runs[1]]);
    ran.exits(AS_EXPECTED).says(&[
        "workload.messages",
        "both are kept",
        "their accounts differ in attempted",
    ]);

    let ran = project.run(&["compare", &runs[0], &runs[1], "--json"]);
    let document: Value = serde_json::from_str(&ran.exits(AS_EXPECTED).stdout).expect("JSON");
    let setting = |name: &str| {
        let settings = document["settings"].as_array().expect("settings");
        settings.iter().find(|setting| setting["name"] == name).map(|setting| setting["values"].clone())
    };
    assert_eq!(setting("workload.messages"), Some(serde_json::json!(["10", "20"])), "{document:#}");
    let applied = serde_json::json!({ "name": "applied", "values": [10, 20], "differs": true });
    assert!(document["counts"].as_array().is_some_and(|counts| counts.contains(&applied)), "{document:#}");
    assert_eq!(document["same"], false);

    let ran = project.run(&["compare", &runs[0], &runs[0], "--json"]);
    let document: Value = serde_json::from_str(&ran.exits(AS_EXPECTED).stdout).expect("JSON");
    assert_eq!((&document["same"], &document["settings"]), (&true.into(), &Value::Array(Vec::new())));
    project.run(&["compare", &runs[0], "labs"]).exits(USAGE).says(&["is not a run folder"]);
}

#[test]
fn a_step_has_a_summary_where_it_is_asked_for() {
    let mut project = Project::tiny("");
    project.write("step.md", "# before\n");
    project.set("GITHUB_STEP_SUMMARY", project.path("step.md"));
    project.run(&["run", "7"]).exits(AS_EXPECTED);
    project.run(&["run", "7", "--json"]).exits(AS_EXPECTED);
    let text = fs::read_to_string(project.path("step.md")).expect("the summary");
    assert!(text.starts_with("# before\n"), "{text}");
    assert_eq!(text.matches("| ✓ | 7/plain | effectively-once | kept | 10 | 0 | 0 |").count(), 2, "{text}");

    project.set("GITHUB_STEP_SUMMARY", project.path("no/such/folder/step.md"));
    project.run(&["run", "7"]).exits(AS_EXPECTED).says(&["warning: there is no step summary", "step.md"]);
}
