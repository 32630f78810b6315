//! The page that shows runs while they go on: `harness run --live`.
//!
//! Runs write what there is into a [`hub`]; each browser takes from it what is new to it, as often as it can read. So
//! nobody waits for a browser, no queue grows, and one that was slow gets the present at once, not the past.

mod board;
mod hub;
mod route;
mod run_page;

use std::{sync::Arc, time::Duration};

use ledger::Counts;
use tokio::sync::watch;

pub use run_page::RunPage;

use self::{board::Outcome, hub::Hub};
use crate::{
    error::Error,
    report::{document::RunResult, run_report::LabView, words::sign},
    scenario::Plan,
    serve::{Asked, Server},
};

/// How long the first run waits for somebody to look: most runs are over before a page could be opened.
pub const FIRST_LOOK_BOUND: Duration = Duration::from_secs(60);

/// How long the end waits for browsers to take the last word.
const LAST_LOOK_BOUND: Duration = Duration::from_secs(5);

/// The page of one `harness run`.
#[derive(Debug)]
pub struct LivePage {
    hub: Arc<Hub>,
    server: Server,
}

impl LivePage {
    /// Serves the page on a free port of loopback.
    pub fn start() -> Result<Self, Error> {
        let hub = Arc::new(Hub::default());
        let server = Server::start(Asked::loopback(0), "the live page", route::routes(hub.clone()))?;
        Ok(Self { hub, server })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Waits until somebody looks, the person wants to end, or the bound has passed.
    pub async fn first_look(&self, mut interrupt: watch::Receiver<u32>) {
        let mut readers = self.hub.readers();
        tokio::select! {
            _ = readers.wait_for(|readers| *readers > 0) => {}
            _ = interrupt.wait_for(|times| *times > 0) => {}
            () = tokio::time::sleep(FIRST_LOOK_BOUND) => {}
        }
    }

    /// Takes up a run.
    pub fn run(&self, plan: &Plan, target: &str) -> RunPage {
        let number = self.hub.change(|state| state.begin(plan, target));
        RunPage::new(self.hub.clone(), plan.lab.clone(), number)
    }

    /// A variant that could not be run.
    pub fn not_run(&self, lab: &LabView, target: &str, sentence: &str) {
        let outcome = Outcome {
            target: target.to_owned(),
            sign: "-",
            class: "quiet",
            sentence: sentence.to_owned(),
            verdict: "not-run".to_owned(),
        };
        self.hub.change(|state| state.conclude(&lab.name, &lab.title, outcome));
    }

    /// Says that nothing more comes, and waits, within a bound, until every browser has it.
    pub async fn end(self, mut interrupt: watch::Receiver<u32>) {
        self.hub.change(|state| state.ended = true);
        let mut readers = self.hub.readers();
        tokio::select! {
            _ = readers.wait_for(|readers| *readers == 0) => {}
            _ = interrupt.wait_for(|times| *times > 1) => {}
            () = tokio::time::sleep(LAST_LOOK_BOUND) => {}
        }
        self.server.end().await;
    }
}

/// How a run came out, for the board of its lab.
fn outcome(target: &str, result: &RunResult) -> Outcome {
    let (sign, tone) = sign(result.verdict, result.as_expected);
    Outcome {
        target: target.to_owned(),
        sign,
        class: super::class(tone),
        sentence: result.sentence.clone(),
        verdict: result.verdict.word().to_owned(),
    }
}

/// Every count by its name, in the order of the account.
fn named(counts: &Counts) -> Vec<(&'static str, Option<u64>)> {
    Counts::FIELDS.iter().map(|name| (*name, counts.field(name))).collect()
}

#[cfg(test)]
mod tests;
