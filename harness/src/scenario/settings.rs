//! Reads the tables of settings: workload, nats, server, sink, expect.

use std::{collections::BTreeMap, path::Path};

use ledger::{Bound, Counts, Expectation};
use toml::de::DeValue;

use super::{
    ConsumerSettings, Isolation, KafkaNames, NatsNames, PostgresNames, Server, Sink, SinkKind,
    StreamSettings, TopicSettings, Workload,
    defaults::Defaults,
    fields::{Fields, Placed, shown},
    validate::Claims,
};

/// More bytes in a message than any broker here takes.
const LARGEST_PAYLOAD: u32 = 64 << 20;

/// More partitions than a lab on a laptop can want.
const MOST_PARTITIONS: u32 = 100;

/// `{ messages, rate, payload }`, over what holds without it.
pub fn workload(fields: &mut Fields, base: &Workload) -> Workload {
    Workload {
        messages: fields.number_or("messages", 1, u32::MAX, base.messages),
        rate: fields.number_or("rate", 0, u32::MAX, base.rate),
        payload: fields.number_or("payload", 0, LARGEST_PAYLOAD, base.payload),
    }
}

/// `{ stream = { … }, consumer = { … } }`
pub fn nats(fields: &mut Fields, defaults: &Defaults) -> NatsNames {
    let stream = fields.table("stream", |fields| stream(fields, &defaults.stream));
    let consumer = fields.table("consumer", |fields| consumer(fields, &defaults.consumer));
    if consumer.is_some() && stream.is_none() {
        fields.notes.wrong(&fields.place, "a `consumer` without a `stream`", "stream = { … } beside it");
    }
    NatsNames { stream, consumer }
}

fn stream(fields: &mut Fields, base: &StreamSettings) -> StreamSettings {
    StreamSettings {
        storage: fields.or("storage", base.storage),
        retention: fields.or("retention", base.retention),
        duplicate_window: fields.get("duplicate_window").map(|found| found.value).or(base.duplicate_window),
        max_messages: limit(fields, "max_messages").or(base.max_messages),
    }
}

fn consumer(fields: &mut Fields, base: &ConsumerSettings) -> ConsumerSettings {
    ConsumerSettings {
        ack: fields.or("ack", base.ack),
        ack_wait: fields.get("ack_wait").map(|found| found.value).or(base.ack_wait),
        max_ack_pending: limit(fields, "max_ack_pending").or(base.max_ack_pending),
    }
}

fn limit(fields: &mut Fields, key: &'static str) -> Option<i64> {
    fields.number(key, 1, i64::MAX as u64).and_then(|found| i64::try_from(found.value).ok())
}

/// `{ topic = { partitions, config }, group = true }`
pub fn kafka(fields: &mut Fields) -> KafkaNames {
    let topic = fields.table("topic", topic).unwrap_or_default();
    KafkaNames { topic, group: fields.or("group", false) }
}

fn topic(fields: &mut Fields) -> TopicSettings {
    let settings = TopicSettings::default();
    TopicSettings {
        partitions: fields.number_or("partitions", 1, MOST_PARTITIONS, settings.partitions),
        config: fields.table("config", texts).unwrap_or_default(),
    }
}

/// Kafka takes every setting of a topic as a text.
fn texts(fields: &mut Fields) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for (key, value) in fields.all() {
        fields.allow(key.value);
        match value.value {
            DeValue::String(text) => drop(texts.insert(key.value.to_owned(), text.to_string())),
            other => {
                let what = format!("`{}` is {}", key.value, shown(other));
                fields.notes.wrong(&value.place, what, "a text, as Kafka takes it");
            }
        }
    }
    texts
}

/// `{ schema = "schema.sql" }`: a file that is there.
pub fn postgres(fields: &mut Fields, folder: &Path) -> PostgresNames {
    let schema = fields.get::<String>("schema");
    if let Some(missing) = schema.as_ref().filter(|file| !folder.join(&file.value).is_file()) {
        fields.notes.wrong(
            &missing.place,
            format!("there is no file `{}`", missing.value),
            "a file in the lab's folder",
        );
    }
    PostgresNames { schema: schema.map(|file| file.value) }
}

/// `{ nats = { … }, postgres = { … }, kafka = { … } }`: what is in them are the server's own words, so it is taken as
/// it is.
pub fn server(fields: &mut Fields) -> Server {
    Server {
        nats: own_words(fields, "nats"),
        postgres: own_words(fields, "postgres"),
        kafka: own_words(fields, "kafka"),
    }
}

