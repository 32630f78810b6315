//! One run's part of the metrics: it hears what the recorder hears.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use ledger::Fate;

use super::{
    Shared,
    families::families,
    history::History,
    state::{LIVE, Name, State},
};
use crate::{
    broker::pulse::Pulse,
    live::Live,
    report::{
        document::RunResult,
        event::{Recorded, RunEvent},
    },
    scenario::{Broker, Plan},
    store::RunFolder,
};

/// How often the account is looked at while it grows.
const LOOK: Duration = Duration::from_secs(1);

/// Looking at the account walks all of it, and the run waits. So it may take one part in so many of the time: the next
/// look waits that many times as long as this one took.
const SHARE: u32 = 100;

/// The metrics of one run, or nothing at all.
#[derive(Debug)]
pub struct RunMetrics(Option<Told>);

#[derive(Debug)]
struct Told {
    shared: Arc<Shared>,
    name: Name,
    folder: RunFolder,
    began: Instant,
    next_look: Instant,
    /// The kind and target of each fault of the plan.
    faults: Vec<(String, String)>,
    history: History,
    next_moment: Instant,
}

impl RunMetrics {
    pub(super) fn begin(shared: Option<Arc<Shared>>, plan: &Plan, folder: &RunFolder) -> Self {
        let Some(shared) = shared else { return Self(None) };
        let run = folder.path().file_name().unwrap_or_default().to_string_lossy();
        let name = Name::of(plan);
        shared.put(name.clone(), State::of(plan, &run));
        let faults =
            plan.faults.iter().map(|fault| (fault.action.word().to_owned(), fault.target.to_string()));
        let now = Instant::now();
        let mut told = Told {
            shared,
            name,
            folder: folder.clone(),
            began: now,
            next_look: now,
            faults: faults.collect(),
            history: History::default(),
            next_moment: now,
        };
        told.note_moment(now);
        Self(Some(told))
    }

    /// Whether anybody wants them: else delays need not be measured.
    pub fn are_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Where a broker's word goes, from a task of its own. Nothing where nobody scrapes: then no broker is asked.
    pub fn pulses(&self) -> Option<impl Fn(Broker, Pulse) + Send + use<>> {
        let told = self.0.as_ref().filter(|told| told.shared.is_served())?;
        let (shared, name) = (told.shared.clone(), told.name.clone());
        Some(move |broker, pulse| {
            shared.change(&name, |state| drop(state.pulses.insert(broker, pulse)));
        })
    }

    /// Takes what an event changes.
    pub fn event(&mut self, recorded: &Recorded) {
        if let Some(told) = &mut self.0 {
            told.hear(recorded);
            told.tick();
        }
    }

    /// Takes the account so far, at most once a second and for a small part of the time.
    pub fn counts(&mut self, live: &Live) {
        let Some(told) = &mut self.0 else { return };
        let now = Instant::now();
        if now >= told.next_look {
            told.look(live);
            told.next_look = now + LOOK.max(now.elapsed() * SHARE);
        }
        told.tick();
    }

    /// The delays to the very end: all that was written has been folded.
    pub fn last_counts(&mut self, live: &Live) {
        if let Some(told) = &mut self.0 {
            told.look(live);
        }
    }

    /// The run is judged: from now on its metrics say what the result says. Writes `metrics.om`; where that cannot be
    /// written, the result is none the worse for it.
    pub fn conclude(&mut self, result: &RunResult) {
        let Some(told) = &mut self.0 else { return };
        told.change(|state| state.conclude(result));
        told.shared.scrapes.changed();
        told.note_moment(Instant::now());
        if let Err(error) = told.folder.write("metrics.om", told.history.to_text().as_bytes()) {
            tracing::warn!("{error}");
        }
    }
}

impl Told {
    fn change(&self, change: impl FnOnce(&mut State)) {
        self.shared.change(&self.name, change);
    }

    fn hear(&mut self, recorded: &Recorded) {
        let fault = |number: usize| self.faults.get(number).cloned().unwrap_or_default();
        match &recorded.event {
            RunEvent::PhaseBegan { phase } => self.change(|state| state.phase = Some(*phase)),
            RunEvent::FaultFired { number, .. } => {
                let (kind, target) = fault(*number);
                self.change(|state| {
                    state.fault(&kind, &target, |fault| {
                        (fault.fired, fault.active) = (fault.fired + 1, fault.active + 1);
                    });
                });
            }
            RunEvent::FaultHealed { number, .. } => {
                let (kind, target) = fault(*number);
                let heal = |state: &mut State| {
                    state.fault(&kind, &target, |fault| fault.active = fault.active.saturating_sub(1));
                };
                self.change(heal);
            }
            RunEvent::Drained { .. } => self.change(|state| state.drained = true),
            _ => {}
        }
    }

    /// The account so far, as far as it cannot change its mind: what is unknown or lost is known in the end only.
    fn look(&mut self, live: &Live) {
        let account = live.merged();
        let counted = account.sizes(LIVE);
        let in_flight = account.in_flight();
        let reported = account.reported();
        let delays = live.delays().cloned().unwrap_or_default();
        let seconds = self.began.elapsed().as_secs_f64();
        self.change(|state| {
            for (fate, count) in LIVE.into_iter().zip(counted) {
                let count = if fate == Fate::Applied { count.max(reported) } else { count };
                state.counts.insert(fate.word(), count);
            }
            state.in_flight = Some(in_flight);
            state.delays = delays;
            state.seconds = seconds;
        });
    }

    /// A sample for `metrics.om`, when one is due.
    fn tick(&mut self) {
        let now = Instant::now();
        if now >= self.next_moment {
            self.note_moment(now);
        }
    }

    fn note_moment(&mut self, now: Instant) {
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let families = {
            let variants = self.shared.variants();
            variants.get(&self.name).map(|variant| families([(&self.name, &variant.state)]))
        };
        self.history.take(i64::try_from(now_ms).unwrap_or(i64::MAX), &families.unwrap_or_default());
        self.next_moment = now + Duration::from_secs(self.history.spacing());
    }
}
