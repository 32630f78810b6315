//! The sentences of the findings, each from a small history.

mod history;

use history::*;
use ledger::{
    Kind::{
        Acked, Applied, Attempted, Crossed, Deduplicated, Delivered, GivenUp, Rejected, Reported,
        ResolvedAbsent, ResolvedStored, Settled, Stored, Unconfirmed,
    },
    Scope, What,
};

#[test]
fn lost_with_a_killed_consumer() {
    let consumer: Journal<'_> = ("consumer-0.0", &[(Delivered, 0, 1_201)]);
    let killed = [window(What::Killed, "consumer-0", 1_204, Some(1_300))];
    assert_eq!(
        causes("lost", &[SENT, consumer], &killed, &DRAINED),
        ["0-0: delivered to consumer-0 at 1.201 s, which was killed at 1.204 s before the effect"]
    );
    let acked_first: Journal<'_> = ("consumer-0.0", &[(Delivered, 0, 1_201), (Settled, 0, 1_202)]);
    assert_eq!(
        causes("lost", &[SENT, acked_first], &killed, &DRAINED),
        [
            "0-0: delivered to consumer-0 at 1.201 s, its ack confirmed at 1.202 s, consumer-0 killed at 1.204 s before the effect"
        ]
    );
    // Another one's end, or an end before the delivery, explains nothing.
    let other = [
        window(What::Killed, "consumer-1", 1_204, None),
        window(What::Killed, "consumer-0", 1_000, Some(1_100)),
    ];
    assert_eq!(
        causes("lost", &[SENT, consumer], &other, &DRAINED),
        ["0-0: delivered to consumer-0 at 1.201 s, but no effect came; the cause is not known"]
    );
}

#[test]
fn lost_though_a_worker_says_that_it_applied_it() {
    let consumer: Journal<'_> = ("consumer-0.0", &[(Delivered, 0, 200), (Reported, 0, 210)]);
    assert_eq!(
        causes("lost", &[SENT, consumer], &[], &DRAINED),
        [
            "0-0: delivered to consumer-0 at 0.200 s, and consumer-0 says that it applied it at 0.210 s, but the sink does not show the effect; the cause is not known"
        ]
    );
}

#[test]
fn lost_before_a_consumer_was_there() {
    let producer: Journal<'_> = (
        "producer-0.0",
        &[(Attempted, 0, 100), (Unconfirmed, 0, 100), (Attempted, 1, 140), (Unconfirmed, 1, 141)],
    );
    let windows = [window(What::NoConsumerReady, "", 0, Some(500))];
    assert_eq!(
        causes("lost", &[producer], &windows, &DRAINED),
        ["0-0..0-1: published 0.100 s to 0.140 s, before any consumer was there"]
    );
}

#[test]
fn lost_while_the_broker_was_down() {
    let windows = [
        window(What::Paused, "broker", 90, Some(150)),
        window(What::Killed, "broker", 151, Some(200)),
        window(What::Killed, "broker", 900, Some(950)),
    ];
    assert_eq!(
        causes("lost", &[SENT], &windows, &DRAINED),
        ["0-0: published while the broker was down (paused and killed, 0.090 s to 0.200 s)"]
    );
}

#[test]
fn lost_by_the_sink_itself_where_no_consumer_takes_part() {
    let alone = Scope { consumed: false, ..READ_BACK };
    let killed = [window(What::Killed, "broker", 107, Some(200))];
    assert_eq!(
        causes("lost", &[SENT_AND_ACKED], &killed, &alone),
        ["0-0: acked 0.101 s, broker killed 0.107 s, and the sink does not show the effect any more"]
    );
    assert_eq!(
        causes("lost", &[SENT_AND_ACKED], &[], &alone),
        ["0-0: acked 0.101 s, but the sink does not show the effect; the cause is not known"]
    );
}

