//! Starting the workers of a run, the late ones, and those that were killed.

use std::path::Path;

use tokio::process::Command;

use super::worker::{Standing, Worker};
use crate::{
    error::Error,
    fault::driver::is_called,
    report::event::RunEvent,
    scenario::{Resend, Role, WorkerSpec},
    stage::Stage,
};

/// A worker of the plan: its description, and which of its `count` it is.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// What the plan says.
    pub spec: &'a WorkerSpec,
    /// Which one of its role, from 0.
    pub number: u32,
}

/// The workers of a plan by name: `producer-0`, `consumer-0`, `consumer-1`, numbered within their role.
pub fn parts(workers: &[WorkerSpec]) -> Vec<(String, Part<'_>)> {
    let mut parts: Vec<(String, Part)> = Vec::new();
    for spec in workers {
        for _ in 0..spec.count {
            let number = parts.iter().filter(|(name, _)| is_called(name, spec.role.word())).count() as u32;
            parts.push((format!("{}-{number}", spec.role.word()), Part { spec, number }));
        }
    }
    parts
}

impl Stage<'_> {
    /// Starts every worker that does not wait for its moment.
    pub fn start_workers(&mut self) -> Result<(), Error> {
        for (place, (name, _)) in parts(&self.plan.workers).into_iter().enumerate() {
            self.workers.push(Worker::new(name, place));
        }
        for place in 0..self.workers.len() {
            if self.part(place).spec.start.is_none() {
                self.start_worker(place)?;
            }
        }
        Ok(())
    }

    /// Starts those whose moment has come.
    pub fn start_late_workers(&mut self) -> Result<(), Error> {
        for place in 0..self.workers.len() {
            let start = self.part(place).spec.start.as_ref();
            let due = self.workers[place].standing == Standing::Waiting
                && start.is_some_and(|moment| self.has_come(moment, self.go_ns, None));
            if due {
                self.start_worker(place)?;
            }
        }
        Ok(())
    }

    /// Starts a worker that a fault ended: a new life, the same name and number.
    pub fn restart_worker(&mut self, name: &str) -> Result<(), Error> {
        let Some(place) = self.place_of(name) else { return Ok(()) };
        if self.workers[place].alive() {
            return Ok(());
        }
        self.workers[place].incarnation += 1;
        self.start_worker(place)
    }

    /// Tells a ready worker at which passages it has to stop and tell, and then to begin.
    pub async fn go(&mut self, place: usize) {
        let name = self.workers[place].name.clone();
        for (point, nth) in self.stops_of(&name) {
            let before = self.live.passages(&name, &point);
            self.passages_before.insert((name.clone(), point.clone()), before);
            if nth > before {
                self.workers[place].order(&format!("arm {point} {}", nth - before)).await;
            }
        }
        self.workers[place].standing = Standing::Going;
        self.workers[place].order("go").await;
    }

    /// What the plan says of the worker at this place.
    pub fn part(&self, place: usize) -> Part<'_> {
        parts(&self.plan.workers)[place].1
    }

    fn start_worker(&mut self, place: usize) -> Result<(), Error> {
        let name = self.workers[place].name.clone();
        let command = self.command(place)?;
        let log = self.folder.log(&name);
        self.workers[place].start(self.context.place(), &self.tag, command, &log, self.ears.clone())?;
        let producer = self.part(place).spec.role == Role::Producer;
        let life = self.workers[place].life_name();
        self.live.watch(&life, producer);
        let incarnation = self.workers[place].incarnation;
        self.events.emit(RunEvent::WorkerStarted { worker: name, incarnation })
    }

    /// The command line and environment. Secrets go by the environment, never on a command line.
    fn command(&self, place: usize) -> Result<Command, Error> {
        let part = self.part(place);
        let worker = &self.workers[place];
        let mut command = match (&part.spec.command, &part.spec.run) {
            (Some(words), _) => foreign(words, &self.context.lab_folder(&self.plan.lab))?,
            (None, Some(run)) => {
                let mut command = Command::new(&self.context.binary(&self.plan.lab)?);
                command.arg(run);
                command
            }
            (None, None) => {
                return Err(Error::Other(format!("{} has neither `run` nor `command`", worker.name)));
            }
        };
        command.args(&part.spec.args);
        let workload = &self.plan.workload;
        let producer = if part.spec.role == Role::Producer { part.number } else { 0 };
        command
            .env("HARNESS_RUN", format!("{:016x}", self.run))
            .env("HARNESS_TAG", &self.tag)
            .env("HARNESS_WORKER", &worker.name)
            .env("HARNESS_PRODUCER", producer.to_string())
            .env("HARNESS_INCARNATION", worker.incarnation.to_string())
            .env("HARNESS_JOURNAL", self.folder.journals().join(worker.life_name()))
            .env("HARNESS_MESSAGES", workload.messages.to_string())
            .env("HARNESS_RATE", workload.rate.to_string())
            .env("HARNESS_PAYLOAD", workload.payload.to_string())
            .env("HARNESS_RESEND", if self.plan.resend == Resend::Unknown { "unknown" } else { "never" })
            .env("HARNESS_EFFECT", if self.plan.sink.is_own_word() { "journal" } else { "reported" })
            .env("HARNESS_SEED", self.plan.seed.to_string());
        let link = |broker| self.links.as_ref().and_then(|links| links.address(&worker.name, broker));
        self.stores.tell(self.brokers, self.plan, link, &mut command);
        if let Some(webhook) = &self.webhook {
            command.env("WEBHOOK_URL", webhook.url());
        }
        Ok(command)
    }
}

fn foreign(words: &[String], folder: &Path) -> Result<Command, Error> {
    let (program, arguments) =
        words.split_first().ok_or_else(|| Error::Other("an empty command".to_owned()))?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder);
    Ok(command)
}
