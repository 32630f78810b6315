//! A producer whose messages, and its consumer's offsets with them, count together or not at all.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::Consumer as _,
    error::KafkaError,
    producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer},
};
use tokio::task::spawn_blocking;

use super::{
    ANSWER_BOUND, Consumer, Taken, config, log, log_error,
    outcome::{self, Broken},
    reach,
};
use crate::{Error, Kit};

/// How often it is looked whether the client has sent all: the count is the condition.
const STEP: Duration = Duration::from_millis(1);

/// One instance of a transactional producer. Whoever opens another one under the same name locks this one out.
pub struct Transactions {
    client: Arc<ThreadedProducer<Quiet>>,
    topic: String,
}

/// Why a transaction did not come to its end.
#[derive(Debug)]
pub struct Failed {
    /// What it means for this instance.
    pub how: Broken,
    what: &'static str,
    error: KafkaError,
}

impl Failed {
    /// The broker does not take anything from this instance any more.
    pub fn is_fenced(&self) -> bool {
        self.how == Broken::Fenced
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { how, what, error } = self;
        write!(f, "Kafka: cannot {what} ({how}): {error}")
    }
}

impl std::error::Error for Failed {}

impl Transactions {
    /// Opens an instance of the producer `name` that sends to the run's topic. See [`Transactions::open`].
    ///
    /// # Errors
    /// A setting is missing, nobody answers, or the client gives up.
    pub async fn into_topic(kit: &Kit, name: &str, within: Duration) -> Result<Self, Error> {
        let topic = kit.settings().kafka.topic()?.to_owned();
        Self::open(kit, topic, name, within).await
    }

    /// Opens an instance of the producer `name` that sends to the topic that is the run's sink. See
    /// [`Transactions::open`].
    ///
    /// # Errors
    /// A setting is missing, nobody answers, or the client gives up.
    pub async fn into_sink(kit: &Kit, name: &str, within: Duration) -> Result<Self, Error> {
        let topic = kit.settings().kafka.sink()?.to_owned();
        Self::open(kit, topic, name, within).await
    }

    /// When this returns, whatever an earlier instance of this name had left open is given up, and that instance is locked
    /// out. A transaction that is open for longer than `within` is given up by the broker.
    async fn open(kit: &Kit, topic: String, name: &str, within: Duration) -> Result<Self, Error> {
        let client: ThreadedProducer<_> = config(kit)?
            // No other run has this name.
            .set("transactional.id", format!("{}/{name}", kit.settings().tag))
            .set("transaction.timeout.ms", within.as_millis().to_string())
            .set("linger.ms", "0")
            .create_with_context(Quiet)?;
        let client = Arc::new(client);
        let (asking, of) = (client.clone(), topic.clone());
        spawn_blocking(move || reach(asking.client(), &of)).await??;
        let opened = Self { client, topic };
        // A broker that was just started may ask to be asked again: the client does, every 500 ms.
        opened.ask("open", |client, left| client.init_transactions(left)).await?;
        Ok(opened)
    }

    /// Begins a transaction. The broker hears of it with the first message.
    ///
    /// # Errors
    /// This instance is no longer of use.
    pub fn begin(&self) -> Result<(), Failed> {
        self.client.begin_transaction().map_err(|error| failed("begin a transaction", error))
    }

    /// Hands a message to the client, which sends it when it sees fit. `like` says which partition the message is to be in.
    ///
    /// # Errors
    /// The client does not take it.
    pub fn send(&self, payload: &[u8], like: Option<&Taken>) -> Result<(), Failed> {
        let mut record = BaseRecord::<(), [u8], ()>::to(&self.topic).payload(payload);
        if let Some(taken) = like {
            record = record.partition(taken.partition);
        }
        self.client.send(record).map_err(|(error, _)| failed("send", error))
    }

    /// Waits until the broker has all that was sent, or the client has given it up: then the next step says so.
    ///
    /// # Errors
    /// Neither within the time that a broker may take.
    pub async fn flush(&self) -> Result<(), Failed> {
        self.ask("send", |client, left| {
            let deadline = Instant::now() + left;
            // The client's own flush, while something is under way, takes 100 ms at least.
            while client.in_flight_count() > 0 {
                if Instant::now() > deadline {
                    return client.flush(Duration::ZERO);
                }
                std::thread::sleep(STEP);
            }
            Ok(())
        })
        .await
    }

    /// Makes it part of the transaction that these messages, and all before them, are done.
    ///
    /// # Errors
    /// The broker refuses it, or does not answer.
    pub async fn send_offsets(&self, input: &Consumer, done: &[Taken]) -> Result<(), Failed> {
        let what = "send offsets";
        let mut next = TopicPartitionList::new();
        for partition in done.iter().map(|taken| taken.partition).collect::<std::collections::BTreeSet<_>>() {
            let of = done.iter().filter(|taken| taken.partition == partition).map(|taken| taken.offset);
            let offset = Offset::Offset(of.max().unwrap_or_default() + 1);
            let added = next.add_partition_offset(input.topic(), partition, offset);
            added.map_err(|error| failed(what, error))?;
        }
        let member = input.client().group_metadata();
        let no_member = || KafkaError::Subscription("no member of a group".to_owned());
        let member = member.ok_or_else(|| failed(what, no_member()))?;
        self.ask(what, move |client, left| client.send_offsets_to_transaction(&next, &member, left)).await
    }

    /// Ends the transaction: all of it counts from now on.
    ///
    /// # Errors
    /// The broker refuses it, or does not answer.
    pub async fn commit(&self) -> Result<(), Failed> {
        self.ask("commit", |client, left| client.commit_transaction(left)).await
    }

    /// Ends the transaction that failed so: nothing of it will ever count. Then another one may begin.
    ///
    /// # Errors
    /// None may begin any more: for what failed, or since another instance has taken over meanwhile.
    pub async fn give_up(&self, failed: Failed) -> Result<(), Failed> {
        match failed.how {
            Broken::Abortable => self.ask("abort", |client, left| client.abort_transaction(left)).await,
            _ => Err(failed),
        }
    }

    /// Asks, on a thread that may block, and asks again while the client says that it is worth it and the time is not over.
    async fn ask(
        &self,
        what: &'static str,
        step: impl Fn(&ThreadedProducer<Quiet>, Duration) -> Result<(), KafkaError> + Send + 'static,
    ) -> Result<(), Failed> {
        let client = self.client.clone();
        let asked = spawn_blocking(move || {
            let deadline = Instant::now() + ANSWER_BOUND;
            loop {
                let left = deadline.saturating_duration_since(Instant::now());
                match step(&client, left) {
                    Err(error) if Instant::now() < deadline && may_be_asked_again(&error) => {
                        tracing::info!("Kafka: {what}: asking again: {error}");
                        std::thread::sleep(super::PAUSE);
                    }
                    answer => return answer,
                }
            }
        });
        let asked = asked.await.unwrap_or(Err(KafkaError::Canceled));
        asked.map_err(|error| failed(what, error))
    }
}

fn may_be_asked_again(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.is_retriable())
}

fn failed(what: &'static str, error: KafkaError) -> Failed {
    let code = error.rdkafka_error_code();
    let abortable = matches!(&error, KafkaError::Transaction(error) if error.txn_requires_abort());
    Failed { how: outcome::of_transaction(code, abortable), what, error }
}

/// Nothing need be known of a single message: its transaction comes to its end, or does not.
struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        log_error(&error, reason);
    }
}

impl ProducerContext for Quiet {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            tracing::info!("Kafka: a message was not stored: {error}");
        }
    }
}
