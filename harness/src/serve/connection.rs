//! Connections that do not stay for ever: no more than a number at once, and none that stands still.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep},
};

use super::Limits;

/// How long to wait after the system could not give a connection: it has run out of something, which takes time to mend.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);

/// Takes connections, as many as there are seats.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    seats: Arc<Semaphore>,
    idle: Duration,
}

impl Door {
    /// Over a port that is open. To be called where the connections will be served.
    pub fn new(listener: std::net::TcpListener, limits: Limits) -> io::Result<Self> {
        let listener = TcpListener::from_std(listener)?;
        Ok(Self { listener, seats: Arc::new(Semaphore::new(limits.connections)), idle: limits.idle })
    }
}

impl axum::serve::Listener for Door {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            // Never closed, so there is always a seat some time.
            let Ok(seat) = self.seats.clone().acquire_owned().await else { continue };
            match self.listener.accept().await {
                Ok((stream, from)) => {
                    // What is written is whole answers, for which nobody should wait.
                    let _ = stream.set_nodelay(true);
                    let watch = Box::pin(sleep(self.idle));
                    return (Connection { stream, watch, idle: self.idle, _seat: seat }, from);
                }
                Err(error) => {
                    tracing::debug!("a connection could not be taken: {error}");
                    tokio::time::sleep(REFUSED_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends with an error when nothing has moved for too long.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    watch: Pin<Box<Sleep>>,
    idle: Duration,
    _seat: OwnedSemaphorePermit,
}

impl Connection {
    /// Something moved, or the watch goes on. Reading and writing are asked by one task, so one watch does for both.
    fn watched<T>(&mut self, context: &mut Context<'_>, moved: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if moved.is_ready() {
            self.watch.as_mut().reset(Instant::now() + self.idle);
            return moved;
        }
        self.watch.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.watched(context, read)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watched(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.watched(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
