//! Prometheus and Grafana for the labs' boards: found on this machine, started on loopback with settings of their own in the
//! session's folder, and ended again. Nothing of a Prometheus or Grafana that runs already is touched.

pub mod grafana;
mod probe;
mod prometheus;

use std::{net::TcpListener, path::PathBuf, time::Duration};

use tokio::process::Command;

// `self`, since a crate has that name, too.
pub use self::{grafana::Grafana, prometheus::Prometheus};

use crate::{
    context::Context,
    error::Error,
    runtime::{local::Input, node::Node, sockets},
};

/// How long a server may take to answer for the first time: Grafana makes its database then.
const START_BOUND: Duration = Duration::from_secs(60);

/// How long a server may take to end.
const STOP_BOUND: Duration = Duration::from_secs(10);

/// How often a start is tried when somebody else took the port in between.
const TRIES: u32 = 3;

/// A server of the boards, running.
pub struct Running {
    /// Where it answers.
    pub port: u16,
    node: Node,
}

impl Running {
    /// What to type into a browser.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Whether it ended by itself, and how.
    pub fn died(&mut self) -> Option<Error> {
        self.node.ended()?;
        let (name, how) = (self.node.name.clone(), self.node.how_it_ended());
        Some(self.node.error(format!("{name} ended by itself ({how})")))
    }

    /// Ends it.
    pub async fn stop(mut self, context: &Context) {
        match self.node.terminate(STOP_BOUND).await {
            Ok(_) => context.local.forget(self.node.pid()),
            Err(error) => tracing::warn!("{error}"),
        }
    }
}

/// Starts a server and waits until it answers at `path`. `command` makes its command line for a port.
async fn start(
    context: &Context,
    name: &str,
    preferred: u16,
    path: &str,
    command: impl Fn(u16) -> Result<Command, Error>,
) -> Result<Running, Error> {
    let log = folder(context)?.join(format!("{name}.log"));
    let mut last = None;
    for attempt in 0..TRIES {
        let port = free_port(if attempt == 0 { preferred } else { 0 })?;
        let mut node = context.local.spawn(name, command(port)?, &log, Input::Nothing)?;
        let deadline = tokio::time::Instant::now() + START_BOUND;
        while node.ended().is_none() && tokio::time::Instant::now() < deadline {
            // Another call of the harness may have taken the port in between, and what answers may be its server.
            if probe::answers(port, path).await && sockets::listens(port, context.local.mark()) {
                return Ok(Running { port, node });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let how = match node.ended() {
            Some(_) => node.how_it_ended(),
            None => format!("no answer within {START_BOUND:?}"),
        };
        last = Some(node.error(format!("{name} did not start ({how})")));
        if node.kill().await.is_ok() {
            context.local.forget(node.pid());
        }
    }
    Err(last.unwrap_or_else(|| Error::Other(format!("{name} was not started"))))
}

/// Where the servers' settings, data and logs go; it goes with the session.
fn folder(context: &Context) -> Result<PathBuf, Error> {
    let folder = context.session.broker("dash");
    crate::store::make_folder(&folder)?;
    Ok(folder)
}

/// This port of loopback if nobody has it, else one that is free.
fn free_port(preferred: u16) -> Result<u16, Error> {
    let bound = TcpListener::bind(("127.0.0.1", preferred)).or_else(|_| TcpListener::bind("127.0.0.1:0"));
    let port = bound.and_then(|listener| listener.local_addr()).map(|address| address.port());
    port.map_err(|error| Error::Other(format!("there is no free port on loopback: {error}")))
}
