//! What each answer of the NATS client means for the message: the one place where this is decided.
//!
//! The rule: *rejected* only where it is certain that the server did not take the message. A time-out after the
//! message was handed to the connection is *unknown*: it may be in the stream now, later, or never.

use async_nats::{
    client::PublishError,
    jetstream::{
        self,
        context::{PublishError as JetstreamError, PublishErrorKind},
        publish::PublishAck,
    },
};

use crate::Outcome;

/// Core NATS: ok only means that the client took the message. Its errors are all found before that.
pub fn of_publish(result: &Result<(), PublishError>) -> Outcome {
    match result {
        Ok(()) => Outcome::Unconfirmed,
        Err(_) => Outcome::Rejected,
    }
}

/// JetStream, first step, where it failed: the message never entered the client's queue.
///
/// A time-out here is a certain no; the same kind of error in the second step is not.
pub fn of_unsent(_: &JetstreamError) -> Outcome {
    Outcome::Rejected
}

/// JetStream, second step: the server's ack, or what came instead.
pub fn of_ack(result: &Result<PublishAck, JetstreamError>) -> Outcome {
    let error = match result {
        Ok(ack) if ack.duplicate => return Outcome::Deduplicated,
        Ok(_) => return Outcome::Acked,
        Err(error) => error,
    };
    match error.kind() {
        // The server answered no, or nobody listens there ("no responders"); or the client never sent it.
        PublishErrorKind::StreamNotFound
        | PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::MaxAckPending
        | PublishErrorKind::MaxPayloadExceeded => Outcome::Rejected,
        PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => Outcome::Unknown,
        // Two things in one kind: an error that JetStream answered, and an answer that nobody can read.
        PublishErrorKind::Other => {
            let source = std::error::Error::source(error);
            let answered = source.is_some_and(|source| source.is::<jetstream::Error>());
            if answered { Outcome::Rejected } else { Outcome::Unknown }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ack_is_acked_and_a_duplicate_deduplicated() {
        assert_eq!(of_ack(&Ok(PublishAck::default())), Outcome::Acked);
        assert_eq!(
            of_ack(&Ok(PublishAck { duplicate: true, ..PublishAck::default() })),
            Outcome::Deduplicated
        );
    }

    #[test]
    fn what_nobody_knows_is_unknown() {
        for kind in [PublishErrorKind::TimedOut, PublishErrorKind::BrokenPipe, PublishErrorKind::Other] {
            assert_eq!(of_ack(&Err(JetstreamError::new(kind))), Outcome::Unknown, "{kind}");
        }
        let garbled = JetstreamError::with_source(PublishErrorKind::Other, "expected value at line 1");
        assert_eq!(of_ack(&Err(garbled)), Outcome::Unknown);
    }

    #[test]
    fn the_same_time_out_before_the_send_is_a_certain_no() {
        assert_eq!(of_unsent(&JetstreamError::new(PublishErrorKind::TimedOut)), Outcome::Rejected);
    }
}
