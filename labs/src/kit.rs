//! The handle that worker code holds.

use std::{
    cell::{RefCell, RefMut},
    future::poll_fn,
    io,
    pin::{Pin, pin},
    process,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use ledger::{Kind, MessageId};
use tokio::{sync::watch, task::LocalSet};
use tracing_subscriber::EnvFilter;

use crate::{
    control::{Voice, Word, listen},
    message::{Composer, Message, Read, read},
    orders::{Inbox, Orders},
    points::Held,
    record::Record,
    resume::{Left, journal_path},
    settings::{Effect, Settings},
    work::Due,
};

/// After this time without an answer, the client is said to stall.
pub const STALL: Duration = Duration::from_millis(300);

/// Room for so many entries at most is made before a worker is ready, so that it need not wait for memory while it works: 16 MiB.
const ENTRIES_RESERVED_MAX: usize = 1024 * 1024;

/// What a producer learned about one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The broker has it.
    Acked,
    /// The broker has it already, from an earlier attempt.
    Deduplicated,
    /// It was certainly not taken.
    Rejected,
    /// The client said ok, and the protocol has no ack.
    Unconfirmed,
    /// Nobody knows. A time-out is this, never a rejection.
    Unknown,
}

/// A worker's link to the harness. Cheap to clone; all clones are the same worker.
///
/// It stays on the worker's own thread, so that writing something down takes no lock. Tasks that need it are started
/// with [`tokio::task::spawn_local`].
#[derive(Clone)]
pub struct Kit(Rc<Inner>);

struct Inner {
    settings: Settings,
    voice: Voice,
    /// Shared with the thread that hears the orders; nothing else is.
    inbox: Arc<Inbox>,
    composer: RefCell<Composer>,
    /// Never borrowed while anything is awaited.
    record: RefCell<Record>,
}

/// Runs a worker: starts the kit, hands it over, and ends as the harness expects.
///
/// An error that `work` returns is the worker's last word, and its exit code is 1.
pub async fn run<W>(work: W) -> process::ExitCode
where
    W: AsyncFnOnce(Kit) -> Result<(), crate::Error>,
{
    log_to_standard_error();
    let kit = match Kit::start() {
        Ok(kit) => kit,
        Err(error) => {
            eprintln!("{error}");
            println!("{}", Word::Failed(&error.to_string()));
            return process::ExitCode::FAILURE;
        }
    };
    let mut work = pin!(work(kit.clone()));
    let work = poll_fn(|context| {
        // Whatever the worker waited for, the kit's or its own: it comes back here, and time has passed.
        kit.record().time_passed();
        work.as_mut().poll(context)
    });
    match LocalSet::new().run_until(work).await {
        Ok(()) => {
            kit.record().say_delays(|word| kit.0.voice.say(word));
            process::ExitCode::SUCCESS
        }
        Err(error) => {
            kit.0.voice.say(Word::Failed(&error.to_string()));
            process::ExitCode::FAILURE
        }
    }
}

/// The log of a worker: its clients' events, and what it says itself. `RUST_LOG` chooses.
fn log_to_standard_error() {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,async_nats=warn,sqlx=warn"));
    // An error means that the worker made one of its own.
    let _ =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(false).try_init();
}

impl Kit {
    /// Reads the settings, opens the journal, and begins to listen for orders.
    ///
    /// From here on standard output belongs to the protocol, and the end of standard input ends the process.
    ///
    /// # Errors
    /// A setting is missing or wrong, the journal cannot be made, an earlier journal cannot be read.
    fn start() -> Result<Self, crate::Error> {
        let settings = Settings::from_environment()?;
        let header = journal::Header { run: settings.run, writer: writer_name(&settings) };
        let mut journal = journal::Writer::create(&journal_path(&settings, settings.incarnation)?, &header)?;
        journal.reserve(ENTRIES_RESERVED_MAX.min(2 * settings.messages as usize))?;
        let record = Record::new(journal, &settings, Left::read(&settings)?);
        let inbox = Arc::new(Inbox::default());
        let kit = Self(Rc::new(Inner {
            composer: RefCell::new(Composer::new(&settings.tag, settings.payload)),
            settings,
            voice: Voice::take_standard_output()?,
            inbox: inbox.clone(),
            record: RefCell::new(record),
        }));
        // A thread of its own, so that the end of standard input ends even a worker whose tasks are stuck.
        std::thread::Builder::new().name("orders".to_owned()).spawn(move || {
            listen(io::stdin().lock(), |order| inbox.obey(order));
            process::exit(0);
        })?;
        Ok(kit)
    }

