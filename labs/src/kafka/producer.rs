//! A producer whose reports are written down as outcomes: never more than a window of messages without one.

use std::{pin::pin, sync::Arc, time::Duration};

use futures::FutureExt;
use rdkafka::{
    ClientConfig, ClientContext,
    bindings::rd_kafka_message_status,
    config::RDKafkaLogLevel,
    error::KafkaError,
    producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer},
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::spawn_blocking,
};

use super::{Acks, ask_leaders, config, log, log_error, outcome, reach};
use crate::{Error, Kit, Message, Outcome};

/// How long the client waits for more messages to send with the first: enough to fill a batch, and not to be noticed.
const LINGER_MS: u32 = 2;

/// The messages under way, and what is known of them.
pub struct Producer {
    kit: Kit,
    client: Arc<ThreadedProducer<Reports>>,
    topic: String,
    partitions: Vec<i32>,
    window: usize,
    /// Taken by the client, and not reported yet.
    waiting: UnderWay,
    reports: UnboundedReceiver<(Ticket, Outcome)>,
}

/// What the client carries for a message: where in [`UnderWay`] it is. A number, so that no memory changes hands.
type Ticket = usize;

/// The messages that the client has, each in a place of its own.
#[derive(Default)]
struct UnderWay {
    places: Vec<Message>,
    free: Vec<Ticket>,
}

impl UnderWay {
    fn put(&mut self, message: Message) -> Ticket {
        match self.free.pop() {
            Some(ticket) => {
                self.places[ticket] = message;
                ticket
            }
            None => {
                self.places.push(message);
                self.places.len() - 1
            }
        }
    }

    /// Each ticket is given back once.
    fn take(&mut self, ticket: Ticket) -> Message {
        self.free.push(ticket);
        self.places[ticket]
    }

    fn count(&self) -> usize {
        self.places.len() - self.free.len()
    }
}

/// Called on the client's thread: it hands over, and touches nothing else.
struct Reports {
    acks: Acks,
    sender: UnboundedSender<(Ticket, Outcome)>,
}

impl Producer {
    /// With at most `window` messages without a report. After `report_within` the client reports a message in any case.
    ///
    /// The client sends a message again by itself while it has no answer, and that may store it twice.
    ///
    /// # Errors
    /// A setting is missing, or nobody answers.
    pub async fn open(kit: &Kit, acks: Acks, window: usize, report_within: Duration) -> Result<Self, Error> {
        let mut config = config(kit)?;
        config.set("acks", acks.word()).set("enable.idempotence", "false");
        Self::with(kit, &mut config, acks, window, report_within).await
    }

    /// As [`Producer::open`], with acks of all. The client numbers its messages, so that the broker knows one that this
    /// client sends again by itself: it is stored once. Another client, also a later life of this worker, has numbers of
    /// its own.
    ///
    /// # Errors
    /// A setting is missing, or nobody answers.
    pub async fn idempotent(kit: &Kit, window: usize, report_within: Duration) -> Result<Self, Error> {
        let mut config = config(kit)?;
        config.set("enable.idempotence", "true");
        Self::with(kit, &mut config, Acks::All, window, report_within).await
    }

    async fn with(
        kit: &Kit,
        config: &mut ClientConfig,
        acks: Acks,
        window: usize,
        report_within: Duration,
    ) -> Result<Self, Error> {
        let topic = kit.settings().kafka.topic()?.to_owned();
        let window = window.max(1);
        let (sender, reports) = unbounded_channel();
        let client: ThreadedProducer<_> = config
            .set("linger.ms", LINGER_MS.to_string())
            // The client counts a message until all that it reports together are reported: up to a window of them.
            .set("queue.buffering.max.messages", (2 * window).to_string())
            .set("message.timeout.ms", report_within.as_millis().to_string())
            .create_with_context(Reports { acks, sender })?;
        let client = Arc::new(client);
        let (asking, of) = (client.clone(), topic.clone());
        let partitions = spawn_blocking(move || reach(asking.client(), &of)).await??;
        Ok(Self {
            kit: kit.clone(),
            client,
            topic,
            partitions,
            window,
            waiting: UnderWay::default(),
            reports,
        })
    }

