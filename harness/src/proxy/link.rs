//! One listening port in front of one server.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Handle, sync::watch, task::JoinHandle, time::timeout};

use super::{
    listen::{Listening, bind},
    mode::{Counters, Direction, Mode, Seen},
    pace::Pace,
};
use crate::error::Error;

/// How long the proxy's thread may take to hear of a change.
const CHANGE_BOUND: Duration = Duration::from_secs(20);

/// What a link should do now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) mode: Mode,
    /// Counts changes of the mode: a connection from which bytes were withheld does not survive the next.
    pub(super) modes: u64,
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
    /// How many connections there are.
    pub(super) open: AtomicUsize,
    paces: [Pace; 2],
    trouble: Mutex<Option<String>>,
}

impl Shared {
    pub(super) fn pace(&self, direction: Direction) -> &Pace {
        &self.paces[direction as usize]
    }

    /// Keeps the first time that the process could open nothing more; says whether it was that.
    pub(super) fn note_if_out_of_files(&self, error: &io::Error) -> bool {
        use rustix::io::Errno;
        let ours = [Errno::MFILE, Errno::NFILE].map(|errno| Some(errno.raw_os_error()));
        let is_it = ours.contains(&error.raw_os_error());
        if is_it {
            let open = self.open.load(Ordering::Relaxed);
            let what = format!(
                "the proxy refused a connection to {}: with {open} connections, two file descriptors each, the \
                 harness may open no more files ({error}); allow it more with `ulimit -n`, or use fewer connections",
                self.target
            );
            self.trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what);
        }
        is_it
    }
}

/// A link. It is closed, and its connections with it, when this is dropped.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// The last change that the listener has heard of, or why it cannot listen.
    heard: watch::Receiver<Result<u64, String>>,
    task: JoinHandle<()>,
}

impl Link {
    pub(super) async fn open(proxy: &Handle, at: SocketAddr, target: SocketAddr) -> Result<Self, Error> {
        let (wish, _) = watch::channel(Wish::default());
        let shared = Arc::new(Shared {
            target,
            wish,
            counters: Counters::default(),
            open: AtomicUsize::new(0),
            paces: <[Pace; 2]>::default(),
            trouble: Mutex::new(None),
        });
        let failed = |error: String| Error::Other(format!("the proxy cannot listen at {at}: {error}"));
        // Bound on the proxy's own thread: a socket belongs to the runtime that made it.
        let bound = proxy.spawn(async move {
            let listener = bind(at).await?;
            let address = listener.local_addr()?;
            Ok::<_, io::Error>((listener, address))
        });
        let (listener, address) = bound
            .await
            .map_err(|error| failed(error.to_string()))?
            .map_err(|error| failed(error.to_string()))?;
        let (tell, heard) = watch::channel(Ok(0));
        let task = proxy.spawn(Listening::new(listener, address, shared.clone(), tell).go_on());
        Ok(Self { address, shared, heard, task })
    }

    /// Where workers connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was done so far.
    pub fn seen(&self) -> Seen {
        self.shared.counters.seen()
    }

    /// Why a connection was refused that should not have been, if any was.
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes what is done from now on. Back to [`Mode::default`] is the healing; it may be called twice.
    pub async fn set(&mut self, mode: Mode) -> Result<(), Error> {
        self.change(|wish| {
            wish.mode = mode;
            wish.modes += 1;
        })
        .await
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
        let at = self.address;
        match timeout(CHANGE_BOUND, heard).await {
            Ok(Ok(heard)) => match &*heard {
                Ok(_) => Ok(()),
                Err(why) => Err(Error::Other(format!("the proxy lost its address {at}: {why}"))),
            },
            _ => Err(Error::Other(format!("the proxy at {at} did not answer within {CHANGE_BOUND:?}"))),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}
