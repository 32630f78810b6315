//! What a worker is told by environment, read once at its start.

use std::{fmt, path::PathBuf, str::FromStr};

/// Whether a restarted producer sends again what it does not know the fate of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resend {
    /// It goes on behind what it had attempted.
    Never,
    /// First it sends the unknown ones again, under the same ids.
    Unknown,
}

/// What the worker's own word about an effect is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The journal is the sink: the entry is the effect.
    Journal,
    /// The effect is looked for elsewhere: the entry is only a report.
    Elsewhere,
}

/// Where NATS is, and the run's names on it.
#[derive(Clone, Default)]
pub struct Nats {
    url: Option<String>,
    login: Option<(String, String)>,
    subject: Option<String>,
    stream: Option<String>,
    consumer: Option<String>,
}

/// Where Kafka is, and the run's names on it.
#[derive(Clone, Debug, Default)]
pub struct Kafka {
    brokers: Option<String>,
    topic: Option<String>,
    group: Option<String>,
    sink: Option<String>,
}

/// Where PostgreSQL is: the run's own database, password and all.
#[derive(Clone, Default)]
pub struct Postgres {
    url: Option<String>,
}

/// All settings of one worker.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The run's id (`HARNESS_RUN`, hexadecimal).
    pub run: u64,
    /// The run's short text in messages and names (`HARNESS_TAG`).
    pub tag: String,
    /// The worker's name, `consumer-0` (`HARNESS_WORKER`).
    pub worker: String,
    /// The producer's number (`HARNESS_PRODUCER`; 0 where the worker is none).
    pub producer: u16,
    /// Path of the journal without its ending (`HARNESS_JOURNAL`).
    pub journal: PathBuf,
    /// How often this worker was started before in this run (`HARNESS_INCARNATION`).
    pub incarnation: u32,
    /// How many messages a producer sends (`HARNESS_MESSAGES`).
    pub messages: u32,
    /// Messages a second and producer; 0 is as fast as it goes (`HARNESS_RATE`).
    pub rate: u32,
    /// Size of a payload in bytes (`HARNESS_PAYLOAD`).
    pub payload: usize,
    /// What a restarted producer does with unknown ids (`HARNESS_RESEND`).
    pub resend: Resend,
    /// Where effects are looked for (`HARNESS_EFFECT`).
    pub effect: Effect,
    /// The run's seed, for a worker that needs chance (`HARNESS_SEED`).
    pub seed: u64,
    /// NATS, where the lab has it.
    pub nats: Nats,
    /// Kafka, where the lab has it.
    pub kafka: Kafka,
    /// PostgreSQL, where the lab has it.
    pub postgres: Postgres,
    /// Where effects outside are sent to (`WEBHOOK_URL`).
    webhook: Option<String>,
}

