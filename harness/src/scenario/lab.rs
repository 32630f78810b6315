//! A lab and its variants, as read and validated. Where a type has a number `N`, it is a [`Pick`] in a
//! [`Variant`] and a number in a [`Plan`](super::Plan).

use std::{collections::BTreeMap, convert::Infallible, fmt, str::FromStr, time::Duration};

use ledger::{Contract, Expectation};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Ack, Action, Broker, Direction, Isolation, Moment, Pick, Prediction, Resend, Retention, Role, Storage,
    VariantKind, Word, duration,
};

/// One question of the workshop.
#[derive(Clone, Debug)]
pub struct Lab {
    /// The number in front of the folder's name; 0 where it has none.
    pub number: u8,
    /// The folder's name: `02-fire-and-forget`.
    pub name: String,
    /// The program with the lab's workers: `lab-02-fire-and-forget`.
    pub binary: String,
    /// A few words.
    pub title: String,
    /// The question that the lab answers.
    pub question: String,
    /// How long it takes in the room.
    pub minutes: u32,
    /// A question that puts a participant on the track.
    pub hint: String,
    /// What a participant is asked before a run.
    pub predictions: Vec<Prediction>,
    /// In the order of the file.
    pub variants: Vec<Variant>,
}

/// One configuration of a lab.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its name within the lab.
    pub name: String,
    /// The situation, in a sentence or two.
    pub says: String,
    /// What the configuration promises.
    pub contract: Contract,
    /// The contract also forbids reordering.
    pub order: bool,
    /// How sure its outcome is.
    pub kind: VariantKind,
    /// How often a variant that seeks is repeated.
    pub tries: u32,
    /// The count that must be at least 1 here, and 0 in the cure.
    pub defect: Option<String>,
    /// The variant in which the defect is gone: `name`, or `5/name` in another lab.
    pub cure: Option<String>,
    /// The setting responsible for what is seen.
    pub knob: Option<String>,
    /// The one next thing to try.
    pub next: Option<String>,
    /// What a restarted producer sends again.
    pub resend: Resend,
    /// What its producers send.
    pub workload: Workload,
    /// The bound of the run.
    pub limit: Duration,
    /// Which of the lab's brokers it needs.
    pub brokers: Vec<Broker>,
    /// Settings of servers of its own.
    pub server: Server,
    /// What the harness creates on NATS before the workers start.
    pub nats: Option<NatsNames>,
    /// What it creates on Kafka.
    pub kafka: Option<KafkaNames>,
    /// What it creates in PostgreSQL.
    pub postgres: Option<PostgresNames>,
    /// Where effects become visible.
    pub sink: Sink,
    /// Who takes part.
    pub workers: Vec<WorkerSpec<Pick>>,
    /// Who is held where, and until when.
    pub holds: Vec<Hold<Pick>>,
    /// What is broken when.
    pub faults: Vec<FaultSpec<Pick>>,
    /// What must come out.
    pub expect: Expectation,
    /// What must come out without its faults and holds, where that is not all zeros.
    pub control: Option<Expectation>,
}

/// What each producer sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// How many messages.
    pub messages: u32,
    /// How many a second; 0 is as fast as it goes. Open loop: who falls behind catches up.
    pub rate: u32,
    /// Bytes a message.
    pub payload: u32,
}

/// Settings of servers of a variant's own, beyond what every server gets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// For nats-server, by the names of its configuration file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nats: Option<toml::Table>,
    /// For PostgreSQL, by the names of `postgresql.conf`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres: Option<toml::Table>,
    /// For Kafka, by the names of `server.properties`, each name a text in quotes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka: Option<toml::Table>,
}

impl Server {
    /// The settings for one broker.
    pub fn of(&self, broker: Broker) -> Option<&toml::Table> {
        match broker {
            Broker::Nats => self.nats.as_ref(),
            Broker::Postgres => self.postgres.as_ref(),
            Broker::Kafka => self.kafka.as_ref(),
        }
    }
}

/// What the harness creates on NATS for one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsNames {
    /// A JetStream stream over the run's subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamSettings>,
    /// A durable pull consumer on that stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer: Option<ConsumerSettings>,
}

/// A stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamSettings {
    /// Where it keeps messages.
    pub storage: Storage,
    /// How long it keeps them.
    pub retention: Retention,
    /// How long it knows a message by its `Nats-Msg-Id`. `None`: the server's own 2 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "duration::option")]
    pub duplicate_window: Option<Duration>,
    /// How many messages it keeps. `None`: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_messages: Option<i64>,
}

/// A durable consumer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsumerSettings {
    /// Which acks it expects.
    pub ack: Ack,
    /// How long a delivered message may go without an ack before it is delivered again.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "duration::option")]
    pub ack_wait: Option<Duration>,
    /// How many messages may be out without an ack. `None`: the server's own 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ack_pending: Option<i64>,
}

/// What the harness creates on Kafka for one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaNames {
    /// The run's topic.
    pub topic: TopicSettings,
    /// Consumers commit their offsets as one group: then the broker knows what is left.
    pub group: bool,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicSettings {
    /// How many partitions.
    pub partitions: u32,
    /// Kafka's own settings of a topic, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
}

