//! Why a message has the outcome it has, or should not be there at all.

use super::Cause;
use crate::{
    Event, Kind, Window,
    story::{Story, all, first},
};

/// The producer does not know. The attempt in doubt is the first that was not answered in its own journal.
pub(super) fn unknown(story: &Story<'_>, life: &[Event]) -> Option<Cause> {
    let sent = unanswered(life)?;
    let who = story.who(sent);
    let next = |event: &&Event| event.kind == Kind::Attempted && event.time_ns > sent.time_ns;
    let until = life.iter().find(next).map_or(u64::MAX, |event| event.time_ns);
    let cause = Cause::say("sent at ").at(sent);
    let end = story.ended(who, sent.time_ns, until);
    let cause = if let Some(down) = story.broker_down(sent.time_ns) {
        cause.and(format!(" while the broker was {}, and no answer came", story.state(&down)))
    } else if let Some(down) = story
        .broker_down_within(sent.time_ns, until)
        .filter(|down| end.is_none_or(|end| down.from_ns < end.from_ns))
    {
        cause.and(format!(", broker {} at {} before an answer came", down.first(), story.at(down.from_ns)))
    } else if let Some(end) = end {
        cause.and(format!(", {who} {} at {} before an answer came", end.what, story.at(end.from_ns)))
    } else if let Some(link) = story.link(who, sent.time_ns, until) {
        let stretch = story.stretch(link.from_ns, link.to_ns);
        cause.and(format!(", {who} was {} {stretch}, and no answer came", link.what))
    } else {
        cause.and(", and no answer came").unexplained()
    };
    let answered =
        life.iter().rfind(|event| matches!(event.kind, Kind::ResolvedStored | Kind::ResolvedAbsent));
    Some(match answered.map(|event| event.kind) {
        Some(Kind::ResolvedStored) => cause.and("; asked later, the broker said that it has it"),
        Some(_) => cause.and("; asked later, the broker said that it does not have it"),
        None => cause,
    })
}

fn unanswered(life: &[Event]) -> Option<&Event> {
    let answer = |kind| matches!(kind, Kind::Acked | Kind::Rejected | Kind::Unconfirmed | Kind::Deduplicated);
    let matters = |event: &&Event| event.kind == Kind::Attempted || answer(event.kind);
    let mut open: Vec<&Event> = Vec::new();
    for event in life.iter().filter(matters) {
        let place = open.iter().position(|other| other.writer == event.writer);
        match place {
            // Attempted again while open: the first one is in doubt for good.
            Some(place) if event.kind == Kind::Attempted => return Some(open[place]),
            Some(place) => {
                open.remove(place);
            }
            None if event.kind == Kind::Attempted => open.push(event),
            None => {}
        }
    }
    open.first().copied()
}

/// Seen, never attempted.
pub(super) fn phantom(story: &Story<'_>, life: &[Event]) -> Option<Cause> {
    let seen = life.iter().find(|event| event.kind != Kind::Crossed)?;
    Some(said(story, Cause::say("never attempted, yet "), seen))
}

/// Rejected, or said to be absent, and yet seen.
pub(super) fn resurrected(story: &Story<'_>, life: &[Event]) -> Option<Cause> {
    let behind = |kind| matches!(kind, Kind::Delivered | Kind::Applied | Kind::Called | Kind::Stored);
    let seen = life.iter().find(|event| behind(event.kind))?;
    let cause = match (first(life, Kind::ResolvedAbsent), first(life, Kind::Rejected)) {
        (Some(absent), _) => {
            Cause::say("the broker, asked at ").at(absent).and(", said that it does not have it, yet ")
        }
        (None, Some(rejected)) if seen.time_ns < rejected.time_ns => {
            let cause = said(story, Cause::say(""), seen).and(", and rejected at ").at(rejected);
            return Some(cause.and(": it was on its way before that was decided"));
        }
        (None, Some(rejected)) => Cause::say("rejected at ").at(rejected).and(", yet "),
        (None, None) => return None,
    };
    Some(said(story, cause, seen))
}

fn said(story: &Story<'_>, cause: Cause, event: &Event) -> Cause {
    let who = story.who(event);
    match event.kind {
        Kind::Delivered => cause.and(format!("delivered to {who} at ")).at(event),
        Kind::Stored => cause.and("found in the broker's store"),
        Kind::GivenUp => cause.and("found in a log, in a transaction that was given up"),
        kind => cause.and(format!("{} at ", kind.word())).at(event).and(format!(", says {who}")),
    }
}

/// First delivered after a higher sequence.
pub(super) fn reordered(story: &Story<'_>, life: &[Event]) -> Option<Cause> {
    let delivered = life.iter().find(|event| event.kind == Kind::Delivered)?;
    let cause = Cause::say(format!("first delivered to {} at ", story.who(delivered))).at(delivered);
    let cause = cause.and(", after a higher sequence of the same producer");
    let attempts = all(life, Kind::Attempted);
    let resent = attempts.iter().skip(1).find(|attempt| attempt.time_ns <= delivered.time_ns);
    if let Some(resent) = resent {
        return Some(cause.and("; it was sent again at ").at(resent));
    }
    Some(match attempts.first().and_then(|sent| between(story, sent.time_ns, delivered.time_ns)) {
        Some(between) => cause.and(format!("; {between}, after it was sent and before it came")),
        None if story.scope.spread => {
            cause.and("; its topic has several partitions, and there is an order within each of them only")
        }
        None => cause.unexplained(),
    })
}

/// Who went away between two moments: a broker, or a consumer that may have been handed the message.
fn between(story: &Story<'_>, from_ns: u64, to_ns: u64) -> Option<String> {
    if let Some(down) = story.broker_down_within(from_ns, to_ns) {
        return Some(format!("the broker {} at {}", down.first(), story.at(down.from_ns)));
    }
    let consumer =
        |window: &Window| window.is_end() && !window.is_broker() && !window.target.starts_with("producer");
    let ended = story.first(|window| consumer(window) && (from_ns..=to_ns).contains(&window.from_ns))?;
    Some(format!("{ended} at {}", story.at(ended.from_ns)))
}

/// Another run's message.
pub(super) fn crossed(story: &Story<'_>, life: &[Event]) -> Option<Cause> {
    let seen = first(life, Kind::Crossed)?;
    Some(Cause::say(format!("carries the tag of another run, and reached {} at ", story.who(seen))).at(seen))
}