/// A setting that is missing or wrong.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// It is not there.
    #[error("the environment variable {0} is not set: a worker is started by `harness run`, which sets it")]
    Missing(&'static str),
    /// It cannot be read.
    #[error("the environment variable {name} is `{found}`, expected {expected}")]
    Wrong {
        /// Which.
        name: &'static str,
        /// What it says.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
}

impl Settings {
    /// Reads the settings of this process.
    ///
    /// # Errors
    /// The first variable that is missing or wrong, by name.
    pub fn from_environment() -> Result<Self, Error> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads the settings from `look_up`; the pure part of [`Settings::from_environment`].
    ///
    /// # Errors
    /// The first variable that is missing or wrong, by name.
    pub fn read(look_up: impl Fn(&'static str) -> Option<String>) -> Result<Self, Error> {
        let look_up = |name| look_up(name).filter(|text: &String| !text.is_empty());
        let need = |name| look_up(name).ok_or(Error::Missing(name));
        let run = need("HARNESS_RUN")?;
        Ok(Self {
            run: u64::from_str_radix(&run, 16).map_err(|_| Error::Wrong {
                name: "HARNESS_RUN",
                found: run,
                expected: "a hexadecimal number",
            })?,
            tag: word("HARNESS_TAG", need("HARNESS_TAG")?)?,
            worker: word("HARNESS_WORKER", need("HARNESS_WORKER")?)?,
            journal: need("HARNESS_JOURNAL")?.into(),
            producer: number(look_up, "HARNESS_PRODUCER", 0)?,
            incarnation: number(look_up, "HARNESS_INCARNATION", 0)?,
            messages: number(look_up, "HARNESS_MESSAGES", 0)?,
            rate: number(look_up, "HARNESS_RATE", 0)?,
            payload: number(look_up, "HARNESS_PAYLOAD", 128)?,
            seed: number(look_up, "HARNESS_SEED", 0)?,
            resend: resend(look_up("HARNESS_RESEND"))?,
            effect: effect(look_up("HARNESS_EFFECT")),
            nats: Nats {
                url: look_up("NATS_URL"),
                login: look_up("NATS_USER").map(|user| (user, look_up("NATS_PASSWORD").unwrap_or_default())),
                subject: look_up("NATS_SUBJECT"),
                stream: look_up("NATS_STREAM"),
                consumer: look_up("NATS_CONSUMER"),
            },
            kafka: Kafka {
                brokers: look_up("KAFKA_BROKERS"),
                topic: look_up("KAFKA_TOPIC"),
                group: look_up("KAFKA_GROUP"),
                sink: look_up("KAFKA_SINK"),
            },
            postgres: Postgres { url: look_up("POSTGRES_URL") },
            webhook: look_up("WEBHOOK_URL"),
        })
    }

    /// The address of the webhook at which effects are seen.
    ///
    /// # Errors
    /// `WEBHOOK_URL` is not set.
    pub fn webhook(&self) -> Result<&str, Error> {
        self.webhook.as_deref().ok_or(Error::Missing("WEBHOOK_URL"))
    }
}

impl Nats {
    /// The server's address.
    ///
    /// # Errors
    /// `NATS_URL` is not set.
    pub fn url(&self) -> Result<&str, Error> {
        self.url.as_deref().ok_or(Error::Missing("NATS_URL"))
    }

    /// User and password, where the server wants them.
    pub fn login(&self) -> Option<(String, String)> {
        self.login.clone()
    }

    /// The subject of the run's messages.
    ///
    /// # Errors
    /// `NATS_SUBJECT` is not set.
    pub fn subject(&self) -> Result<&str, Error> {
        self.subject.as_deref().ok_or(Error::Missing("NATS_SUBJECT"))
    }

    /// The run's stream.
    ///
    /// # Errors
    /// `NATS_STREAM` is not set.
    pub fn stream(&self) -> Result<&str, Error> {
        self.stream.as_deref().ok_or(Error::Missing("NATS_STREAM"))
    }

    /// The name of the stream's durable consumer.
    ///
    /// # Errors
    /// `NATS_CONSUMER` is not set.
    pub fn consumer(&self) -> Result<&str, Error> {
        self.consumer.as_deref().ok_or(Error::Missing("NATS_CONSUMER"))
    }
}

impl Kafka {
    /// The addresses at which to ask for the brokers.
    ///
    /// # Errors
    /// `KAFKA_BROKERS` is not set.
    pub fn brokers(&self) -> Result<&str, Error> {
        self.brokers.as_deref().ok_or(Error::Missing("KAFKA_BROKERS"))
    }

    /// The topic of the run's messages.
    ///
    /// # Errors
    /// `KAFKA_TOPIC` is not set.
    pub fn topic(&self) -> Result<&str, Error> {
        self.topic.as_deref().ok_or(Error::Missing("KAFKA_TOPIC"))
    }

    /// The group of the run's consumers.
    ///
    /// # Errors
    /// `KAFKA_GROUP` is not set.
    pub fn group(&self) -> Result<&str, Error> {
        self.group.as_deref().ok_or(Error::Missing("KAFKA_GROUP"))
    }

    /// The topic in which effects are seen.
    ///
    /// # Errors
    /// `KAFKA_SINK` is not set.
    pub fn sink(&self) -> Result<&str, Error> {
        self.sink.as_deref().ok_or(Error::Missing("KAFKA_SINK"))
    }
}

impl fmt::Debug for Nats {
    /// Leaves the password out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats").field("url", &self.url).field("subject", &self.subject).finish_non_exhaustive()
    }
}

impl Postgres {
    /// The address of the run's database, with its password: nothing to be shown.
    ///
    /// # Errors
    /// `POSTGRES_URL` is not set.
    pub fn url(&self) -> Result<&str, Error> {
        self.url.as_deref().ok_or(Error::Missing("POSTGRES_URL"))
    }
}

impl fmt::Debug for Postgres {
    /// Leaves the address out, for the password is in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("url", &self.url.as_ref().map(|_| "…")).finish()
    }
}

/// A text that stands as one word in messages and lines.
fn word(name: &'static str, text: String) -> Result<String, Error> {
    if text.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
        return Err(Error::Wrong { name, found: text, expected: "one word" });
    }
    Ok(text)
}