#[test]
fn lost_in_the_brokers_hands() {
    let windows = [window(What::Killed, "broker", 107, Some(200))];
    assert_eq!(
        causes("lost", &[SENT_AND_ACKED], &windows, &READ_BACK),
        ["0-0: acked 0.101 s, broker killed 0.107 s, not in the broker's store"]
    );
    assert_eq!(
        causes("lost", &[SENT_AND_ACKED], &[], &READ_BACK),
        ["0-0: acked 0.101 s, not in the broker's store; the cause is not known"]
    );
    let stored: Journal<'_> = ("read-back", &[(Stored, 0, 5_000)]);
    assert_eq!(
        causes("lost", &[SENT_AND_ACKED, stored], &[], &READ_BACK),
        ["0-0: acked 0.101 s, in the broker's store, but never delivered; the cause is not known"]
    );
    assert_eq!(
        causes("lost", &[SENT], &windows, &DRAINED),
        ["0-0: unconfirmed 0.101 s, broker killed 0.107 s, never handed to a consumer"]
    );
}

#[test]
fn lost_on_the_way_to_a_consumer() {
    let held = window(What::Held("reading".to_owned()), "consumer-0", 50, Some(400));
    assert_eq!(
        causes("lost", &[SENT], std::slice::from_ref(&held), &DRAINED),
        [
            "0-0: reached consumer-0 while it was held at reading (0.050 s to 0.400 s), and was not kept for it: most likely its buffer was full"
        ]
    );
    // Held only to be killed: then the kill is the cause.
    let killed = window(What::Killed, "consumer-0", 300, None);
    assert_eq!(
        causes("lost", &[SENT], &[held.clone(), killed], &DRAINED),
        [
            "0-0: unconfirmed 0.101 s, consumer-0 killed 0.300 s, never delivered: it was on its way or in the client's buffer"
        ]
    );
    // Held while the broker went away.
    let paused = window(What::Paused, "broker", 300, None);
    assert_eq!(
        causes("lost", &[SENT], &[held, paused], &DRAINED),
        ["0-0: unconfirmed 0.101 s, broker paused 0.300 s, never handed to a consumer"]
    );
    let down = window(What::Killed, "consumer-0", 50, Some(400));
    assert_eq!(
        causes("lost", &[SENT], &[down], &DRAINED),
        ["0-0: published while consumer-0 was down (killed, 0.050 s to 0.400 s)"]
    );
    assert_eq!(
        causes("lost", &[SENT], &[], &DRAINED),
        ["0-0: unconfirmed 0.101 s, never delivered; the cause is not known"]
    );
}

#[test]
fn lost_while_its_consumer_was_cut_off() {
    let stored: Journal<'_> = ("read-back", &[(Stored, 0, 5_000)]);
    let held = window(What::Held("disconnected".to_owned()), "consumer-0", 95, Some(400));
    let cut = |at| window(What::Disconnected, "consumer-0", at, Some(at));
    assert_eq!(
        causes("lost", &[SENT_AND_ACKED, stored], &[cut(90), held], &READ_BACK),
        ["0-0: acked 0.101 s, after consumer-0 was disconnected at 0.090 s: nobody was there to be told"]
    );
    assert_eq!(
        causes("lost", &[SENT_AND_ACKED, stored], &[cut(110)], &READ_BACK),
        ["0-0: acked 0.101 s, consumer-0 disconnected 0.110 s, never delivered: it was on its way to it"]
    );
    let in_hand: Journal<'_> = ("consumer-0.0", &[(Delivered, 0, 108)]);
    assert_eq!(
        causes("lost", &[SENT_AND_ACKED, stored, in_hand], &[cut(110)], &READ_BACK),
        ["0-0: delivered to consumer-0 at 0.108 s, which was disconnected at 0.110 s before the effect"]
    );
}

#[test]
fn lost_behind_the_back_of_a_reader() {
    let late: Journal<'_> = ("producer-0.0", &[(Attempted, 0, 100), (Acked, 0, 301)]);
    let stored: Journal<'_> = ("read-back", &[(Stored, 0, 5_000)]);
    let held = |who| [window(What::Held("before-commit".to_owned()), who, 110, Some(300))];
    assert_eq!(
        causes("lost", &[late, stored], &held("producer-0"), &READ_BACK),
        [
            "0-0: sent 0.100 s, producer-0 held at before-commit (0.110 s to 0.300 s), acked 0.301 s, in the broker's store, but never delivered: most likely consumers had read on meanwhile"
        ]
    );
    assert_eq!(
        causes("lost", &[late, stored], &held("producer-1"), &READ_BACK),
        ["0-0: acked 0.301 s, in the broker's store, but never delivered; the cause is not known"],
        "another producer's wait explains nothing"
    );
}