    /// The worker's settings.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Tells that the worker is set up, and waits for `go`.
    pub async fn ready(&self) {
        self.0.voice.say(Word::Ready);
        self.orders(Orders::may_begin).await;
        self.record().begin();
    }

    /// Tells that everything is sent and as settled as it will be, and waits for `stop`.
    pub async fn done(&self) {
        self.0.voice.say(Word::Done);
        self.stopped().await;
    }

    /// Whether the worker was told to finish.
    #[inline]
    pub fn stopping(&self) -> bool {
        self.0.inbox.stopping()
    }

    /// Waits until the worker is told to finish.
    pub async fn stopped(&self) {
        self.orders(Orders::must_stop).await;
    }

    /// Whether a drain mark was heard. Cheap, for every message; the mark itself is in [`Kit::watch_orders`].
    #[inline]
    pub fn draining(&self) -> bool {
        self.0.inbox.draining()
    }

    /// The orders, for helpers that wait for them beside other things.
    pub fn watch_orders(&self) -> watch::Receiver<Orders> {
        self.0.inbox.orders.subscribe()
    }

    /// Tells that, after this drain mark, the worker asked for more and got nothing.
    pub fn idle(&self, mark: &str) {
        self.0.voice.say(Word::Idle(mark));
    }

    /// Tells something that was measured. The name and the unit are one word each.
    pub fn figure(&self, name: &str, value: f64, unit: &str) {
        self.0.voice.say(Word::Figure { name, value, unit });
    }

    async fn orders(&self, wanted: impl FnMut(&Orders) -> bool) {
        // An error would mean that the sender is gone, and the kit holds it.
        let _ = self.0.inbox.orders.subscribe().wait_for(wanted).await;
    }

