//! One run, from an empty folder to a verdict. A newcomer reads this first.

use std::time::Duration;

use ledger::{Account, Kind};

use crate::{
    assess::{Archive, Assessed, judge},
    broker::{Brokers, pulse::Monitor, stores::Stores},
    context::Context,
    error::Error,
    fault::links::Links,
    interrupt::unless_asked,
    metrics::delays_of,
    pages::report,
    recorder::Recorder,
    report::event::{Phase, RunEvent},
    scenario::{Broker, Plan, Role, Sink},
    sink::Webhook,
    stage::{Ended, Stage},
    store::RunFolder,
    workload::worker::{ORDER_BOUND, Standing, Worker},
};

/// How long workers may take to say that they are ready: they connect over loopback.
const READY_BOUND: Duration = Duration::from_secs(30);

/// The same for pods: each has to be put on a node and started.
const POD_READY_BOUND: Duration = Duration::from_secs(120);

/// How long healed workers and brokers may take to be at work again, where the plan's limit is not shorter.
const RECOVER_BOUND: Duration = Duration::from_secs(30);

/// When nothing has moved for this long, and a redelivery period on top, nothing more will happen by itself: a fault
/// that waits for a point that nobody passes would otherwise wait for the whole limit. It is longer than the longest wait
/// after which a worker or a broker goes on by itself: 10 s, for an answer or for the end of a transaction left open.
const QUIET: Duration = Duration::from_secs(15);

/// How long a worker may take to end after `stop`.
const STOP_BOUND: Duration = Duration::from_secs(15);

/// Runs a plan on standing brokers. `down` runs whatever happens; an error after it means that the harness
/// or a broker failed, not that the contract did.
pub async fn run(
    context: &Context,
    brokers: &mut Brokers,
    plan: &Plan,
    folder: RunFolder,
    events: Recorder<'_>,
) -> Result<Assessed, Error> {
    let run = rand::random::<u64>();
    let mut stage = Stage::new(context, brokers, plan, folder, events, run);
    if stage.events.wants_delays() {
        stage.live.measure(delays_of(plan));
    }
    stage.events.began(run, &stage.tag)?;
    let outcome = phases(&mut stage).await;
    if let Err(error) = &outcome {
        // Else the folder of a run that failed late could be taken for one that came to its end.
        let _ = stage.events.emit(RunEvent::BoundHit { what: format!("the run failed: {error}") });
    }
    stage.down(outcome.is_err()).await;
    outcome?;
    conclude(&mut stage)
}

/// Judges the run from its folder, as `harness check` will, and writes the verdict down.
fn conclude(stage: &mut Stage<'_>) -> Result<Assessed, Error> {
    stage.events.catch_up(&mut stage.live);
    let archive = Archive::open(&stage.folder)?;
    let (assessed, account) = judge(&archive);
    let result = &assessed.result;
    stage.folder.write("verdict.json", result.to_json().as_bytes())?;
    write_report(stage, &archive, &assessed, &account);
    stage.events.judged(result, &account)?;
    Ok(assessed)
}

/// Without its page a run is as good as with it, so that it cannot be written is only told. Of journals that cannot be
/// read to their end there is none: it would show as lost what was not read.
fn write_report(stage: &Stage<'_>, archive: &Archive, assessed: &Assessed, account: &Account) {
    if archive.damage.is_empty()
        && let Err(error) = report::write(&stage.folder, archive, assessed, account)
    {
        tracing::warn!("there is no report of {}: {error}", stage.folder.path().display());
    }
}

/// The phases, in order. A bound that is hit is written down and makes the run inconclusive; the phases after
/// it run all the same, since they heal and account. Only a failure of the harness or a broker ends them.
async fn phases(stage: &mut Stage<'_>) -> Result<(), Error> {
    unless_asked(stage.context.interrupt.clone(), stage.plan, stage.up()).await?;
    stage.ready().await?;
    stage.steady().await?;
    stage.play_faults().await?;
    stage.heal().await?;
    stage.recover().await?;
    stage.drain().await?;
    stage.observe().await
}

