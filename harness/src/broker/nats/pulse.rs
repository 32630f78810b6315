//! What nats-server says of itself, asked over the system account: the same that its monitoring port would tell.

use async_nats::Client;
use serde::Deserialize;

use super::server::Access;
use crate::broker::pulse::Said;

/// Asks one server.
pub struct Asker {
    access: Access,
    client: Option<Client>,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct Varz {
    connections: f64,
    in_msgs: f64,
    out_msgs: f64,
    mem: f64,
}

#[derive(Deserialize)]
struct Jsz {
    messages: f64,
    bytes: f64,
}

impl Asker {
    /// Of this server, over restarts: the port stays.
    pub fn of(access: &Access) -> Self {
        Self { access: access.of_the_system(), client: None }
    }

    /// One answer.
    pub async fn ask(&mut self) -> Option<Vec<(Said, f64)>> {
        let client = match self.client.take() {
            Some(client) => client,
            None => super::connect(&self.access, "harness-metrics").await.ok()?,
        };
        // Kept also where the answer does not come: it connects anew by itself.
        self.client = Some(client.clone());
        let varz: Answer<Varz> = question(&client, "VARZ").await?;
        let jsz: Answer<Jsz> = question(&client, "JSZ").await?;
        Some(vec![
            (Said::Connections, varz.data.connections),
            (Said::MessagesIn, varz.data.in_msgs),
            (Said::MessagesOut, varz.data.out_msgs),
            (Said::MemoryBytes, varz.data.mem),
            (Said::StoredMessages, jsz.data.messages),
            (Said::StoredBytes, jsz.data.bytes),
        ])
    }
}

async fn question<T: for<'a> Deserialize<'a>>(client: &Client, what: &str) -> Option<T> {
    let answer = client.request(format!("$SYS.REQ.SERVER.PING.{what}"), "".into()).await.ok()?;
    serde_json::from_slice(&answer.payload).ok()
}
