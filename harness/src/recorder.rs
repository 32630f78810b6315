//! The one place where a run's events go: to `events.jsonl`, and to whoever looks on.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
};

use ledger::Account;

use crate::{
    broker::pulse::Pulse,
    error::Error,
    live::Live,
    metrics::RunMetrics,
    pages::live::RunPage,
    report::{
        document::RunResult,
        event::{Recorded, RunEvent},
        live::Progress,
    },
    scenario::Broker,
    store::RunFolder,
};

/// Writes events down as they happen, and shows them.
#[derive(Debug)]
pub struct Recorder<'a> {
    start_ns: u64,
    file: File,
    folder: RunFolder,
    progress: &'a Progress,
    metrics: RunMetrics,
    page: Option<RunPage>,
}

impl<'a> Recorder<'a> {
    /// Begins `events.jsonl` in the run's folder. Times in it count from now.
    pub fn begin(
        folder: &RunFolder,
        progress: &'a Progress,
        metrics: RunMetrics,
        page: Option<RunPage>,
    ) -> Result<Self, Error> {
        let path = folder.events();
        let mut options = OpenOptions::new();
        options.append(true).create_new(true).mode(0o600);
        let file = options.open(&path).map_err(Error::file("create", &path))?;
        Ok(Self { start_ns: journal::now_ns(), file, folder: folder.clone(), progress, metrics, page })
    }

    /// The first event: which run this is, and where its clock starts.
    pub fn began(&mut self, run: u64, tag: &str) -> Result<(), Error> {
        let event =
            RunEvent::RunBegan { run: format!("{run:016x}"), tag: tag.to_owned(), start_ns: self.start_ns };
        self.emit(event)
    }

    /// Writes an event down as one line, then shows it.
    pub fn emit(&mut self, event: RunEvent) -> Result<(), Error> {
        let at_s = journal::now_ns().saturating_sub(self.start_ns) as f64 / 1e9;
        let recorded = Recorded { at_s, event };
        let mut line = serde_json::to_vec(&recorded)
            .map_err(|error| Error::Other(format!("an event has no JSON: {error}")))?;
        line.push(b'\n');
        let path = self.folder.events();
        self.file.write_all(&line).map_err(Error::file("write", &path))?;
        self.progress.event(&recorded);
        self.metrics.event(&recorded);
        if let Some(page) = &self.page {
            page.event(&recorded);
        }
        Ok(())
    }

    /// Shows the counts as they are now; they are not written down, since the journals hold them.
    pub fn show_counts(&mut self, live: &Live) {
        if self.progress.wants_counts() {
            self.progress.counts(live.counts());
        }
        self.metrics.counts(live);
        if let Some(page) = &mut self.page {
            page.look(live);
        }
    }

    /// Where a broker's word on itself goes, where anybody wants it.
    pub fn pulses(&self) -> Option<impl Fn(Broker, Pulse) + Send + use<>> {
        self.metrics.pulses()
    }

    /// Whether somebody wants to know how long messages took while the run goes on.
    pub fn wants_delays(&self) -> bool {
        self.metrics.are_wanted()
    }

    /// Nobody writes any more: takes what is still unread of the journals, for those who look on.
    pub fn catch_up(&mut self, live: &mut Live) {
        if self.metrics.are_wanted() {
            while live.round() {}
            self.metrics.last_counts(live);
        }
    }

    /// The last event, with all that is known in the end.
    pub fn judged(&mut self, result: &RunResult, account: &Account) -> Result<(), Error> {
        self.emit(RunEvent::Judged {
            verdict: result.verdict,
            as_expected: result.as_expected,
            sentence: result.sentence.clone(),
        })?;
        if let Some(page) = &self.page {
            page.judged(result, account);
        }
        self.metrics.conclude(result);
        Ok(())
    }
}