#[test]
fn duplicated_by_two_who_had_it_at_once() {
    let first: Journal<'_> = ("consumer-0.0", &[(Delivered, 0, 200), (Reported, 0, 205), (Settled, 0, 206)]);
    let again: Journal<'_> = ("consumer-1.0", &[(Delivered, 0, 203), (Reported, 0, 207)]);
    let sink: Journal<'_> = ("sink-table", &[(Applied, 0, 9_000), (Applied, 0, 9_000)]);
    assert_eq!(
        causes("duplicated", &[SENT_AND_ACKED, first, again, sink], &[], &DRAINED),
        [
            "0-0: delivered to consumer-0 at 0.200 s, who was not done with it, delivered again to consumer-1 at 0.203 s, and applied again"
        ]
    );
}

#[test]
fn duplicated_by_a_kill_between_effect_and_ack() {
    let journals: [Journal<'_>; 3] = [
        SENT_AND_ACKED,
        ("consumer-0.0", &[(Delivered, 0, 1_200), (Applied, 0, 1_201)]),
        ("consumer-0.1", &[(Delivered, 0, 2_204), (Applied, 0, 2_205), (Settled, 0, 2_206)]),
    ];
    let killed = [window(What::Killed, "consumer-0", 1_203, Some(1_300))];
    assert_eq!(
        causes("duplicated", &journals, &killed, &DRAINED),
        [
            "0-0: effect at 1.201 s by consumer-0, killed at 1.203 s before its ack was confirmed, delivered again to consumer-0 at 2.204 s, and applied again"
        ]
    );
    assert_eq!(
        causes("redelivered", &journals, &killed, &DRAINED),
        [
            "0-0: delivered to consumer-0 at 1.200 s, killed at 1.203 s before its ack was confirmed, delivered again to consumer-0 at 2.204 s"
        ]
    );
    assert_eq!(
        causes("redelivered", &journals, &[], &DRAINED),
        [
            "0-0: delivered to consumer-0 at 1.200 s, no ack of it confirmed, delivered again to consumer-0 at 2.204 s; the cause is not known"
        ]
    );
}

#[test]
fn duplicated_by_a_slow_worker() {
    let journals: [Journal<'_>; 4] = [
        SENT_AND_ACKED,
        ("consumer-0.0", &[(Delivered, 0, 200)]),
        ("consumer-1.0", &[(Delivered, 0, 1_200)]),
        ("sink-table", &[(Applied, 0, 9_000), (Applied, 0, 9_000)]),
    ];
    let held = [window(What::Held("in-hand".to_owned()), "consumer-0", 201, Some(1_300))];
    assert_eq!(
        causes("duplicated", &journals, &held, &DRAINED),
        [
            "0-0: delivered to consumer-0 at 0.200 s, then held at in-hand (0.201 s to 1.300 s) and not acked in time, delivered again to consumer-1 at 1.200 s, and applied again"
        ]
    );
}

#[test]
fn duplicated_without_a_second_delivery() {
    let twice: Journal<'_> = ("consumer-0.0", &[(Delivered, 0, 200), (Applied, 0, 201), (Applied, 0, 202)]);
    assert_eq!(
        causes("duplicated", &[SENT_AND_ACKED, twice], &[], &DRAINED),
        ["0-0: delivered once, to consumer-0 at 0.200 s, but applied more than once; the cause is not known"]
    );
}

