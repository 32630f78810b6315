//! What a person changes for one run: `--set key=value`, `--no-faults`.

use std::{collections::BTreeMap, str::FromStr};

use super::{
    Broker, ConsumerSettings, Error, Role, StreamSettings, Variant, Word, duration,
    mistake::{nearest, one_of},
    validate::MOST_WORKERS,
};

/// What a person changes. With any change the variant's expectation no longer applies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Settings, by their keys.
    pub set: BTreeMap<String, String>,
    /// No fault and no hold: the control, in which nothing may go wrong. A late start stays: it is the situation.
    pub no_faults: bool,
}

/// What `--set` knows: each key, and what it takes.
pub const KEYS: [(&str, &str); 21] = [
    ("messages", "a whole number: what each producer sends"),
    ("rate", "a whole number: messages per second and producer, 0 for as fast as it goes"),
    ("payload", "a whole number: bytes a message"),
    ("limit", duration::EXPECTED),
    ("resend", "never or unknown"),
    ("nats.stream.storage", "file or memory"),
    ("nats.stream.retention", "one of limits, interest, workqueue"),
    ("nats.stream.duplicate_window", duration::EXPECTED),
    ("nats.stream.max_messages", "a whole number"),
    ("nats.consumer.ack", "one of explicit, none, all"),
    ("nats.consumer.ack_wait", duration::EXPECTED),
    ("nats.consumer.max_ack_pending", "a whole number"),
    ("producer.count", "a whole number from 1: how many, of each such worker"),
    ("producer.args", "the worker's arguments, as one text with spaces"),
    ("consumer.count", "a whole number from 1: how many, of each such worker"),
    ("consumer.args", "the worker's arguments, as one text with spaces"),
    ("relay.count", "a whole number from 1: how many, of each such worker"),
    ("relay.args", "the worker's arguments, as one text with spaces"),
    ("transformer.count", "a whole number from 1: how many, of each such worker"),
    ("transformer.args", "the worker's arguments, as one text with spaces"),
    ("tries", "a whole number from 1: how often a variant that seeks is repeated"),
];