impl Default for TopicSettings {
    /// One partition: a log in one order.
    fn default() -> Self {
        Self { partitions: 1, config: BTreeMap::new() }
    }
}

/// What the harness creates in PostgreSQL for one run, in a database of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresNames {
    /// A file with SQL in the lab's folder, run before the workers start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
}

/// Where effects become visible. None of them removes duplicates by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Sink {
    /// The worker's own journal: the entry is the effect.
    Journal,
    /// An HTTP receiver inside the harness.
    Webhook {
        /// It knows an idempotency key: calls and effects are counted apart.
        keyed: bool,
    },
    /// The table `effects` in the run's database: each row is an effect. It has no key, so it keeps duplicates.
    Table,
    /// The table `balances` in the run's database: only its sum can be seen there. The worker's entry is the effect of
    /// a message, and the sum shows whether that is true.
    Balance,
    /// A topic of Kafka of the run's own: each message in it is an effect. It removes nothing.
    Topic {
        /// Which of its messages count.
        isolation: Isolation,
    },
}

impl Sink {
    /// Whether a worker's own entry is the effect.
    pub fn is_own_word(&self) -> bool {
        matches!(self, Sink::Journal | Sink::Balance)
    }

    /// Whether it lies in the run's database.
    pub fn is_in_postgres(&self) -> bool {
        matches!(self, Sink::Table | Sink::Balance)
    }
}

/// One or more workers of the same kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    bound(serialize = "Moment<N>: Serialize", deserialize = "Moment<N>: Deserialize<'de>")
)]
pub struct WorkerSpec<N = u64> {
    /// What it does.
    pub role: Role,
    /// The subcommand of the lab's program; or else `command`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The command line of a worker in another language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// Arguments after the subcommand or command.
    #[serde(default)]
    pub args: Vec<String>,
    /// How many of them.
    pub count: u32,
    /// When it starts. `None`: before work begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Moment<N>>,
}

/// A worker that is held at a point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    bound(
        serialize = "N: Serialize, Moment<N>: Serialize",
        deserialize = "N: Deserialize<'de>, Moment<N>: Deserialize<'de>"
    )
)]
pub struct Hold<N = u64> {
    /// Its name: `consumer-0`.
    pub worker: String,
    /// The point.
    pub at: String,
    /// At which passage, from 1.
    pub nth: N,
    /// When it is let go.
    pub until: Moment<N>,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    bound(serialize = "Moment<N>: Serialize", deserialize = "Moment<N>: Deserialize<'de>")
)]
pub struct FaultSpec<N = u64> {
    /// What is done.
    pub action: Action,
    /// To whom.
    pub target: Target,
    /// When.
    pub at: Moment<N>,
    /// When it is undone.
    pub heal: Heal<N>,
    /// For `delay` at the webhook: how much later its answers come.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "duration::option")]
    pub by: Option<Duration>,
    /// What a fault of the network needs to know beside that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
}

/// What a fault of the network needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The link to which broker.
    pub broker: Broker,
    /// Which bytes.
    pub direction: Direction,
    /// How much later, for `delay`.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "duration::option")]
    pub by: Option<Duration>,
    /// How many bytes a second, for `throttle`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u64>,
    /// For `drop-reply`: the next answer is taken away, and its connection closed; only that one.
    #[serde(default)]
    pub close: bool,
}

impl<N> FaultSpec<N> {
    /// Whether what is still broken before the drain is healed then.
    pub fn heals_at_last(&self) -> bool {
        !matches!(self.heal, Heal::Never)
    }
}

/// When a fault is undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    bound(serialize = "Moment<N>: Serialize", deserialize = "Moment<N>: Deserialize<'de>")
)]
pub enum Heal<N = u64> {
    /// At a moment of its own; before the drain if that has not come by then.
    At(Moment<N>),
    /// With everything else, before the drain.
    BeforeDrain,
    /// Not at all.
    Never,
}

/// Whom a fault hits. Who that is in the end is found out when it fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Some worker of a role: at a point, the first that gets there.
    Role(Role),
    /// One worker, by name.
    Worker(String),
    /// The broker, with all of its processes.
    Broker,
    /// The webhook at which effects are seen.
    Webhook,
    /// Some worker.
    Any,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Role(role) => role.fmt(f),
            Target::Worker(name) => f.write_str(name),
            Target::Broker => f.write_str("broker"),
            Target::Webhook => f.write_str("webhook"),
            Target::Any => f.write_str("any"),
        }
    }
}

impl FromStr for Target {
    type Err = Infallible;

    /// Any text that is no role and none of `broker`, `webhook` and `any` is taken for a worker's name.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "broker" => Target::Broker,
            "webhook" => Target::Webhook,
            "any" => Target::Any,
            _ => match Role::ALL.iter().find(|role| role.word() == text) {
                Some(role) => Target::Role(*role),
                None => Target::Worker(text.to_owned()),
            },
        })
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(text.parse().unwrap_or(Target::Worker(text)))
    }
}