    /// Passes a point: counted, and held where the harness armed it.
    #[inline]
    pub fn point(&self, name: &'static str) -> Passage<'_> {
        Passage { kit: self, name, held: None }
    }

    /// What there is to wait for at a point: nearly always nothing.
    #[inline]
    fn pass(&self, name: &'static str) -> Option<Held> {
        // Counted before it may be held, for a worker that is killed here has passed.
        if let Err(error) = self.record().pass(name) {
            self.0.voice.say(Word::Failed(&format!("cannot count the point {name}: {error}")));
        }
        self.0.inbox.points.pass(name)
    }

    /// Waits for `future`, and passes the point `stalled` if it takes longer than [`STALL`].
    ///
    /// At the point the future is still there and not finished: what it was doing is neither done nor given up.
    #[inline]
    pub async fn or_stall<F: Future + Unpin>(&self, mut future: F) -> F::Output {
        // Nearly always it is finished at once, and then no timer is made.
        if let Poll::Ready(output) = futures::poll!(&mut future) {
            return output;
        }
        match tokio::time::timeout(STALL, &mut future).await {
            Ok(output) => output,
            Err(_) => {
                self.point("stalled").await;
                future.await
            }
        }
    }

    /// The next message to send, at its time. `None` when all are sent, or the worker is told to finish.
    ///
    /// A restarted producer first gets the unknown ones again where the variant says so, then what was never attempted.
    /// May be given up while it waits (as in `select!`): no message is lost. The timer has a grain of a millisecond, so
    /// above 1,000 a second messages come in small bursts.
    #[inline]
    pub async fn next_message(&self) -> Option<Message> {
        loop {
            if self.stopping() {
                return None;
            }
            let due = self.record().take()?;
            let wait_ns = match due {
                Due::Now(message) => return Some(message),
                Due::In(wait_ns) => wait_ns,
            };
            tokio::select! {
                () = tokio::time::sleep(Duration::from_nanos(wait_ns)) => {}
                () = self.stopped() => return None,
            }
        }
    }

    /// The payload of a message: its run, its id, its planned time.
    #[inline]
    pub fn payload(&self, message: Message) -> Bytes {
        self.0.composer.borrow_mut().compose(message)
    }

    /// Writes down that this message is about to be sent. To be called before the send.
    ///
    /// Its time may be that of the entry just before it; see `Record::sent` for why that is true enough.
    ///
    /// # Errors
    /// The journal cannot grow: the disk is full. Then nothing may be sent.
    #[inline]
    pub fn attempted(&self, message: Message) -> Result<(), journal::Error> {
        self.record().attempted(message.id)
    }

    /// Writes down what became of an attempt. An unknown one has no entry: it stays open.
    ///
    /// # Errors
    /// The journal cannot grow: the disk is full.
    #[inline]
    pub fn outcome(&self, message: Message, outcome: Outcome) -> Result<(), journal::Error> {
        let kind = match outcome {
            Outcome::Acked => Kind::Acked,
            Outcome::Deduplicated => Kind::Deduplicated,
            Outcome::Rejected => Kind::Rejected,
            Outcome::Unconfirmed => Kind::Unconfirmed,
            Outcome::Unknown => return Ok(()),
        };
        match outcome {
            Outcome::Acked | Outcome::Deduplicated => {
                self.record().answered(kind, message.id, message.planned_ns)
            }
            _ => self.record().outcome(kind, message.id),
        }
    }

    /// Writes down what became of an attempt of which nobody knew, now that the broker was asked: whether it has it.
    ///
    /// # Errors
    /// The journal cannot grow: the disk is full.
    pub fn resolved(&self, message: Message, stored: bool) -> Result<(), journal::Error> {
        let kind = if stored { Kind::ResolvedStored } else { Kind::ResolvedAbsent };
        self.record().append(kind, message.id).map(drop)
    }

    /// Writes down that a message was handed to this consumer. `None` for one that is not of this run: it is written
    /// down as crossed, or logged where nobody can read it, and must not be applied.
    ///
    /// # Errors
    /// The journal cannot grow: the disk is full.
    #[inline]
    pub fn delivered(&self, payload: &[u8]) -> Result<Option<MessageId>, journal::Error> {
        match read(&self.0.settings.tag, payload) {
            Read::Ours { id, planned_ns } => self.record().delivered(id, planned_ns).map(|()| Some(id)),
            Read::Foreign { id } => self.record().append(Kind::Crossed, id).map(|_| None),
            Read::Unreadable => {
                let shown = &payload[..payload.len().min(80)];
                tracing::warn!("a message that no run sent: {}", String::from_utf8_lossy(shown));
                Ok(None)
            }
        }
    }

    /// Writes down that the effect was applied. Where the journal is the sink, this *is* the effect.
    ///
    /// # Errors
    /// The journal cannot grow: the disk is full.
    #[inline]
    pub fn effect(&self, id: MessageId) -> Result<(), journal::Error> {
        let kind = match self.0.settings.effect {
            Effect::Journal => Kind::Applied,
            Effect::Elsewhere => Kind::Reported,
        };
        self.record().append(kind, id).map(drop)
    }

    /// Writes down that the broker confirmed this consumer's ack.
    ///
    /// # Errors
    /// The journal cannot grow: the disk is full.
    #[inline]
    pub fn settled(&self, id: MessageId) -> Result<(), journal::Error> {
        self.record().append(Kind::Settled, id).map(drop)
    }

    #[inline]
    fn record(&self) -> RefMut<'_, Record> {
        self.0.record.borrow_mut()
    }
}

/// A passage of a point, of [`Kit::point`]. Written by hand, for an `async fn` costs several times as much where
/// there is nothing to wait for.
#[must_use = "a point is passed when it is awaited"]
pub struct Passage<'a> {
    kit: &'a Kit,
    name: &'static str,
    held: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Future for Passage<'_> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.held.is_none() {
            let Some(held) = self.kit.pass(self.name) else { return Poll::Ready(()) };
            self.kit.0.voice.say(Word::Point { name: self.name, passage: held.passage });
            self.held = Some(Box::pin(held.released()));
        }
        self.held.as_mut().map_or(Poll::Ready(()), |held| held.as_mut().poll(context))
    }
}

/// The name in the journal's header: which life of which worker wrote it.
fn writer_name(settings: &Settings) -> String {
    format!("{}.{}", settings.worker, settings.incarnation)
}
