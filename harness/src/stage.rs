//! All that one run has standing while it goes on, and the pump that keeps it moving.
//!
//! Everything that happens arrives in one place, [`Stage::pump`], and is handled one at a time: a line of
//! a worker, a tick, an interrupt. The phases (see `run.rs`) only say what they wait for.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use crate::{
    broker::{Brokers, pulse::Monitor, stores::Stores},
    context::Context,
    error::Error,
    fault::{
        Standing as FaultStanding,
        driver::{AtPoint, HoldStanding},
        links::Links,
    },
    live::Live,
    recorder::Recorder,
    report::event::{Phase, RunEvent},
    runtime::life::Life,
    scenario::{Broker, Plan, Role},
    sink::Webhook,
    store::RunFolder,
    workload::{
        said::Said,
        told::Told,
        worker::{Heard, Standing, Worker},
    },
};

/// How often journals are folded and moments compared when nothing is heard.
const TICK: Duration = Duration::from_millis(5);

/// How long anything may take after Ctrl-C: the person wants to see an end.
pub const INTERRUPTED_BOUND: Duration = Duration::from_secs(2);

/// Why a pump ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// What it waited for has come.
    Reached,
    /// The bound was hit first, or nothing moved any more.
    Bound,
    /// A worker broke, or the person interrupted: what it waited for may never come.
    Cut,
}

/// One run, standing.
pub struct Stage<'a> {
    /// What outlives the run: the runtime, the folders, the interrupt.
    pub context: &'a Context,
    /// The lab's brokers.
    pub brokers: &'a mut Brokers,
    /// What is to be done.
    pub plan: &'a Plan,
    /// Where it is written down.
    pub folder: RunFolder,
    /// The run's id.
    pub run: u64,
    /// The run's tag, in every name and message.
    pub tag: String,
    /// Who hears of every event.
    pub events: Recorder<'a>,
    /// The account so far.
    pub live: Live,
    /// The workers, in the order of the plan.
    pub workers: Vec<Worker>,
    /// Entries that workers without a journal tell by lines.
    pub told: Told,
    /// What the run has on the brokers, and the harness's own connections to them.
    pub stores: Stores,
    /// Who asks the brokers how they are, where somebody scrapes.
    pub monitors: BTreeMap<Broker, Monitor>,
    /// The webhook receiver, where the variant has one.
    pub webhook: Option<Webhook>,
    /// The proxy between workers and brokers, where a fault of the network is planned.
    pub links: Option<Links>,
    /// What became of each fault of the plan.
    pub faults: Vec<FaultStanding>,
    /// What became of each hold of the plan.
    pub holds: Vec<HoldStanding>,
    /// Every armed passage that was reached.
    pub reached: Vec<AtPoint>,
    /// The workers that wait at a point now.
    pub waiting: Vec<AtPoint>,
    /// Which workers said idle, after which mark.
    pub idle: BTreeSet<(String, String)>,
    /// When `go` was given.
    pub go_ns: Option<u64>,
    /// Faults are being healed: nothing holds anybody any more.
    pub healing: bool,
    /// Workers were told to stop: an end is what they should do.
    pub stopping: bool,
    /// Passages of earlier lives, by worker and point, when the present life was armed.
    pub passages_before: BTreeMap<(String, String), u64>,
    /// When a worker last said or wrote anything.
    pub moved: Instant,
    /// Where this run's part of each broker's log begins, in bytes.
    pub broker_log_from: BTreeMap<Broker, usize>,
    heard: mpsc::UnboundedReceiver<Heard>,
    /// Where workers' lines are sent to.
    pub ears: mpsc::UnboundedSender<Heard>,
    interrupt: watch::Receiver<u32>,
    /// The person asked to end.
    pub interrupted: bool,
}

impl<'a> Stage<'a> {
    /// Sets up an empty stage; nothing is started yet.
    pub fn new(
        context: &'a Context,
        brokers: &'a mut Brokers,
        plan: &'a Plan,
        folder: RunFolder,
        events: Recorder<'a>,
        run: u64,
    ) -> Self {
        let (ears, heard) = mpsc::unbounded_channel();
        let tag = format!("{:08x}", run >> 32);
        Self {
            context,
            brokers,
            plan,
            run,
            events,
            live: Live::new(
                run,
                folder.journals(),
                plan.workers.iter().any(|worker| worker.role != Role::Producer),
            ),
            workers: Vec::new(),
            told: Told::new(run, folder.journals()),
            stores: Stores::new(&tag),
            tag,
            monitors: BTreeMap::new(),
            webhook: None,
            links: None,
            faults: vec![FaultStanding::default(); plan.faults.len()],
            holds: vec![HoldStanding::Open; plan.holds.len()],
            reached: Vec::new(),
            waiting: Vec::new(),
            idle: BTreeSet::new(),
            go_ns: None,
            healing: false,
            stopping: false,
            passages_before: BTreeMap::new(),
            moved: Instant::now(),
            broker_log_from: BTreeMap::new(),
            heard,
            ears,
            interrupt: context.interrupt.clone(),
            interrupted: false,
            folder,
        }
    }

    /// Says that a phase begins.
    pub fn begin(&mut self, phase: Phase) -> Result<(), Error> {
        self.events.emit(RunEvent::PhaseBegan { phase })
    }