    /// The next message to send, once there is room for it in the window. Reports are written down meanwhile, as they come.
    ///
    /// Passes the point `stalled` when the window is full and no report comes.
    ///
    /// # Errors
    /// The journal cannot grow.
    pub async fn next_message(&mut self) -> Result<Option<Message>, Error> {
        loop {
            // Reports come in batches: what has come is taken at once.
            while let Ok((ticket, outcome)) = self.reports.try_recv() {
                self.reported(ticket, outcome)?;
            }
            if self.waiting.count() >= self.window {
                self.settle_one().await?;
                continue;
            }
            // Nearly always a message is due, and then nothing else need be looked at.
            if let Some(message) = self.kit.next_message().now_or_never() {
                return Ok(message);
            }
            tokio::select! {
                biased;
                Some((ticket, outcome)) = self.reports.recv(), if self.waiting.count() > 0 => {
                    self.reported(ticket, outcome)?;
                }
                message = self.kit.next_message() => return Ok(message),
            }
        }
    }

    /// Hands a message to the client, which sends it when it sees fit.
    ///
    /// # Errors
    /// The journal cannot grow.
    pub fn send(&mut self, message: Message) -> Result<(), Error> {
        let payload = self.kit.payload(message);
        let ticket = self.waiting.put(message);
        // Without a key the client chooses the partition.
        let record = BaseRecord::<(), [u8], _>::with_opaque_to(&self.topic, ticket).payload(&payload);
        if let Err((error, _)) = self.client.send(record) {
            tracing::info!("Kafka: a message was not taken: {error}");
            self.reported(ticket, outcome::of_unsent(&error))?;
        }
        Ok(())
    }

    /// Sends one message while no other is under way, and waits for its report. What became of it is not written down:
    /// that is left to the caller.
    ///
    /// # Errors
    /// The client has ended.
    pub async fn send_and_wait(&mut self, message: Message) -> Result<Outcome, Error> {
        let payload = self.kit.payload(message);
        let ticket = self.waiting.put(message);
        let record = BaseRecord::<(), [u8], _>::with_opaque_to(&self.topic, ticket).payload(&payload);
        if let Err((error, _)) = self.client.send(record) {
            tracing::info!("Kafka: a message was not taken: {error}");
            self.waiting.take(ticket);
            return Ok(outcome::of_unsent(&error));
        }
        let (ticket, outcome) = self.reports.recv().await.ok_or("the Kafka client has ended")?;
        self.waiting.take(ticket);
        Ok(outcome)
    }

    /// Waits until each message is reported.
    ///
    /// # Errors
    /// The journal cannot grow.
    pub async fn settle_all(&mut self) -> Result<(), Error> {
        while self.waiting.count() > 0 {
            self.settle_one().await?;
        }
        Ok(())
    }

    /// Ends a producer's part: waits until the broker has handled all that was sent to it.
    ///
    /// A report is not enough for that where there are no acks. So the broker is asked something over the connection
    /// that the messages took: it answers in order.
    ///
    /// # Errors
    /// The broker did not answer.
    pub async fn finish(&mut self) -> Result<(), Error> {
        self.settle_all().await?;
        let (client, topic, partitions) = (self.client.clone(), self.topic.clone(), self.partitions.clone());
        spawn_blocking(move || ask_leaders(client.client(), &topic, &partitions)).await?
    }

    async fn settle_one(&mut self) -> Result<(), Error> {
        let report = {
            let report = pin!(self.reports.recv());
            self.kit.or_stall(report).await
        };
        match report {
            Some((ticket, outcome)) => self.reported(ticket, outcome),
            None => Err("the Kafka client has ended".into()),
        }
    }

    fn reported(&mut self, ticket: Ticket, outcome: Outcome) -> Result<(), Error> {
        let message = self.waiting.take(ticket);
        Ok(self.kit.outcome(message, outcome)?)
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        log_error(&error, reason);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Ticket;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Ticket) {
        let (sent, error) = match result {
            Ok(sent) => (sent, None),
            Err((error, sent)) => (sent, error.rdkafka_error_code()),
        };
        // SAFETY: the pointer is of the message that the client lends for this call, and the function only reads it.
        let persisted = unsafe { rd_kafka_message_status(sent.ptr()) }.into();
        if let Some(error) = error {
            tracing::debug!("Kafka: a message of {} bytes: {error}, {persisted:?}", sent.payload_len());
        }
        // Nobody there to take it: the worker is ending.
        let _ = self.sender.send((ticket, outcome::of_report(self.acks, error, persisted)));
    }
}
