//! Every kind of mistake in a lab file, and what a person is told.

use proptest::prelude::*;

use super::*;

#[test]
fn a_text_that_is_not_toml_is_told_with_its_line() {
    let shown = mistake("title = \"T\"", "title = T");
    assert!(shown.starts_with("lab.toml:2:9: this is not TOML: "), "{shown}");
    assert!(shown.contains("\n  2 | title = T\n    |         ^"), "{shown}");
}

#[test]
fn an_unknown_key_is_told_with_the_nearest_right_one() {
    let shown = "\
lab.toml:11:1: unknown key `contarct`
  11 | contarct = \"at-most-once\"
     | ^^^^^^^^
  did you mean `contract`? expected one of brokers, contract, control, cure, defect, expect, fault, hold, kafka, kind, \
knob, limit, name, nats, next, order, postgres, resend, says, server, sink, tries, worker, workload";
    let all = mistake("contract =", "contarct =");
    assert!(all.contains(shown), "{all}");
    assert!(all.contains("lab.toml:8:1: `contract` is missing\n  8 | [[variant]]\n"), "{all}");
    assert!(all.ends_with("2 mistakes in lab.toml"), "{all}");
}

#[test]
fn a_missing_key_at_the_top_is_told() {
    let shown = "lab.toml:1:1: `question` is missing\n  1 | format = 1\n    | ^";
    assert_eq!(mistake("question = \"Q?\"\n", ""), shown);
}

