//! Runs made for a check, not for a person's eyes: labs side by side, nothing printed but how far they are.

use std::{
    cell::Cell,
    io::{IsTerminal, Write},
};

use futures::{StreamExt, stream};
use ledger::Verdict;

use super::variant::run_variant;
use crate::{
    broker::Brokers,
    context::Context,
    dev::{Trial, schedule::Step},
    error::Error,
    interrupt,
    metrics::Metrics,
    report::{
        live::{Mode, Screen},
        views,
    },
    scenario::{Changes, Lab, Labs, Plan},
};

/// What came of all runs.
#[derive(Default)]
pub struct Benched {
    /// In the order of the labs.
    pub trials: Vec<Trial>,
    /// The harness or a broker failed.
    pub failed: bool,
}

/// Makes these runs. Fails if the person asked to end: then nothing was checked.
pub async fn run_steps(labs: &Labs, work: &[(Lab, Vec<Step>)], jobs: Option<u32>) -> Result<Benched, Error> {
    let context = Context::start(&labs.home, interrupt::listen(), Metrics::new(true))?;
    let is_terminal = std::io::stderr().is_terminal();
    // A line for each phase of hundreds of runs is read by nobody.
    let screen = Screen::new(if is_terminal { Mode::Line } else { Mode::Silent });
    let all = work.iter().map(|(_, steps)| steps.len()).sum();
    let bench = Bench { context: &context, screen: &screen, all, done: Cell::new(0) };
    let jobs = super::run::side_by_side(jobs, work.len());
    let mut ended = stream::iter(work).map(|(lab, steps)| bench.run_lab(lab, steps)).buffered(jobs);
    let mut benched = Ok(Benched::default());
    while let Some(lab) = ended.next().await {
        benched = benched.and_then(|mut benched: Benched| {
            let lab = lab?;
            benched.trials.extend(lab.trials);
            benched.failed |= lab.failed;
            Ok(benched)
        });
    }
    drop(ended);
    let interrupted = *context.interrupt.borrow() > 0;
    context.end(false);
    match interrupted {
        true => Err(Error::NotRun {
            what: "interrupted, so nothing was checked".to_owned(),
            mend: "the same command again".to_owned(),
        }),
        false => benched,
    }
}

struct Bench<'a> {
    context: &'a Context,
    screen: &'a Screen,
    all: usize,
    done: Cell<usize>,
}

impl Bench<'_> {
    /// The runs of one lab, one after the other, on the lab's own brokers.
    async fn run_lab(&self, lab: &Lab, steps: &[Step]) -> Result<Benched, Error> {
        let view = views::lab(lab);
        let mut brokers = Brokers::default();
        let mut benched = Benched::default();
        for step in steps {
            let changes = Changes { no_faults: step.control, ..Changes::default() };
            let Some(variant) = lab.variants.iter().find(|variant| variant.name == step.variant) else {
                continue;
            };
            let plan = Plan::new(lab, variant, step.seed, &changes)?;
            let ran = run_variant(self.context, self.screen, &mut brokers, &view, &plan, 0).await;
            benched.failed |= ran.failed;
            let trial = Trial { step: step.clone(), report: ran.report };
            self.tell(&trial);
            benched.trials.push(trial);
        }
        brokers.stop().await;
        Ok(benched)
    }

    /// One short line, so that a log shows that it goes on, and where it stopped if it does not.
    fn tell(&self, trial: &Trial) {
        self.done.set(self.done.get() + 1);
        let result = &trial.report.result;
        let sign = match (result.verdict, result.as_expected) {
            (Verdict::Inconclusive | Verdict::NotRun, _) | (_, Some(false)) => "✗",
            (Verdict::Kept | Verdict::Broken, _) => "✓",
        };
        let (done, all, place) = (self.done.get(), self.all, crate::dev::claims::place(trial));
        let sentence = &result.sentence;
        // A reader of standard error that has gone away must not end the runs.
        self.screen
            .aside(|| drop(writeln!(std::io::stderr(), "{sign} {done} of {all}  {place}: {sentence}")));
    }
}
