//! Why something happened more than once.

use super::Cause;
use crate::{
    Event, Kind, What, Window, seconds,
    story::{Story, all, first},
};

/// So much later than the broker handed a message over a consumer may write that down, on a busy machine: 100 ms.
const HEARD_NS: u64 = 100_000_000;

/// Two deliveries, and what lies between them.
struct Pair<'a> {
    first: &'a Event,
    again: &'a Event,
    /// The ack of the first one was confirmed before the second.
    settled: Option<&'a Event>,
    /// The second one went to another worker, and the first worker went on with the message after that.
    at_once: bool,
}

fn pair(life: &[Event]) -> Option<Pair<'_>> {
    let mut deliveries = life.iter().filter(|event| event.kind == Kind::Delivered);
    let (first, again) = (deliveries.next()?, deliveries.next()?);
    let between = |event: &&Event| (first.time_ns..again.time_ns).contains(&event.time_ns);
    let settled = life.iter().filter(between).find(|event| event.kind == Kind::Settled);
    let goes_on = |event: &Event| event.writer == first.writer && event.time_ns >= again.time_ns;
    let at_once = first.writer != again.writer && life.iter().any(goes_on);
    Some(Pair { first, again, settled, at_once })
}

/// More than one effect.
pub(super) fn duplicated(story: &Story<'_>, life: &[Event]) -> Option<Cause> {
    let Some(pair) = pair(life) else {
        if let Some(called_again) = called_again(story, life) {
            return Some(called_again);
        }
        return Some(match first(life, Kind::Delivered) {
            Some(one) => {
                let who = story.who(one);
                Cause::say(format!("delivered once, to {who} at "))
                    .at(one)
                    .and(", but applied more than once")
                    .unexplained()
            }
            None => Cause::say("applied more than once, but never delivered").unexplained(),
        });
    };
    if let Some(copies) = copies(story, life, &pair).or_else(|| taken_for_new(story, life, &pair)) {
        return Some(copies);
    }
    // An effect that was read back after the run has no time of its own; a worker's hint may have.
    let between = |event: &&Event| (pair.first.time_ns..pair.again.time_ns).contains(&event.time_ns);
    let is_effect = |event: &&Event| matches!(event.kind, Kind::Applied | Kind::Reported);
    let who = story.who(pair.first);
    let cause = match life.iter().filter(between).find(is_effect) {
        Some(effect) => Cause::say("effect at ").at(effect).and(format!(" by {who}")),
        None => Cause::say(format!("delivered to {who} at ")).at(pair.first),
    };
    let cause = again(story, cause, &pair).and(", and applied again");
    Some(match first(life, Kind::GivenUp) {
        Some(_) => cause.and("; one copy is of a transaction that was given up, and counted all the same"),
        None => cause,
    })
}

/// Delivered once, and more than one call at a receiver that did not answer as it should.
fn called_again(story: &Story<'_>, life: &[Event]) -> Option<Cause> {
    let delivery = first(life, Kind::Delivered)?;
    let effects = all(life, Kind::Applied);
    let [one, more, ..] = effects.as_slice() else { return None };
    let webhook = story.first(|window| {
        let overlaps = window.from_ns <= more.time_ns && window.to_ns.is_none_or(|to| to >= delivery.time_ns);
        window.target == "webhook" && overlaps
    })?;
    let stretch = story.stretch(webhook.from_ns, webhook.to_ns);
    let who = story.who(delivery);
    let cause = Cause::say(format!("effect of a call by {who} at ")).at(one);
    let cause = cause.and(format!(", the {} was {} {stretch}", webhook.target, webhook.what));
    Some(cause.and(format!(": {who} called again, and it was applied again at ")).at(more))
}

/// More than one delivery.
pub(super) fn redelivered(story: &Story<'_>, life: &[Event]) -> Option<Cause> {
    let pair = pair(life)?;
    if let Some(copies) = copies(story, life, &pair).or_else(|| taken_for_new(story, life, &pair)) {
        return Some(copies);
    }
    let cause = Cause::say(format!("delivered to {} at ", story.who(pair.first))).at(pair.first);
    Some(again(story, cause, &pair))
}

