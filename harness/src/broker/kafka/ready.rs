//! When a broker that was just started is ready: when it answers, is ours, and every partition has a leader.

use std::{sync::Arc, time::Duration};

use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::{net::TcpStream, time::Instant};

use super::{
    client::{self, Quiet},
    server::Server,
};
use crate::{error::Error, runtime::node::Node};

/// A warm start takes a second or two; the bound is for a machine in trouble.
const START_BOUND: Duration = Duration::from_secs(120);

/// How often it is asked: the answer is the condition.
const STEP: Duration = Duration::from_millis(5);

/// What it says when all its ports are open. One that does not get the last of them has opened the first already, and
/// answers there until it has come to its end.
const STARTED: &str = "Kafka Server started";

/// How long one that answers may go without saying so: another version may say it in other words.
const SILENCE: Duration = Duration::from_secs(3);

/// How long one question may block: in between it is seen whether the broker still lives.
const QUESTION: Duration = Duration::from_millis(250);

/// Waits until the broker works. The process must live then: were its port another's, that one would have answered.
pub async fn wait(server: &mut Server) -> Result<(), Error> {
    let deadline = Instant::now() + START_BOUND;
    let own = server.own();
    // Until then a client would only spend the processor time that the start needs.
    while !listens(&own).await {
        look(server, deadline)?;
        tokio::time::sleep(STEP).await;
    }
    let client = Arc::new(client::asker(&own, None)?);
    let mut answered = None;
    loop {
        let (asked, cluster) = (client.clone(), server.cluster().to_owned());
        let ready = client::blocking("say whether it is ready", move || Ok(answer(&asked, &cluster))).await?;
        look(server, deadline)?;
        match ready {
            Answer::Ready => {
                let since = *answered.get_or_insert_with(Instant::now);
                if server.says(STARTED) || since.elapsed() > SILENCE {
                    return Ok(());
                }
            }
            Answer::NotYet => {}
            Answer::Stranger(id) => {
                return Err(server.error(format!("another Kafka answers on {own}: its cluster is {id}")));
            }
        }
        tokio::time::sleep(STEP).await;
    }
}

/// An error when the process has ended, or time is up.
fn look(server: &mut Server, deadline: Instant) -> Result<(), Error> {
    if !server.alive() {
        let how = server.node().map(Node::how_it_ended).unwrap_or_default();
        return Err(server.error(format!("Kafka ended at its start ({how})")));
    }
    if Instant::now() > deadline {
        return Err(server.error(format!("Kafka was not ready within {START_BOUND:?}")));
    }
    Ok(())
}

async fn listens(address: &str) -> bool {
    let Ok(Ok(stream)) = tokio::time::timeout(QUESTION, TcpStream::connect(address)).await else {
        return false;
    };
    // The system may give a connection that port of its own, and then it talks to itself.
    stream.local_addr().ok() != stream.peer_addr().ok()
}

enum Answer {
    Ready,
    NotYet,
    Stranger(String),
}

fn answer(client: &BaseConsumer<Quiet>, cluster: &str) -> Answer {
    match client::cluster_id(client, QUESTION) {
        None => return Answer::NotYet,
        Some(id) if id != cluster => return Answer::Stranger(id),
        Some(_) => {}
    }
    match client.fetch_metadata(None, QUESTION) {
        Ok(metadata) if client::all_led(&metadata) => Answer::Ready,
        _ => Answer::NotYet,
    }
}
