//! What a participant is asked: read, and refused where nothing could answer it.

use super::*;

const ASKED: &str = r#"
[[predict]]
variant = "weak"
question = "How many are lost?"
answer = "lost"
choices = [{ says = "none", is = 0 }, { says = "some", is = ">= 1" }, { says = "all", is = "= attempted" }]

[[predict]]
variant = "strong"
question = "Does it hold?"
answer = "verdict"
choices = [{ says = "yes", is = "kept" }, { says = "no", is = "broken" }]
"#;

fn asked(right: &str, wrong: &str) -> String {
    assert!(ASKED.contains(right), "{right}");
    match read(&format!("{GOOD}{}", ASKED.replacen(right, wrong, 1))) {
        Ok(_) => "no mistake".to_owned(),
        Err(mistakes) => mistakes.to_string(),
    }
}

#[test]
fn questions_are_read() {
    let lab = read(&format!("{GOOD}{ASKED}")).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let [lost, verdict] = lab.predictions.as_slice() else { panic!("{:?}", lab.predictions) };
    assert_eq!((lost.variant.as_str(), &lost.answer), ("weak", &Answer::Count("lost".into())));
    assert_eq!(lost.choices[1], Choice { says: "some".into(), is: Found::Count(">= 1".parse().unwrap()) });
    assert_eq!(verdict.choices[1], Choice { says: "no".into(), is: Found::Verdict(ledger::Verdict::Broken) });
    assert_eq!(good().predictions, [], "a lab need not ask");
}

#[test]
fn what_no_run_could_answer_is_refused_with_the_nearest_right_word() {
    for (right, wrong, message) in [
        ("\"weak\"", "\"week\"", "the lab has no variant `week`"),
        ("\"weak\"", "\"week\"", "did you mean `weak`?"),
        ("\"lost\"", "\"losst\"", "`answer` is \"losst\""),
        ("\"lost\"", "\"losst\"", "did you mean `lost`?"),
        ("is = 0", "is = \"none\"", "`is` is \"none\""),
        ("is = \"kept\"", "is = \"keept\"", "did you mean `kept`?"),
        ("is = \"= attempted\"", "is = \"= atempted\"", "there is no count `atempted`"),
        (", is = 0", "", "`is` is missing"),
        ("says = \"none\"", "say = \"none\"", "unknown key `say`"),
        ("question = \"How many are lost?\"\n", "", "`question` is missing"),
        (", { says = \"no\", is = \"broken\" }", "", "there are 1 choices"),
    ] {
        let told = asked(right, wrong);
        assert!(told.contains(message), "{right} -> {wrong}: {told}");
    }
}