#[test]
fn a_client_may_send_again_by_itself_while_the_broker_is_away() {
    let journals: [Journal<'_>; 3] = [
        ("producer-0.0", &[(Attempted, 0, 100), (Acked, 0, 180)]),
        ("consumer-0.0", &[(Delivered, 0, 200), (Applied, 0, 201), (Delivered, 0, 210), (Applied, 0, 211)]),
        ("read-back", &[(Stored, 0, 900), (Stored, 0, 900)]),
    ];
    let killed = |at| [window(What::Killed, "broker", at, Some(at + 10))];
    let sent = "0-0: sent once by producer-0, at 0.100 s, broker killed at 0.150 s before an answer came: \
                most likely its client sent it again";
    let delivered = "it was stored again, delivered to consumer-0 at 0.200 s and to consumer-0 at 0.210 s";
    assert_eq!(
        causes("stored_again", &journals, &killed(150), &READ_BACK),
        [format!("{sent}, and it was stored again")]
    );
    for kind in ["redelivered", "duplicated"] {
        assert_eq!(causes(kind, &journals, &killed(150), &READ_BACK), [format!("{sent}, {delivered}")]);
    }
    // It had its answer before.
    assert_eq!(
        causes("stored_again", &journals, &killed(190), &READ_BACK),
        ["0-0: sent once by producer-0, at 0.100 s, but stored more than once; the cause is not known"]
    );
}

#[test]
fn two_copies_are_no_redelivery_by_the_broker() {
    let journals: [Journal<'_>; 3] = [
        ("producer-0.0", &[(Attempted, 0, 100), (Attempted, 0, 150), (Acked, 0, 151)]),
        ("consumer-0.0", &[(Delivered, 0, 200), (Delivered, 0, 210)]),
        ("read-back", &[(Stored, 0, 900), (Stored, 0, 900)]),
    ];
    assert_eq!(
        causes("redelivered", &journals, &[], &READ_BACK),
        [
            "0-0: sent at 0.100 s and again at 0.150 s, stored each time, delivered to consumer-0 at 0.200 s and to consumer-0 at 0.210 s"
        ]
    );
    assert_eq!(
        causes("stored_again", &journals, &[], &READ_BACK),
        ["0-0: sent at 0.100 s and again at 0.150 s, and stored each time"]
    );
}

#[test]
fn the_second_copy_comes_after_the_ack_of_the_first() {
    let journals: [Journal<'_>; 3] = [
        ("producer-0.0", &[(Attempted, 0, 100), (Attempted, 0, 150), (Acked, 0, 151)]),
        ("consumer-0.0", &[(Delivered, 0, 110), (Settled, 0, 111), (Delivered, 0, 160), (Settled, 0, 161)]),
        ("read-back", &[(Stored, 0, 900), (Stored, 0, 900)]),
    ];
    assert_eq!(
        causes("redelivered_after_settled", &journals, &[], &READ_BACK),
        [
            "0-0: sent at 0.100 s and again at 0.150 s, stored each time, delivered to consumer-0 at 0.110 s and to consumer-0 at 0.160 s"
        ]
    );
}

#[test]
fn redelivered_after_it_was_settled() {
    let journals: [Journal<'_>; 2] = [
        SENT_AND_ACKED,
        ("consumer-0.0", &[(Delivered, 0, 200), (Applied, 0, 201), (Settled, 0, 202), (Delivered, 0, 900)]),
    ];
    let killed = [window(What::Killed, "broker", 203, Some(300))];
    assert_eq!(
        causes("redelivered_after_settled", &journals, &killed, &DRAINED),
        ["0-0: ack confirmed at 0.202 s, broker killed at 0.203 s, delivered again to consumer-0 at 0.900 s"]
    );
    assert_eq!(
        causes("redelivered", &journals, &killed, &DRAINED),
        [
            "0-0: delivered to consumer-0 at 0.200 s, broker killed at 0.203 s, though the ack was confirmed at 0.202 s, delivered again to consumer-0 at 0.900 s"
        ]
    );
}

