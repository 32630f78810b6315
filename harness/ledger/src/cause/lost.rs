//! Why an acked or unconfirmed message has no effect.

use super::Cause;
use crate::{
    Event, Kind, What, Window,
    story::{Down, Story, first, last},
};

/// So long after a worker stopped at a point the harness may hear of it, on a busy machine: 100 ms.
const HEARD_NS: u64 = 100_000_000;

pub(super) fn cause(story: &Story<'_>, life: &[Event]) -> Option<Cause> {
    match last(life, Kind::Delivered) {
        Some(delivery) => Some(delivered(story, life, delivery)),
        None => undelivered(story, life),
    }
}

/// A consumer had it, and there is no effect.
fn delivered(story: &Story<'_>, life: &[Event], delivery: &Event) -> Cause {
    let who = story.who(delivery);
    let cause = Cause::say(format!("delivered to {who} at ")).at(delivery);
    let settled = life.iter().find(|event| event.kind == Kind::Settled && event.time_ns >= delivery.time_ns);
    let cause = match settled {
        Some(settled) => cause.and(", its ack confirmed at ").at(settled),
        None => cause,
    };
    if let Some(reported) = last(life, Kind::Reported) {
        let cause =
            cause.and(format!(", and {} says that it applied it at ", story.who(reported))).at(reported);
        return cause.and(", but the sink does not show the effect").unexplained();
    }
    if let Some(done) = taken_for_done(story, life, delivery, settled) {
        return done;
    }
    match story.ended(who, delivery.time_ns, u64::MAX) {
        Some(end) if settled.is_none() => {
            cause.and(format!(", which was {} at {} before the effect", end.what, story.at(end.from_ns)))
        }
        Some(end) => {
            cause.and(format!(", {who} {} at {} before the effect", end.what, story.at(end.from_ns)))
        }
        None => match story.first(|window| window.is_cut_off(who) && window.from_ns >= delivery.time_ns) {
            Some(cut) => {
                cause.and(format!(", which was {} at {} before the effect", cut.what, story.at(cut.from_ns)))
            }
            None => cause.and(", but no effect came").unexplained(),
        },
    }
}

/// Whoever had it first ended before the effect, and whoever had it last acked it all the same.
fn taken_for_done(story: &Story<'_>, life: &[Event], last: &Event, settled: Option<&Event>) -> Option<Cause> {
    let one = first(life, Kind::Delivered).filter(|one| one.time_ns < last.time_ns)?;
    let end = story.ended(story.who(one), one.time_ns, last.time_ns)?;
    let cause = Cause::say(format!("delivered to {} at ", story.who(one))).at(one);
    let cause = cause.and(format!(", which was {} at {} before the effect", end.what, story.at(end.from_ns)));
    let cause = cause.and(format!("; delivered again to {} at ", story.who(last))).at(last);
    let cause = cause.and(", which applied nothing and had its ack confirmed at ").at(settled?);
    Some(cause.and(": most likely it took it for done"))
}

/// No consumer ever had it.
fn undelivered(story: &Story<'_>, life: &[Event]) -> Option<Cause> {
    let sent = last(life, Kind::Attempted)?;
    let told = told(life)?;
    if !story.scope.consumed {
        return Some(undone(story, told));
    }
    let in_store = story.scope.store_read.then(|| first(life, Kind::Stored).is_some());
    if in_store == Some(true) {
        return Some(on_the_way(story, sent, told, true));
    }
    if story.first(|window| window.what == What::NoConsumerReady && window.holds(sent.time_ns)).is_some() {
        return Some(Cause::say("published ").at(sent).and(", before any consumer was there"));
    }
    if let Some(down) = story.broker_down(sent.time_ns).or_else(|| story.broker_down(told.time_ns)) {
        return Some(Cause::say(format!("published while the broker was {}", story.state(&down))));
    }
    Some(match in_store {
        Some(_) => not_stored(story, told),
        None => on_the_way(story, sent, told, false),
    })
}

/// What the producer was told: the last success.
fn told(life: &[Event]) -> Option<&Event> {
    let success = |kind| matches!(kind, Kind::Acked | Kind::Deduplicated | Kind::Unconfirmed);
    life.iter().rfind(|event| success(event.kind))
}

/// The producer itself caused the effect, and was told that it is there.
fn undone(story: &Story<'_>, told: &Event) -> Cause {
    let cause = Cause::say(format!("{} ", told.kind.word())).at(told);
    match story.broker_down_within(told.time_ns, u64::MAX) {
        Some(down) => {
            let at = story.at(down.from_ns);
            cause.and(format!(
                ", broker {} {at}, and the sink does not show the effect any more",
                down.first()
            ))
        }
        None => cause.and(", but the sink does not show the effect").unexplained(),
    }
}

