//! `harness dev`: a lab that is what its lesson says, and copies of it that are broken in one place each.

use std::fs;

use crate::common::{AS_EXPECTED, INCONCLUSIVE, LAB_2, NOT_AS_EXPECTED, Project, USAGE, WORKER, variant};

/// A lesson for the tiny lab, with these variants.
fn lesson(number: u32, variants: &str) -> String {
    format!(
        "# Lab {number} · Does it arrive?\n\n## Situation\nTen.\n## Predict\n{variants}\n## Run\nharness run\n## What happened\nIt did.\n\
         ## Why\nSo.\n## The knob\nNone.\n## Your turn\nGo.\n## Further reading\nNone.\n"
    )
}

/// The tiny lab with these variants beside `plain`, its lesson, and a worker that never applies its first message.
fn tiny(variants: &str, named: &str) -> Project {
    let project = Project::tiny(variants);
    project.write("labs/07-tiny/README.md", &lesson(7, &format!("`plain` {named}")));
    project.write("labs/07-tiny/lossy.sh", &WORKER.replace(":: applied 0-0..", ":: applied 0-1.."));
    project
}

/// A variant that loses its first message.
fn lossy(name: &str, more: &str) -> String {
    let variant = variant(name, "", "", more).replace("at-least-once", "at-most-once");
    let (before, consumer) = variant.split_once("role = \"consumer\"").expect("a consumer");
    format!("{before}role = \"consumer\"{}", consumer.replacen("worker.sh", "lossy.sh", 1))
}

#[track_caller]
fn finds(project: &Project, code: i32, words: &[&str]) {
    project.run(&["dev", "check", "7", "--seeds", "2"]).exits(code).says(words);
}

#[test]
fn a_lab_that_is_what_its_lesson_says_has_no_problem() {
    let weak = lossy("weak", "defect = \"lost\"\ncure = \"plain\"");
    let project = tiny(&weak, "`weak`");
    finds(
        &project,
        AS_EXPECTED,
        &[
            "1 of 1 shown with 2 seeds; 1 of 1 cures without",
            "1 of 1 strong variants",
            "are known; not of 7/weak with seed 1: lost 1; 7/weak",
            "as the lessons say",
        ],
    );
    // Without a target all labs are meant.
    project.run(&["dev", "check", "--seeds", "1"]).exits(AS_EXPECTED).says(&["2 of 2 came out as expected"]);
}

#[test]
fn a_lesson_that_lacks_a_part_or_a_variant_is_found() {
    let project = tiny(&variant("other", "", "", ""), "");
    finds(&project, NOT_AS_EXPECTED, &["labs/07-tiny/README.md: it does not name the variant `other`"]);
    let text = lesson(7, "`plain` `other`").replace("## Why", "## Because");
    project.write("labs/07-tiny/README.md", &text);
    finds(
        &project,
        NOT_AS_EXPECTED,
        &["it has no part \"Why\"", "to mend it:", "1 thing is not as it should be"],
    );
}

#[test]
fn a_point_that_no_worker_has_is_found_and_nothing_is_run() {
    let project = Project::with_lab_2();
    let file = format!("{LAB_2}/lab.toml");
    let text = fs::read_to_string(project.path(&file)).expect("the lab");
    let [right, wrong] =
        ["in-hand", "in-hnd"].map(|point| format!("kill = \"consumer\", at = {{ point = \"{point}\""));
    assert!(text.contains(&right), "{file} has nothing to spoil");
    project.write(&file, &text.replacen(&right, &wrong, 1));
    let ran = project.run(&["dev", "check", "2"]);
    ran.exits(USAGE).says(&["no worker has a point `in-hnd`", "did you mean `in-hand`?"]);
    assert!(!project.path("runs/02-fire-and-forget").exists(), "{ran}");
}

#[test]
fn a_defect_that_does_not_show_is_found() {
    let weak = variant("weak", "", "", "defect = \"lost\"").replace("at-least-once", "at-most-once");
    finds(
        &tiny(&weak, "`weak`"),
        NOT_AS_EXPECTED,
        &["7/weak with seed 2: lost should be 1 or more, and is 0", "0 of 1 shown with 2 seeds"],
    );
}