impl Stage<'_> {
    /// Brokers, names, sinks, workers.
    async fn up(&mut self) -> Result<(), Error> {
        self.begin(Phase::Up)?;
        let plan = self.plan;
        for broker in &plan.brokers {
            let settings = plan.server_settings(*broker);
            self.brokers.need(self.context, *broker, &plan.lab, &settings).await?;
            self.broker_is_up(*broker).await?;
        }
        let schema = self.schema()?;
        if let Some(what) = self.stores.create(plan, schema.as_deref()).await? {
            self.events.emit(RunEvent::BoundHit { what })?;
        }
        let own = self.context.address();
        if let Sink::Webhook { keyed } = self.plan.sink {
            self.webhook =
                Some(Webhook::start(own, &self.folder.journals(), self.run, &self.tag, keyed).await?);
            self.live.watch(crate::sink::WEBHOOK, false);
        }
        self.links = Links::set_up(own, self.brokers, plan).await?;
        self.start_workers()
    }

    /// A broker answers, for the first time in this run or again.
    async fn broker_is_up(&mut self, broker: Broker) -> Result<(), Error> {
        let Some(server) = self.brokers.get(broker) else { return Ok(()) };
        let log_from = || std::fs::metadata(server.log()).map_or(0, |log| log.len() as usize);
        self.broker_log_from.entry(broker).or_insert_with(log_from);
        let (version, port) = (server.version().to_owned(), server.reach().address().port());
        let name = server.program().to_owned();
        self.stores.open(server).await?;
        if let Some(tell) = self.events.pulses() {
            self.monitors.entry(broker).or_insert_with(|| Monitor::start(server, &self.tag, tell));
        }
        self.events.emit(RunEvent::BrokerUp { broker: name, version, port })
    }

    /// The text of the SQL file that the variant's database begins with.
    fn schema(&self) -> Result<Option<String>, Error> {
        let file = self.plan.postgres.as_ref().and_then(|postgres| postgres.schema.as_ref());
        let path = file.map(|file| self.context.lab_folder(&self.plan.lab).join(file));
        path.map(|path| std::fs::read_to_string(&path).map_err(Error::file("read", &path))).transpose()
    }

    /// Every worker says that it is set up.
    async fn ready(&mut self) -> Result<(), Error> {
        self.begin(Phase::Ready)?;
        let bound = if self.context.cluster.is_some() { POD_READY_BOUND } else { READY_BOUND };
        let ended = self.pump(bound, |stage| !stage.anyone(&Standing::Starting)).await?;
        self.bound_hit(ended, "a worker was not ready", bound)
    }

    /// Work begins: until the first message is on its way.
    async fn steady(&mut self) -> Result<(), Error> {
        self.begin(Phase::Steady)?;
        if self.interrupted {
            // Who asked to end wants nothing to begin.
            return Ok(());
        }
        self.go_ns = Some(journal::now_ns());
        // Producers last, when all others have taken their orders: what a producer sends may bring another to a point at
        // which that one does not know yet that it has to stop.
        self.go_all(|role| role != Role::Producer).await;
        let heard = |stage: &mut Self| stage.workers.iter().all(Worker::has_heard);
        self.pump(ORDER_BOUND, heard).await?;
        self.go_all(|role| role == Role::Producer).await;
        let ended = self.pump(self.plan.limit, |stage| stage.live.count(Kind::Attempted) > 0).await?;
        self.bound_hit(ended, "no message was sent", self.plan.limit)
    }

    async fn go_all(&mut self, of: impl Fn(Role) -> bool) {
        for place in 0..self.workers.len() {
            if self.workers[place].standing == Standing::Ready && of(self.part(place).spec.role) {
                self.go(place).await;
            }
        }
    }

    /// The plan is played: until all of it has happened and the producers have sent all.
    async fn play_faults(&mut self) -> Result<(), Error> {
        self.begin(Phase::Faults)?;
        let quiet = QUIET + self.plan.redelivery_period();
        let over = |stage: &mut Self| stage.is_played() || stage.moved.elapsed() > quiet;
        let ended = self.pump(self.plan.limit, over).await?;
        let open = self.open_in_the_plan();
        if ended == Ended::Reached && !self.is_played() {
            return self
                .events
                .emit(RunEvent::BoundHit { what: format!("nothing moved for {quiet:?}, and {open}") });
        }
        self.bound_hit(ended, &open, self.plan.limit)
    }

    fn is_played(&self) -> bool {
        self.plan_is_done() && self.producers_are_through()
    }

    /// Heals what is still broken, and holds nobody any more.
    async fn heal(&mut self) -> Result<(), Error> {
        self.begin(Phase::Heal)?;
        self.healing = true;
        for number in 0..self.faults.len() {
            if self.plan.faults[number].heals_at_last() {
                self.heal_fault(number).await?;
            }
        }
        self.advance().await
    }

    /// Until everybody who should be there is at work again, and the producers have sent all.
    async fn recover(&mut self) -> Result<(), Error> {
        self.begin(Phase::Recover)?;
        let bound = RECOVER_BOUND.min(self.plan.limit);
        let back = |stage: &mut Self| {
            // Before `go` there is nothing to come back to.
            let at_work = !stage.anyone(&Standing::Starting) && !stage.anyone(&Standing::Ready);
            match stage.interrupted {
                true => at_work || stage.go_ns.is_none(),
                false => at_work && stage.producers_are_through(),
            }
        };
        let ended = self.pump(bound, back).await?;
        self.bound_hit(ended, "not everybody came back to work", bound)
    }

    /// Workers stop; then the broker's store and the sink are read, each into a journal of its own.
    async fn observe(&mut self) -> Result<(), Error> {
        self.begin(Phase::Observe)?;
        self.notice_the_gone().await?;
        self.stopping = true;
        for worker in &mut self.workers {
            worker.order("stop").await;
        }
        let ended =
            self.pump(STOP_BOUND, |stage| stage.workers.iter().all(|worker| !worker.at_work())).await?;
        self.bound_hit(ended, "a worker did not stop", STOP_BOUND)?;
        self.read_back().await?;
        self.read_sink().await
    }

    /// Whoever is gone before anybody was told to stop has ended by itself, however well.
    async fn notice_the_gone(&mut self) -> Result<(), Error> {
        let heard_out = |stage: &mut Self| {
            stage.workers.iter_mut().all(|worker| !worker.at_work() || worker.alive() || worker.closed)
        };
        let ended = self.pump(STOP_BOUND, heard_out).await?;
        for place in 0..self.workers.len() {
            self.look_after(place).await?;
        }
        self.bound_hit(ended, "a worker that ended was not heard to its end", STOP_BOUND)
    }

    /// Ends all that the run started; the brokers stay, healthy, for the next variant.
    async fn down(&mut self, failed: bool) {
        // An event that cannot be written must not keep a process alive.
        let _ = self.begin(Phase::Down);
        for worker in &mut self.workers {
            if let Some(life) = &mut worker.life {
                life.end(&self.context.local).await;
            }
        }
        self.monitors.clear();
        self.keep_broker_logs();
        let stores = std::mem::replace(&mut self.stores, Stores::new(&self.tag));
        if failed || !self.brokers.are_alive() || self.broker_is_down_by_plan() {
            self.brokers.stop().await;
        } else {
            stores.delete().await;
        }
    }

    /// Copies what the brokers logged during this run into the run folder.
    fn keep_broker_logs(&self) {
        for (broker, from) in &self.broker_log_from {
            let Some(server) = self.brokers.get(*broker) else { continue };
            let text = std::fs::read(server.log()).unwrap_or_default();
            let kept = std::fs::write(self.folder.log(broker.word()), &text[*from.min(&text.len())..]);
            if let Err(error) = kept {
                tracing::warn!("the log of {broker} could not be kept: {error}");
            }
        }
    }

    /// Starts the broker again after a fault, on the same data and port.
    pub async fn restart_broker(&mut self) -> Result<(), Error> {
        let Some(broker) = self.broker_of_faults() else { return Ok(()) };
        let Some(server) = self.brokers.get_mut(broker) else { return Ok(()) };
        if server.alive() {
            return Ok(());
        }
        server.restart(&self.context.local).await?;
        // The start itself is no standstill.
        self.moved = tokio::time::Instant::now();
        if let Some(links) = &mut self.links {
            links.broker_is_down(broker, false).await?;
        }
        self.broker_is_up(broker).await
    }

    fn anyone(&self, standing: &Standing) -> bool {
        self.workers.iter().any(|worker| worker.standing == *standing)
    }

    /// Whether no producer has anything more to send. One that was killed for good has not either.
    fn producers_are_through(&self) -> bool {
        let producers = (0..self.workers.len()).filter(|place| self.part(*place).spec.role == Role::Producer);
        producers.map(|place| &self.workers[place].standing).all(|standing| {
            !matches!(standing, Standing::Waiting | Standing::Starting | Standing::Ready | Standing::Going)
        })
    }

    fn bound_hit(&mut self, ended: Ended, what: &str, bound: Duration) -> Result<(), Error> {
        match ended {
            Ended::Bound => self.events.emit(RunEvent::BoundHit { what: format!("{what} within {bound:?}") }),
            Ended::Reached | Ended::Cut => Ok(()),
        }
    }
}
