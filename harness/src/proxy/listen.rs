//! Takes a link's connections while it may, and refuses them while it may not by not listening at all.

use std::{fs::File, io, net::SocketAddr, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinSet, yield_now},
    time::{Instant, sleep},
};

use super::{
    connection::connection,
    link::{Shared, Wish},
};
use crate::runtime::ports;

/// How long a port that was given up may take to be had again: another process may hold it for a moment.
const BIND_BOUND: Duration = Duration::from_secs(10);

/// Between two tries to get what the system does not give now.
const BREATH: Duration = Duration::from_millis(10);

/// A link's listener, its connections, and whoever wants to know how far it is.
pub(super) struct Listening {
    listener: Option<TcpListener>,
    address: SocketAddr,
    shared: Arc<Shared>,
    tell: watch::Sender<Result<u64, String>>,
    connections: JoinSet<()>,
    /// A file descriptor in reserve: with it, whoever comes when there are no more can be sent away.
    spare: Option<File>,
}

impl Listening {
    pub(super) fn new(
        listener: TcpListener,
        address: SocketAddr,
        shared: Arc<Shared>,
        tell: watch::Sender<Result<u64, String>>,
    ) -> Self {
        let connections = JoinSet::new();
        Self { listener: Some(listener), address, shared, tell, connections, spare: spare() }
    }

    /// Until the link is dropped, or the port was lost.
    pub(super) async fn go_on(mut self) {
        let shared = self.shared.clone();
        let mut wishes = shared.wish.subscribe();
        let mut resets = 0;
        loop {
            let wish = *wishes.borrow_and_update();
            if wish.resets > resets {
                // Who waits to be taken is connected already, as its client sees it, and is reset as well. The runtime
                // knows of them when it has looked at its sockets.
                yield_now().await;
                while let Some(accepted) = accepted(&self.listener).now_or_never() {
                    self.take(accepted, resets).await;
                }
                resets = wish.resets;
            }
            if let Err(error) = self.listen_or_not(&wish).await {
                let _ = self.tell.send_replace(Err(error.to_string()));
                return;
            }
            let _ = self.tell.send_replace(Ok(wish.change));
            tokio::select! {
                biased;
                changed = wishes.changed() => if changed.is_err() { return },
                accepted = accepted(&self.listener) => self.take(accepted, resets).await,
                Some(_) = self.connections.join_next() => {}
            }
        }
    }

    async fn listen_or_not(&mut self, wish: &Wish) -> io::Result<()> {
        if wish.mode.cut || wish.down {
            self.listener = None;
        } else if self.listener.is_none() {
            self.listener = Some(bind_again(self.address).await?);
        }
        Ok(())
    }

    async fn take(&mut self, accepted: io::Result<TcpStream>, resets: u64) {
        match accepted {
            Ok(client) => drop(self.connections.spawn(connection(client, resets, self.shared.clone()))),
            Err(error) if self.shared.note_if_out_of_files(&error) => self.send_away().await,
            // The client was gone again.
            Err(error) => tracing::debug!("the proxy could not take a connection: {error}"),
        }
    }

    /// There are no file descriptors left: a client that is told so is better off than one that waits for ever.
    async fn send_away(&mut self) {
        if self.spare.take().is_none() {
            sleep(BREATH).await;
        }
        if let Some(Ok(client)) = accepted(&self.listener).now_or_never() {
            let _ = client.set_zero_linger();
        }
        self.spare = spare();
    }
}

fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}

/// The next client; for ever none while nobody listens.
async fn accepted(listener: &Option<TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(client, _)| client),
        None => std::future::pending().await,
    }
}

/// At this address, on any free port if it has none. The port has to be had again after a cut.
pub(super) async fn bind(at: SocketAddr) -> io::Result<TcpListener> {
    if at.port() != 0 {
        return TcpListener::bind(at).await;
    }
    let listener = ports::listen_on(at.ip())?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

async fn bind_again(at: SocketAddr) -> io::Result<TcpListener> {
    let deadline = Instant::now() + BIND_BOUND;
    loop {
        match bind(at).await {
            Err(_) if Instant::now() < deadline => sleep(BREATH).await,
            bound => return bound,
        }
    }
}