#[test]
fn a_cure_in_another_lab_that_does_not_cure_is_found() {
    let project = tiny(&lossy("weak", "defect = \"lost\"\ncure = \"8/cure\""), "`weak`");
    let other = |variant: &str| {
        let top = crate::common::TOP;
        project.write("labs/08-other/lab.toml", &format!("{top}{variant}"));
        for file in ["worker.sh", "lossy.sh"] {
            let text = fs::read_to_string(project.path("labs/07-tiny").join(file)).expect("a worker");
            project.write(&format!("labs/08-other/{file}"), &text);
        }
    };
    other(&variant("cure", "", "", ""));
    finds(&project, AS_EXPECTED, &["1 of 1 cures without"]);
    other(&lossy("cure", ""));
    finds(
        &project,
        NOT_AS_EXPECTED,
        &["8/cure with seed 1: lost should be 0, and is 1", "0 of 1 cures without"],
    );
}

#[test]
fn a_strong_variant_that_is_not_clean_is_found() {
    finds(
        &tiny(&lossy("strong", ""), "`strong`"),
        NOT_AS_EXPECTED,
        &[
            "7/strong with seed 1: nothing was broken, and yet: lost 1, lost_unconfirmed 1",
            "1 of 2 strong variants",
        ],
    );
}

#[test]
fn a_run_that_proves_nothing_is_found() {
    finds(
        &tiny(&variant("deaf", "", "no-idle", "limit = \"1s\""), "`deaf`"),
        INCONCLUSIVE,
        &["7/deaf with seed 1: inconclusive", "1 of 2 came out as expected"],
    );
}

#[test]
fn a_question_without_an_answer_is_found() {
    let asked = "[[predict]]\nvariant = \"plain\"\nquestion = \"How many arrive?\"\nanswer = \"applied\"\n\
        choices = [{ says = \"none\", is = 0 }, { says = \"some\", is = \"1..=9\" }]\n";
    finds(
        &tiny(asked, ""),
        NOT_AS_EXPECTED,
        &["\"How many arrive?\" is answered by none of the choices", "0 of 1 have one answer"],
    );
}

#[test]
fn a_transcript_of_another_version_is_found_and_made_anew() {
    let project = tiny("", "");
    let file = "labs/07-tiny/README.md";
    let marked = "It did.\n\n<!-- transcript: 7/plain -->\n```text\n$ harness run 7/plain\nkept, as it was then\n```\n";
    project.write(file, &lesson(7, "`plain`").replace("It did.\n", marked));
    finds(&project, NOT_AS_EXPECTED, &["the transcript of 7/plain says \"", "0 of 1 are of this version"]);

    project
        .run(&["dev", "transcripts", "7"])
        .exits(AS_EXPECTED)
        .says(&["labs/07-tiny/README.md: 1 transcript"]);
    let text = fs::read_to_string(project.path(file)).expect("the lesson");
    assert!(
        text.contains("$ harness run 7/plain\n── 7/plain ──") && !text.contains("as it was then"),
        "{text}"
    );
    assert!(text.ends_with("## Further reading\nNone.\n"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80 || line.starts_with("## ")), "{text}");
    finds(&project, AS_EXPECTED, &["1 of 1 are of this version"]);
}

#[test]
fn no_transcript_is_written_of_a_run_that_went_wrong() {
    let project = tiny(&variant("deaf", "", "no-idle", "limit = \"1s\""), "`deaf`");
    let file = "labs/07-tiny/README.md";
    let text = lesson(7, "<!-- transcript: 7/deaf -->\n");
    project.write(file, &text);
    project
        .run(&["dev", "transcripts"])
        .says(&["no transcript was written", "7/deaf did not come out as it should"]);
    assert_eq!(fs::read_to_string(project.path(file)).expect("the lesson"), text);
    project.write(file, &lesson(7, "<!-- transcript: 7 -->\n"));
    project.run(&["dev", "transcripts"]).exits(USAGE).says(&["`7` is no variant"]);
}
