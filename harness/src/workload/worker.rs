//! One worker of a run: its process, its orders, and where it stands.

use std::{io::Write, path::Path, time::Duration};

use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::unix::pipe,
    process::Command,
    sync::mpsc::UnboundedSender,
};

use super::{
    lines::{LONGEST, Lines},
    said::{NotUnderstood, Said, parse},
};
use crate::{
    error::Error,
    runtime::life::{Life, Place},
};

/// How long a worker may take to read an order from its pipe. The pipe holds thousands of orders,
/// so even a stopped worker takes them at once; a full one is a worker that does not listen.
pub const ORDER_BOUND: Duration = Duration::from_secs(2);

/// Where a worker stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// To be started later.
    Waiting,
    /// Started, not ready yet.
    Starting,
    /// Ready, waits for `go`.
    Ready,
    /// At work.
    Going,
    /// A producer that has sent all; it waits for `stop`.
    Done,
    /// Killed by a fault of this run.
    Killed,
    /// Ended as it should, after `stop`.
    Ended,
    /// Ended, or failed, by itself: the run is inconclusive.
    Broken(String),
}

/// Something that a worker said.
#[derive(Debug)]
pub struct Heard {
    /// Which worker, by its place in the run's list.
    pub worker: usize,
    /// Which of its lives: what an earlier life said too late is not the present one's word.
    pub incarnation: u32,
    /// The line.
    pub said: Result<Said, NotUnderstood>,
}

/// A worker and all its lives.
#[derive(Debug)]
pub struct Worker {
    /// `producer-0`, `consumer-1`.
    pub name: String,
    /// Its place in the run's list.
    pub place: usize,
    /// Where it stands.
    pub standing: Standing,
    /// How often it was started before.
    pub incarnation: u32,
    /// The present or last life.
    pub life: Option<Life>,
    /// Its standard output has ended: nothing more will be heard of this life.
    pub closed: bool,
    orders: Option<pipe::Sender>,
}

impl Worker {
    /// One that was not started yet.
    pub fn new(name: String, place: usize) -> Self {
        Self {
            name,
            place,
            standing: Standing::Waiting,
            incarnation: 0,
            life: None,
            closed: false,
            orders: None,
        }
    }

    /// The name of its present life's journal, without folder and ending.
    pub fn life_name(&self) -> String {
        format!("{}.{}", self.name, self.incarnation)
    }

    /// Starts it. Its lines arrive at `heard`, everything else goes to `log`. `tag` is the run's.
    pub fn start(
        &mut self,
        place: Place<'_>,
        tag: &str,
        command: Command,
        log: &Path,
        heard: UnboundedSender<Heard>,
    ) -> Result<(), Error> {
        if let Some(Life::Pod(last)) = &self.life {
            // What is left of it says nothing more: how it ended is written down.
            last.take_away();
        }
        let pod = format!("{}-{}-{tag}", self.name, self.incarnation);
        let (life, ends) = Life::begin(place, &self.name, &pod, command, log)?;
        self.orders = ends.orders;
        if let Some(lines) = ends.lines {
            tokio::spawn(listen(lines, log.to_owned(), self.place, self.incarnation, heard));
        }
        self.life = Some(life);
        self.closed = false;
        self.standing = Standing::Starting;
        Ok(())
    }

    /// Gives an order: one line on its standard input. A worker that is gone hears nothing, which is no error here.
    pub async fn order(&mut self, order: &str) {
        let Some(orders) = &mut self.orders else { return };
        let line = format!("{order}\n");
        let written = tokio::time::timeout(ORDER_BOUND, orders.write_all(line.as_bytes())).await;
        if !matches!(written, Ok(Ok(()))) {
            tracing::debug!("{} did not take the order `{order}`", self.name);
        }
    }

    /// Whether it has read all its orders. Where the system does not tell that of a pipe, it is taken to have.
    pub fn has_heard(&self) -> bool {
        let unread = self.orders.as_ref().map(rustix::io::ioctl_fionread);
        !matches!(unread, Some(Ok(unread)) if unread > 0)
    }

    /// Whether its process is there (it may be stopped).
    pub fn alive(&mut self) -> bool {
        self.life.as_mut().is_some_and(Life::alive)
    }

    /// The lives that ended before their time, by the names of their journals.
    pub fn dead_lives(&self) -> Vec<String> {
        let killed = u32::from(self.standing == Standing::Killed);
        (0..self.incarnation + killed).map(|life| format!("{}.{life}", self.name)).collect()
    }

    /// Whether it takes part in the run now: started, not killed, not broken, not done for good.
    pub fn at_work(&self) -> bool {
        matches!(self.standing, Standing::Starting | Standing::Ready | Standing::Going | Standing::Done)
    }
}

/// Reads a worker's standard output to its end.
async fn listen(
    lines: pipe::Receiver,
    log: std::path::PathBuf,
    worker: usize,
    incarnation: u32,
    heard: UnboundedSender<Heard>,
) {
    let mut lines = Lines::of(BufReader::new(lines));
    let mut log = std::fs::OpenOptions::new().append(true).create(true).open(log).ok();
    while let Ok(Some(line)) = lines.next().await {
        let is_cut = line.is_cut;
        let line = String::from_utf8_lossy(&line.bytes);
        match parse(&line) {
            Some(_) if is_cut => {
                let begin: String = line.chars().take(60).collect();
                let said = Err(NotUnderstood(format!("{begin}…, which is longer than {LONGEST} bytes")));
                let _ = heard.send(Heard { worker, incarnation, said });
            }
            Some(said) => {
                let _ = heard.send(Heard { worker, incarnation, said });
            }
            None => {
                if let Some(log) = &mut log {
                    let cut = if is_cut { " … (the rest of this line is left out)" } else { "" };
                    let _ = writeln!(log, "{line}{cut}");
                }
            }
        }
    }
    let _ = heard.send(Heard { worker, incarnation, said: Ok(Said::Closed) });
}
