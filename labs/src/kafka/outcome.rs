//! What each report of the Kafka client means for the message: the one place where this is decided.
//!
//! The rule: *rejected* only where it is certain that no broker took the message. The client says of each message
//! whether it may have been persisted; the error alone does not tell, for a time-out before the first byte left and one
//! after the last byte left have the same code.

use std::fmt;

use rdkafka::{bindings::rd_kafka_msg_status_t, error::KafkaError, types::RDKafkaErrorCode};

use crate::Outcome;

/// When the broker answers a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// Never: the client says ok when it has written the message to the socket (`acks=0`).
    None,
    /// When all replicas that are in sync have the message (`acks=all`).
    All,
}

impl Acks {
    /// As the client's setting `acks` has it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::None => "0",
            Self::All => "all",
        }
    }
}

/// Whether the message may be in the broker's log: the client's own word, for success and failure alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persisted {
    /// It was never sent, or refused.
    No,
    /// It was sent, and no answer came. With `acks=0` every message is this.
    Possibly,
    /// The broker said so.
    Yes,
}

impl From<rd_kafka_msg_status_t> for Persisted {
    fn from(status: rd_kafka_msg_status_t) -> Self {
        match status {
            rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_NOT_PERSISTED => Self::No,
            rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED => Self::Possibly,
            rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_PERSISTED => Self::Yes,
        }
    }
}

/// The message never entered the client's queue: too large for the client, or the queue is full.
pub fn of_unsent(_: &KafkaError) -> Outcome {
    Outcome::Rejected
}

/// The client's report of a message that it took.
pub fn of_report(acks: Acks, error: Option<RDKafkaErrorCode>, persisted: Persisted) -> Outcome {
    let Some(error) = error else {
        return match acks {
            Acks::None => Outcome::Unconfirmed,
            Acks::All => Outcome::Acked,
        };
    };
    match persisted {
        Persisted::No if is_certain(error) => Outcome::Rejected,
        _ => Outcome::Unknown,
    }
}

/// Brokers give some errors for messages that they have written already; the client calls those not persisted.
fn is_certain(error: RDKafkaErrorCode) -> bool {
    !matches!(
        error,
        RDKafkaErrorCode::NotLeaderForPartition
            | RDKafkaErrorCode::NotEnoughReplicasAfterAppend
            | RDKafkaErrorCode::RequestTimedOut
            | RDKafkaErrorCode::NetworkException
    )
}

/// What an error in a transaction means for the instance that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Another instance of the same name has taken its place, or the broker gave its transaction up. The broker takes nothing
    /// of it any more, and nothing of its open transaction counts.
    Fenced,
    /// This transaction must be given up. The instance may begin another one.
    Abortable,
    /// The client is of no use any more, and whether the transaction counts is not known.
    Fatal,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fenced => "fenced: another instance has taken over, or the broker gave the transaction up",
            Self::Abortable => "this transaction has to be given up",
            Self::Fatal => "the client gives up",
        })
    }
}

/// The client's word on a step of a transaction. What is neither fenced nor said to be abortable is fatal: that is what the
/// client's manual asks for.
pub fn of_transaction(error: Option<RDKafkaErrorCode>, abortable: bool) -> Broken {
    use RDKafkaErrorCode::{Fenced, FencedInstanceId, InvalidProducerEpoch, ProducerFenced};
    match error {
        Some(Fenced | ProducerFenced | InvalidProducerEpoch | FencedInstanceId) => Broken::Fenced,
        _ if abortable => Broken::Abortable,
        _ => Broken::Fatal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_fenced_need_not_abort_and_who_need_not_abort_is_done_for() {
        let fenced = [
            RDKafkaErrorCode::Fenced,
            RDKafkaErrorCode::ProducerFenced,
            RDKafkaErrorCode::InvalidProducerEpoch,
            RDKafkaErrorCode::FencedInstanceId,
        ];
        for error in fenced {
            assert_eq!(of_transaction(Some(error), true), Broken::Fenced, "{error}");
        }
        let other = Some(RDKafkaErrorCode::MessageSizeTooLarge);
        assert_eq!(of_transaction(other, true), Broken::Abortable);
        assert_eq!(of_transaction(other, false), Broken::Fatal);
        assert_eq!(of_transaction(None, false), Broken::Fatal);
    }

    const TIMED_OUT: Option<RDKafkaErrorCode> = Some(RDKafkaErrorCode::MessageTimedOut);

    #[test]
    fn ok_is_an_ack_only_where_there_are_acks() {
        for persisted in [Persisted::Possibly, Persisted::Yes] {
            assert_eq!(of_report(Acks::All, None, persisted), Outcome::Acked);
            assert_eq!(of_report(Acks::None, None, persisted), Outcome::Unconfirmed);
        }
    }

    #[test]
    fn the_same_time_out_is_a_certain_no_only_before_the_send() {
        for acks in [Acks::None, Acks::All] {
            assert_eq!(of_report(acks, TIMED_OUT, Persisted::No), Outcome::Rejected);
            assert_eq!(of_report(acks, TIMED_OUT, Persisted::Possibly), Outcome::Unknown);
        }
    }

    #[test]
    fn what_a_broker_may_have_written_is_never_rejected() {
        let errors = [
            RDKafkaErrorCode::NotLeaderForPartition,
            RDKafkaErrorCode::NotEnoughReplicasAfterAppend,
            RDKafkaErrorCode::RequestTimedOut,
            RDKafkaErrorCode::NetworkException,
        ];
        for error in errors {
            assert_eq!(of_report(Acks::All, Some(error), Persisted::No), Outcome::Unknown, "{error}");
        }
        let too_large = Some(RDKafkaErrorCode::MessageSizeTooLarge);
        assert_eq!(of_report(Acks::All, too_large, Persisted::No), Outcome::Rejected);
        assert_eq!(of_report(Acks::All, TIMED_OUT, Persisted::Yes), Outcome::Unknown, "never seen, and odd");
    }
}