/// One more delivery after a confirmed ack.
pub(super) fn after_settled(story: &Story<'_>, life: &[Event]) -> Option<Cause> {
    let settled = first(life, Kind::Settled)?;
    let late = |event: &&Event| event.kind == Kind::Delivered && event.time_ns > settled.time_ns;
    let again = life.iter().find(late)?;
    // The ack was for the first copy.
    let pair = pair(life);
    let copies = pair.as_ref().and_then(|pair| copies(story, life, pair));
    if let Some(copies) = copies.or_else(|| taken_for_new(story, life, pair.as_ref()?)) {
        return Some(copies);
    }
    let cause = Cause::say("ack confirmed at ").at(settled);
    let down = story.broker_down_within(settled.time_ns, again.time_ns);
    let cause = match &down {
        Some(down) => cause.and(format!(", broker {} at {}", down.first(), story.at(down.from_ns))),
        None => cause,
    };
    let (who, whom) = (story.who(settled), story.who(again));
    let read_before = down.is_none() && read_before(story, who, whom);
    let cause = match read_before {
        true => cause.and(format!(", when most likely {whom} had read it already")),
        false => cause,
    };
    let cause = cause.and(format!(", delivered again to {whom} at ")).at(again);
    Some(if down.is_some() || read_before { cause } else { cause.unexplained() })
}

/// More than one copy in the broker's store.
pub(super) fn stored(story: &Story<'_>, life: &[Event]) -> Option<Cause> {
    let attempts = all(life, Kind::Attempted);
    Some(match attempts.as_slice() {
        [] => Cause::say("stored more than once, but never attempted").unexplained(),
        [once] => {
            let (cause, explained) = by_its_client(story, life, once);
            if explained {
                cause.and(", and it was stored again")
            } else {
                cause.and(", but stored more than once").unexplained()
            }
        }
        [one, more, ..] => sent_again(story, one, more).and(", and stored each time"),
    })
}

/// Two attempts, and why there was a second one where that is seen.
fn sent_again(story: &Story<'_>, one: &Event, more: &Event) -> Cause {
    let who = story.who(one);
    let cause = Cause::say("sent at ").at(one);
    if let Some(end) = story.ended(who, one.time_ns, more.time_ns) {
        let at = story.at(end.from_ns);
        return cause
            .and(format!(", {who} {} at {at} with no note of the answer, sent again at ", end.what))
            .at(more);
    }
    match story.link(who, one.time_ns, more.time_ns) {
        Some(link) => {
            let stretch = story.stretch(link.from_ns, link.to_ns);
            cause.and(format!(" while {who} was {} {stretch}, and again at ", link.what)).at(more)
        }
        None => cause.and(" and again at ").at(more),
    }
}

/// A message that its producer sent again when the broker had no copy of the first any more, for that had been consumed: the
/// second was as new to it as the first.
fn taken_for_new(story: &Story<'_>, life: &[Event], pair: &Pair<'_>) -> Option<Cause> {
    let settled = pair.settled?;
    let late = |event: &&&Event| (settled.time_ns..pair.again.time_ns).contains(&event.time_ns);
    let attempts = all(life, Kind::Attempted);
    let again = attempts.iter().skip(1).find(late)?;
    let forgotten = first(life, Kind::Stored).is_none() && first(life, Kind::Deduplicated).is_none();
    if !story.scope.store_read || !forgotten {
        return None;
    }
    let cause = Cause::say(format!("delivered to {} at ", story.who(pair.first))).at(pair.first);
    let cause = cause.and(", its ack confirmed at ").at(settled);
    let cause = match story.broker_down_within(settled.time_ns, again.time_ns) {
        Some(down) => cause.and(format!(", broker {} at {}", down.first(), story.at(down.from_ns))),
        None => cause,
    };
    let cause =
        cause.and(", sent again at ").at(again).and(" and taken for a new message, delivered again to ");
    Some(cause.and(format!("{} at ", story.who(pair.again))).at(pair.again))
}

/// A message that its producer sent once, and whether it is seen why it is there more than once: a relay was killed before
/// it had marked it, or a client sends again by itself when no answer comes, since the link or the broker was away.
fn by_its_client(story: &Story<'_>, life: &[Event], once: &Event) -> (Cause, bool) {
    let who = story.who(once);
    let cause = Cause::say(format!("sent once by {who}, at ")).at(once);
    if let Some(link) = story.link(who, once.time_ns, u64::MAX) {
        let stretch = story.stretch(link.from_ns, link.to_ns);
        return (cause.and(format!(", {who} was {} {stretch}: its client sent it again", link.what)), true);
    }
    // A relay's own ends come before anything else: between its producer and the store there is nobody but it.
    let of_a_relay = |window: &Window| window.is_end() && window.target.starts_with("relay");
    if let Some(end) = story.first(|window| of_a_relay(window) && window.from_ns >= once.time_ns) {
        let at = story.at(end.from_ns);
        let cause = cause.and(format!(", {} {} at {at} before it had marked it", end.target, end.what));
        return (cause.and(": it was published again"), true);
    }
    let answer = life.iter().find(|event| event.kind == Kind::Acked && event.time_ns >= once.time_ns);
    let answered_ns = answer.map_or(u64::MAX, |answer| answer.time_ns);
    let down =
        story.broker_down(once.time_ns).or_else(|| story.broker_down_within(once.time_ns, answered_ns));
    let Some(down) = down else { return (cause, false) };
    let at = story.at(down.from_ns);
    let cause = cause.and(format!(", broker {} at {at} before an answer came", down.first()));
    (cause.and(": most likely its client sent it again"), true)
}

