//! What the webhook receiver makes of a call: which effect, which key, which answer.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hyper::StatusCode;
use journal::{Header, Writer};
use ledger::{Kind, MessageId};
use tokio::{sync::watch, time::sleep};

use super::identify;
use crate::error::Error;

/// The life name of the sink's journal.
pub const LIFE: &str = "sink-webhook";

/// How the receiver answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answers {
    /// As it should: the effect is applied, then the answer says so.
    #[default]
    Well,
    /// With an error, and nothing is applied.
    Errors,
    /// The effect is applied, and the answer comes so much later.
    Late(Duration),
    /// The effect is applied, and the connection closed without an answer.
    Lost,
    /// Nothing is applied, and nothing is answered as long as this lasts; then the connection is closed.
    Never,
}

/// No answer is to be sent: the connection is closed.
#[derive(Debug, thiserror::Error)]
#[error("the answer is withheld")]
pub struct Withheld;

/// Status and text of an answer.
pub type Answer = (StatusCode, &'static str);

/// What all connections to the receiver share.
#[derive(Debug)]
pub struct Desk {
    tag: String,
    /// It knows an idempotency key.
    keyed: bool,
    books: Mutex<Books>,
    answers: watch::Sender<Answers>,
    /// How many calls it did not answer well.
    disturbed: AtomicU64,
}

/// What was applied.
#[derive(Debug)]
struct Books {
    journal: Writer,
    keys: BTreeSet<String>,
}

impl Desk {
    /// With a journal of its own in this folder.
    pub fn open(journals: &Path, run: u64, tag: &str, keyed: bool) -> Result<Self, Error> {
        let header = Header { run, writer: LIFE.to_owned() };
        let journal = Writer::create(&journals.join(format!("{LIFE}.journal")), &header)?;
        Ok(Self {
            tag: tag.to_owned(),
            keyed,
            books: Mutex::new(Books { journal, keys: BTreeSet::new() }),
            answers: watch::Sender::default(),
            disturbed: AtomicU64::new(0),
        })
    }

    /// From now on it answers so.
    pub fn answer(&self, answers: Answers) {
        self.answers.send_replace(answers);
    }

    /// How many calls it has not answered well so far.
    pub fn disturbed(&self) -> u64 {
        self.disturbed.load(Ordering::Relaxed)
    }

    /// One call. The effect is written down before the answer: an answer that is lost takes no effect with it.
    pub async fn take(&self, key: Option<&str>, body: &[u8]) -> Result<Answer, Withheld> {
        let Some((kind, id)) = identify(body, &self.tag, Kind::Applied) else {
            return Ok((StatusCode::BAD_REQUEST, "the body is not a message of a lab\n"));
        };
        let answers = *self.answers.borrow();
        let applies = !matches!(answers, Answers::Errors | Answers::Never);
        let answer = self.enter(kind, id, key, applies);
        if answers != Answers::Well {
            self.disturbed.fetch_add(1, Ordering::Relaxed);
        }
        match answers {
            Answers::Well => Ok(answer),
            Answers::Errors => Ok((StatusCode::INTERNAL_SERVER_ERROR, "nothing was applied\n")),
            Answers::Late(by) => {
                sleep(by).await;
                Ok(answer)
            }
            Answers::Lost => Err(Withheld),
            Answers::Never => {
                // An error would mean that the receiver is gone, and then nobody answers either.
                let _ = self.answers.subscribe().wait_for(|now| *now != Answers::Never).await;
                Err(Withheld)
            }
        }
    }

    /// Writes down the call, where calls are counted, and its effect, unless its key is known.
    fn enter(&self, kind: Kind, id: MessageId, key: Option<&str>, applies: bool) -> Answer {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.keyed && key.is_some_and(|key| books.keys.contains(key));
        let call = (self.keyed && kind == Kind::Applied).then_some(Kind::Called);
        let effect = (applies && !known).then_some(kind);
        for kind in call.into_iter().chain(effect) {
            if let Err(error) = books.journal.append(kind, id) {
                tracing::error!("an effect could not be written down: {error}");
                return (StatusCode::INSUFFICIENT_STORAGE, "the effect could not be written down\n");
            }
        }
        if known {
            return (StatusCode::OK, "applied before\n");
        }
        books.keys.extend(key.filter(|_| self.keyed && applies).map(str::to_owned));
        (StatusCode::OK, "applied\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: u64 = 7;

    /// What these calls leave in the journal: kinds and sequences.
    async fn left(keyed: bool, act: impl AsyncFnOnce(&Desk)) -> Vec<(Kind, u32)> {
        let folder = tempfile::tempdir().expect("a folder");
        let desk = Desk::open(folder.path(), RUN, "t1", keyed).expect("a desk");
        act(&desk).await;
        let path = folder.path().join(format!("{LIFE}.journal"));
        let journal = journal::read(&path, Some(RUN)).expect("a journal");
        journal.entries.iter().map(|entry| (entry.kind, entry.id.seq)).collect()
    }

    async fn says(desk: &Desk, key: Option<&str>, body: &str) -> &'static str {
        desk.take(key, body.as_bytes()).await.map_or("nothing", |(_, text)| text.trim_end())
    }

    #[tokio::test]
    async fn a_receiver_that_knows_keys_applies_each_of_them_once() {
        let entries = left(true, async |desk| {
            assert_eq!(says(desk, Some("a"), "t1 0-3 5 ").await, "applied");
            assert_eq!(says(desk, Some("a"), "t1 0-3 5 ").await, "applied before");
            assert_eq!(says(desk, None, "t1 0-3 5 ").await, "applied", "without a key it cannot know");
            assert_eq!(says(desk, Some("a"), "t2 0-9 5 ").await, "applied before", "another run's");
        });
        use Kind::{Applied, Called};
        assert_eq!(entries.await, [(Called, 3), (Applied, 3), (Called, 3), (Called, 3), (Applied, 3)]);
    }

    #[tokio::test]
    async fn one_that_knows_no_keys_applies_every_call() {
        let entries = left(false, async |desk| {
            assert_eq!(says(desk, Some("a"), "t1 0-3 5 ").await, "applied");
            assert_eq!(says(desk, Some("a"), "t1 0-3 5 ").await, "applied");
            assert_eq!(says(desk, Some("a"), "hello").await, "the body is not a message of a lab");
        });
        assert_eq!(entries.await, [(Kind::Applied, 3), (Kind::Applied, 3)]);
    }

    #[tokio::test]
    async fn an_error_applies_nothing_and_does_not_remember_the_key() {
        let entries = left(true, async |desk| {
            desk.answer(Answers::Errors);
            let (status, _) = desk.take(Some("a"), b"t1 0-3 5 ").await.expect("an answer");
            assert_eq!((status, desk.disturbed()), (StatusCode::INTERNAL_SERVER_ERROR, 1));
            desk.answer(Answers::Well);
            assert_eq!(says(desk, Some("a"), "t1 0-3 5 ").await, "applied");
            assert_eq!(desk.disturbed(), 1);
        });
        assert_eq!(entries.await, [(Kind::Called, 3), (Kind::Called, 3), (Kind::Applied, 3)]);
    }

    #[tokio::test]
    async fn what_is_answered_late_or_not_at_all_is_applied_all_the_same() {
        let entries = left(true, async |desk| {
            desk.answer(Answers::Lost);
            assert_eq!(says(desk, Some("a"), "t1 0-3 5 ").await, "nothing");
            desk.answer(Answers::Late(Duration::from_millis(1)));
            assert_eq!(says(desk, Some("b"), "t1 0-4 5 ").await, "applied");
            assert_eq!(desk.disturbed(), 2);
        });
        use Kind::{Applied, Called};
        assert_eq!(entries.await, [(Called, 3), (Applied, 3), (Called, 4), (Applied, 4)]);
    }

    #[tokio::test]
    async fn one_that_never_answers_lets_go_when_that_is_over() {
        let entries = left(true, async |desk| {
            desk.answer(Answers::Never);
            let heal = async { desk.answer(Answers::Well) };
            // Polled in this order: the call waits before it is healed.
            let (said, ()) = tokio::join!(biased; says(desk, Some("a"), "t1 0-3 5 "), heal);
            assert_eq!(said, "nothing");
            assert_eq!(says(desk, Some("a"), "t1 0-3 5 ").await, "applied");
        });
        assert_eq!(entries.await, [(Kind::Called, 3), (Kind::Called, 3), (Kind::Applied, 3)]);
    }
}
