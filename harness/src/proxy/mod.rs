//! A TCP proxy of our own between workers and brokers: where the network breaks.
//!
//! It needs no rights and knows no protocol. A *link* is one listening port in front of one server. What happens to the
//! bytes of a link is its [`Mode`], which may be changed at any moment; what was done to them is in [`Seen`], and that is
//! the evidence. It has a thread of its own, so that traffic does not wait for the harness, nor the harness for traffic.
//!
//! A connection from which bytes were withheld is never resumed: what comes next would make no sense to either side.

mod awake;
mod connection;
mod late;
mod link;
mod listen;
mod mode;
mod pace;
mod pump;

use std::{net::SocketAddr, thread::JoinHandle};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

pub use link::Link;
pub use mode::{Mode, Seen, Way};

use crate::error::Error;

/// The proxy's thread. It ends, and all links with it, when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts the thread; there are no links yet.
    pub fn start() -> Result<Self, Error> {
        let failed = |error| Error::Other(format!("the proxy cannot be started: {error}"));
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let work = move || drop(runtime.block_on(stopped));
        let thread = std::thread::Builder::new().name("proxy".to_owned()).spawn(work).map_err(failed)?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// A link to the server at `target`. It listens at `at`, on a free port if that has none.
    pub async fn link(&self, at: SocketAddr, target: SocketAddr) -> Result<Link, Error> {
        Link::open(&self.handle, at, target).await
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A port of this machine's.
#[cfg(test)]
fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

#[cfg(test)]
mod cost;
#[cfg(test)]
mod tests;