fn not_stored(story: &Story<'_>, told: &Event) -> Cause {
    let cause = Cause::say(format!("{} ", told.kind.word())).at(told);
    match story.broker_down_within(told.time_ns, u64::MAX) {
        Some(down) => cause.and(format!(
            ", broker {} {}, not in the broker's store",
            down.first(),
            story.at(down.from_ns)
        )),
        None => match story.ended(story.who(told), told.time_ns, u64::MAX) {
            // What it was told came from elsewhere, as in a dual write.
            Some(end) => {
                let (who, at) = (story.who(told), story.at(end.from_ns));
                cause.and(format!(
                    ", {who} {} at {at}, not in the broker's store: most likely it was not published yet",
                    end.what
                ))
            }
            None => match story.scope.too_large_for {
                Some(most) => cause.and(format!(
                    ", not in the broker's store: it takes no batch of more than {most} bytes, and each message is larger"
                )),
                None => cause.and(", not in the broker's store").unexplained(),
            },
        },
    }
}

/// Somewhere between the broker and a consumer.
fn on_the_way(story: &Story<'_>, sent: &Event, told: &Event, in_store: bool) -> Cause {
    let consumer = |window: &Window| !window.is_broker() && !window.target.starts_with("producer");
    if let Some(cause) = cut_off(story, told).or_else(|| in_store.then(|| passed_over(story, sent, told))?) {
        return cause;
    }
    if let Some(held) = story.first(|window| {
        // The harness hears of a held worker a moment after it stood there.
        let meanwhile = window.holds(sent.time_ns) || window.holds(sent.time_ns + HEARD_NS);
        consumer(window) && meanwhile && is_held(story, window, sent.time_ns)
    }) {
        let stretch = story.stretch(held.from_ns, held.to_ns);
        let Window { what, target, .. } = held;
        return Cause::say(format!(
            "reached {target} while it was {what} {stretch}, and was not kept for it: most likely its buffer was full"
        ));
    }
    if let Some(down) =
        story.first(|window| consumer(window) && window.is_down() && window.holds(sent.time_ns))
    {
        return Cause::say(format!("published while {} was {}", down.target, story.state(&Down::of(down))));
    }
    if let Some(full) =
        story.first(|window| consumer(window) && window.what == What::Dropping && window.holds(sent.time_ns))
    {
        let target = &full.target;
        return Cause::say(format!(
            "reached {target}, whose client dropped messages: most likely this one too, its buffer was full"
        ));
    }
    let after = |window: &Window| window.from_ns >= sent.time_ns;
    let end = story.first(|window| consumer(window) && window.is_end() && after(window));
    let down = story.broker_down_within(sent.time_ns, u64::MAX);
    let cause = Cause::say(format!("{} ", told.kind.word())).at(told);
    match (end, down) {
        (Some(end), down) if down.as_ref().is_none_or(|down| end.from_ns <= down.from_ns) => {
            cause.and(format!(
                ", {} {} {}, never delivered: it was on its way or in the client's buffer",
                end.target,
                end.what,
                story.at(end.from_ns)
            ))
        }
        (_, Some(down)) => {
            let from = story.at(down.from_ns);
            cause.and(format!(", broker {} {from}, never handed to a consumer", down.first()))
        }
        (_, None) if in_store && story.scope.polled => cause.and(
            ", in the table, but never delivered: most likely consumers had read on before its transaction ended",
        ),
        (_, None) if in_store => cause.and(", in the broker's store, but never delivered").unexplained(),
        (_, None) => cause.and(", never delivered").unexplained(),
    }
}

/// A consumer lost its connection before it was handed the message, and was not told of it again.
fn cut_off(story: &Story<'_>, told: &Event) -> Option<Cause> {
    let cuts = || story.windows.iter().filter(|window| window.is_cut_off(&window.target));
    let before = cuts().filter(|cut| cut.from_ns <= told.time_ns).max_by_key(|cut| cut.from_ns);
    let cause = Cause::say(format!("{} ", told.kind.word())).at(told);
    if let Some(cut) = before {
        let Window { what, target, .. } = cut;
        let at = story.at(cut.from_ns);
        return Some(cause.and(format!(", after {target} was {what} at {at}: nobody was there to be told")));
    }
    let cut = cuts().min_by_key(|cut| cut.from_ns)?;
    let Window { what, target, .. } = cut;
    let at = story.at(cut.from_ns);
    Some(cause.and(format!(", {target} {what} {at}, never delivered: it was on its way to it")))
}

/// It was in the store so late, for its producer was held, that consumers which read in order had read on.
fn passed_over(story: &Story<'_>, sent: &Event, told: &Event) -> Option<Cause> {
    let who = story.who(sent);
    let between = |window: &Window| (sent.time_ns..=told.time_ns).contains(&window.from_ns);
    let slow = |window: &Window| matches!(window.what, What::Held(_) | What::Paused);
    let held = story.first(|window| window.target == who && slow(window) && between(window))?;
    let stretch = story.stretch(held.from_ns, held.to_ns);
    let cause =
        Cause::say("sent ").at(sent).and(format!(", {who} {} {stretch}, {} ", held.what, told.kind.word()));
    Some(
        cause
            .at(told)
            .and(", in the broker's store, but never delivered: most likely consumers had read on meanwhile"),
    )
}

/// Held, and neither killed nor cut off from its broker in the end: else that is the better explanation.
fn is_held(story: &Story<'_>, window: &Window, sent_ns: u64) -> bool {
    let until = window.to_ns.unwrap_or(u64::MAX);
    matches!(window.what, What::Held(_))
        && story.ended(&window.target, window.from_ns, until).is_none()
        && story.broker_down_within(sent_ns, until).is_none()
}
