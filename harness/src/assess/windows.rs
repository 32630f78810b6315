//! When something was not as usual: faults until they were healed, holds, times without a consumer. Causes are
//! looked for in these.

use std::collections::{BTreeMap, VecDeque};

use journal::Journal;
use ledger::{Kind, What, Window};

use super::Archive;
use crate::{
    report::event::{Recorded, RunEvent},
    scenario::{Action, Role, Target},
    workload::launch::parts,
};

/// The point that a worker passes when its client has said that it drops messages.
const DROPPING: &str = "client-drops";

/// The windows of a run, in the order of their beginning.
pub fn windows(archive: &Archive) -> Vec<Window> {
    let mut windows = Open { start_ns: archive.start_ns, ..Open::default() };
    let consumers = consumers(archive);
    if !consumers.is_empty() {
        windows.begin("no consumer", What::NoConsumerReady, "", 0.0);
    }
    for Recorded { at_s, event } in &archive.events {
        match event {
            RunEvent::WorkerReady { worker, incarnation } if consumers.contains(worker) => {
                windows.end("no consumer", *at_s);
                if *incarnation == 0 && joins_a_group(archive, worker) {
                    windows.begin(worker, What::Joining, worker, *at_s);
                    if let Some(given_s) = first_delivery(archive, &windows, *at_s, Some(worker)) {
                        windows.end(worker, given_s);
                    }
                }
            }
            // A fault of the network or of the webhook is armed first; whether it took hold is seen later.
            RunEvent::FaultFired { number, fault, target, resolved, injected, .. }
                if *injected || is_seen_later(archive, *number) =>
            {
                let whom = if target == "broker" { target } else { resolved };
                let what = matter(fault, target);
                if matches!(what, What::Killed | What::Stopped) {
                    // Whoever is gone is held nowhere any more.
                    windows.end_all(&format!("{whom} at "), *at_s);
                }
                windows.begin(&format!("fault {number}"), what, whom, *at_s);
            }
            RunEvent::FaultHealed { number, .. } => {
                windows.end(&format!("fault {number}"), *at_s);
                if !consumers.is_empty() && was_down(archive, *number) {
                    // They have to connect again: who is back is seen when something reaches them.
                    windows.begin("no consumer", What::NoConsumerReady, "", *at_s);
                    if let Some(back_s) = first_delivery(archive, &windows, *at_s, None) {
                        windows.end("no consumer", back_s);
                    }
                }
            }
            RunEvent::PointReached { worker, point, .. } => {
                windows.begin(&format!("{worker} at {point}"), What::Held(point.clone()), worker, *at_s);
            }
            RunEvent::Released { worker, point } => windows.end(&format!("{worker} at {point}"), *at_s),
            _ => {}
        }
    }
    windows.all.extend(dropping(archive));
    windows.all
}

/// The consumers whose client said that it drops messages.
fn dropping(archive: &Archive) -> impl Iterator<Item = Window> {
    let full = |journal: &&Journal| journal.points.iter().any(|(name, count)| name == DROPPING && *count > 0);
    archive.journals.iter().filter(full).map(|journal| {
        let writer = &journal.header.writer;
        let target = writer.rsplit_once('.').map_or(writer.as_str(), |(worker, _)| worker).to_owned();
        Window { what: What::Dropping, target, from_ns: archive.start_ns, to_ns: None }
    })
}

/// The windows so far, and which of them are open: of one name several, where a worker is held more than once at a point.
#[derive(Default)]
struct Open {
    start_ns: u64,
    all: Vec<Window>,
    open: BTreeMap<String, VecDeque<usize>>,
}

impl Open {
    fn begin(&mut self, key: &str, what: What, target: &str, at_s: f64) {
        self.open.entry(key.to_owned()).or_default().push_back(self.all.len());
        let from_ns = self.ns(at_s);
        self.all.push(Window { what, target: target.to_owned(), from_ns, to_ns: None });
    }

    /// Ends the first that is open.
    fn end(&mut self, key: &str, at_s: f64) {
        if let Some(place) = self.open.get_mut(key).and_then(VecDeque::pop_front) {
            self.all[place].to_ns = Some(self.ns(at_s));
        }
    }

