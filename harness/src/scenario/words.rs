//! The closed sets of words that `lab.toml` knows.

use std::fmt;

use ledger::{Contract, Verdict};
use serde::{Deserialize, Serialize};

/// A set of words, of which a file says exactly one.
pub trait Word: Copy + 'static {
    /// All of them, in the order in which a message lists them.
    const ALL: &'static [Self];

    /// The word as the file and the texts say it.
    fn word(self) -> &'static str;
}

impl Word for Contract {
    const ALL: &'static [Self] = &Contract::ALL;

    fn word(self) -> &'static str {
        Contract::word(self)
    }
}

impl Word for Verdict {
    /// Those that a lab may expect.
    const ALL: &'static [Self] = &[Verdict::Kept, Verdict::Broken, Verdict::Inconclusive];

    fn word(self) -> &'static str {
        Verdict::word(self)
    }
}

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $case:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $case,)+
        }

        impl $name {
            /// The word as the file and the texts say it.
            pub const fn word(self) -> &'static str {
                match self {
                    $($name::$case => $word,)+
                }
            }
        }

        impl Word for $name {
            const ALL: &'static [Self] = &[$($name::$case,)+];

            fn word(self) -> &'static str {
                $name::word(self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($name::word(*self))
            }
        }
    };
}

words! {
    /// What a worker does.
    Role {
        /// Sends messages; its ids are its own.
        Producer = "producer",
        /// Takes messages and applies their effects.
        Consumer = "consumer",
        /// Carries messages from a database to a broker.
        Relay = "relay",
        /// Takes messages and sends others.
        Transformer = "transformer",
    }
}

words! {
    /// How sure it is that the variant shows what it should.
    VariantKind {
        /// Its moment is forced: what comes out is asserted exactly.
        Forced = "forced",
        /// It must hold always: one violation is a finding.
        Invariant = "invariant",
        /// It reports figures.
        Figures = "figures",
        /// It is repeated until it shows, at most `tries` times; else it is inconclusive.
        Seek = "seek",
    }
}

words! {
    /// What a restarted producer does with the messages whose outcome it does not know.
    Resend {
        /// It leaves them.
        Never = "never",
        /// It sends them again, each with its old id.
        Unknown = "unknown",
    }
}

words! {
    /// Where a stream keeps its messages.
    Storage {
        /// In files: they survive a kill of the server.
        File = "file",
        /// In memory: they do not.
        Memory = "memory",
    }
}

words! {
    /// How long a stream keeps a message.
    Retention {
        /// Until a limit is reached.
        Limits = "limits",
        /// As long as some consumer has not acked it.
        Interest = "interest",
        /// Until its one consumer acked it.
        WorkQueue = "workqueue",
    }
}

words! {
    /// Which acks a JetStream consumer expects.
    Ack {
        /// One for each message.
        Explicit = "explicit",
        /// None: delivered is done.
        None = "none",
        /// One for this message and all before it.
        All = "all",
    }
}

words! {
    /// What a fault does to its target.
    Action {
        /// SIGKILL, to all of its processes. Healed by a start on the same data.
        Kill = "kill",
        /// SIGSTOP. Healed by SIGCONT.
        Pause = "pause",
        /// An orderly end. Healed by a start.
        Stop = "stop",
        /// An orderly end, and a start at once.
        Restart = "restart",
        /// A worker's connections to PostgreSQL are ended by the server (`pg_terminate_backend`). Nothing has to be
        /// undone: whoever wants to connects again.
        Disconnect = "disconnect",
        /// A worker's link is closed, and new connections are refused.
        Cut = "cut",
        /// Bytes on a worker's link are read and never handed on; connections stay open.
        BlackHole = "black-hole",
        /// The connections of a worker are reset, once.
        Reset = "reset",
        /// Bytes on a worker's link come later.
        Delay = "delay",
        /// Bytes on a worker's link come slowly.
        Throttle = "throttle",
        /// What a worker sends passes, and the answers are withheld.
        DropReply = "drop-reply",
        /// The webhook answers with an error, and applies nothing.
        Error = "error",
    }
}

impl Action {
    /// What the webhook can do to its callers.
    pub const OF_THE_WEBHOOK: [Action; 4] =
        [Action::Error, Action::Delay, Action::DropReply, Action::BlackHole];

    /// Whether it is done to a worker's link to a broker, by the proxy; some of these also by the webhook.
    pub const fn is_of_the_network(self) -> bool {
        matches!(
            self,
            Action::Cut
                | Action::BlackHole
                | Action::Reset
                | Action::Delay
                | Action::Throttle
                | Action::DropReply
        )
    }
}

words! {
    /// Which bytes a fault of the network concerns.
    Direction {
        /// Those of both sides.
        Both = "both",
        /// What workers send.
        ToBroker = "to-broker",
        /// What the broker sends.
        ToWorker = "to-worker",
    }
}

words! {
    /// Where effects become visible; see [`Sink`](super::Sink).
    SinkKind {
        /// The worker's own journal.
        Journal = "journal",
        /// An HTTP receiver inside the harness.
        Webhook = "webhook",
        /// A table in the run's database, without a key.
        Table = "table",
        /// A sum in the run's database.
        Balance = "balance",
        /// A topic of Kafka.
        Topic = "topic",
    }
}

words! {
    /// What a reader of a topic is handed.
    Isolation {
        /// Nothing of a transaction that is not committed.
        ReadCommitted = "read-committed",
        /// All that the log holds.
        ReadUncommitted = "read-uncommitted",
    }
}

words! {
    /// What stands between producers and consumers.
    Broker {
        /// nats-server.
        Nats = "nats",
        /// PostgreSQL.
        Postgres = "postgres",
        /// Kafka.
        Kafka = "kafka",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_read_as_they_are_shown<T: Word + PartialEq + fmt::Debug + for<'a> Deserialize<'a>>() {
        for word in T::ALL {
            let text = serde_json::Value::String(word.word().to_owned());
            assert_eq!(serde_json::from_value::<T>(text).ok(), Some(*word));
        }
    }

    #[test]
    fn words_are_read_as_they_are_shown() {
        are_read_as_they_are_shown::<Role>();
        are_read_as_they_are_shown::<VariantKind>();
        are_read_as_they_are_shown::<Resend>();
        are_read_as_they_are_shown::<Storage>();
        are_read_as_they_are_shown::<Retention>();
        are_read_as_they_are_shown::<Ack>();
        are_read_as_they_are_shown::<Action>();
        are_read_as_they_are_shown::<SinkKind>();
        are_read_as_they_are_shown::<Isolation>();
        are_read_as_they_are_shown::<Broker>();
        are_read_as_they_are_shown::<Contract>();
        are_read_as_they_are_shown::<Verdict>();
    }
}