fn own_words(fields: &mut Fields, broker: &'static str) -> Option<toml::Table> {
    let Placed { value, place } = fields.raw(broker)?;
    let DeValue::Table(table) = value else {
        fields.notes.wrong(&place, format!("`{broker}` is {}", shown(value)), "a table: { … }");
        return None;
    };
    let mut settings = toml::Table::new();
    for (key, value) in table {
        match free_value(value.get_ref()) {
            Some(free) => drop(settings.insert(key.get_ref().to_string(), free)),
            None => {
                let what = format!("`{}` is {}", key.get_ref(), shown(value.get_ref()));
                fields.notes.wrong(
                    &value.span(),
                    what,
                    "a text, a number, true, false, or a list or table of these",
                );
            }
        }
    }
    Some(settings).filter(|settings| !settings.is_empty())
}

fn free_value(value: &DeValue) -> Option<toml::Value> {
    Some(match value {
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Integer(number) => {
            toml::Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()?)
        }
        DeValue::Float(number) => toml::Value::Float(number.as_str().parse().ok()?),
        DeValue::Boolean(value) => toml::Value::Boolean(*value),
        DeValue::Datetime(_) => return None,
        DeValue::Array(items) => {
            toml::Value::Array(items.iter().map(|item| free_value(item.get_ref())).collect::<Option<_>>()?)
        }
        DeValue::Table(table) => {
            let items = table
                .iter()
                .map(|(key, value)| Some((key.get_ref().to_string(), free_value(value.get_ref())?)));
            toml::Value::Table(items.collect::<Option<_>>()?)
        }
    })
}

/// `{ kind = "journal" }` or `{ kind = "webhook", keyed = … }`
pub fn sink(fields: &mut Fields) -> Option<Sink> {
    Some(match fields.need::<SinkKind>("kind")?.value {
        SinkKind::Journal => Sink::Journal,
        SinkKind::Webhook => Sink::Webhook { keyed: fields.or("keyed", false) },
        SinkKind::Table => Sink::Table,
        SinkKind::Balance => Sink::Balance,
        SinkKind::Topic => Sink::Topic { isolation: fields.or("isolation", Isolation::ReadCommitted) },
    })
}

/// `{ verdict = "kept", lost = 0, duplicated = ">= 1", points.flush-ok = 1, figures.x = "<= 2" }`
pub fn expect(fields: &mut Fields, claims: &Claims) -> Expectation {
    // Without a verdict an expectation could not fail on what matters most.
    let verdict = fields.need("verdict").map(|found| found.value);
    let mut counts = BTreeMap::new();
    for key in Counts::FIELDS {
        if let Some(found) = fields.raw(key) {
            counts.extend(bound(fields, key, &found).map(|bound| ((*key).to_owned(), bound)));
        }
    }
    for group in ["sum", "figures", "points"] {
        let of_group = fields.table(group, |fields| free_bounds(fields, group, claims));
        counts.extend(of_group.into_iter().flatten());
    }
    Expectation { verdict, counts }
}

fn free_bounds(fields: &mut Fields, group: &str, claims: &Claims) -> Vec<(String, Bound)> {
    let mut bounds = Vec::new();
    for (key, value) in fields.all() {
        fields.allow(key.value);
        match group {
            "points" => claims.point(key.value, &key.place),
            "sum" if !["expected", "observed"].contains(&key.value) => {
                let what = format!("unknown key `{}`", key.value);
                fields.notes.unknown(&key.place, what, key.value, ["expected", "observed"]);
                continue;
            }
            _ => {}
        }
        bounds
            .extend(bound(fields, key.value, &value).map(|bound| (format!("{group}.{}", key.value), bound)));
    }
    bounds
}

/// What a count may be.
pub fn bound(fields: &Fields, key: &str, found: &Placed<&DeValue>) -> Option<Bound> {
    let text = match found.value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        _ => String::new(),
    };
    let Ok(bound) = text.parse::<Bound>() else {
        let expected = "a number, or a text like \">= 1\", \"1..=200\", \"= attempted\"";
        fields.notes.wrong(&found.place, format!("`{key}` is {}", shown(found.value)), expected);
        return None;
    };
    let of_a_group = |name: &str| ["sum.", "figures.", "points."].iter().any(|group| name.starts_with(group));
    if let Some(name) = bound.name().filter(|name| !of_a_group(name) && !Counts::FIELDS.contains(name)) {
        fields.notes.unknown(
            &found.place,
            format!("there is no count `{name}`"),
            name,
            Counts::FIELDS.iter().copied(),
        );
        return None;
    }
    Some(bound)
}
