//! A session that listens for notifications, and can say when it has heard all.

use std::sync::Arc;

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::watch;

use super::database;
use crate::{Error, Kit, orders::Orders};

/// What a notification of the kit's own begins with. No lab notifies such a text.
const MARK: &str = "mark ";

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A notification: its text.
    Notification(String),
    /// The session ended. What is notified until [`Listener::listen`] is heard by nobody.
    Lost,
    /// Everything that was notified before this drain mark has been heard.
    Mark(Arc<str>),
}

/// The listening session. It does not come back by itself: that is the worker's decision.
pub struct Listener {
    kit: Kit,
    channel: &'static str,
    session: Option<PgListener>,
    orders: watch::Receiver<Orders>,
    /// The newest mark that was sent through this session.
    sent: Option<Arc<str>>,
}

impl Listener {
    /// For this channel; it does not listen yet.
    pub fn of(kit: &Kit, channel: &'static str) -> Self {
        Self { kit: kit.clone(), channel, session: None, orders: kit.watch_orders(), sent: None }
    }

    /// Opens a session and listens: what is committed from here on is heard. Waits for a server that is being restarted.
    ///
    /// # Errors
    /// The server does not let us in, or is not back in time.
    pub async fn listen(&mut self) -> Result<(), Error> {
        let options = database::options(&self.kit)?;
        let session = database::patiently(&options, async || {
            // The client wants a pool. It is for this one session.
            let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
            let mut session = PgListener::connect_with(&pool.connect_with(options.clone()).await?).await?;
            session.eager_reconnect(false);
            session.listen(self.channel).await?;
            Ok(session)
        });
        (self.session, self.sent) = (Some(session.await?), None);
        Ok(())
    }

    /// Waits for what comes next. `None` when the worker is told to finish.
    pub async fn next(&mut self) -> Option<Heard> {
        loop {
            if self.kit.stopping() {
                return None;
            }
            let drain = self.orders.borrow_and_update().drain.clone();
            let Some(session) = &mut self.session else { return Some(Heard::Lost) };
            if drain.is_some() && drain != self.sent {
                self.sent = drain;
                // Notifications come in the order of their commits: behind all that was committed before it.
                let mark = sqlx::query("select pg_notify($1, $2)")
                    .bind(self.channel)
                    .bind(mark_text(&self.kit, &self.sent));
                if let Err(error) = mark.execute(session).await {
                    tracing::info!("PostgreSQL: {error}");
                    self.session = None;
                }
                continue;
            }
            let heard = tokio::select! {
                biased;
                heard = session.try_recv() => heard,
                _ = self.orders.changed() => continue,
            };
            match heard {
                Ok(Some(notification)) if notification.payload() == mark_text(&self.kit, &self.sent) => {
                    return self.sent.clone().map(Heard::Mark);
                }
                // Another listener's mark.
                Ok(Some(notification)) if notification.payload().starts_with(MARK) => {}
                Ok(Some(notification)) => {
                    return Some(Heard::Notification(notification.payload().to_owned()));
                }
                Ok(None) => self.session = None,
                Err(error) => {
                    tracing::info!("PostgreSQL: the listening session ended: {error}");
                    self.session = None;
                }
            }
        }
    }
}

/// The text that this listener sends itself: after the drain mark, through the same queue.
fn mark_text(kit: &Kit, mark: &Option<Arc<str>>) -> String {
    let settings = kit.settings();
    let mark = mark.as_deref().unwrap_or_default();
    format!("{MARK}{}.{} {mark}", settings.worker, settings.incarnation)
}
