//! What the events prove, and what they leave open.

use ledger::{Evidence, FaultEvidence};

use super::Archive;
use crate::report::event::RunEvent;

/// Gathers the evidence of a run from its events.
pub fn evidence(archive: &Archive) -> Evidence {
    let mut evidence = Evidence { damaged_journals: archive.damage.clone(), ..Evidence::default() };
    for (number, spec) in archive.plan().faults.iter().enumerate() {
        evidence.faults.push(FaultEvidence {
            name: format!("{} {} at {}", spec.action, spec.target, spec.at),
            ..fired(archive, number)
        });
    }
    for recorded in &archive.events {
        match &recorded.event {
            RunEvent::Drained { .. } => (evidence.drained, evidence.why_not_drained) = (Some(true), None),
            RunEvent::NotDrained { left } => {
                (evidence.drained, evidence.why_not_drained) = (Some(false), Some(left.clone()));
            }
            RunEvent::WorkerBroke { worker, why, .. } => {
                evidence.broken_workers.push(format!("{worker}: {why}"))
            }
            RunEvent::BoundHit { what } => evidence.bounds_hit.push(what.clone()),
            RunEvent::Interrupted => evidence.bounds_hit.push("the run was interrupted".to_owned()),
            _ => {}
        }
    }
    evidence
}

/// What is known of one fault; one that never fired was not injected.
fn fired(archive: &Archive, wanted: usize) -> FaultEvidence {
    let mut found = FaultEvidence::default();
    for recorded in &archive.events {
        if let RunEvent::FaultFired { number, at_point, injected, in_flight, .. } = &recorded.event
            && *number == wanted
        {
            found = FaultEvidence {
                at_point: *at_point,
                injected: *injected,
                in_flight: *in_flight,
                ..FaultEvidence::default()
            };
        }
    }
    found
}
