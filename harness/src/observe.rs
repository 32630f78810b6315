//! The last look: what the broker's store and the sinks hold, each into a journal of its own, so that the account is one
//! fold over journals.

use std::path::PathBuf;

use ledger::Kind;

use crate::{
    broker::Committed,
    error::Error,
    report::event::RunEvent,
    scenario::{Broker, Isolation, Sink, SinkKind},
    sink::{TABLE, TOPIC, identify},
    stage::Stage,
};

/// The name of the journal that holds what a broker's store held.
pub fn read_back_journal(broker: &str) -> String {
    format!("readback-{broker}")
}

/// A journal that is filled from a store or a sink, and what could not be read of it.
struct Copy<'a> {
    journal: journal::Writer,
    tag: &'a str,
    unreadable: u64,
    /// Effects or copies that count.
    counted: u64,
    /// How many are of transactions that are still open.
    undecided: u64,
}

impl Copy<'_> {
    /// Takes a message of which it may not be certain that it counts.
    fn take_if(&mut self, payload: &[u8], kind: Kind, committed: Committed, all: bool) -> Result<(), Error> {
        match committed {
            Committed::GivenUp => {
                if let Some((kind, id)) = identify(payload, self.tag, Kind::GivenUp) {
                    self.journal.append(kind, id)?;
                }
            }
            Committed::NotYet => self.undecided += 1,
            Committed::Yes => {}
        }
        if all || committed == Committed::Yes { self.take(payload, kind) } else { Ok(()) }
    }

    fn take(&mut self, payload: &[u8], kind: Kind) -> Result<(), Error> {
        self.counted += 1;
        match identify(payload, self.tag, kind) {
            Some((kind, id)) => drop(self.journal.append(kind, id)?),
            None => self.unreadable += 1,
        }
        Ok(())
    }
}

impl Stage<'_> {
    /// The second oracle: what the broker's store holds, whoever was or was not told about it.
    pub async fn read_back(&mut self) -> Result<(), Error> {
        let Some(broker) = self.stores.last_store(self.plan) else { return Ok(()) };
        if self.broker_is_down_by_plan() {
            let what = "the store was not read back: its broker was left as it was".to_owned();
            return self.events.emit(RunEvent::BoundHit { what });
        }
        let mut copy = self.copy(&read_back_journal(broker.word()))?;
        let read = self
            .stores
            .read_back(broker, |payload, committed| copy.take_if(payload, Kind::Stored, committed, false))
            .await?;
        let Copy { unreadable, undecided, .. } = copy;
        self.strangers(unreadable, "store")?;
        self.open_transactions(undecided, "store")?;
        // A database without the table `messages` is no store of messages.
        if read.messages.is_none() && broker == Broker::Postgres {
            return self.forget(&read_back_journal(broker.word()));
        }
        self.events.emit(RunEvent::ReadBack {
            broker: broker.word().to_owned(),
            store: read.store,
            exists: read.messages.is_some(),
            messages: read.messages.unwrap_or(0),
        })
    }

    /// Effects in the run's database. Those at a webhook were written down as they came.
    pub async fn read_sink(&mut self) -> Result<(), Error> {
        let sink = &self.plan.sink;
        let on_a_broker = sink.is_in_postgres() || matches!(sink, Sink::Topic { .. });
        if on_a_broker && self.broker_is_down_by_plan() {
            let what = "the sink was not read: its broker was left as it was".to_owned();
            return self.events.emit(RunEvent::BoundHit { what });
        }
        match sink {
            Sink::Journal | Sink::Webhook { .. } => Ok(()),
            Sink::Table => {
                let mut copy = self.copy(TABLE)?;
                let effects = self.stores.read_effects(|row| copy.take(row, Kind::Applied)).await?;
                let unreadable = copy.unreadable;
                self.strangers(unreadable, "sink")?;
                self.events.emit(RunEvent::SinkRead {
                    sink: "table".to_owned(),
                    effects: Some(effects),
                    sum: None,
                })
            }
            Sink::Topic { isolation } => {
                let all = *isolation == Isolation::ReadUncommitted;
                let mut copy = self.copy(TOPIC)?;
                let take = |payload: &[u8], committed| copy.take_if(payload, Kind::Applied, committed, all);
                self.stores.read_topic(take).await?;
                let Copy { unreadable, undecided, counted, .. } = copy;
                self.strangers(unreadable, "sink")?;
                self.open_transactions(undecided, "sink")?;
                let (sink, effects) = (SinkKind::Topic.word().to_owned(), Some(counted));
                self.events.emit(RunEvent::SinkRead { sink, effects, sum: None })
            }
            Sink::Balance => {
                let sum = self.stores.read_balance().await?;
                self.events.emit(RunEvent::SinkRead {
                    sink: "balance".to_owned(),
                    effects: None,
                    sum: Some(sum),
                })
            }
        }
    }

    fn journal_path(&self, name: &str) -> PathBuf {
        self.folder.journals().join(format!("{name}.journal"))
    }

    fn copy(&self, name: &str) -> Result<Copy<'_>, Error> {
        let header = journal::Header { run: self.run, writer: name.to_owned() };
        let journal = journal::Writer::create(&self.journal_path(name), &header)?;
        let tag = &self.tag;
        Ok(Copy { journal, tag, unreadable: 0, counted: 0, undecided: 0 })
    }

    fn forget(&self, name: &str) -> Result<(), Error> {
        let path = self.journal_path(name);
        std::fs::remove_file(&path).map_err(Error::file("remove", &path))
    }

    fn open_transactions(&mut self, undecided: u64, place: &str) -> Result<(), Error> {
        if undecided == 0 {
            return Ok(());
        }
        let what = format!(
            "{undecided} messages in the {place} are of a transaction that is still open: nobody knows whether they count"
        );
        self.events.emit(RunEvent::BoundHit { what })
    }

    fn strangers(&mut self, unreadable: u64, place: &str) -> Result<(), Error> {
        if unreadable == 0 {
            return Ok(());
        }
        let what =
            format!("{unreadable} messages in the {place} were made by no lab: nobody can account for them");
        self.events.emit(RunEvent::BoundHit { what })
    }
}
