//! What each answer of PostgreSQL means for the message: the one place where this is decided.
//!
//! The rule: until COMMIT is sent, nothing can be committed, so every error before it is *rejected*, a lost connection
//! too. An error in answer to COMMIT itself is *rejected* only where the server says that it rolled back. Where the
//! connection was lost, or the session ended by the server, the commit may have been done: *unknown*.

use sqlx::{
    Error,
    postgres::{PgDatabaseError, PgSeverity},
};

use crate::Outcome;

/// A statement inside a transaction failed, or the transaction did not even begin. COMMIT is never sent then.
pub fn of_statement(_: &Error) -> Outcome {
    Outcome::Rejected
}

/// The answer to COMMIT, or to a statement without a transaction around it, which commits by itself.
pub fn of_commit(result: &Result<(), Error>) -> Outcome {
    match result {
        Ok(()) => Outcome::Acked,
        Err(error) if says_rolled_back(error) => Outcome::Rejected,
        Err(_) => Outcome::Unknown,
    }
}

/// Whether the server itself says that the transaction was rolled back.
///
/// An error of severity ERROR ends the transaction and keeps the session: a deferred constraint, a serialization
/// failure. FATAL ends the session, and that may happen right after the commit was done: "terminating connection".
fn says_rolled_back(error: &Error) -> bool {
    let Error::Database(error) = error else { return false };
    let Some(error) = error.try_downcast_ref::<PgDatabaseError>() else { return false };
    // 08: the connection; 40003: the server itself does not know whether the statement was completed.
    let unsure = error.code().starts_with("08") || error.code() == "40003";
    error.severity() == PgSeverity::Error && !unsure
}

/// Whether the same work may succeed later, on a new connection: the server went away, or took another transaction's side.
pub fn is_passing(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::Protocol(_) | Error::PoolTimedOut | Error::BeginFailed => true,
        Error::Database(error) => error.code().is_some_and(|code| {
            // Connection, rollback of one of two, resources (too many connections), operator (shutdown, starting up).
            ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_did_not_say_is_unknown() {
        let lost = || Error::Io(std::io::ErrorKind::UnexpectedEof.into());
        for error in [lost(), Error::Protocol("garbled".to_owned()), Error::WorkerCrashed] {
            assert_eq!(of_commit(&Err(error)), Outcome::Unknown);
        }
        assert_eq!(of_statement(&lost()), Outcome::Rejected, "COMMIT was not sent");
        assert_eq!(of_commit(&Ok(())), Outcome::Acked);
    }

    #[test]
    fn a_mistake_in_the_worker_does_not_pass() {
        assert!(is_passing(&Error::Io(std::io::ErrorKind::ConnectionRefused.into())));
        assert!(!is_passing(&Error::ColumnNotFound("payload".to_owned())));
    }
}
