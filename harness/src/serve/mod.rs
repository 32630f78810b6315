//! An HTTP server for those who look on: a scraper, a browser. It only tells; nothing that it is asked changes a run.
//!
//! How to use it: build an [`axum::Router`] whose handlers read shared state (an `Arc` with a lock that is held briefly,
//! or channels of tokio, which work between threads), then
//!
//! ```ignore
//! let server = Server::start(Asked::loopback(0), "the live page", router)?; // port 0: a free one
//! println!("{}", server.url());                                              // http://127.0.0.1:40213
//! server.end().await;                                                        // or drop it
//! ```
//!
//! What every route gets without asking:
//! - It is bound to loopback, unless [`Asked::public`] was said in so many words.
//! - A request whose `Host` is a name other than `localhost` is refused: else a page from anywhere could read the answers
//!   by letting its own name point to this machine (DNS rebinding). Only `GET` and `HEAD` are let through.
//! - The server has a thread of its own, so a client never slows the run. A handler must not wait for the run, either.
//! - A client that neither reads nor writes for [`Limits::idle`] is cut off; so an endless answer (server-sent events)
//!   needs a sign of life at least every 15 s. No more than [`Limits::connections`] are served at once; others wait.
//! - The end is graceful, and bounded: answers under way get [`Limits::end`] to be finished.

mod address;
mod connection;
mod host;

use std::{
    net::{SocketAddr, TcpListener},
    thread::JoinHandle,
    time::Duration,
};

use axum::{Router, middleware};
use tokio::sync::oneshot;

pub use address::{Asked, address};

use crate::error::Error;
use connection::Door;

/// What a client may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many are served at once; others wait until the system turns them away.
    pub connections: usize,
    /// How long nothing may move, in either direction.
    pub idle: Duration,
    /// How long answers under way may take at the end.
    pub end: Duration,
}

impl Limits {
    /// Far more than a room needs, and little enough for a laptop.
    const ORDINARY: Self =
        Self { connections: 64, idle: Duration::from_secs(60), end: Duration::from_secs(2) };
}

/// A server that goes on until it is ended or dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: Option<oneshot::Receiver<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens, and serves these routes from now on. `what` names it in errors: "the metrics".
    ///
    /// # Errors
    /// [`Error::Usage`] where the address is taken, is not this machine's, or is not loopback and nobody said that it may.
    pub fn start(asked: Asked, what: &str, routes: Router) -> Result<Self, Error> {
        Self::start_with(asked, what, routes, Limits::ORDINARY)
    }

    fn start_with(asked: Asked, what: &str, routes: Router, limits: Limits) -> Result<Self, Error> {
        let listener = asked.bind(what)?;
        let failed = |error| Error::Other(format!("the server of {what} cannot be started: {error}"));
        let address = listener.local_addr().map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let routes = routes.layer(middleware::from_fn_with_state(asked.is_public(), host::guard));
        let (stop, stopped) = oneshot::channel();
        let (tell, ended) = oneshot::channel();
        let work = move || {
            runtime.block_on(serve(listener, routes, limits, stopped));
            // Whoever is still connected is cut off here.
            drop(runtime);
            let _ = tell.send(());
        };
        let thread = std::thread::Builder::new().name("serve".to_owned()).spawn(work).map_err(failed)?;
        Ok(Self { address, stop: Some(stop), ended: Some(ended), thread: Some(thread) })
    }

    /// Where it listens: with the real port, also where port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to type into a browser of this machine.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Takes no more requests, lets answers under way be finished, and ends. Bounded.
    pub async fn end(mut self) {
        drop(self.stop.take());
        if let Some(ended) = self.ended.take() {
            let _ = ended.await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, routes: Router, limits: Limits, stopped: oneshot::Receiver<()>) {
    let door = match Door::new(listener, limits) {
        Ok(door) => door,
        Err(error) => return tracing::warn!("the server cannot take connections: {error}"),
    };
    let (begin, begun) = oneshot::channel();
    let asked_to_end = async move {
        // An error means that the server was dropped: the same wish.
        let _ = stopped.await;
        let _ = begin.send(());
    };
    let serving = axum::serve(door, routes).with_graceful_shutdown(asked_to_end);
    let last_call = async move {
        let _ = begun.await;
        tokio::time::sleep(limits.end).await;
    };
    tokio::select! {
        _ = serving => {}
        () = last_call => tracing::debug!("a client was cut off: its answer was not taken in time"),
    }
}

#[cfg(test)]
mod tests;
