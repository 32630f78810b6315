//! The handle that worker code holds.

use std::{
    io, process,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use journal::now_ns;
use ledger::{Kind, MessageId};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use crate::{
    control::{Order, Voice, Word, listen},
    figures::Delays,
    message::{Composer, Message, Read, read},
    points::Points,
    resume::{Left, journal_path},
    settings::{Effect, Settings},
    work::{Due, Work},
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
#[derive(Clone)]
pub struct Kit(Arc<Inner>);

struct Inner {
    settings: Settings,
    voice: Voice,
    points: Points,
    orders: watch::Sender<Orders>,
    /// The same as in `orders`, to be asked for every message.
    stopping: AtomicBool,
    draining: AtomicBool,
    composer: Composer,
    record: Mutex<Record>,
}

/// The orders so far.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    go: bool,
    stop: bool,
    /// The newest drain mark.
    pub drain: Option<Arc<str>>,
}

/// What is written down about each message, and what is left to send. One lock, held for a few stores.
struct Record {
    journal: journal::Writer,
    /// The time of the journal's last entry.
    last_ns: u64,
    work: Work,
    publish_ack: Delays,
    delivery: Delays,
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
    match work(kit.clone()).await {
        Ok(()) => {
            kit.say_figures();
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
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,async_nats=warn"));
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
    pub fn start() -> Result<Self, crate::Error> {
        let settings = Settings::from_environment()?;
        let header = journal::Header { run: settings.run, writer: writer_name(&settings) };
        let mut journal = journal::Writer::create(&journal_path(&settings, settings.incarnation)?, &header)?;
        journal.reserve(ENTRIES_RESERVED_MAX.min(2 * settings.messages as usize))?;
        let record = Record {
            journal,
            last_ns: now_ns(),
            work: Work::new(&settings, Left::read(&settings)?),
            publish_ack: Delays::default(),
            delivery: Delays::default(),
        };
        let kit = Self(Arc::new(Inner {
            composer: Composer::new(&settings.tag, settings.payload),
            settings,
            voice: Voice::take_standard_output()?,
            points: Points::default(),
            orders: watch::Sender::default(),
            stopping: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            record: Mutex::new(record),
        }));
        let listener = kit.clone();
        // A thread of its own, so that the end of standard input ends even a worker whose tasks are stuck.
        std::thread::Builder::new().name("orders".to_owned()).spawn(move || {
            listen(io::stdin().lock(), |order| listener.obey(order));
            process::exit(0);
        })?;
        Ok(kit)
    }

    fn obey(&self, order: Order) {
        match order {
            Order::Arm { name, nth } => self.0.points.arm(&name, nth),
            Order::Release(name) => self.0.points.release(&name),
            Order::Go => self.0.orders.send_modify(|orders| orders.go = true),
            Order::Drain(mark) => {
                self.0.orders.send_modify(|orders| orders.drain = Some(mark.into()));
                self.0.draining.store(true, Ordering::Release);
            }
            Order::Stop => {
                self.0.stopping.store(true, Ordering::Release);
                self.0.orders.send_modify(|orders| orders.stop = true);
                self.0.points.close();
            }
        }
    }

    /// The worker's settings.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Tells that the worker is set up, and waits for `go`.
    pub async fn ready(&self) {
        self.0.voice.say(Word::Ready);
        self.orders(|orders| orders.go || orders.stop).await;
        // Nothing was due before.
        self.record().last_ns = now_ns();
    }

    /// Tells that everything is sent and as settled as it will be, and waits for `stop`.
    pub async fn done(&self) {
        self.0.voice.say(Word::Done);
        self.stopped().await;
    }

    /// Whether the worker was told to finish.
    #[inline]
    pub fn stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Acquire)
    }

    /// Waits until the worker is told to finish.
    pub async fn stopped(&self) {
        self.orders(|orders| orders.stop).await;
    }

    /// Whether a drain mark was heard. Cheap, for every message; the mark itself is in [`Kit::watch_orders`].
    #[inline]
    pub fn draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    /// The orders, for helpers that wait for them beside other things.
    pub fn watch_orders(&self) -> watch::Receiver<Orders> {
        self.0.orders.subscribe()
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
        let _ = self.0.orders.subscribe().wait_for(wanted).await;
    }

    /// Passes a point: counted, and held where the harness armed it.
    pub async fn point(&self, name: &str) {
        // Counted before it may be held, for a worker that is killed here has passed.
        if let Err(error) = self.record().journal.pass(name) {
            self.0.voice.say(Word::Failed(&format!("cannot count the point {name}: {error}")));
        }
        if let Some(held) = self.0.points.pass(name) {
            self.0.voice.say(Word::Point { name, passage: held.passage });
            held.released().await;
        }
    }

    /// Waits for `future`, and passes the point `stalled` if it takes longer than [`STALL`].
    ///
    /// At the point the future is still there and not finished: what it was doing is neither done nor given up.
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
    pub async fn next_message(&self) -> Option<Message> {
        loop {
            if self.stopping() {
                return None;
            }
            let due = {
                let record = &mut *self.record();
                record.work.take(record.last_ns, now_ns)?
            };
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
    pub fn payload(&self, message: Message) -> Bytes {
        self.0.composer.compose(message)
    }

    /// Writes down that this message is about to be sent. To be called before the send.
    ///
    /// # Errors
    /// The journal cannot grow: the disk is full. Then nothing may be sent.
    #[inline]
    pub fn attempted(&self, message: Message) -> Result<(), journal::Error> {
        self.record().append(Kind::Attempted, message.id).map(drop)
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
        let mut record = self.record();
        let time_ns = record.append(kind, message.id)?;
        if matches!(outcome, Outcome::Acked | Outcome::Deduplicated) {
            record.publish_ack.record(message.planned_ns, time_ns);
        }
        Ok(())
    }

    /// Writes down that a message was handed to this consumer. `None` for one that is not of this run: it is written
    /// down as crossed, or logged where nobody can read it, and must not be applied.
    ///
    /// # Errors
    /// The journal cannot grow: the disk is full.
    #[inline]
    pub fn delivered(&self, payload: &[u8]) -> Result<Option<MessageId>, journal::Error> {
        match read(&self.0.settings.tag, payload) {
            Read::Ours { id, planned_ns } => {
                let mut record = self.record();
                let time_ns = record.append(Kind::Delivered, id)?;
                record.delivery.record(planned_ns, time_ns);
                Ok(Some(id))
            }
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

    fn say_figures(&self) {
        let record = self.record();
        record.publish_ack.say("publish_ack", |word| self.0.voice.say(word));
        record.delivery.say("delivery", |word| self.0.voice.say(word));
    }

    #[inline]
    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    #[inline]
    fn append(&mut self, kind: Kind, id: MessageId) -> Result<u64, journal::Error> {
        self.last_ns = self.journal.append(kind, id)?;
        Ok(self.last_ns)
    }
}

/// The name in the journal's header: which life of which worker wrote it.
fn writer_name(settings: &Settings) -> String {
    format!("{}.{}", settings.worker, settings.incarnation)
}
