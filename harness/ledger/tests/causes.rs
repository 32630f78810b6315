//! Causes that follow from what the plan says beside the journals, and from who joined.

mod history;

use history::{DRAINED, Journal, READ_BACK, SENT, SENT_AND_ACKED, causes, window};
use ledger::{
    Kind::{Delivered, Reported, Settled, Stored},
    Scope, What, Window,
};

#[test]
fn redelivered_to_whoever_joined_the_group() {
    let first: Journal<'_> = ("transformer-0.0", &[(Delivered, 0, 200)]);
    let again: Journal<'_> =
        ("transformer-1.0", &[(Delivered, 0, 303), (Reported, 0, 307), (Settled, 0, 308)]);
    let joining = |who, from, to| [window(What::Joining, who, from, Some(to))];
    let causes =
        |windows: &[Window]| causes("redelivered", &[SENT_AND_ACKED, first, again], windows, &DRAINED);
    assert_eq!(
        causes(&joining("transformer-1", 250, 303)),
        [
            "0-0: delivered to transformer-0 at 0.200 s, no ack of it confirmed when transformer-1 joined at 0.250 s and was given what transformer-0 had, delivered again to transformer-1 at 0.303 s"
        ]
    );
    // Whoever had joined and been given its share before, or is not the one who got it, explains nothing.
    for windows in [joining("transformer-1", 100, 150), joining("transformer-2", 250, 303)] {
        assert!(causes(&windows)[0].contains("the cause is not known"), "{windows:?}");
    }
}

#[test]
fn redelivered_since_no_ack_came_within_the_ack_wait() {
    let taken: Journal<'_> =
        ("consumer-0.0", &[(Delivered, 0, 200), (Delivered, 0, 1_190), (Settled, 0, 1_195)]);
    let causes = |wait_ms: u64| {
        let scope = Scope { ack_wait_ns: Some(wait_ms * 1_000_000), ..DRAINED };
        causes("redelivered", &[SENT_AND_ACKED, taken], &[], &scope)
    };
    assert_eq!(
        causes(1_000),
        [
            "0-0: delivered to consumer-0 at 0.200 s, no ack of it within the ack wait of 1.000 s, delivered again to consumer-0 at 1.190 s"
        ]
    );
    assert!(causes(2_000)[0].contains("the cause is not known"), "it came too early for that");
}

#[test]
fn redelivered_by_a_table_that_two_had_read() {
    let first: Journal<'_> = ("consumer-1.0", &[(Delivered, 0, 200), (Settled, 0, 203)]);
    let again: Journal<'_> = ("consumer-0.0", &[(Delivered, 0, 208), (Settled, 0, 212)]);
    let polled = Scope { polled: true, ..READ_BACK };
    let causes = |kind: &str, scope: &Scope| causes(kind, &[SENT_AND_ACKED, first, again], &[], scope);
    assert_eq!(
        causes("redelivered", &polled),
        [
            "0-0: delivered to consumer-1 at 0.200 s, its ack confirmed at 0.203 s, when most likely consumer-0 had read it already, delivered again to consumer-0 at 0.208 s"
        ]
    );
    assert_eq!(
        causes("redelivered_after_settled", &polled),
        [
            "0-0: ack confirmed at 0.203 s, when most likely consumer-0 had read it already, delivered again to consumer-0 at 0.208 s"
        ]
    );
    assert!(
        causes("redelivered", &READ_BACK)[0].contains("the cause is not known"),
        "a broker looks by itself"
    );
}

#[test]
fn lost_since_it_is_too_large() {
    let read: Journal<'_> = ("readback-kafka", &[]);
    let causes = |scope| causes("lost", &[SENT, read], &[], &scope);
    assert_eq!(
        causes(Scope { too_large_for: Some(1_000), ..READ_BACK }),
        [
            "0-0: unconfirmed 0.101 s, not in the broker's store: it takes no batch of more than 1000 bytes, and each message is larger"
        ]
    );
    assert!(causes(READ_BACK)[0].contains("the cause is not known"));
}

#[test]
fn lost_by_a_client_that_drops_messages() {
    let causes = |windows: &[Window]| causes("lost", &[SENT], windows, &DRAINED);
    assert_eq!(
        causes(&[window(What::Dropping, "consumer-0", 0, None)]),
        [
            "0-0: reached consumer-0, whose client dropped messages: most likely this one too, its buffer was full"
        ]
    );
    assert!(causes(&[])[0].contains("the cause is not known"));
}

#[test]
fn lost_in_a_table_since_its_reader_had_read_on() {
    let stored: Journal<'_> = ("readback-postgres", &[(Stored, 0, 9_000)]);
    let causes = |scope| causes("lost", &[SENT_AND_ACKED, stored], &[], &scope);
    assert_eq!(
        causes(Scope { polled: true, ..READ_BACK }),
        [
            "0-0: acked 0.101 s, in the table, but never delivered: most likely consumers had read on before its transaction ended"
        ]
    );
}
