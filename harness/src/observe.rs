//! The last look: what the broker's store and the sinks hold, each into a journal of its own, so that the account is one
//! fold over journals.

use std::path::PathBuf;

use ledger::Kind;

use crate::{
    error::Error,
    report::event::RunEvent,
    scenario::{Broker, Sink},
    sink::{TABLE, identify},
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
}

impl Copy<'_> {
    fn take(&mut self, payload: &[u8], kind: Kind) -> Result<(), Error> {
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
        let read = self.stores.read_back(broker, |payload| copy.take(payload, Kind::Stored)).await?;
        let unreadable = copy.unreadable;
        self.strangers(unreadable, "store")?;
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
        if sink.is_in_postgres() && self.broker_is_down_by_plan() {
            let what = "the sink was not read: its database was left as it was".to_owned();
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
        Ok(Copy { journal, tag: &self.tag, unreadable: 0 })
    }

    fn forget(&self, name: &str) -> Result<(), Error> {
        let path = self.journal_path(name);
        std::fs::remove_file(&path).map_err(Error::file("remove", &path))
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
