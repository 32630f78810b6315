//! What the events prove, and what they leave open.

use ledger::{Evidence, FaultEvidence};

use super::Archive;
use crate::{fault::driver::is_called, report::event::RunEvent, scenario::Hold};

/// Gathers the evidence of a run from its events.
pub fn evidence(archive: &Archive) -> Evidence {
    let mut evidence = Evidence { damaged_journals: archive.damage.clone(), ..Evidence::default() };
    for (number, spec) in archive.plan().faults.iter().enumerate() {
        evidence.faults.push(FaultEvidence {
            name: format!("{} {} at {}", spec.action, spec.target, spec.at),
            ..fired(archive, number)
        });
    }
    evidence.faults.extend(archive.plan().holds.iter().map(|hold| held(archive, hold)));
    if !archive.ended() {
        evidence.bounds_hit.push("the run was cut off before its end".to_owned());
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
        if matches!(&recorded.event, RunEvent::FaultSeen { number, .. } if *number == wanted) {
            found.injected = true;
        }
    }
    found
}

/// Whether a hold ever had its worker: one that comes too late forces nothing.
fn held(archive: &Archive, hold: &Hold) -> FaultEvidence {
    let reached = |event: &RunEvent| {
        matches!(event, RunEvent::PointReached { worker, point, passage }
            if is_called(worker, &hold.worker) && *point == hold.at && *passage == hold.nth)
    };
    FaultEvidence {
        name: format!("hold {} at {} #{}", hold.worker, hold.at, hold.nth),
        at_point: true,
        injected: archive.events.iter().any(|recorded| reached(&recorded.event)),
        in_flight: 0,
    }
}