fn number<N: FromStr>(
    look_up: impl Fn(&'static str) -> Option<String>,
    name: &'static str,
    default: N,
) -> Result<N, Error> {
    let Some(text) = look_up(name) else { return Ok(default) };
    text.parse().map_err(|_| Error::Wrong {
        name,
        found: text,
        expected: "a whole number that is not too large",
    })
}

fn resend(text: Option<String>) -> Result<Resend, Error> {
    match text.as_deref() {
        None | Some("never") => Ok(Resend::Never),
        Some("unknown") => Ok(Resend::Unknown),
        Some(other) => Err(Error::Wrong {
            name: "HARNESS_RESEND",
            found: other.to_owned(),
            expected: "never or unknown",
        }),
    }
}

fn effect(text: Option<String>) -> Effect {
    match text.as_deref() {
        None | Some("journal") => Effect::Journal,
        Some(_) => Effect::Elsewhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least that a worker needs, and `more` on top.
    fn settings(more: &[(&str, &str)]) -> Result<Settings, Error> {
        let base = [
            ("HARNESS_RUN", "fe01"),
            ("HARNESS_TAG", "k7"),
            ("HARNESS_WORKER", "producer-1"),
            ("HARNESS_JOURNAL", "runs/x/journal/producer-1.0"),
        ];
        Settings::read(|name| {
            let found = more.iter().chain(&base).find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_least_is_enough() {
        let settings = settings(&[]).unwrap();
        assert_eq!((settings.run, settings.producer, settings.payload), (0xfe01, 0, 128));
        assert_eq!((settings.resend, settings.effect), (Resend::Never, Effect::Journal));
        assert_eq!(settings.nats.login(), None);
    }

    #[test]
    fn all_that_the_harness_says_is_heard() {
        let settings = settings(&[
            ("HARNESS_PRODUCER", "3"),
            ("HARNESS_RESEND", "unknown"),
            ("HARNESS_EFFECT", "webhook"),
            ("NATS_USER", "lab"),
            ("NATS_PASSWORD", "secret"),
            ("NATS_SUBJECT", "lab.k7"),
            ("KAFKA_BROKERS", "127.0.0.1:9092"),
            ("KAFKA_TOPIC", "lab.k7"),
            ("POSTGRES_URL", "postgres://lab:secret@127.0.0.1:5432/lab_k7"),
            ("WEBHOOK_URL", "http://127.0.0.1:80/"),
        ])
        .unwrap();
        assert_eq!(
            (settings.producer, settings.resend, settings.effect),
            (3, Resend::Unknown, Effect::Elsewhere)
        );
        assert_eq!(settings.nats.login(), Some(("lab".into(), "secret".into())));
        assert_eq!(settings.nats.subject(), Ok("lab.k7"));
        assert_eq!((settings.kafka.brokers(), settings.kafka.topic()), (Ok("127.0.0.1:9092"), Ok("lab.k7")));
        assert_eq!(settings.kafka.group(), Err(Error::Missing("KAFKA_GROUP")));
        assert_eq!(settings.postgres.url(), Ok("postgres://lab:secret@127.0.0.1:5432/lab_k7"));
        assert_eq!(settings.webhook(), Ok("http://127.0.0.1:80/"));
        assert!(!format!("{settings:?}").contains("secret"), "a password in a log");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let empty = Settings::read(|_| None).err().unwrap();
        assert_eq!(empty, Error::Missing("HARNESS_RUN"));
        assert!(empty.to_string().contains("harness run"), "says what to do");
        for (name, value) in [
            ("HARNESS_RUN", "xyz"),
            ("HARNESS_TAG", "two words"),
            ("HARNESS_PRODUCER", "70000"),
            ("HARNESS_MESSAGES", "-1"),
            ("HARNESS_RATE", "fast"),
            ("HARNESS_RESEND", "always"),
        ] {
            let error = settings(&[(name, value)]).err().unwrap().to_string();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
        assert_eq!(settings(&[("HARNESS_TAG", "")]).err(), Some(Error::Missing("HARNESS_TAG")));
        assert_eq!(settings(&[]).unwrap().nats.url(), Err(Error::Missing("NATS_URL")));
        assert_eq!(settings(&[]).unwrap().postgres.url(), Err(Error::Missing("POSTGRES_URL")));
        assert_eq!(settings(&[]).unwrap().webhook(), Err(Error::Missing("WEBHOOK_URL")));
    }
}
