//! Faults of the network in a run: armed, seen, healed.

use super::{Standing, links::Begun};
use crate::{error::Error, proxy::Seen, report::event::RunEvent, scenario::Action, stage::Stage};

impl Stage<'_> {
    /// Begins a fault on a worker's link; returns what is said of it. Whether it took hold is seen later.
    pub async fn hit_link(&mut self, number: usize, standing: &mut Standing) -> Result<String, Error> {
        for other in 0..self.plan.faults.len() {
            // One that ends at this very moment makes room.
            if self.plan.faults[other].network.is_some() && self.heal_is_due(other) {
                self.heal_fault(other).await?;
            }
        }
        let spec = &self.plan.faults[number];
        let (Some(links), Some(network)) = (&mut self.links, &spec.network) else {
            return Ok("there is no proxy".to_owned());
        };
        standing.seen_before = links.seen(&standing.resolved, network.broker);
        let begun = links.begin(number, &standing.resolved, spec.action, network).await?;
        standing.armed = begun == Begun::Armed;
        Ok(match begun {
            Begun::Armed => "armed".to_owned(),
            Begun::NoLink => format!("nobody there to hit: {} has no link", standing.resolved),
            Begun::Taken(other) => {
                let other = &self.plan.faults[other];
                format!(
                    "not armed: `{} {}` is still on this link, heal it before",
                    other.action, other.target
                )
            }
        })
    }

    /// Writes down the first proof that a fault of the network took hold, and at its end all that was seen.
    pub fn look_at_links(&mut self, number: usize, at_the_end: bool) -> Result<(), Error> {
        self.look_at_webhook(number, at_the_end)?;
        let spec = &self.plan.faults[number];
        let standing = &mut self.faults[number];
        let (Some(links), Some(network)) = (&self.links, &spec.network) else { return Ok(()) };
        if !standing.armed || standing.healed_ns.is_some() {
            return Ok(());
        }
        let seen = links.seen(&standing.resolved, network.broker).since(&standing.seen_before);
        let injected = took_hold(spec.action, &seen);
        let first = injected && !standing.took_hold;
        standing.took_hold |= injected;
        if first || at_the_end && injected {
            return self.events.emit(RunEvent::FaultSeen { number, evidence: seen.to_string() });
        }
        Ok(())
    }

    /// Ends a fault on its links; harmless when it is not there, or not any more.
    pub async fn heal_link(&mut self, number: usize) -> Result<(), Error> {
        match &mut self.links {
            Some(links) => links.end(number).await,
            None => Ok(()),
        }
    }

    /// A proxy that refuses where it should not is a fault that nobody planned: what the run shows is not its subject.
    pub fn look_for_trouble(&mut self) -> Result<(), Error> {
        match self.links.as_mut().and_then(|links| links.trouble()) {
            Some(what) => self.events.emit(RunEvent::BoundHit { what }),
            None => Ok(()),
        }
    }
}

/// Whether what was seen since a fault began proves that it took hold.
fn took_hold(action: Action, seen: &Seen) -> bool {
    match action {
        Action::Cut => seen.closed > 0,
        Action::Reset => seen.reset > 0,
        Action::BlackHole => seen.withheld() > 0,
        Action::DropReply => seen.to_broker > 0 && seen.withheld_to_worker > 0,
        Action::Delay | Action::Throttle => seen.slowed > 0,
        _ => false,
    }
}