    /// Keeps everything moving until `until` holds: hears workers, folds journals, fires what is due.
    ///
    /// Ends early when a worker broke or the person interrupted, and when `bound` has passed, which is short for a
    /// person who interrupted.
    pub async fn pump(
        &mut self,
        bound: Duration,
        mut until: impl FnMut(&mut Self) -> bool,
    ) -> Result<Ended, Error> {
        let bound = if self.interrupted { bound.min(INTERRUPTED_BOUND) } else { bound };
        let mut deadline = Instant::now() + bound;
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            if until(self) {
                return Ok(Ended::Reached);
            }
            if !self.healing && (self.interrupted || self.someone_broke()) {
                return Ok(Ended::Cut);
            }
            if Instant::now() > deadline {
                return Ok(if self.interrupted { Ended::Cut } else { Ended::Bound });
            }
            tokio::select! {
                biased;
                Ok(()) = self.interrupt.changed() => {
                    self.hear_interrupt()?;
                    deadline = deadline.min(Instant::now() + INTERRUPTED_BOUND);
                }
                Some(heard) = self.heard.recv() => self.hear(heard).await?,
                _ = ticks.tick() => self.tick().await?,
            }
            self.advance().await?;
        }
    }

    /// Whether a worker broke.
    pub fn someone_broke(&self) -> bool {
        self.workers.iter().any(|worker| matches!(worker.standing, Standing::Broken(_)))
    }

    /// The place of a worker, by its name.
    pub fn place_of(&self, name: &str) -> Option<usize> {
        self.workers.iter().position(|worker| worker.name == name)
    }

    fn hear_interrupt(&mut self) -> Result<(), Error> {
        if !self.interrupted {
            self.interrupted = true;
            self.events.emit(RunEvent::Interrupted)?;
        }
        Ok(())
    }

    async fn tick(&mut self) -> Result<(), Error> {
        if self.live.round() {
            self.moved = Instant::now();
        }
        self.events.show_counts(&self.live);
        for place in 0..self.workers.len() {
            self.look_after(place).await?;
        }
        if !self.brokers.are_alive() && !self.broker_is_down_by_plan() {
            self.brokers.first_dead()?;
        }
        Ok(())
    }

    /// A broker that a fault killed or paused is down by plan until it is healed.
    pub fn broker_is_down_by_plan(&self) -> bool {
        let faults = self.plan.faults.iter().zip(&self.faults);
        faults.into_iter().any(|(spec, standing)| {
            spec.target == crate::scenario::Target::Broker
                && standing.fired_ns.is_some()
                && standing.healed_ns.is_none()
        })
    }

    /// The broker that a fault on "the broker" means: a variant with such a fault has exactly one.
    pub fn broker_of_faults(&self) -> Option<Broker> {
        self.plan.brokers.first().copied()
    }

    async fn hear(&mut self, heard: Heard) -> Result<(), Error> {
        self.moved = Instant::now();
        let place = heard.worker;
        if heard.incarnation != self.workers[place].incarnation {
            return Ok(());
        }
        let name = self.workers[place].name.clone();
        match heard.said {
            Err(line) => self.broke(place, format!("said a line that is not understood: `{}`", line.0)),
            Ok(Said::Ready) => {
                self.workers[place].standing = Standing::Ready;
                self.events.emit(RunEvent::WorkerReady { worker: name, incarnation: heard.incarnation })?;
                if self.go_ns.is_some() {
                    self.go(place).await;
                }
                Ok(())
            }
            Ok(Said::Point { name: point, passage }) => {
                let before = self.passages_before.get(&(name.clone(), point.clone())).copied().unwrap_or(0);
                let at = AtPoint { worker: name.clone(), point: point.clone(), passage: before + passage };
                self.reached.push(at.clone());
                self.waiting.push(at);
                self.events.emit(RunEvent::PointReached { worker: name, point, passage: before + passage })
            }
            Ok(Said::Idle(mark)) => {
                self.idle.insert((name, mark));
                Ok(())
            }
            Ok(Said::Figure { name: figure, value, unit }) => {
                self.events.emit(RunEvent::Figure { worker: name, figure, value, unit })
            }
            Ok(Said::Done) => {
                self.workers[place].standing = Standing::Done;
                self.events.emit(RunEvent::WorkerDone { worker: name })
            }
            Ok(Said::Failed(why)) => self.broke(place, why),
            Ok(Said::Record(kind, ids)) => {
                let life = self.workers[place].life_name();
                // Where the sink is elsewhere, a worker's word on its effects is a hint.
                let hint = kind == ledger::Kind::Applied && !self.plan.sink.is_own_word();
                let kind = if hint { ledger::Kind::Reported } else { kind };
                if self.told.record(&life, kind, &ids)? {
                    self.live.watch(&Told::life(&life), kind == ledger::Kind::Attempted);
                }
                Ok(())
            }
            Ok(Said::Closed) => {
                self.workers[place].closed = true;
                Ok(())
            }
        }
    }

    /// Notices a worker's end, and says whether it was as it should be.
    pub async fn look_after(&mut self, place: usize) -> Result<(), Error> {
        let worker = &mut self.workers[place];
        // Only when its last line was heard: it may tell why.
        if !worker.at_work() || worker.alive() || !worker.closed {
            return Ok(());
        }
        let how = worker.life.as_mut().map(Life::how_it_ended).unwrap_or_default();
        if self.stopping && how == "exit code 0" {
            worker.standing = Standing::Ended;
            let worker = worker.name.clone();
            return self.events.emit(RunEvent::WorkerExited { worker, how });
        }
        self.broke(place, format!("ended by itself ({how})"))
    }

    /// Marks a worker as broken, with its last log lines.
    pub fn broke(&mut self, place: usize, why: String) -> Result<(), Error> {
        if matches!(self.workers[place].standing, Standing::Broken(_)) {
            return Ok(());
        }
        self.workers[place].standing = Standing::Broken(why.clone());
        let worker = self.workers[place].name.clone();
        let log = crate::error::LogTail::of(&self.folder.log(&worker)).lines;
        self.events.emit(RunEvent::WorkerBroke { worker, why, log })
    }
}
