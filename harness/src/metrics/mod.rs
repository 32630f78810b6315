//! What Prometheus sees of runs: `/metrics` while they go on, and `metrics.om` in the run folder afterwards.
//!
//! There is no second truth in here. A variant's [`state`] is filled from the run's own events and from the live fold, and
//! at the end from its result, so that the last scrape is what `verdict.json` says. Names and labels are made of it in
//! [`families`], for both texts. The words are those of the account; every name begins with `lab_`; labels are the lab, the
//! variant and what a lab file names: nothing that grows with the messages. The run's id is a label of `lab_run_info` alone.
//!
//! What is not known yet is not there: `lost`, for instance, comes with the verdict, since nothing is lost before it is
//! proven that nothing more will come. Until then `lab_messages_in_flight` tells what has no effect yet.

mod endpoint;
mod families;
mod history;
mod of_run;
mod state;
mod text;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use ledger::Verdict;

pub use endpoint::Endpoint;
pub use of_run::RunMetrics;
pub use state::delays_of;

use crate::{scenario::Plan, store::RunFolder};
use endpoint::Scrapes;
use state::{Name, State};
use text::Lines;

/// The metrics of all variants that one call of the harness runs.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Nobody wants them at all: the control for what they cost.
    off: bool,
    shared: Arc<Shared>,
}

/// What the runs write and a scraper reads, each on a thread of its own.
#[derive(Debug, Default)]
struct Shared {
    variants: Mutex<BTreeMap<Name, Variant>>,
    scrapes: Scrapes,
    served: AtomicBool,
}

impl Shared {
    /// Whether there is an endpoint at which somebody could ask.
    fn is_served(&self) -> bool {
        self.served.load(Ordering::Relaxed)
    }

    fn variants(&self) -> MutexGuard<'_, BTreeMap<Name, Variant>> {
        self.variants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A variant is now known so, whatever was known of it before.
    fn put(&self, name: Name, state: State) {
        self.variants().insert(name, Variant { state, lines: None });
    }

    /// Changes what is known of a variant; nothing where nothing is known.
    fn change(&self, name: &Name, change: impl FnOnce(&mut State)) {
        if let Some(variant) = self.variants().get_mut(name) {
            variant.lines = None;
            change(&mut variant.state);
        }
    }

    /// What a scraper gets, and how many verdicts are in it.
    fn text(&self) -> Result<(u64, String), prometheus::Error> {
        let mut variants = self.variants();
        for (name, variant) in variants.iter_mut().filter(|(_, variant)| variant.lines.is_none()) {
            variant.lines = Some(Lines::of(name, &variant.state)?);
        }
        let lines = variants.values().filter_map(|variant| variant.lines.as_ref());
        Ok((self.scrapes.version(), text::text(lines)))
    }
}

/// What is known of a variant, and the text of that once it was asked for.
#[derive(Debug)]
struct Variant {
    state: State,
    lines: Option<Lines>,
}

impl Metrics {
    /// Nothing is known yet. `off`: nothing ever will be, and no `metrics.om` is written.
    pub fn new(off: bool) -> Self {
        Self { off, shared: Arc::default() }
    }

    /// The metrics of one run that begins now, in place of those of the variant's last run.
    pub fn of_run(&self, plan: &Plan, folder: &RunFolder) -> RunMetrics {
        RunMetrics::begin((!self.off).then(|| self.shared.clone()), plan, folder)
    }

    /// A variant that could not be started.
    pub fn not_run(&self, plan: &Plan) {
        // Nothing was counted, not even to 0.
        let mut state = State { counts: BTreeMap::new(), ..State::of(plan, "") };
        state.verdict = Some(Verdict::NotRun);
        self.shared.put(Name::of(plan), state);
        self.shared.scrapes.changed();
    }
}

#[cfg(test)]
mod tests;
