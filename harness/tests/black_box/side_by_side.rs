//! Two runs at once do not meet.

use crate::common::{AS_EXPECTED, INCONCLUSIVE, Project, variant};

#[test]
fn two_runs_at_once_do_not_meet() {
    let project = Project::tiny(&variant("long", "no-done", "", ""));
    let mut long = project.start(&["run", "7/long"]);
    long.is_in("faults");
    let (first, second) =
        (project.start(&["run", "7/plain"]), project.start(&["run", "7/plain", "--seed", "1"]));
    let (first, second) = (first.end(), second.end());
    first.exits(AS_EXPECTED).says(&["kept"]);
    second.exits(AS_EXPECTED).says(&["kept"]);
    let runs = std::fs::read_dir(project.path("runs/07-tiny/plain")).expect("runs").flatten();
    let whole = runs.filter(|run| {
        run.file_type().is_ok_and(|kind| kind.is_dir()) && run.path().join("verdict.json").exists()
    });
    assert_eq!(whole.count(), 2);

    // What is standing is left alone, its run folder too.
    let family = long.family();
    project.run(&["clean"]).exits(AS_EXPECTED).says(&["sessions 0, processes 0, unfinished runs 0"]);
    assert_eq!(long.family(), family);
    assert!(project.latest("long").join("run.toml").exists());
    long.signal(rustix::process::Signal::INT);
    let ran = long.end();
    assert!(project.latest("long").join("verdict.json").exists(), "{ran}");
}

#[test]
fn two_runs_of_lab_2_at_once_account_for_their_own_messages() {
    let project = Project::with_lab_2();
    let target = "2/jetstream-nobody-listens";
    let runs = ["1", "2"].map(|seed| project.start(&["run", target, "--seed", seed, "--json"]));
    for run in runs {
        let ran = run.end();
        ran.exits(AS_EXPECTED);
        let document: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let account = &document["results"][0]["account"];
        assert_eq!((&account["attempted"], &account["delivered"]), (&2_000.into(), &2_000.into()), "{ran}");
        assert_eq!((&account["crossed"], &account["phantom"]), (&0.into(), &0.into()), "{ran}");
    }
}

/// The tiny lab, and the same again as lab 8.
fn two_labs(variants: &str) -> Project {
    let project = Project::tiny(variants);
    for file in ["lab.toml", "worker.sh"] {
        let text = std::fs::read_to_string(project.path("labs/07-tiny").join(file)).expect("a file");
        project.write(&format!("labs/08-other/{file}"), &text);
    }
    project
}

#[test]
fn labs_run_side_by_side_and_are_shown_in_their_order() {
    let project = two_labs(&variant("long", "no-done", "", "limit = \"4s\""));
    let (ran, results) = project.results(&["run", "7", "8", "--jobs", "2"]);
    ran.exits(INCONCLUSIVE);
    let names: Vec<_> =
        results.iter().map(|result| format!("{}/{}", result["lab"], result["variant"])).collect();
    let long_plain = |lab: &str| ["plain", "long"].map(|variant| format!("\"{lab}\"/\"{variant}\""));
    assert_eq!(names, [long_plain("07-tiny"), long_plain("08-other")].concat());
    let began = |lab: &str| {
        let run = std::fs::canonicalize(project.path(&format!("runs/{lab}/plain/latest"))).expect("a run");
        run.join("run.toml").metadata().and_then(|file| file.modified()).expect("a time")
    };
    let long_ended = std::fs::canonicalize(project.path("runs/07-tiny/long/latest")).expect("a run");
    let ended = long_ended.join("verdict.json").metadata().and_then(|file| file.modified()).expect("a time");
    assert!(began("08-other") < ended, "the second lab did not wait for the first");
}

#[test]
fn what_an_interrupt_leaves_out_is_said_to_be_not_run() {
    let project = two_labs(&variant("long", "no-done", "", ""));
    let mut running = project.start(&["run", "7/long", "7/plain", "8", "--jobs", "1", "--skip-missing"]);
    running.is_in("faults").signal(rustix::process::Signal::INT);
    let ran = running.end();
    ran.exits(INCONCLUSIVE).says(&["interrupted before it began", "8/plain", "8/long", "not-run"]);
}