    /// Ends those whose key begins so.
    fn end_all(&mut self, begins: &str, at_s: f64) {
        let to_ns = Some(self.ns(at_s));
        let open = self.open.iter_mut().filter(|(key, _)| key.starts_with(begins));
        for place in open.flat_map(|(_, places)| places.drain(..)) {
            self.all[place].to_ns = to_ns;
        }
    }

    fn ns(&self, at_s: f64) -> u64 {
        self.start_ns + (at_s * 1e9).round() as u64
    }
}

/// Whether this fault took a broker away, with all connections to it.
fn was_down(archive: &Archive, number: usize) -> bool {
    archive.plan().faults.get(number).is_some_and(|spec| {
        let gone = matches!(spec.action, Action::Kill | Action::Stop | Action::Restart);
        gone && spec.target == Target::Broker
    })
}

/// Whether this worker starts late and gets its share of what others have: members of a group of Kafka's do.
fn joins_a_group(archive: &Archive, worker: &str) -> bool {
    let plan = archive.plan();
    let late = parts(&plan.workers).iter().any(|(name, part)| name == worker && part.spec.start.is_some());
    late && plan.kafka.as_ref().is_some_and(|kafka| kafka.group)
}

/// When the first message was handed to a consumer, or to this one, after this moment, in seconds.
fn first_delivery(archive: &Archive, windows: &Open, after_s: f64, to: Option<&str>) -> Option<f64> {
    let after_ns = windows.ns(after_s);
    let of = |writer: &str| {
        to.is_none_or(|worker| writer.strip_prefix(worker).is_some_and(|life| life.starts_with('.')))
    };
    let journals = archive.journals.iter().filter(|journal| of(&journal.header.writer));
    let entries = journals.flat_map(|journal| &journal.entries);
    let later = entries.filter(|entry| entry.kind == Kind::Delivered && entry.time_ns > after_ns);
    later.map(|entry| entry.time_ns).min().map(|ns| (ns - archive.start_ns) as f64 / 1e9)
}

fn is_seen_later(archive: &Archive, number: usize) -> bool {
    let fault = archive.plan().faults.get(number);
    fault.is_some_and(|spec| spec.network.is_some() || spec.target == Target::Webhook)
}

fn consumers(archive: &Archive) -> Vec<String> {
    let parts = parts(&archive.plan().workers).into_iter();
    parts.filter(|(_, part)| part.spec.role != Role::Producer).map(|(name, _)| name).collect()
}

fn matter(fault: &str, target: &str) -> What {
    if target == "webhook" {
        return What::Other(match fault {
            "error" => "answering with errors".to_owned(),
            "delay" => "slow to answer".to_owned(),
            "drop-reply" => "closing connections without an answer".to_owned(),
            _ => "not answering".to_owned(),
        });
    }
    match fault {
        "kill" => What::Killed,
        "stop" | "restart" => What::Stopped,
        "pause" => What::Paused,
        "disconnect" => What::Disconnected,
        "cut" | "black-hole" | "reset" | "delay" | "throttle" | "drop-reply" => What::Link(fault.to_owned()),
        other => What::Other(format!("was hit by {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_is_gone_is_held_nowhere() {
        let mut windows = Open::default();
        windows.begin("consumer-1 at in-hand", What::Held("in-hand".to_owned()), "consumer-1", 1.0);
        windows.begin("consumer-10 at in-hand", What::Held("in-hand".to_owned()), "consumer-10", 1.0);
        windows.end_all("consumer-1 at ", 1.5);
        let ends: Vec<_> = windows.all.iter().map(|window| window.to_ns).collect();
        assert_eq!(ends, [Some(1_500_000_000), None], "and nobody else");
    }

    #[test]
    fn a_worker_may_be_held_twice_at_one_point() {
        let mut windows = Open::default();
        for at_s in [1.0, 2.0] {
            windows.begin("consumer-0 at in-hand", What::Held("in-hand".to_owned()), "consumer-0", at_s);
        }
        windows.end("consumer-0 at in-hand", 3.0);
        windows.end("consumer-0 at in-hand", 4.0);
        let ends: Vec<_> = windows.all.iter().map(|window| window.to_ns).collect();
        assert_eq!(ends, [Some(3_000_000_000), Some(4_000_000_000)]);
    }
}
