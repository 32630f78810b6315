//! What one run tells the page.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ledger::{Account, Fate, Kind};

use super::{hub::Hub, named, outcome};
use crate::{
    live::Live,
    pages::happenings::happening,
    report::{
        document::RunResult,
        event::{Recorded, RunEvent},
    },
};

/// How often the messages are looked at.
const PACE: Duration = Duration::from_millis(200);

/// Looking takes at most this part of the time, however many messages there are.
const PART: u32 = 100;

/// One run, on the page.
#[derive(Debug)]
pub struct RunPage {
    hub: Arc<Hub>,
    lab: String,
    number: u64,
    next_look: Instant,
}

impl RunPage {
    /// Of the run that the hub gave this number.
    pub fn new(hub: Arc<Hub>, lab: String, number: u64) -> Self {
        Self { hub, lab, number, next_look: Instant::now() }
    }

    /// Something happened.
    pub fn event(&self, recorded: &Recorded) {
        self.hub.change(|state| {
            let Some((version, run)) = state.run(&self.lab, self.number) else { return };
            match &recorded.event {
                RunEvent::PhaseBegan { phase } => run.phase = Some(*phase),
                RunEvent::FaultFired { number, target, resolved, .. } => {
                    let whom = if target == "broker" { target } else { resolved };
                    run.broken.insert(*number, whom.clone());
                }
                RunEvent::FaultHealed { number, .. } => drop(run.broken.remove(number)),
                _ => {}
            }
            if let Some(text) = happening(&recorded.event) {
                run.happened(version, recorded.at_s, text);
            }
        });
    }

    /// The messages as they are now; looked at now and then only.
    pub fn look(&mut self, live: &Live) {
        let begun = Instant::now();
        if begun < self.next_look {
            return;
        }
        let account = live.merged();
        self.show(&account, live_counts(&account), None);
        self.next_look = begun + PACE.max(begun.elapsed() * PART);
    }

    /// The run is over: from now on the page shows what the account says.
    pub fn judged(&self, result: &RunResult, account: &Account) {
        let counts = result.account.as_ref().map(named).unwrap_or_default();
        self.show(account, counts, Some(result.drained));
        self.hub.change(|state| {
            let Some((_, run)) = state.run(&self.lab, self.number) else { return };
            let target = run.target.clone();
            state.conclude(&self.lab, "", outcome(&target, result));
        });
    }

    fn show(&self, account: &Account, counts: Vec<(&'static str, Option<u64>)>, drained: Option<bool>) {
        self.hub.change(|state| {
            let Some((version, run)) = state.run(&self.lab, self.number) else { return };
            run.counts = counts;
            if drained.is_some() {
                // What was on its way is something else now, though nothing was written of it.
                run.drained = drained;
                run.rows.values_mut().for_each(|row| row.0 = version);
            }
            run.look(version, account);
        });
    }
}

/// The counts while the run goes on. Workers' reports stand in for effects; what is lost nobody can know yet.
fn live_counts(account: &Account) -> Vec<(&'static str, Option<u64>)> {
    let of_kind = |kind: Kind| Some(account.count(kind)).filter(|count| *count > 0);
    let (mut redelivered, mut duplicated, mut in_flight) = (0, 0, 0);
    account.each_64([Fate::Redelivered, Fate::Duplicated, Fate::InFlight], |_, [again, twice, open]| {
        redelivered += u64::from(again.count_ones());
        duplicated += u64::from(twice.count_ones());
        in_flight += u64::from(open.count_ones());
    });
    vec![
        ("attempted", Some(account.count(Kind::Attempted))),
        ("acked", of_kind(Kind::Acked)),
        ("rejected", of_kind(Kind::Rejected)),
        ("unconfirmed", of_kind(Kind::Unconfirmed)),
        ("in_flight", Some(in_flight)),
        ("delivered", Some(account.count(Kind::Delivered))),
        ("redelivered", Some(redelivered)),
        ("applied", Some(account.count(Kind::Applied).max(account.count(Kind::Reported)))),
        ("duplicated", Some(duplicated)),
        ("deduplicated", of_kind(Kind::Deduplicated)),
        ("settled", of_kind(Kind::Settled)),
    ]
}