#[test]
fn unknown_and_recovered() {
    let applied: Journal<'_> = ("consumer-0.0", &[(Delivered, 0, 300), (Applied, 0, 301)]);
    let life_0: Journal<'_> = ("producer-0.0", &[(Attempted, 0, 100)]);
    let paused = [window(What::Paused, "broker", 90, Some(250))];
    let sentence =
        "0-0: sent at 0.100 s while the broker was paused (0.090 s to 0.250 s), and no answer came";
    assert_eq!(causes("unknown", &[life_0, applied], &paused, &DRAINED), [sentence]);
    let recovered = causes("recovered", &[life_0, applied], &paused, &DRAINED);
    assert_eq!(recovered, [format!("{sentence}; yet its effect was seen")]);

    let killed = [window(What::Killed, "producer-0", 105, Some(150))];
    let life_1: Journal<'_> = ("producer-0.1", &[(Attempted, 0, 200), (Rejected, 0, 201)]);
    assert_eq!(
        causes("unknown", &[life_0, life_1], &killed, &DRAINED),
        ["0-0: sent at 0.100 s, producer-0 killed at 0.105 s before an answer came"]
    );
    assert_eq!(
        causes("unknown", &[life_0], &[], &DRAINED),
        ["0-0: sent at 0.100 s, and no answer came; the cause is not known"]
    );
    // Two lives at once: the one that was answered is not in doubt.
    let answered: Journal<'_> = ("producer-0.0", &[(Attempted, 0, 100), (Rejected, 0, 120)]);
    let silent: Journal<'_> = ("producer-0.1", &[(Attempted, 0, 110)]);
    assert_eq!(
        causes("unknown", &[answered, silent], &[], &DRAINED),
        ["0-0: sent at 0.110 s, and no answer came; the cause is not known"]
    );
    let asked: Journal<'_> = ("resolver", &[(ResolvedAbsent, 0, 400)]);
    assert_eq!(
        causes("unknown", &[life_0, asked], &paused, &DRAINED),
        [format!("{sentence}; asked later, the broker said that it does not have it")]
    );
}

#[test]
fn what_should_not_be_there() {
    let consumer: Journal<'_> = ("consumer-0.0", &[(Delivered, 0, 300), (Applied, 0, 301)]);
    assert_eq!(
        causes("phantom", &[consumer], &[], &DRAINED),
        ["0-0: never attempted, yet delivered to consumer-0 at 0.300 s"]
    );
    let acked: Journal<'_> = ("producer-0.0", &[(Deduplicated, 3, 300)]);
    assert_eq!(
        causes("phantom", &[acked], &[], &DRAINED),
        ["0-3: never attempted, yet deduplicated at 0.300 s, says producer-0"]
    );
    let rejected: Journal<'_> = ("producer-0.0", &[(Attempted, 0, 100), (Rejected, 0, 110)]);
    assert_eq!(
        causes("resurrected", &[rejected, consumer], &[], &DRAINED),
        ["0-0: rejected at 0.110 s, yet delivered to consumer-0 at 0.300 s"]
    );
    let crossed: Journal<'_> = ("consumer-0.0", &[(Crossed, 5, 300)]);
    assert_eq!(
        causes("crossed", &[crossed], &[], &DRAINED),
        ["0-5: carries the tag of another run, and reached consumer-0 at 0.300 s"]
    );
}

#[test]
fn out_of_order() {
    let producer: Journal<'_> = (
        "producer-0.0",
        &[
            (Attempted, 0, 100),
            (Acked, 0, 101),
            (Attempted, 1, 102),
            (Acked, 1, 103),
            (Attempted, 0, 150),
            (Acked, 0, 151),
        ],
    );
    let consumer: Journal<'_> = ("consumer-0.0", &[(Delivered, 1, 200), (Delivered, 0, 210)]);
    assert_eq!(
        causes("reordered", &[producer, consumer], &[], &DRAINED),
        [
            "0-0: first delivered to consumer-0 at 0.210 s, after a higher sequence of the same producer; it was sent again at 0.150 s"
        ]
    );
}

#[test]
fn a_message_that_came_late_since_a_consumer_was_killed_says_so() {
    let producer: Journal<'_> =
        ("producer-0.0", &[(Attempted, 0, 100), (Acked, 0, 101), (Attempted, 1, 102), (Acked, 1, 103)]);
    let consumer: Journal<'_> = ("consumer-1.0", &[(Delivered, 1, 110), (Delivered, 0, 1200)]);
    let killed = [window(What::Killed, "consumer-0", 105, Some(106))];
    assert_eq!(
        causes("reordered", &[producer, consumer], &killed, &DRAINED),
        ["0-0: first delivered to consumer-1 at 1.200 s, after a higher sequence of the same producer; \
             consumer-0 killed at 0.105 s, after it was sent and before it came"]
    );
}

