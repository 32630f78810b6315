//! What is known of a variant's newest run, for whoever scrapes.

use std::collections::BTreeMap;

use ledger::{Delays, Fate, MeasuredDelays, Sum, Verdict};

use crate::{
    broker::pulse::Pulse,
    report::{document::RunResult, event::Phase},
    scenario::{Broker, Plan, Role},
};

/// A variant, by the labels that every one of its metrics has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// "04-duplicates".
    pub lab: String,
    /// "slow-worker".
    pub variant: String,
}

impl Name {
    /// The variant of a plan.
    pub fn of(plan: &Plan) -> Self {
        Self { lab: plan.lab.clone(), variant: plan.variant.clone() }
    }
}

/// The rows of the account that can be told while it grows: what they say may grow, and hardly ever changes its mind.
pub const LIVE: [Fate; 8] = [
    Fate::Attempted,
    Fate::Acked,
    Fate::Rejected,
    Fate::Unconfirmed,
    Fate::Delivered,
    Fate::Redelivered,
    Fate::Applied,
    Fate::Duplicated,
];

/// What measures the delays of a plan's messages.
pub fn delays_of(plan: &Plan) -> Delays {
    let producers = plan.workers.iter().filter(|worker| worker.role == Role::Producer);
    let producers: u32 = producers.map(|worker| worker.count).sum();
    Delays::of(u64::from(plan.workload.messages) * u64::from(producers))
}

/// One run so far.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The run folder's name; empty where nothing was started.
    pub run: String,
    /// What the choices of the plan came from.
    pub seed: u64,
    /// What the variant promises.
    pub contract: &'static str,
    /// The brokers it needs, with a comma between.
    pub brokers: String,
    /// Where the run is.
    pub phase: Option<Phase>,
    /// The account's rows that are known, by their names: so far, or in the end.
    pub counts: BTreeMap<&'static str, u64>,
    /// Attempted, not rejected, and no effect yet; gone when the account is closed.
    pub in_flight: Option<u64>,
    /// What a sink that adds up should hold, and holds.
    pub sum: Option<Sum>,
    /// The faults of the plan, by kind and target as planned.
    pub faults: BTreeMap<(String, String), FaultState>,
    /// It is proven that nothing more will come.
    pub drained: bool,
    /// The last word.
    pub verdict: Option<Verdict>,
    /// Whether the lab says so.
    pub as_expected: Option<bool>,
    /// How long the run has gone on.
    pub seconds: f64,
    /// How long messages took.
    pub delays: MeasuredDelays,
    /// What the brokers said of themselves, where they are asked.
    pub pulses: BTreeMap<Broker, Pulse>,
}

/// All faults of one kind on one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultState {
    /// How often it fired.
    pub fired: u64,
    /// How many of them are not healed.
    pub active: u64,
}

impl State {
    /// A run that begins.
    pub fn of(plan: &Plan, run: &str) -> Self {
        let brokers: Vec<_> = plan.brokers.iter().map(ToString::to_string).collect();
        let faults = plan
            .faults
            .iter()
            .map(|fault| ((fault.action.word().to_owned(), fault.target.to_string()), FaultState::default()));
        // All are there from the start, with 0: else the first one would be no change.
        Self {
            run: run.to_owned(),
            counts: LIVE.map(|fate| (fate.word(), 0)).into(),
            delays: delays_of(plan).measured().clone(),
            seed: plan.seed,
            contract: plan.contract.word(),
            brokers: brokers.join(","),
            faults: faults.collect(),
            ..Self::default()
        }
    }

    /// A fault of this kind on this target fired, or was healed.
    pub fn fault(&mut self, kind: &str, target: &str, change: impl FnOnce(&mut FaultState)) {
        change(self.faults.entry((kind.to_owned(), target.to_owned())).or_default());
    }

    /// The account is closed: what it says, and nothing that it does not say.
    pub fn conclude(&mut self, result: &RunResult) {
        let account = result.account.as_ref();
        let rows = account.into_iter().flat_map(ledger::Counts::iter);
        self.counts = rows.filter_map(|(name, count)| Some((name, count?))).collect();
        self.sum = account.and_then(|account| account.sum);
        self.in_flight = None;
        self.drained = result.drained;
        self.verdict = Some(result.verdict);
        self.as_expected = result.as_expected;
        self.seconds = result.seconds;
        // What a fault did to a process of the run is over with the run.
        self.faults.values_mut().for_each(|fault| fault.active = 0);
    }
}
