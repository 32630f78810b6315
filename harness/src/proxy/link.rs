//! One listening port in front of one server.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    runtime::Handle,
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};

use super::{
    connection::connection,
    mode::{Counters, Mode, Seen},
};
use crate::{error::Error, runtime::ports};

/// How long a port that was given up may take to be had again: another process may hold it for a moment.
const BIND_BOUND: Duration = Duration::from_secs(10);

/// How long the proxy's thread may take to hear of a change.
const CHANGE_BOUND: Duration = Duration::from_secs(20);

/// What a link should do now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) mode: Mode,
    /// The server is down: who connects is refused, as the kernel would.
    pub(super) down: bool,
    /// Counts resets: connections that are older than the last one are reset.
    pub(super) resets: u64,
    /// Counts changes.
    pub(super) change: u64,
}

/// What a link's tasks share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) target: SocketAddr,
    pub(super) wish: watch::Sender<Wish>,
    pub(super) counters: Counters,
}

/// A link. It is closed, and its connections with it, when this is dropped.
#[derive(Debug)]
pub struct Link {
    port: u16,
    shared: Arc<Shared>,
    /// The last change that the listener has heard of, or why it cannot listen.
    heard: watch::Receiver<Result<u64, String>>,
    task: JoinHandle<()>,
}

impl Link {
    pub(super) async fn open(proxy: &Handle, port: u16, target: SocketAddr) -> Result<Self, Error> {
        let (wish, _) = watch::channel(Wish::default());
        let shared = Arc::new(Shared { target, wish, counters: Counters::default() });
        let failed = |error: String| Error::Other(format!("the proxy cannot listen on loopback: {error}"));
        // Bound on the proxy's own thread: a socket belongs to the runtime that made it.
        let bound = proxy.spawn(async move {
            let listener = bind(port).await?;
            let port = listener.local_addr()?.port();
            Ok::<_, std::io::Error>((listener, port))
        });
        let (listener, port) = bound
            .await
            .map_err(|error| failed(error.to_string()))?
            .map_err(|error| failed(error.to_string()))?;
        let (tell, heard) = watch::channel(Ok(0));
        let task = proxy.spawn(listen(listener, port, shared.clone(), tell));
        Ok(Self { port, shared, heard, task })
    }

    /// The port that workers connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What was done so far.
    pub fn seen(&self) -> Seen {
        self.shared.counters.seen()
    }

    /// Changes what is done from now on. Back to [`Mode::default`] is the healing; it may be called twice.
    pub async fn set(&mut self, mode: Mode) -> Result<(), Error> {
        self.change(|wish| wish.mode = mode).await
    }

    /// Resets every connection that is open now.
    pub async fn reset(&mut self) -> Result<(), Error> {
        self.change(|wish| wish.resets += 1).await
    }

    /// Says whether the server is down.
    pub async fn target_is_down(&mut self, down: bool) -> Result<(), Error> {
        self.change(|wish| wish.down = down).await
    }

    /// Changes the wish, and waits until the listener has heard of it.
    async fn change(&mut self, change: impl FnOnce(&mut Wish)) -> Result<(), Error> {
        self.shared.wish.send_modify(|wish| {
            change(wish);
            wish.change += 1;
        });
        let wanted = self.shared.wish.borrow().change;
        let heard = self.heard.wait_for(|heard| heard.as_ref().map_or(true, |heard| *heard >= wanted));
        let port = self.port;
        match timeout(CHANGE_BOUND, heard).await {
            Ok(Ok(heard)) => match &*heard {
                Ok(_) => Ok(()),
                Err(why) => Err(Error::Other(format!("the proxy lost its port {port}: {why}"))),
            },
            _ => {
                Err(Error::Other(format!("the proxy on port {port} did not answer within {CHANGE_BOUND:?}")))
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// On this port, or on any free one if that is 0. It has to be had again after a cut.
async fn bind(port: u16) -> std::io::Result<TcpListener> {
    if port != 0 {
        return TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    }
    let listener = ports::listen()?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Takes connections while it may, and refuses them while it may not by not listening at all.
async fn listen(
    listener: TcpListener,
    port: u16,
    shared: Arc<Shared>,
    tell: watch::Sender<Result<u64, String>>,
) {
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    let mut wishes = shared.wish.subscribe();
    loop {
        let wish = *wishes.borrow_and_update();
        if wish.mode.cut || wish.down {
            listener = None;
        } else if listener.is_none() {
            match bind_again(port).await {
                Ok(bound) => listener = Some(bound),
                Err(error) => {
                    let _ = tell.send_replace(Err(error.to_string()));
                    return;
                }
            }
        }
        let _ = tell.send_replace(Ok(wish.change));
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            changed = wishes.changed() => if changed.is_err() { return },
            accepted = accepted => match accepted {
                Ok((client, _)) => drop(connections.spawn(connection(client, shared.clone()))),
                // Out of file descriptors, or the client was gone again: the next one may fare better.
                Err(error) => {
                    tracing::debug!("the proxy could not take a connection: {error}");
                    sleep(Duration::from_millis(10)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn bind_again(port: u16) -> std::io::Result<TcpListener> {
    let deadline = tokio::time::Instant::now() + BIND_BOUND;
    loop {
        match bind(port).await {
            Err(_) if tokio::time::Instant::now() < deadline => sleep(Duration::from_millis(10)).await,
            bound => return bound,
        }
    }
}
