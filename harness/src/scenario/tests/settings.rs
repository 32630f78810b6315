//! What a person changes for one run.

use super::{changes::KEYS, *};

#[test]
fn settings_can_be_changed() {
    let lab = good();
    let plan = |variant: &str, set: &[&str]| {
        let set: Vec<_> = set.iter().map(|text| (*text).to_owned()).collect();
        let changes = Changes::read(&set, false).map_err(|error| error.to_string())?;
        Plan::new(
            &lab,
            lab.variants.iter().find(|known| known.name == variant).expect("a variant"),
            1,
            &changes,
        )
        .map_err(|error| error.to_string())
    };
    let changed = plan(
        "strong",
        &["messages=10_000", "nats.consumer.ack_wait=2s", "consumer.args=--capacity 5", "rate=7"],
    );
    let changed = changed.expect("a plan");
    assert_eq!(changed.workload, Workload { messages: 10_000, rate: 7, payload: 128 });
    assert_eq!(changed.redelivery_period(), Duration::from_secs(2));
    assert_eq!(changed.workers[1].args, ["--capacity", "5"]);
    assert_eq!(changed.expectation(), None);
    for (variant, set, message) in [
        (
            "weak",
            "mesages=1",
            "there is no setting `mesages`; did you mean `messages`?\n  --set knows: messages, rate, ",
        ),
        ("weak", "messages", "`--set messages` has no `=`; it looks like --set messages=100"),
        ("weak", "messages=many", "`--set messages=many` for weak: expected a whole number from 1"),
        ("weak", "limit=1", "`--set limit=1` for weak: expected a duration"),
        (
            "weak",
            "nats.consumer.ack=none",
            "`--set nats.consumer.ack=none` for weak: it has no consumer on a stream",
        ),
        ("weak", "relay.count=2", "`--set relay.count=2` for weak: it has no relay"),
        ("strong", "nats.stream.storage=flie", "expected file or memory; did you mean `file`?"),
        ("weak", "consumer.count=1", "with consumer.count=1 there is no consumer-1, which weak needs"),
    ] {
        let shown = plan(variant, &[set]).expect_err(set);
        assert!(shown.starts_with(message) || shown.ends_with(message), "{shown}\nshould be\n{message}");
    }
}

#[test]
fn every_setting_that_can_be_changed_is_known_to_it_and_in_the_defaults() {
    let lab = good();
    for (key, takes) in KEYS {
        let text = format!("{key}=?");
        let changes = Changes::read(&[text], false).expect("a known key");
        let shown = Plan::new(&lab, &lab.variants[1], 1, &changes).map(|_| ());
        // A worker's arguments may be anything; every other key refuses "?" for a reason of its own.
        if key != "producer.args" && key != "consumer.args" {
            let shown = shown.expect_err(key).to_string();
            assert!(!shown.contains("no such setting"), "{shown}");
        }
        let documented =
            DEFAULTS.contains(&format!("{key}=…")) || key.contains('.') && !key.starts_with("nats.");
        assert!(documented || key == "tries", "{key}, which takes {takes}, is not in defaults.toml");
    }
}

#[test]
fn settings_of_a_server_are_taken_as_they_are() {
    let server = "server = { nats = { max_payload = 1024, debug = true, jetstream = { sync_interval = \"always\" } } }\nsays";
    let lab = read(&GOOD.replacen("says", server, 1)).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let plan = Plan::new(&lab, &lab.variants[0], 1, &Changes::default()).expect("a plan");
    let lines = "debug: true\njetstream: {\nsync_interval: \"always\"\n}\nmax_payload: 1024\n";
    assert_eq!(plan.server_settings(Broker::Nats), lines);
    let plan = Plan::new(&lab, &lab.variants[1], 1, &Changes::default()).expect("a plan");
    assert_eq!(plan.server_settings(Broker::Nats), "");
}

#[test]
fn a_variant_says_which_of_the_labs_brokers_it_needs_and_what_is_created_there() {
    let names = "brokers = [\"kafka\", \"postgres\"]\n\
        kafka = { topic = { partitions = 3, config = { \"max.message.bytes\" = \"1000\" } }, group = true }\n\
        server = { postgres = { synchronous_commit = \"off\", max_connections = 9 }, kafka = { \"a.b\" = 1 } }\n\
        sink = { kind = \"table\" }\nsays";
    let text = GOOD.replacen("[\"nats\"]", "[\"nats\", \"postgres\", \"kafka\"]", 1);
    let text = text.replacen("says", names, 1).replacen("pause = \"broker\"", "pause = \"any\"", 1);
    let lab = read(&text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let plan = Plan::new(&lab, &lab.variants[0], 1, &Changes::default()).expect("a plan");
    assert_eq!(plan.brokers, [Broker::Kafka, Broker::Postgres]);
    let topic = TopicSettings { partitions: 3, config: [("max.message.bytes".into(), "1000".into())].into() };
    assert_eq!(plan.kafka, Some(KafkaNames { topic, group: true }));
    let settings = plan.server_settings(Broker::Postgres);
    assert_eq!(settings, "max_connections=9\nsynchronous_commit=off\n");
    assert_eq!(plan.server_settings(Broker::Kafka), "a.b=1\n");
    assert_eq!(plan.sink, Sink::Table);
    for (isolation, expected) in
        [("", Isolation::ReadCommitted), (", isolation = \"read-uncommitted\"", Isolation::ReadUncommitted)]
    {
        let topic = format!("{{ kind = \"topic\"{isolation} }}");
        let lab = read(&text.replacen("{ kind = \"table\" }", &topic, 1))
            .unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let plan = Plan::new(&lab, &lab.variants[0], 1, &Changes::default()).expect("a plan");
        assert_eq!(plan.sink, Sink::Topic { isolation: expected });
        assert!(!plan.sink.is_own_word() && !plan.sink.is_in_postgres());
    }
    assert!(plan.settles(), "offsets are committed");
    let other = Plan::new(&lab, &lab.variants[1], 1, &Changes::default()).expect("a plan");
    assert_eq!(other.brokers, Broker::ALL, "all that the lab has");
    let set = Changes::read(&["server.postgres.synchronous_commit=on".to_owned()], false).expect("a key");
    let changed = Plan::new(&lab, &lab.variants[0], 1, &set).expect("a plan");
    assert!(changed.server_settings(Broker::Postgres).contains("synchronous_commit=on\n"));
    let none = Plan::new(
        &lab,
        &lab.variants[0],
        1,
        &Changes::read(&["server.nats.a=1".to_owned()], false).expect("a key"),
    );
    assert!(none.expect_err("no nats here").to_string().contains("it has no nats"));
}
