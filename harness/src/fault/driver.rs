//! When a fault fires and heals, who is held and for how long, who starts late: the plan's moments,
//! compared with what has been seen.
//!
//! Everything here is decided in [`Stage::advance`], once after each thing heard and once a tick. A worker
//! that waits at a point goes on as soon as nothing in the plan still wants it there.

use std::time::Duration;

use super::Standing;
use crate::{
    error::Error,
    report::event::RunEvent,
    runtime::{life::Life, node::KILLED},
    scenario::{Action, FaultSpec, Heal, Moment, Target},
    stage::Stage,
    workload::worker,
};

/// A worker that waits at a point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtPoint {
    /// The worker's name.
    pub worker: String,
    /// The point.
    pub point: String,
    /// Which passage since it was armed, over all its lives.
    pub passage: u64,
}

/// A hold of the plan: waiting for its worker, holding it, or over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldStanding {
    /// The worker is not there yet.
    Open,
    /// The worker is held.
    Holding,
    /// It was let go; the hold does not come again.
    Over,
}

impl Stage<'_> {
    /// Does everything whose moment has come.
    pub async fn advance(&mut self) -> Result<(), Error> {
        for number in 0..self.plan.faults.len() {
            if self.faults[number].fired_ns.is_none() && self.fault_is_due(number) {
                self.fire(number).await?;
            }
        }
        for number in 0..self.plan.faults.len() {
            self.look_at_links(number, false)?;
            if self.heal_is_due(number) {
                self.heal_fault(number).await?;
            }
        }
        self.look_for_trouble()?;
        self.start_late_workers()?;
        self.update_holds();
        self.let_go().await;
        Ok(())
    }

    fn fault_is_due(&self, number: usize) -> bool {
        let spec = &self.plan.faults[number];
        self.has_come(&spec.at, None, Some(&spec.target))
    }

    /// Whether a fault that fired is to be healed now.
    pub fn heal_is_due(&self, number: usize) -> bool {
        let standing = &self.faults[number];
        match (&self.plan.faults[number].heal, standing.fired_ns, standing.healed_ns) {
            (Heal::At(moment), Some(fired), None) => self.has_come(moment, Some(fired), None),
            _ => false,
        }
    }

    /// Whether a moment has come. `since` is when the fault fired, for "after"; `target` stands in for a
    /// point whose worker is not named.
    pub fn has_come(&self, moment: &Moment, since: Option<u64>, target: Option<&Target>) -> bool {
        let elapsed = |from: Option<u64>, time: &Duration| {
            from.is_some_and(|from| journal::now_ns().saturating_sub(from) >= time.as_nanos() as u64)
        };
        match moment {
            Moment::Point { .. } => self.at_moment(moment, target).is_some(),
            Moment::Count { kind, reaches } => self.live.count(*kind) >= *reaches,
            Moment::Time(time) => elapsed(self.go_ns, time),
            Moment::After(time) => elapsed(since, time),
            Moment::Done { of } => {
                self.workers.iter().any(|w| w.name == *of && w.standing == worker::Standing::Done)
            }
        }
    }

    /// The passage that is this moment, if it was seen: of the worker named, else of the fault's target.
    fn at_moment(&self, moment: &Moment, target: Option<&Target>) -> Option<&AtPoint> {
        let Moment::Point { name, of, nth } = moment else { return None };
        self.reached.iter().find(|at| {
            let of_worker = match of {
                Some(of) => is_called(&at.worker, of),
                None => target.is_none_or(|target| self.may_be(&at.worker, target)),
            };
            at.point == *name && at.passage == *nth && of_worker
        })
    }

    fn may_be(&self, worker: &str, target: &Target) -> bool {
        match target {
            Target::Role(role) => is_called(worker, role.word()),
            Target::Worker(name) => worker == name,
            Target::Any => true,
            Target::Broker | Target::Webhook => false,
        }
    }

    async fn fire(&mut self, number: usize) -> Result<(), Error> {
        let spec = self.plan.faults[number].clone();
        self.live.round();
        let in_flight = self.live.in_flight();
        let resolved = self.resolve(&spec);
        let mut standing = Standing { resolved: resolved.clone(), ..Standing::default() };
        let (injected, evidence) = match (&spec.target, self.place_of(&resolved)) {
            _ if spec.network.is_some() => {
                let said = self.hit_link(number, &mut standing).await?;
                (false, said)
            }
            (Target::Webhook, _) => {
                self.disturb_webhook(&spec, &mut standing);
                (false, "armed".to_owned())
            }
            (Target::Broker, _) => self.hit_broker(spec.action).await?,
            (_, Some(place)) if spec.action == Action::Disconnect => {
                self.stores.disconnect(&self.workers[place].life_name()).await?
            }
            (_, Some(place)) => self.hit_worker(spec.action, place).await?,
            (_, None) => (false, "nobody there to hit".to_owned()),
        };
        let fired_ns = journal::now_ns();
        self.faults[number] = Standing { fired_ns: Some(fired_ns), ..standing };
        self.events.emit(RunEvent::FaultFired {
            number,
            fault: spec.action.word().to_owned(),
            target: spec.target.to_string(),
            resolved,
            at: spec.at.to_string(),
            at_point: matches!(spec.at, Moment::Point { .. }),
            injected,
            evidence,
            in_flight,
        })
    }

    /// Whom the fault hits now.
    fn resolve(&self, spec: &FaultSpec) -> String {
        let candidates = || {
            self.workers.iter().filter(|worker| worker.at_work() && self.may_be(&worker.name, &spec.target))
        };
        match (&spec.target, self.at_moment(&spec.at, Some(&spec.target))) {
            (Target::Broker, _) => {
                self.broker_of_faults().map_or_else(|| spec.target.to_string(), |broker| broker.to_string())
            }
            (Target::Webhook, _) => spec.target.to_string(),
            (Target::Worker(name), _) => name.clone(),
            (target, Some(at)) if self.may_be(&at.worker, target) => at.worker.clone(),
            _ => {
                let count = candidates().count().max(1);
                let pick = self.plan.seed as usize % count;
                candidates().nth(pick).map_or_else(|| spec.target.to_string(), |worker| worker.name.clone())
            }
        }
    }

    async fn hit_broker(&mut self, action: Action) -> Result<(bool, String), Error> {
        let broker = self.broker_of_faults();
        if let (Some(links), Some(broker), true) = (&mut self.links, broker, action != Action::Pause) {
            links.broker_is_down(broker, true).await?;
        }
        match broker.and_then(|broker| self.brokers.get_mut(broker)) {
            Some(server) => server.hit(action).await,
            None => Ok((false, "the broker was not there".to_owned())),
        }
    }

    async fn hit_worker(&mut self, action: Action, place: usize) -> Result<(bool, String), Error> {
        let worker = &mut self.workers[place];
        if action != Action::Pause {
            worker.standing = worker::Standing::Killed;
        }
        let Some(life) = worker.life.as_mut() else {
            return Ok((false, "the worker was not there".to_owned()));
        };
        let hit = hit(life, action).await?;
        self.waiting.retain(|at| action == Action::Pause || at.worker != self.workers[place].name);
        Ok(hit)
    }

    /// Heals one fault; harmless when it was healed already.
    pub async fn heal_fault(&mut self, number: usize) -> Result<(), Error> {
        if self.faults[number].fired_ns.is_none() || self.faults[number].healed_ns.is_some() {
            return Ok(());
        }
        self.look_at_links(number, true)?;
        let spec = &self.plan.faults[number];
        let (action, broker) = (spec.action, spec.target == Target::Broker);
        let resolved = self.faults[number].resolved.clone();
        match (action, broker) {
            (Action::Disconnect, _) => {}
            _ if spec.target == Target::Webhook => self.heal_webhook(),
            _ if action.is_of_the_network() => self.heal_link(number).await?,
            (Action::Pause, true) => {
                if let Some(server) = self.broker_of_faults().and_then(|broker| self.brokers.get_mut(broker))
                {
                    server.resume().await;
                }
            }
            (_, true) => self.restart_broker().await?,
            (Action::Pause, false) => {
                if let Some(life) =
                    self.place_of(&resolved).and_then(|place| self.workers[place].life.as_mut())
                {
                    life.resume().await;
                }
            }
            (_, false) => self.restart_worker(&resolved)?,
        }
        self.faults[number].healed_ns = Some(journal::now_ns());
        self.events.emit(RunEvent::FaultHealed { number, fault: action.word().to_owned(), resolved })
    }

    fn update_holds(&mut self) {
        for number in 0..self.plan.holds.len() {
            let hold = &self.plan.holds[number];
            let is_here = |at: &AtPoint| {
                is_called(&at.worker, &hold.worker) && at.point == hold.at && at.passage == hold.nth
            };
            if self.holds[number] == HoldStanding::Open && self.waiting.iter().any(is_here) {
                self.holds[number] = HoldStanding::Holding;
            }
            if self.holds[number] != HoldStanding::Over && self.has_come(&hold.until, self.go_ns, None) {
                self.holds[number] = HoldStanding::Over;
            }
        }
    }

    /// Lets every worker go on that nothing in the plan still wants at its point.
    async fn let_go(&mut self) {
        for at in std::mem::take(&mut self.waiting) {
            if self.is_wanted(&at) {
                self.waiting.push(at);
                continue;
            }
            if let Some(place) = self.place_of(&at.worker) {
                self.workers[place].order(&format!("release {}", at.point)).await;
            }
            let _ = self.events.emit(RunEvent::Released { worker: at.worker, point: at.point });
        }
    }

    fn is_wanted(&self, at: &AtPoint) -> bool {
        !self.healing
            && self.plan.holds.iter().zip(&self.holds).any(|(hold, standing)| {
                *standing == HoldStanding::Holding
                    && is_called(&at.worker, &hold.worker)
                    && at.point == hold.at
                    && at.passage == hold.nth
            })
    }

    /// The passages at which a worker has to stop and tell: `(point, nth)`.
    pub fn stops_of(&self, worker: &str) -> Vec<(String, u64)> {
        let mut stops = Vec::new();
        let mut want = |moment: &Moment, target: Option<&Target>| {
            if let Moment::Point { name, of, nth } = moment {
                let ours = match of {
                    Some(of) => is_called(worker, of),
                    None => target.is_some_and(|target| self.may_be(worker, target)),
                };
                if ours {
                    stops.push((name.clone(), *nth));
                }
            }
        };
        for fault in &self.plan.faults {
            want(&fault.at, Some(&fault.target));
            if let Heal::At(moment) = &fault.heal {
                want(moment, None);
            }
        }
        self.plan.holds.iter().for_each(|hold| want(&hold.until, None));
        self.plan
            .workers
            .iter()
            .filter_map(|worker| worker.start.as_ref())
            .for_each(|start| want(start, None));
        for hold in &self.plan.holds {
            if is_called(worker, &hold.worker) {
                stops.push((hold.at.clone(), hold.nth));
            }
        }
        stops.sort();
        stops.dedup();
        stops
    }

    /// The first thing of the plan that has not happened, for a bound that is hit.
    pub fn open_in_the_plan(&self) -> String {
        let mut faults = self.plan.faults.iter().zip(&self.faults);
        if let Some((spec, _)) = faults.find(|(_, standing)| standing.fired_ns.is_none()) {
            return format!("the moment of `{} {}` did not come: {}", spec.action, spec.target, spec.at);
        }
        let mut holds = self.plan.holds.iter().zip(&self.holds);
        if let Some((hold, _)) = holds.find(|(_, standing)| **standing != HoldStanding::Over) {
            return format!("the hold of {} at {} did not end: {}", hold.worker, hold.at, hold.until);
        }
        match self.workers.iter().find(|worker| worker.standing == worker::Standing::Waiting) {
            Some(worker) => format!("the moment to start {} did not come", worker.name),
            None => "a producer has not sent all".to_owned(),
        }
    }

    /// Whether everything that the plan has up its sleeve has happened.
    pub fn plan_is_done(&self) -> bool {
        let faults = self.plan.faults.iter().zip(&self.faults);
        faults.clone().all(|(spec, standing)| {
            standing.fired_ns.is_some() && (standing.healed_ns.is_some() || !matches!(spec.heal, Heal::At(_)))
        }) && self.holds.iter().all(|hold| *hold == HoldStanding::Over)
            && self.workers.iter().all(|worker| worker.standing != worker::Standing::Waiting)
    }
}

/// `consumer-1` is called `consumer-1`, `consumer` and `any`.
pub fn is_called(worker: &str, name: &str) -> bool {
    worker == name || name == "any" || worker.rsplit_once('-').is_some_and(|(role, _)| role == name)
}

async fn hit(life: &mut Life, action: Action) -> Result<(bool, String), Error> {
    let here_before = life.alive();
    match action {
        Action::Kill => {
            let evidence = life.kill().await?;
            Ok((here_before && evidence.starts_with(KILLED), evidence))
        }
        Action::Pause => Ok((true, life.pause().await?)),
        Action::Stop | Action::Restart => Ok((here_before, life.terminate(Duration::from_secs(5)).await?)),
        _ => Ok((false, format!("a process is not hit by {action}"))),
    }
}