#[test]
fn wrong_types_and_values_say_what_was_expected() {
    let shown = "\
lab.toml:9:25: `messages` is \"many\"
  9 | workload = { messages = \"many\" }
    |                         ^^^^^^
  expected a whole number";
    assert_eq!(mistake("name = \"weak\"", "workload = { messages = \"many\" }\nname = \"weak\""), shown);
    for (right, wrong, message) in [
        (
            "format = 1",
            "format = 2",
            "lab.toml:1:10: `format` is 2\n  1 | format = 2\n    |          ^\n  expected 1",
        ),
        (
            "count = 2",
            "count = 0",
            "`count` is 0\n  14 | worker = [{ role = \"producer\", run = \"producer\" }, { role = \"consumer\", run = \
             \"consumer\", count = 0 }]\n",
        ),
        ("count = 2", "count = -1", "`count` is -1\n"),
        ("count = 2", "count = 4_000_000_000", "  expected a whole number from 1 to 1000"),
        ("minutes = 5", "minutes = \"5\"", "`minutes` is \"5\"\n"),
        (
            "\"1s\"",
            "\"1 s\"",
            "  expected a duration: a whole number and a unit, like \"500ms\", \"1s\" or \"2m\"",
        ),
        ("\"50..=500\"", "\"500..=50\"", "  expected a whole number from 1, or a range like \"100..=900\""),
        ("brokers = [\"nats\"]", "brokers = [\"natz\"]", "no broker `natz`\n"),
        ("brokers = [\"nats\"]", "brokers = \"nats\"", "  expected a list of texts"),
        ("lost = 0,", "lost = \"many\",", "`lost` is \"many\"\n"),
        ("lost = 0,", "lost = \"= atempted\",", "there is no count `atempted`\n"),
        ("lost = 0,", "lost = \"= atempted\",", "  did you mean `attempted`?"),
        ("lost = 0,", "lost = \"<= sum.expected\",", "no mistake"),
        ("lost = 0,", "lost = 0, sum.observed = \"= sum.expected\",", "no mistake"),
        ("lost = 0,", "lost = 0, sum.seen = 3,", "unknown key `seen`"),
        ("lost = 0,", "lots = 0,", "  did you mean `lost`? expected one of "),
        ("lost = 0,", "lost = 0 }\ncontrol = {", "`verdict` is missing\n"),
        (
            "expect = { verdict = \"kept\", lost = 0,",
            "control = { verdict = \"kept\", redelivered = \">= 0\" }\nexpect = { verdict = \"kept\", lost = 0,",
            "`redelivered` >= 0 is always so: nothing could come out otherwise\n",
        ),
        (
            "expect = { verdict = \"kept\", lost = 0,",
            "control = { verdict = \"kept\", lost = 1 }\nexpect = { verdict = \"kept\", lost = 0,",
            "at-least-once cannot be kept with lost 1: it forbids lost\n",
        ),
        (
            "heal = \"never\"",
            "heal = \"newer\"",
            "  expected a moment, like { after = \"0ms\" }, or \"never\"",
        ),
        ("fault = [{", "fault = 1 # [{", "  expected a list of tables: [{ … }, { … }]"),
        ("expect = { verdict = \"kept\", lost = \">= 1\" }", "expect = 1", "  expected a table: { … }"),
    ] {
        let shown = mistake(right, wrong);
        assert!(shown.contains(message), "{wrong}:\n{shown}\nshould contain\n{message}");
    }
}

#[test]
fn a_wrong_word_is_told_with_the_nearest_right_one() {
    let shown = "\
lab.toml:11:12: `contract` is \"at-most-onse\"
  11 | contract = \"at-most-onse\"
     |            ^^^^^^^^^^^^^^
  did you mean `at-most-once`? expected one of at-most-once, at-least-once, effectively-once";
    assert_eq!(mistake("\"at-most-once\"", "\"at-most-onse\""), shown);
    let shown = mistake("role = \"consumer\"", "role = \"consumr\"");
    assert!(
        shown.contains("did you mean `consumer`? expected one of producer, consumer, relay, transformer"),
        "{shown}"
    );
}

#[test]
fn a_point_that_no_worker_has_is_told() {
    let shown = "\
lab.toml:16:46: no worker has a point `in-hnd`
  16 | fault = [{ kill = \"consumer\", at = { point = \"in-hnd\", nth = \"50..=500\" }, heal = { after = \"0ms\" } }]
     |                                              ^^^^^^^^
  did you mean `in-hand`? expected one of in-hand, reading, sentinel, stalled";
    assert_eq!(mistake("\"in-hand\"", "\"in-hnd\""), shown);
    let shown = mistake("points.in-hand", "points.in-hnd");
    assert!(shown.contains("no worker has a point `in-hnd`"), "{shown}");
    let foreign = "run = \"producer\" }, { role = \"consumer\", command = [\"python3\", \"consumer.py\"]";
    let text = GOOD.replacen("run = \"producer\" }, { role = \"consumer\", run = \"consumer\"", foreign, 1);
    assert!(read(&text.replacen("\"in-hand\"", "\"of-another-language\"", 1)).is_ok());
}

#[test]
fn a_target_that_does_not_exist_is_told() {
    let shown = "\
lab.toml:16:19: there is no target `consumer-2`
  16 | fault = [{ kill = \"consumer-2\", at = { point = \"in-hand\", nth = \"50..=500\" }, heal = { after = \"0ms\" } }]
     |                   ^^^^^^^^^^^^
  did you mean `consumer-0`? expected one of producer-0, consumer-0, consumer-1, consumer, producer, any, broker, webhook";
    assert_eq!(mistake("kill = \"consumer\"", "kill = \"consumer-2\""), shown);
    assert!(
        mistake("worker = \"consumer-1\"", "worker = \"consumer\"")
            .contains("no worker is called `consumer`")
    );
    assert!(
        mistake("done = \"producer-0\"", "done = \"producer\"").contains("no worker is called `producer`")
    );
}

#[test]
fn a_fault_that_the_runtime_cannot_do_is_refused() {
    let few = Supports { runtime: "small", actions: &[Action::Kill, Action::Stop, Action::Restart] };
    let shown = read_for(GOOD, &few).map(|_| ()).expect_err("it does not pause").to_string();
    let message = "\
lab.toml:26:5: the small runtime cannot do `pause` yet
  26 |   { pause = \"broker\", at = { acked = \"100..=900\" }, heal = { time = \"2s\" } },
     |     ^^^^^
  expected one of kill, stop, restart";
    assert_eq!(shown, message);
    let text = GOOD.replacen("pause = \"broker\", at = { acked", "pause = \"broker\", at = { akced", 1);
    let both = read_for(&text, &few).map(|_| ()).expect_err("two mistakes").to_string();
    assert!(both.contains("`pause` yet") && both.contains("did you mean `acked`?"), "{both}");
}

#[test]
fn a_fault_of_the_network_says_what_it_needs() {
    for (wrong, message) in [
        ("cut = \"consumer\"", "no mistake"),
        ("black-hole = \"consumer\", direction = \"to-broker\"", "no mistake"),
        ("delay = \"consumer\", by = \"20ms\"", "no mistake"),
        ("throttle = \"consumer\", rate = 1_000", "no mistake"),
        ("drop-reply = \"consumer\", close = true, broker = \"nats\"", "no mistake"),
        ("delay = \"consumer\"", "`by` is missing"),
        ("throttle = \"consumer\"", "`rate` is missing"),
        ("throttle = \"consumer\", rate = 0", "`rate` is 0"),
        ("black-hole = \"consumer\", direction = \"up\"", "expected one of both, to-broker, to-worker"),
        ("cut = \"consumer\", by = \"20ms\"", "unknown key `by`"),
        ("drop-reply = \"consumer\", direction = \"both\"", "unknown key `direction`"),
        ("kill = \"consumer\", close = true", "unknown key `close`"),
        ("cut = \"consumer\", broker = \"kafka\"", "the link to which broker?"),
    ] {
        let shown = mistake("kill = \"consumer\"", wrong);
        assert!(shown.contains(message), "{wrong}:\n{shown}\nshould contain\n{message}");
    }
    let two = GOOD.replacen("[\"nats\"]", "[\"nats\", \"kafka\"]", 1).replacen(
        "kill = \"consumer\"",
        "cut = \"consumer\"",
        1,
    );
    let shown = read(&two).map(|_| ()).expect_err("which broker").to_string();
    assert!(shown.contains("expected broker = nats or kafka"), "{shown}");
}

#[test]
fn a_fault_of_the_webhook_says_what_it_needs() {
    let point = "at = { point = \"in-hand\", of = \"consumer-0\" }";
    for (wrong, message) in [
        (format!("error = \"webhook\", {point}"), "no mistake"),
        (format!("drop-reply = \"webhook\", {point}"), "no mistake"),
        (format!("black-hole = \"webhook\", {point}"), "no mistake"),
        (format!("delay = \"webhook\", by = \"1s\", {point}"), "no mistake"),
        (format!("delay = \"webhook\", {point}"), "`by` is missing"),
        (format!("error = \"webhook\", by = \"1s\", {point}"), "unknown key `by`"),
        (format!("black-hole = \"webhook\", direction = \"both\", {point}"), "unknown key `direction`"),
        (format!("kill = \"webhook\", {point}"), "the webhook cannot do `kill`"),
        (format!("error = \"consumer-0\", {point}"), "nobody else answers with errors"),
        ("error = \"webhook\", at = { point = \"in-hand\" }".to_owned(), "whose point `in-hand`?"),
    ] {
        let text = GOOD.replacen("kill = \"any\", at = { delivered = 100 }, heal = \"never\"", &wrong, 1);
        let seen = text.replacen("lost = 0, points", "lost = 0, calls = 3, points", 1);
        let with_sink = seen.replacen("nats = {", "sink = { kind = \"webhook\", keyed = true }\nnats = {", 1);
        let shown =
            read(&with_sink).map_or_else(|mistakes| mistakes.to_string(), |_| "no mistake".to_owned());
        assert!(shown.contains(message), "{wrong}:\n{shown}\nshould contain\n{message}");
    }
    let without = mistake(
        "kill = \"any\", at = { delivered = 100 }, heal",
        "error = \"webhook\", at = { delivered = 1 }, heal",
    );
    assert!(without.contains("a fault of the webhook, which the variant does not have"), "{without}");
}

#[test]
fn faults_and_moments_are_whole() {
    for (right, wrong, message) in [
        ("kill = \"consumer\", ", "", "a fault that does nothing"),
        ("kill = \"consumer\"", "kill = \"consumer\", stop = \"producer\"", "a fault that does two things"),
        ("at = { acked = \"100..=900\" }", "at = {}", "a moment that is none"),
        (
            "at = { acked = \"100..=900\" }",
            "at = { acked = 1, time = \"1s\" }",
            "a moment with both `acked` and `time`",
        ),
        ("at = { acked = \"100..=900\" }", "at = { after = \"1s\" }", "`after` outside of a heal"),
        ("at = { acked = \"100..=900\" }", "at = { point = \"in-hand\" }", "whose point `in-hand`?"),
        ("at = { acked = \"100..=900\" }", "at = { acked = 1, nth = 2 }", "`of` and `nth` belong to a point"),
        ("at = { acked = \"100..=900\" }", "at = { acked = 2001 }", "never reached: 2001 messages"),
        ("at = { acked = \"100..=900\" }, ", "", "`at` is missing"),
        (
            "at = { time = \"100ms\" }",
            "at = { time = \"100ms\" }, heal = \"never\"",
            "a restart with a `heal`",
        ),
        ("until = { point = \"sentinel\" }", "nth = 1", "`until` is missing"),
        ("run = \"consumer\", count", "count", "a worker without a program"),
        (
            "run = \"consumer\", count",
            "run = \"c\", command = [\"c\"], count",
            "a worker with both `run` and `command`",
        ),
        ("run = \"consumer\", count", "command = [], count", "`command` is empty"),
    ] {
        let shown = mistake(right, wrong);
        assert!(shown.contains(message), "{wrong}:\n{shown}\nshould contain\n{message}");
        assert!(!shown.contains("mistakes in"), "one mistake is told once:\n{shown}");
    }
}

#[test]
fn a_variants_parts_fit_together() {
    for (right, wrong, message) in [
        ("cure = \"strong\"", "cure = \"stronk\"", "there is no variant `stronk` to be the cure"),
        ("cure = \"strong\"", "cure = \"stronk\"", "did you mean `strong`?"),
        ("cure = \"strong\"", "cure = \"5/inboks\"", "did you mean `5/inbox`?"),
        ("cure = \"strong\"", "cure = \"9/inbox\"", "expected a variant of this lab, or of another: 5/…"),
        ("cure = \"strong\"", "cure = \"5/inbox\"", "no mistake"),
        ("defect = \"lost\"", "defect = \"lots\"", "did you mean `lost`?"),
        ("defect = \"lost\"\n", "", "a `cure` without a `defect`"),
        ("defect = \"lost\"", "tries = 3\ndefect = \"lost\"", "`tries` belongs to kind = \"seek\""),
        ("name = \"strong\"", "name = \"weak\"", "a second variant called `weak`"),
        ("nats = { stream = {}, ", "nats = { ", "a `consumer` without a `stream`"),
        ("[\"nats\"]", "[]", "something of nats, which the variant does not have"),
        ("[\"nats\"]", "[\"nats\", \"kafka\"]", "a fault on the broker, of which there are 2"),
        ("says = \"It is stored.\"", "says = \"\"\nbrokers = [\"kafka\"]", "no broker `kafka`"),
        ("says = \"It is stored.\"", "says = \"\"\nsink = { kind = \"table\" }", "something of postgres"),
        ("says = \"It is stored.\"", "says = \"\"\nsink = { kind = \"topic\" }", "something of kafka"),
        (
            "says = \"It is stored.\"",
            "says = \"\"\nsink = { kind = \"topic\", isolation = \"read-comitted\" }",
            "did you mean `read-committed`?",
        ),
        ("says = \"It is stored.\"", "says = \"\"\nserver = { kafka = { a = 1 } }", "something of kafka"),
        (
            "says = \"It is stored.\"",
            "says = \"\"\npostgres = { schema = \"no.sql\" }",
            "there is no file `no.sql`",
        ),
        ("restart = \"producer-0\"", "disconnect = \"producer-0\"", "something of postgres"),
        ("kill = \"any\"", "disconnect = \"broker\"", "the broker is not disconnected from itself"),
        (
            "contract = \"at-least-once\"",
            "contract = \"at-least-once\"\nsink = { kind = \"webhok\" }",
            "did you mean `webhook`?",
        ),
    ] {
        let shown = mistake(right, wrong);
        assert!(shown.contains(message), "{wrong}:\n{shown}\nshould contain\n{message}");
    }
}

#[test]
fn an_expectation_that_contradicts_its_contract_or_defect_is_told() {
    let shown = mistake("lost = \">= 1\" }", "duplicated = \">= 1\" }");
    assert!(shown.starts_with("lab.toml:17:10: "), "{shown}");
    assert!(shown.contains("duplicated"), "{shown}");
    let shown = mistake("lost = \">= 1\" }", "lost = 0 }");
    assert!(shown.starts_with("lab.toml:17:10: "), "{shown}");
    assert!(shown.contains("lost"), "{shown}");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}", cut in 0..GOOD.len()) {
        let (before, after) = GOOD.split_at(cut);
        for text in [text.clone(), before.to_owned(), format!("{before}{text}{after}")] {
            if let Err(mistakes) = read(&text) {
                prop_assert!(!mistakes.list.is_empty());
                prop_assert!(mistakes.to_string().starts_with("lab.toml:"));
            }
        }
    }
}
