//! What Kafka says cheaply: how far the run's topic goes. Its other numbers would need a plug-in in its Java.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::{
    client::{self, Aside, Quiet, asked},
    store::Names,
};
use crate::broker::pulse::Said;

/// Asks one server about the topic of one run.
pub struct Asker {
    bootstrap: String,
    topic: String,
    client: Option<Arc<Aside<BaseConsumer<Quiet>>>>,
}

impl Asker {
    /// Of this server, over restarts: the port stays.
    pub fn of(own: SocketAddr, tag: &str) -> Self {
        Self { bootstrap: own.to_string(), topic: Names::of(tag).topic, client: None }
    }

    /// One answer. A topic that is not there yet holds nothing.
    pub async fn ask(&mut self, bound: Duration) -> Option<Vec<(Said, f64)>> {
        if self.client.is_none() {
            self.client = Some(Arc::new(Aside::new(client::asker(&self.bootstrap, None).ok()?)));
        }
        let (client, topic) = (self.client.clone()?, self.topic.clone());
        let look = move || {
            let what = "say how far a topic goes";
            let metadata = client.fetch_metadata(Some(&topic), bound).map_err(|error| asked(what, &error))?;
            let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
            let (mut came, mut stored) = (0, 0);
            for partition in partitions {
                let marks = client.fetch_watermarks(&topic, partition.id(), bound);
                let (low, high) = marks.map_err(|error| asked(what, &error))?;
                (came, stored) = (came + high, stored + high - low);
            }
            Ok((came, stored))
        };
        let (came, stored) = client::blocking("say how far a topic goes", look).await.ok()?;
        Some(vec![(Said::MessagesIn, came as f64), (Said::StoredMessages, stored as f64)])
    }
}