#[test]
fn findings_are_grouped_and_ordered() {
    let mut sent = Vec::new();
    for seq in 0..10 {
        sent.extend([(Attempted, seq, 100 + u64::from(seq)), (Unconfirmed, seq, 110)]);
    }
    let windows =
        [window(What::NoConsumerReady, "", 0, Some(105)), window(What::Killed, "consumer-0", 300, None)];
    let journals: [Journal<'_>; 2] = [
        ("producer-0.0", &sent),
        ("consumer-0.0", &[(Delivered, 8, 299), (Delivered, 9, 299), (Applied, 9, 299), (Applied, 9, 299)]),
    ];
    let found = found(&journals, &windows, &DRAINED);
    let shown: Vec<_> = found.iter().map(|finding| (finding.kind.as_str(), finding.count)).collect();
    assert_eq!(shown, [("lost", 6), ("lost", 2), ("lost", 1), ("duplicated", 1)]);
    let json = serde_json::to_value(&found[3]).unwrap();
    assert_eq!(
        json,
        serde_json::json!({ "kind": "duplicated", "count": 1, "ids": [{ "producer": 0, "from": 9, "to": 9 }],
            "cause": "delivered once, to consumer-0 at 0.299 s, but applied more than once; the cause is not known" })
    );
    assert_eq!(found[0].cause, "published 0.100 s to 0.105 s, before any consumer was there");
}

#[test]
fn a_clean_run_has_no_findings() {
    let consumer: Journal<'_> =
        ("consumer-0.0", &[(Delivered, 0, 300), (Applied, 0, 301), (Settled, 0, 302)]);
    let killed = [window(What::Killed, "broker", 107, Some(200))];
    assert_eq!(found(&[SENT_AND_ACKED, consumer], &killed, &DRAINED), []);
}

#[test]
fn what_a_broken_link_did_is_named() {
    let link = |who: &str, from, to| [window(What::Link("drop-reply".to_owned()), who, from, Some(to))];
    let asked: Journal<'_> = ("producer-0.0", &[(Attempted, 0, 100), (ResolvedStored, 0, 700)]);
    assert_eq!(
        causes("unknown", &[asked], &link("producer-0", 90, 600), &DRAINED),
        [
            "0-0: sent at 0.100 s, producer-0 was hit by drop-reply on its link (0.090 s to 0.600 s), and no answer came; asked later, the broker said that it has it"
        ]
    );
    let stored: Journal<'_> = ("readback-kafka", &[(Stored, 0, 900), (Stored, 0, 900)]);
    assert_eq!(
        causes("stored_again", &[SENT_AND_ACKED, stored], &link("producer-0", 90, 101), &READ_BACK),
        [
            "0-0: sent once by producer-0, at 0.100 s, producer-0 was hit by drop-reply on its link (0.090 s to 0.101 s): its client sent it again, and it was stored again"
        ]
    );
    let again: Journal<'_> = (
        "consumer-0.0",
        &[(Delivered, 0, 200), (Applied, 0, 201), (Delivered, 0, 1_300), (Applied, 0, 1_301)],
    );
    assert_eq!(
        causes("duplicated", &[SENT_AND_ACKED, again], &link("consumer-0", 190, 600), &DRAINED),
        [
            "0-0: effect at 0.201 s by consumer-0, consumer-0 was hit by drop-reply on its link (0.190 s to 0.600 s) before its ack was confirmed, delivered again to consumer-0 at 1.300 s, and applied again"
        ]
    );
    let other = causes("unknown", &[asked], &link("producer-1", 90, 600), &DRAINED);
    assert!(other[0].contains("the cause is not known"), "{other:?}");
}

#[test]
fn lost_just_before_the_harness_heard_that_its_consumer_was_held() {
    let held = |from| [window(What::Held("reading".to_owned()), "consumer-0", from, Some(900))];
    let causes = |from| causes("lost", &[SENT], &held(from), &DRAINED);
    assert!(causes(120)[0].contains("most likely its buffer was full"), "{:?}", causes(120));
    assert!(causes(300)[0].contains("the cause is not known"), "{:?}", causes(300));
}

