//! The rhythm of a poller, and its answer to a drain.

use std::{sync::Arc, time::Duration};

use sqlx::PgConnection;
use tokio::{sync::watch, time::sleep};

use super::Cut;
use crate::{Kit, orders::Orders};

/// What a poll found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Something; there may be more at once.
    Some,
    /// Nothing that may be taken now, but something is left: another poller has it, or it may be taken later.
    NotYet,
    /// Nothing is left.
    Nothing,
}

/// A poller asks again at once after it found something, else after a pause.
pub struct Polls {
    kit: Kit,
    pause: Duration,
    pausing: bool,
    orders: watch::Receiver<Orders>,
    /// The newest drain mark when the present poll began.
    mark: Option<Arc<str>>,
    answered: Option<Arc<str>>,
    /// How many polls were begun.
    count: u64,
}

impl Polls {
    /// With this pause after a poll that found nothing.
    pub fn every(kit: &Kit, pause: Duration) -> Self {
        Self {
            kit: kit.clone(),
            pause,
            pausing: false,
            orders: kit.watch_orders(),
            mark: None,
            answered: None,
            count: 0,
        }
    }

    /// Begins the next poll, after the pause where one is due. `false` when the worker is told to finish.
    pub async fn next(&mut self) -> bool {
        if self.pausing {
            // A drain mark does not wake it: it comes when it would have come.
            tokio::select! {
                () = sleep(self.pause) => {}
                () = self.kit.stopped() => {}
            }
        }
        self.mark = self.orders.borrow_and_update().drain.clone();
        self.count += 1;
        !self.kit.stopping()
    }

    /// Takes what the poll found; `None` where the database did not answer. Nothing after a drain mark is the answer to it.
    pub fn found(&mut self, found: Option<Found>) {
        self.pausing = matches!(found, Some(Found::NotYet | Found::Nothing));
        if found == Some(Found::Nothing)
            && let Some(mark) = self.mark.take()
            && self.answered.as_ref() != Some(&mark)
        {
            self.kit.idle(&mark);
            self.answered = Some(mark);
        }
    }

    /// How many polls were begun.
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// What a poll that got nothing has found: whether there are rows that are not done. Only asked at a drain, for else
/// nobody wants to know.
///
/// # Errors
/// The database does not answer.
pub async fn left(kit: &Kit, connection: &mut PgConnection) -> Result<Found, Cut> {
    if !kit.draining() {
        return Ok(Found::Nothing);
    }
    let left: bool = sqlx::query_scalar("select exists (select from messages where not done)")
        .fetch_one(connection)
        .await?;
    Ok(if left { Found::NotYet } else { Found::Nothing })
}
