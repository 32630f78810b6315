//! A run that never was: a hundred messages through a stream, written to a run folder as a real one, and judged.

use std::path::Path;

use journal::{Header, Writer};
use ledger::{Entry, Expectation, Kind, MessageId};

use crate::{
    assess::{Assessed, assess},
    error::Error,
    report::event::{Phase, Recorded, RunEvent},
    scenario::Plan,
    selftest::plan,
    store::{RunFolder, RunToml},
};

/// The journal in which a stream is read back.
pub const READ_BACK: &str = "readback-nats";

/// The run's id.
pub const RUN: u64 = 0x5e1f_7e57_0000_0001;

/// How many messages there are.
pub const MESSAGES: u32 = 100;

/// The host's clock at second 0.
const START_NS: u64 = 1_000_000_000;

/// Something done to a finished run folder.
pub type Damage = fn(&RunFolder) -> Result<(), Error>;

/// What a run would leave in its folder.
pub struct History {
    /// What was to be done.
    pub plan: Plan,
    /// By writer; time goes on from one to the next, and within each.
    pub journals: Vec<(&'static str, Vec<(Kind, u32)>)>,
    /// What happened, in order.
    pub events: Vec<RunEvent>,
    /// What is done to the folder in the end.
    pub damage: Option<Damage>,
}

impl History {
    /// Nothing is wrong: sent, acked, stored, delivered, applied, settled.
    pub fn clean() -> Self {
        let each = |kinds: &[Kind]| {
            (0..MESSAGES).flat_map(|seq| kinds.iter().map(move |kind| (*kind, seq))).collect()
        };
        let ready = |worker: &str| RunEvent::WorkerReady { worker: worker.to_owned(), incarnation: 0 };
        Self {
            plan: plan::clean(),
            journals: vec![
                ("producer-0.0", each(&[Kind::Attempted, Kind::Acked])),
                ("consumer-0.0", each(&[Kind::Delivered, Kind::Applied, Kind::Settled])),
                (READ_BACK, each(&[Kind::Stored])),
            ],
            events: vec![
                ready("consumer-0"),
                ready("producer-0"),
                RunEvent::Drained { proof: "nothing was left".to_owned() },
                RunEvent::ReadBack {
                    broker: "nats".to_owned(),
                    store: "LAB".to_owned(),
                    exists: true,
                    messages: MESSAGES.into(),
                },
                RunEvent::PhaseBegan { phase: Phase::Down },
            ],
            damage: None,
        }
    }

    /// The entries of a journal.
    pub fn journal(&mut self, writer: &'static str) -> &mut Vec<(Kind, u32)> {
        let place = self.journals.iter().position(|(name, _)| *name == writer).unwrap_or_else(|| {
            self.journals.push((writer, Vec::new()));
            self.journals.len() - 1
        });
        &mut self.journals[place].1
    }

    /// Takes out entries.
    pub fn remove(&mut self, writer: &'static str, kind: Kind, seq: u32) {
        self.journal(writer).retain(|entry| *entry != (kind, seq));
    }

    /// Writes something else in place of an entry.
    pub fn replace(&mut self, writer: &'static str, old: (Kind, u32), new: (Kind, u32)) {
        self.journal(writer).iter_mut().filter(|entry| **entry == old).for_each(|entry| *entry = new);
    }

    /// Puts an event where the drain was, before the rest.
    pub fn instead_of_drained(&mut self, event: RunEvent) {
        self.events
            .iter_mut()
            .filter(|event| matches!(event, RunEvent::Drained { .. }))
            .for_each(|drained| *drained = event.clone());
    }

    /// Takes out the events that this holds for.
    pub fn forget(&mut self, what: fn(&RunEvent) -> bool) {
        self.events.retain(|event| !what(event));
    }

    /// Writes it to a temporary run folder, and judges that as `harness check` would.
    pub fn judge(&self, expect: &Expectation) -> Result<Assessed, Error> {
        let home = tempfile::tempdir()
            .map_err(|error| Error::Other(format!("there is no temporary folder: {error}")))?;
        let plan = Plan { expect: expect.clone(), ..self.plan.clone() };
        assess(&self.write(plan, home.path())?)
    }

    /// Writes it to a run folder below this one.
    pub fn write(&self, plan: Plan, home: &Path) -> Result<RunFolder, Error> {
        let folder = RunFolder::create(home, &plan.lab, &plan.variant, plan.seed)?;
        let about = RunToml::new(plan, 0, &folder, home);
        folder.write("run.toml", about.to_toml()?.as_bytes())?;
        folder.write("events.jsonl", self.event_lines()?.as_bytes())?;
        let mut time_ns = START_NS;
        for (writer, entries) in &self.journals {
            let header = Header { run: RUN, writer: (*writer).to_owned() };
            let mut journal = Writer::create(&folder.journals().join(format!("{writer}.journal")), &header)?;
            for (kind, seq) in entries {
                time_ns += 1_000;
                journal.append_at(Entry { kind: *kind, id: MessageId::new(0, *seq), time_ns })?;
            }
        }
        if let Some(damage) = self.damage {
            damage(&folder)?;
        }
        Ok(folder)
    }

    fn event_lines(&self) -> Result<String, Error> {
        let (run, tag) = (format!("{RUN:016x}"), "selftest".to_owned());
        let began = RunEvent::RunBegan { run, tag, start_ns: START_NS };
        let mut lines = String::new();
        for (place, event) in [&began].into_iter().chain(&self.events).enumerate() {
            let recorded = Recorded { at_s: place as f64 / 1e3, event: event.clone() };
            let line = serde_json::to_string(&recorded)
                .map_err(|error| Error::Other(format!("an event has no JSON: {error}")))?;
            lines.push_str(&format!("{line}\n"));
        }
        Ok(lines)
    }
}