#[test]
fn taken_for_done_though_it_was_not() {
    let first: Journal<'_> = ("consumer-0.0", &[(Delivered, 0, 200)]);
    let again: Journal<'_> = ("consumer-0.1", &[(Delivered, 0, 1_200), (Settled, 0, 1_203)]);
    let killed = [window(What::Killed, "consumer-0", 205, Some(300))];
    assert_eq!(
        causes("lost", &[SENT_AND_ACKED, first, again], &killed, &DRAINED),
        [
            "0-0: delivered to consumer-0 at 0.200 s, which was killed at 0.205 s before the effect; delivered again to consumer-0 at 1.200 s, which applied nothing and had its ack confirmed at 1.203 s: most likely it took it for done"
        ]
    );
    let open: Journal<'_> = ("consumer-0.1", &[(Delivered, 0, 1_200)]);
    let other = causes("lost", &[SENT_AND_ACKED, first, open], &killed, &DRAINED);
    assert!(other[0].contains("the cause is not known"), "{other:?}");
}

#[test]
fn what_lies_between_a_database_and_a_stream() {
    let killed = |who| [window(What::Killed, who, 105, Some(300))];
    assert_eq!(
        causes("lost", &[SENT_AND_ACKED], &killed("producer-0"), &READ_BACK),
        [
            "0-0: acked 0.101 s, producer-0 killed at 0.105 s, not in the broker's store: most likely it was not published yet"
        ]
    );
    let stored: Journal<'_> = ("readback-nats", &[(Stored, 0, 900), (Stored, 0, 900)]);
    assert_eq!(
        causes("stored_again", &[SENT_AND_ACKED, stored], &killed("relay-0"), &READ_BACK),
        [
            "0-0: sent once by producer-0, at 0.100 s, relay-0 killed at 0.105 s before it had marked it: it was published again, and it was stored again"
        ]
    );
    let refused: Journal<'_> = ("producer-0.0", &[(Attempted, 0, 100), (Rejected, 0, 110)]);
    let consumer: Journal<'_> = ("consumer-0.0", &[(Delivered, 0, 105), (Applied, 0, 106)]);
    assert_eq!(
        causes("resurrected", &[refused, consumer], &[], &DRAINED),
        [
            "0-0: delivered to consumer-0 at 0.105 s, and rejected at 0.110 s: it was on its way before that was decided"
        ]
    );
}

#[test]
fn called_again_for_the_answer_did_not_come() {
    let consumer: Journal<'_> = ("consumer-0.0", &[(Delivered, 0, 200), (Reported, 0, 560)]);
    let receiver: Journal<'_> = ("sink-webhook", &[(Applied, 0, 201), (Applied, 0, 555)]);
    let slow = |from, to| {
        let what = What::Other("slow to answer".to_owned());
        [window(what, "webhook", from, Some(to))]
    };
    assert_eq!(
        causes("duplicated", &[SENT_AND_ACKED, consumer, receiver], &slow(190, 510), &DRAINED),
        [
            "0-0: effect of a call by consumer-0 at 0.201 s, the webhook was slow to answer (0.190 s to 0.510 s): consumer-0 called again, and it was applied again at 0.555 s"
        ]
    );
    let other = causes("duplicated", &[SENT_AND_ACKED, consumer, receiver], &slow(10, 90), &DRAINED);
    assert!(other[0].contains("the cause is not known"), "{other:?}");
}

