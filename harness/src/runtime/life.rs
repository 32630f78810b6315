//! One life of a worker, wherever it is lived.

use std::{path::Path, time::Duration};

use tokio::{net::unix::pipe, process::Command};

use super::{
    k8s::{Cluster, worker::WorkerPod},
    local::{Input, Local},
    node::Node,
};
use crate::error::Error;

/// A process here, or a pod.
#[derive(Debug)]
pub enum Life {
    /// A process of this machine's.
    Process(Node),
    /// A pod of the cluster's.
    Pod(WorkerPod),
}

/// What a worker is told, and what it says.
pub struct Ends {
    /// Orders go here.
    pub orders: Option<pipe::Sender>,
    /// Its lines come from here.
    pub lines: Option<pipe::Receiver>,
}

/// Where lives begin.
pub enum Place<'a> {
    /// On this machine.
    Here(&'a Local),
    /// On the cluster. Pipes are made in the folder.
    There(&'a Cluster, &'a Path),
}

impl Life {
    /// Begins one. `name` is the worker's; `pod` is a name that no other life of this run or another has.
    pub fn begin(
        place: Place<'_>,
        name: &str,
        pod: &str,
        command: Command,
        log: &Path,
    ) -> Result<(Self, Ends), Error> {
        match place {
            Place::Here(local) => {
                let mut node = local.spawn(name, command, log, Input::Orders)?;
                let orders = node.child().stdin.take().and_then(|pipe| pipe.into_owned_fd().ok());
                let orders = orders.and_then(|pipe| pipe::Sender::from_owned_fd(pipe).ok());
                let lines = node.child().stdout.take().and_then(|pipe| pipe.into_owned_fd().ok());
                let lines = lines.and_then(|pipe| pipe::Receiver::from_owned_fd(pipe).ok());
                Ok((Life::Process(node), Ends { orders, lines }))
            }
            Place::There(cluster, folder) => {
                let (life, ends) = WorkerPod::start(cluster, pod, &command, log, folder)?;
                Ok((Life::Pod(life), Ends { orders: Some(ends.orders), lines: Some(ends.lines) }))
            }
        }
    }

    /// Whether it may still do anything (it may be stopped).
    pub fn alive(&mut self) -> bool {
        match self {
            Life::Process(node) => node.ended().is_none(),
            Life::Pod(pod) => pod.alive(),
        }
    }

    /// How it ended, in the words of the evidence: "exit by signal 9", "exit code 0".
    pub fn how_it_ended(&mut self) -> String {
        match self {
            Life::Process(node) => node.how_it_ended(),
            Life::Pod(pod) => pod.how_it_ended(),
        }
    }

    /// Kills it by SIGKILL, waits until it is gone, and returns the evidence.
    pub async fn kill(&mut self) -> Result<String, Error> {
        match self {
            Life::Process(node) => node.kill().await,
            Life::Pod(pod) => pod.kill().await,
        }
    }

    /// Asks it to end by SIGTERM; kills it when it has not within the bound.
    pub async fn terminate(&mut self, bound: Duration) -> Result<String, Error> {
        match self {
            Life::Process(node) => node.terminate(bound).await,
            Life::Pod(pod) => pod.terminate(bound).await,
        }
    }

    /// Stops it by SIGSTOP and returns the evidence.
    pub async fn pause(&mut self) -> Result<String, Error> {
        match self {
            Life::Process(node) => node.pause().await,
            Life::Pod(pod) => pod.pause().await,
        }
    }

    /// Lets it go on; harmless when it is not stopped or is gone.
    pub async fn resume(&mut self) {
        match self {
            Life::Process(node) => node.resume(),
            Life::Pod(pod) => pod.resume().await,
        }
    }

    /// Ends it whatever it does, and lets go of it.
    pub async fn end(&mut self, local: &Local) {
        match self {
            Life::Process(node) => {
                let _ = node.kill().await;
                local.forget(node.pid());
            }
            Life::Pod(pod) => pod.take_away(),
        }
    }
}
