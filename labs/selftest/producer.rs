//! Publishes to core NATS, and does one thing wrong at one message.

use async_nats::{Client, ConnectOptions, Subject};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use labs::{Error, Kit, Message, Outcome, message::Composer, nats};

use crate::{AT, NEVER_ATTEMPTED};

#[derive(Args)]
pub struct Options {
    /// What it does wrong; nothing unless given.
    #[arg(long)]
    flaw: Option<Flaw>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Flaw {
    /// Writes down an ack, and sends nothing.
    AcksUnsent,
    /// Writes down an ack of a message that it never attempted.
    AcksUnattempted,
    /// Says that the message was refused, and sends it.
    RejectsAndSends,
    /// Sends the message to the consumers twice.
    SendsTwice,
    /// Sends another message too, and writes nothing down of it.
    SendsUnattempted,
    /// Sends a message of another run too.
    SendsForeign,
    /// Sends the message after its successor.
    HoldsBack,
    /// Ends.
    Dies,
    /// Says that it cannot go on.
    Fails,
    /// Sends nothing any more.
    Stalls,
}

/// What it needs to send.
struct Desk {
    kit: Kit,
    client: Client,
    subject: Subject,
}

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let client = nats::connect(&kit, ConnectOptions::new()).await?;
    let desk = Desk { subject: nats::subject(&kit)?, kit, client };
    desk.kit.ready().await;

    let mut held_back = None;
    while let Some(message) = desk.kit.next_message().await {
        match options.flaw.filter(|_| message.id.seq == AT) {
            Some(Flaw::HoldsBack) => held_back = Some(message),
            Some(flaw) => desk.send_wrong(flaw, message).await?,
            None => {
                desk.send(message).await?;
                if let Some(late) = held_back.take() {
                    desk.send(late).await?;
                }
            }
        }
    }
    nats::finish(&desk.kit, &desk.client).await?;
    desk.kit.done().await;
    Ok(())
}

impl Desk {
    async fn send(&self, message: Message) -> Result<(), Error> {
        self.kit.attempted(message)?;
        let sent = self.client.publish(self.subject.clone(), self.kit.payload(message)).await;
        Ok(self.kit.outcome(message, nats::outcome::of_publish(&sent))?)
    }

    async fn send_wrong(&self, flaw: Flaw, message: Message) -> Result<(), Error> {
        let never = Message { id: NEVER_ATTEMPTED, ..message };
        match flaw {
            Flaw::AcksUnsent => {
                self.kit.attempted(message)?;
                self.kit.outcome(message, Outcome::Acked)?;
            }
            Flaw::AcksUnattempted => {
                self.send(message).await?;
                self.kit.outcome(never, Outcome::Acked)?;
            }
            Flaw::RejectsAndSends => {
                self.kit.attempted(message)?;
                self.publish(self.kit.payload(message)).await?;
                self.kit.outcome(message, Outcome::Rejected)?;
            }
            Flaw::SendsTwice => {
                self.send(message).await?;
                self.publish(self.kit.payload(message)).await?;
            }
            Flaw::SendsUnattempted => {
                self.send(message).await?;
                self.publish(self.kit.payload(never)).await?;
            }
            Flaw::SendsForeign => {
                self.send(message).await?;
                self.publish(Composer::new("another-run", 128).compose(message)).await?;
            }
            Flaw::Dies => std::process::exit(3),
            Flaw::Fails => return Err("told to fail".into()),
            Flaw::Stalls => self.kit.stopped().await,
            Flaw::HoldsBack => {}
        }
        Ok(())
    }

    /// Publishes, and writes nothing down.
    async fn publish(&self, payload: Bytes) -> Result<(), Error> {
        Ok(self.client.publish(self.subject.clone(), payload).await?)
    }
}