#[test]
fn sent_again_says_why_where_that_is_seen() {
    let store: Journal<'_> = ("readback-kafka", &[(Stored, 0, 900), (Stored, 0, 900)]);
    let lives: [Journal<'_>; 2] =
        [("producer-0.0", &[(Attempted, 0, 100)]), ("producer-0.1", &[(Attempted, 0, 400), (Acked, 0, 401)])];
    let killed = [window(What::Killed, "producer-0", 110, Some(300))];
    assert_eq!(
        causes("stored_again", &[lives[0], lives[1], store], &killed, &READ_BACK),
        [
            "0-0: sent at 0.100 s, producer-0 killed at 0.110 s with no note of the answer, sent again at 0.400 s, and stored each time"
        ]
    );
    let resent: Journal<'_> =
        ("producer-0.0", &[(Attempted, 0, 100), (Attempted, 0, 1_100), (Acked, 0, 1_101)]);
    let link = [window(What::Link("drop-reply".to_owned()), "producer-0", 90, Some(1_099))];
    assert_eq!(
        causes("stored_again", &[resent, store], &link, &READ_BACK),
        [
            "0-0: sent at 0.100 s while producer-0 was hit by drop-reply on its link (0.090 s to 1.099 s), and again at 1.100 s, and stored each time"
        ]
    );
}

#[test]
fn sent_again_after_its_first_copy_was_consumed_it_is_taken_for_new() {
    let resent: Journal<'_> =
        ("producer-0.0", &[(Attempted, 0, 100), (Attempted, 0, 1_100), (Acked, 0, 1_101)]);
    let consumer: Journal<'_> = (
        "consumer-0.0",
        &[
            (Delivered, 0, 102),
            (Applied, 0, 103),
            (Settled, 0, 104),
            (Delivered, 0, 1_102),
            (Applied, 0, 1_103),
        ],
    );
    let killed = [window(What::Killed, "broker", 110, Some(140))];
    let sentence = "0-0: delivered to consumer-0 at 0.102 s, its ack confirmed at 0.104 s, broker killed at 0.110 s, sent again at 1.100 s and taken for a new message, delivered again to consumer-0 at 1.102 s";
    for kind in ["duplicated", "redelivered", "redelivered_after_settled"] {
        assert_eq!(causes(kind, &[resent, consumer], &killed, &READ_BACK), [sentence], "{kind}");
    }
    // A store that still has the one copy knew the name, or was not asked: then it came again as it was.
    let store: Journal<'_> = ("readback-nats", &[(Stored, 0, 2_000)]);
    let again = causes("duplicated", &[resent, consumer, store], &killed, &READ_BACK);
    assert!(
        again[0].contains("broker killed at 0.110 s, though the ack was confirmed at 0.104 s"),
        "{again:?}"
    );
    let again = causes("duplicated", &[resent, consumer], &killed, &DRAINED);
    assert!(again[0].contains("though the ack was confirmed"), "{again:?}");
}

#[test]
fn a_copy_of_a_transaction_that_was_given_up_is_named() {
    let first: Journal<'_> = ("transformer-0.0", &[(Delivered, 0, 200)]);
    let second: Journal<'_> = ("transformer-0.1", &[(Delivered, 0, 600), (Reported, 0, 610)]);
    let sink: Journal<'_> = ("sink-topic", &[(Applied, 0, 900), (Applied, 0, 901), (GivenUp, 0, 901)]);
    let killed = [window(What::Killed, "transformer-0", 210, Some(300))];
    assert_eq!(
        causes("duplicated", &[SENT_AND_ACKED, first, second, sink], &killed, &DRAINED),
        [
            "0-0: delivered to transformer-0 at 0.200 s, killed at 0.210 s before its ack was confirmed, delivered again to transformer-0 at 0.600 s, and applied again; one copy is of a transaction that was given up, and counted all the same"
        ]
    );
    // Given up, and for nobody to see: no copy of its own, no effect.
    let store: Journal<'_> = ("readback-kafka", &[(GivenUp, 0, 900), (Stored, 0, 901)]);
    assert!(causes("stored_again", &[SENT_AND_ACKED, store], &[], &READ_BACK).is_empty());
    let strange: Journal<'_> = ("readback-kafka", &[(GivenUp, 9, 900)]);
    assert_eq!(causes("phantom", &[SENT_AND_ACKED, strange], &[], &READ_BACK).len(), 1);
}

#[test]
fn between_partitions_there_is_no_order() {
    let producer: Journal<'_> =
        ("producer-0.0", &[(Attempted, 0, 100), (Acked, 0, 101), (Attempted, 1, 102), (Acked, 1, 103)]);
    let consumer: Journal<'_> =
        ("consumer-0.0", &[(Delivered, 1, 110), (Delivered, 0, 120), (Delivered, 0, 130)]);
    let spread = Scope { spread: true, ..DRAINED };
    assert_eq!(
        causes("reordered", &[producer, consumer], &[], &spread),
        [
            "0-0: first delivered to consumer-0 at 0.120 s, after a higher sequence of the same producer; its topic has several partitions, and there is an order within each of them only"
        ]
    );
}
