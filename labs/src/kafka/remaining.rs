//! Whether a reader would be handed anything more: the marks that end transactions have offsets too, and nobody is handed those.

use std::time::{Duration, Instant};

use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
};

/// How long the broker may take to say what there is, before it is asked with the next drain mark.
const BOUND: Duration = Duration::from_secs(1);

/// A stretch of a partition, from the offset behind the last message that was handed over to the end that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) partition: i32,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// Whether a reader of committed messages would be handed any of this now or later. Asked by a reader of its own. Blocks.
pub(super) fn is_any(config: &ClientConfig, topic: &str, stretch: Stretch) -> Result<bool, KafkaError> {
    let deadline = Instant::now() + BOUND;
    let left = || deadline.saturating_duration_since(Instant::now());
    let reader: BaseConsumer = config.create()?;
    let (_, stable) = reader.fetch_watermarks(topic, stretch.partition, left())?;
    if stable < stretch.to {
        return Ok(true); // of an open transaction: it may come yet
    }
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(topic, stretch.partition, Offset::Offset(stretch.from))?;
    reader.assign(&from)?;
    match reader.poll(left()) {
        Some(Ok(message)) => Ok(message.offset() < stretch.to),
        Some(Err(KafkaError::PartitionEOF(_))) => Ok(false),
        Some(Err(error)) => Err(error),
        None => Ok(true), // no answer is no proof
    }
}
