//! Two runs at once do not meet.

use crate::common::{AS_EXPECTED, Project, variant};

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
