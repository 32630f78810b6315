//! A finished run, read from its folder.

use std::{collections::BTreeMap, fs};

use journal::Journal;
use ledger::{Account, IdRange, Kind, Lives};

use crate::{
    error::Error,
    observe::read_back_journal,
    report::event::{Phase, Recorded, RunEvent, read_lines},
    scenario::{Plan, Sink, SinkKind},
    sink::{TABLE, TOPIC, WEBHOOK},
    store::{RunFolder, RunToml},
    workload::launch::parts,
};

/// What a run left: its plan, its events, its journals.
#[derive(Debug)]
pub struct Archive {
    /// What was to be done, by whom.
    pub about: RunToml,
    /// What happened, in order.
    pub events: Vec<Recorded>,
    /// The journals, by file name.
    pub journals: Vec<Journal>,
    /// What cannot be read of them, each a sentence.
    pub damage: Vec<String>,
    /// The host's clock at second 0 of the run, in nanoseconds.
    pub start_ns: u64,
}

impl Archive {
    /// Reads a run folder. Damage to a journal is no error: it makes the run inconclusive, and is named.
    pub fn open(folder: &RunFolder) -> Result<Self, Error> {
        let about = RunToml::read(folder)?;
        let path = folder.events();
        let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        let events =
            read_lines(&text).map_err(|error| Error::Other(format!("{}: {error}", path.display())))?;
        let (run, start_ns) = began(&events).ok_or_else(|| {
            Error::Other(format!("{}: the run did not get as far as to begin", path.display()))
        })?;
        let (mut journals, mut damage) = (Vec::new(), Vec::new());
        for path in folder.journal_files()? {
            match journal::read(&path, Some(run)) {
                Ok(journal) => {
                    if let Some(what) = &journal.damage {
                        damage.push(format!("{}: {what}", path.display()));
                    }
                    journals.push(journal);
                }
                Err(error) => damage.push(error.to_string()),
            }
        }
        for life in lives_with_journal(&about.plan, &events) {
            let path = folder.journals().join(format!("{life}.journal"));
            if !path.exists() {
                damage.push(format!("{}: it is not there, and {life} wrote one", path.display()));
            }
        }
        Ok(Self { about, events, journals, damage, start_ns })
    }

    /// What was to be done.
    pub fn plan(&self) -> &Plan {
        &self.about.plan
    }

    /// All journals folded, each by itself, and added up.
    pub fn account(&self) -> Account {
        let mut all = Account::new();
        for journal in &self.journals {
            let mut account = Account::new();
            account.fold(&journal.entries);
            all.merge(&account);
        }
        all
    }

    /// The lives of some ids: the second pass over the journals.
    pub fn lives(&self, wanted: Vec<IdRange>) -> Lives {
        let mut lives = Lives::of(wanted);
        for (writer, journal) in self.journals.iter().enumerate() {
            lives.collect(writer as u16, &journal.entries);
        }
        lives
    }

    /// Who wrote which journal, by its place.
    pub fn writers(&self) -> Vec<String> {
        self.journals.iter().map(|journal| journal.header.writer.clone()).collect()
    }

    /// How often each point was passed, all workers and lives together.
    pub fn points(&self) -> BTreeMap<String, u64> {
        let mut points = BTreeMap::new();
        for (name, count) in self.journals.iter().flat_map(|journal| &journal.points) {
            *points.entry(name.clone()).or_default() += count;
        }
        points
    }

    /// Whether any journal has an entry of this kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.journals.iter().any(|journal| journal.entries.iter().any(|entry| entry.kind == kind))
    }

    /// Whether the events go on to the end of the run: a harness that is killed leaves some that do not.
    pub fn ended(&self) -> bool {
        let down = |event: &RunEvent| matches!(event, RunEvent::PhaseBegan { phase: Phase::Down });
        self.events.iter().any(|recorded| down(&recorded.event))
    }

    /// How long the run took, in seconds: to its last event before it was judged, so that judging it again says the same.
    pub fn seconds(&self) -> f64 {
        let of_the_run = |recorded: &&Recorded| !matches!(recorded.event, RunEvent::Judged { .. });
        self.events.iter().rfind(of_the_run).map_or(0.0, |last| last.at_s)
    }
}

fn began(events: &[Recorded]) -> Option<(u64, u64)> {
    events.iter().find_map(|recorded| match &recorded.event {
        RunEvent::RunBegan { run, start_ns, .. } => Some((u64::from_str_radix(run, 16).ok()?, *start_ns)),
        _ => None,
    })
}

/// Who is known to have begun a journal: without it, what it held would look lost.
fn lives_with_journal(plan: &Plan, events: &[Recorded]) -> Vec<String> {
    // A program in another language has none until it says something.
    let foreign = |worker: &str| {
        parts(&plan.workers).iter().any(|(name, part)| name == worker && part.spec.command.is_some())
    };
    let mut lives: Vec<_> = events
        .iter()
        .filter_map(|recorded| match &recorded.event {
            RunEvent::WorkerReady { worker, incarnation } if !foreign(worker) => {
                Some(format!("{worker}.{incarnation}"))
            }
            RunEvent::ReadBack { broker, .. } => Some(read_back_journal(broker)),
            RunEvent::SinkRead { sink, effects: Some(_), .. } if sink == SinkKind::Topic.word() => {
                Some(TOPIC.to_owned())
            }
            RunEvent::SinkRead { effects: Some(_), .. } => Some(TABLE.to_owned()),
            _ => None,
        })
        .collect();
    lives.extend(matches!(plan.sink, Sink::Webhook { .. }).then(|| WEBHOOK.to_owned()));
    lives
}