/// Two deliveries of two copies are no redelivery by the broker.
fn copies(story: &Story<'_>, life: &[Event], pair: &Pair<'_>) -> Option<Cause> {
    if all(life, Kind::Stored).len() < 2 {
        return None;
    }
    let cause = match all(life, Kind::Attempted).as_slice() {
        [] => return None,
        [once] => match by_its_client(story, life, once) {
            (cause, true) => cause.and(", it was stored again, delivered to "),
            (_, false) => return None,
        },
        [one, more, ..] => sent_again(story, one, more).and(", stored each time, delivered to "),
    };
    let cause = cause.and(format!("{} at ", story.who(pair.first))).at(pair.first);
    Some(cause.and(format!(" and to {} at ", story.who(pair.again))).at(pair.again))
}

/// Whether the second one can only have it from a look at the table before the first had marked it as done.
fn read_before(story: &Story<'_>, who: &str, whom: &str) -> bool {
    story.scope.polled && who != whom
}

/// When whoever got it again joined the group: the partition went from one to the other.
fn took_over<'a>(story: &'a Story<'_>, pair: &Pair<'_>) -> Option<&'a Window> {
    let (who, whom) = (story.who(pair.first), story.who(pair.again));
    story.first(|window| {
        let meanwhile = window.from_ns <= pair.again.time_ns
            && window.to_ns.is_none_or(|handed_over| handed_over >= pair.first.time_ns);
        window.what == What::Joining && window.target == whom && who != whom && meanwhile
    })
}

/// What lies between the two deliveries, and the second one.
fn again(story: &Story<'_>, cause: Cause, pair: &Pair<'_>) -> Cause {
    let (from, to) = (pair.first.time_ns, pair.again.time_ns);
    let (who, whom) = (story.who(pair.first), story.who(pair.again));
    let slow = |what: &What| matches!(what, What::Held(_) | What::Paused);
    let mut explained = true;
    let cause = if let Some(end) = story.ended(who, from, to) {
        let cause = cause.and(format!(", {} at {}", end.what, story.at(end.from_ns)));
        match pair.settled {
            Some(settled) => cause.and(", though its ack was confirmed at ").at(settled),
            None => cause.and(" before its ack was confirmed"),
        }
    } else if let Some(down) = story.broker_down_within(from, to) {
        let cause = cause.and(format!(", broker {} at {}", down.first(), story.at(down.from_ns)));
        match pair.settled {
            Some(settled) => cause.and(", though the ack was confirmed at ").at(settled),
            None => cause.and(" before the ack was confirmed"),
        }
    } else if let (Some(link), None) = (story.link(who, from, to), pair.settled) {
        let stretch = story.stretch(link.from_ns, link.to_ns);
        cause.and(format!(", {who} was {} {stretch} before its ack was confirmed", link.what))
    } else if let Some(settled) = pair.settled {
        explained = read_before(story, who, whom);
        let cause = cause.and(", its ack confirmed at ").at(settled);
        if explained { cause.and(format!(", when most likely {whom} had read it already")) } else { cause }
    } else if let Some(held) = story.first(|window| {
        window.target == who
            && slow(&window.what)
            && window.from_ns <= to
            && window.to_ns.is_none_or(|end| end >= from)
    }) {
        let stretch = story.stretch(held.from_ns, held.to_ns);
        cause.and(format!(", then {} {stretch} and not acked in time", held.what))
    } else if pair.at_once {
        cause.and(", who was not done with it")
    } else if let Some(joining) = took_over(story, pair) {
        let at = story.at(joining.from_ns);
        cause.and(format!(", no ack of it confirmed when {whom} joined at {at} and was given what {who} had"))
    } else if let Some(wait_ns) = story.scope.ack_wait_ns.filter(|wait| to - from + HEARD_NS >= *wait) {
        cause.and(format!(", no ack of it within the ack wait of {}", seconds(wait_ns, 0)))
    } else {
        explained = false;
        cause.and(", no ack of it confirmed")
    };
    let cause = cause.and(format!(", delivered again to {whom} at ")).at(pair.again);
    if explained { cause } else { cause.unexplained() }
}