impl Changes {
    /// Reads the texts after `--set`; fails on an unknown key, with the nearest right one.
    pub fn read(set: &[String], no_faults: bool) -> Result<Self, Error> {
        let mut changes = Self { set: BTreeMap::new(), no_faults };
        for text in set {
            let Some((key, value)) = text.split_once('=') else {
                return Err(Error::Set(format!(
                    "`--set {text}` has no `=`; it looks like --set messages=100"
                )));
            };
            if !KEYS.iter().any(|(known, _)| *known == key) && of_a_server(key).is_none() {
                let known = KEYS.map(|(known, _)| known);
                let meant =
                    nearest(key, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                return Err(Error::Set(format!(
                    "there is no setting `{key}`{meant}\n  --set knows: {}, server.<broker>.<the server's own setting>",
                    known.join(", ")
                )));
            }
            changes.set.insert(key.to_owned(), value.to_owned());
        }
        Ok(changes)
    }

    /// The variant with the settings changed (not its faults: the plan leaves those out).
    pub fn apply(&self, variant: &Variant) -> Result<Variant, Error> {
        let mut changed = variant.clone();
        for (key, value) in &self.set {
            set(&mut changed, key, value)
                .map_err(|why| Error::Set(format!("`--set {key}={value}` for {}: {why}", variant.name)))?;
        }
        Ok(changed)
    }
}

/// A key like `server.postgres.synchronous_commit`: the broker, and its own word for the setting.
fn of_a_server(key: &str) -> Option<(Broker, &str)> {
    let (broker, setting) = key.strip_prefix("server.")?.split_once('.')?;
    let broker = Broker::ALL.iter().find(|known| known.word() == broker)?;
    Some((*broker, setting)).filter(|_| !setting.is_empty())
}

fn set_server(variant: &mut Variant, broker: Broker, key: &str, value: &str) -> Result<(), String> {
    if !variant.brokers.contains(&broker) {
        return Err(format!("it has no {broker}"));
    }
    let settings = match broker {
        Broker::Nats => &mut variant.server.nats,
        Broker::Postgres => &mut variant.server.postgres,
        Broker::Kafka => &mut variant.server.kafka,
    };
    settings.get_or_insert_default().insert(key.to_owned(), own_word(value));
    Ok(())
}

/// A server's own configuration may want a number or a truth value without quotes.
fn own_word(text: &str) -> toml::Value {
    let number = text.parse().map(toml::Value::Integer).ok();
    let truth = || text.parse().map(toml::Value::Boolean).ok();
    number.or_else(truth).unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

fn set(variant: &mut Variant, key: &str, value: &str) -> Result<(), String> {
    if let Some((broker, setting)) = of_a_server(key) {
        return set_server(variant, broker, setting, value);
    }
    match key.rsplit_once('.') {
        None => set_variant(variant, key, value),
        Some(("nats.stream", field)) => {
            let stream = variant.nats.as_mut().and_then(|nats| nats.stream.as_mut());
            set_stream(stream.ok_or("it has no stream")?, field, value)
        }
        Some(("nats.consumer", field)) => {
            let consumer = variant.nats.as_mut().and_then(|nats| nats.consumer.as_mut());
            set_consumer(consumer.ok_or("it has no consumer on a stream")?, field, value)
        }
        Some((role, field)) => set_workers(variant, role, field, value),
    }
}

fn set_variant(variant: &mut Variant, key: &str, value: &str) -> Result<(), String> {
    match key {
        "messages" => variant.workload.messages = at_least_one(value)?,
        "rate" => variant.workload.rate = number(value)?,
        "payload" => variant.workload.payload = number(value)?,
        "limit" => variant.limit = time(value)?,
        "resend" => variant.resend = word(value)?,
        "tries" => variant.tries = at_least_one(value)?,
        _ => return Err("no such setting".to_owned()),
    }
    Ok(())
}

fn set_stream(stream: &mut StreamSettings, key: &str, value: &str) -> Result<(), String> {
    match key {
        "storage" => stream.storage = word(value)?,
        "retention" => stream.retention = word(value)?,
        "duplicate_window" => stream.duplicate_window = Some(time(value)?),
        "max_messages" => stream.max_messages = Some(i64::from(at_least_one(value)?)),
        _ => return Err("no such setting".to_owned()),
    }
    Ok(())
}

fn set_consumer(consumer: &mut ConsumerSettings, key: &str, value: &str) -> Result<(), String> {
    match key {
        "ack" => consumer.ack = word(value)?,
        "ack_wait" => consumer.ack_wait = Some(time(value)?),
        "max_ack_pending" => consumer.max_ack_pending = Some(i64::from(at_least_one(value)?)),
        _ => return Err("no such setting".to_owned()),
    }
    Ok(())
}

fn set_workers(variant: &mut Variant, role: &str, key: &str, value: &str) -> Result<(), String> {
    let role: Role = word(role)?;
    let mut workers = variant.workers.iter_mut().filter(|worker| worker.role == role).peekable();
    if workers.peek().is_none() {
        return Err(format!("it has no {role}"));
    }
    for worker in workers {
        match key {
            "count" => {
                let count = at_least_one(value).ok().filter(|count| *count <= MOST_WORKERS);
                worker.count =
                    count.ok_or_else(|| format!("expected a whole number from 1 to {MOST_WORKERS}"))?;
            }
            "args" => worker.args = value.split_whitespace().map(str::to_owned).collect(),
            _ => return Err("no such setting".to_owned()),
        }
    }
    Ok(())
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.replace('_', "").parse().map_err(|_| "expected a whole number".to_owned())
}

fn at_least_one(text: &str) -> Result<u32, String> {
    number(text).ok().filter(|number| *number >= 1).ok_or_else(|| "expected a whole number from 1".to_owned())
}

fn time(text: &str) -> Result<std::time::Duration, String> {
    duration::parse(text).ok_or_else(|| format!("expected {}", duration::EXPECTED))
}

fn word<T: Word>(text: &str) -> Result<T, String> {
    let words: Vec<_> = T::ALL.iter().map(|word| word.word()).collect();
    let found = T::ALL.iter().find(|word| word.word() == text).copied();
    found.ok_or_else(|| {
        let meant = nearest(text, words.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
        format!("expected {}{}", one_of(&words), meant.unwrap_or_default())
    })
}
