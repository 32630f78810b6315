//! The worker kit: what every lab's workers share, so that their own code is only the lesson.
//!
//! A worker is a program that may be killed at any moment. It is started by `harness run`, which gives it its
//! settings by environment and its orders on standard input, and reads its journal. The map:
//!
//! - [`kit`]: [`Kit`], the handle that worker code holds: next message, outcome, delivered, effect, point. **Start here.**
//! - [`message`]: what stands in a payload: the run's tag, the message id, the planned time.
//! - [`nats`]: a connection with the labs' options, the meaning of every client error, mailbox, pull and ack window.
//! - [`kafka`]: a producer whose reports become outcomes, and a member of a group that knows when it has read all.
//! - [`postgres`]: a connection that comes back, the meaning of every database error, polls, notifications.
//! - [`webhook`]: an effect outside: one HTTP call.
//! - [`settings`]: the environment, read once, with errors that say what to do.
//! - [`control`]: the line protocol: orders in, words out.
//! - [`points`]: named moments at which the harness may hold or kill a worker.
//! - [`orders`]: the orders so far; `record`: the journal and what goes with it.
//! - `work`: what a producer has still to send; [`pace`]: the open-loop schedule; [`resume`]: where a restarted one goes on.
//! - [`figures`]: the delays that a worker measures.
//!
//! Nothing here decides what is lost or duplicated: the kit writes down what happened, the harness judges.

pub mod control;
pub mod figures;
pub mod kafka;
pub mod kit;
pub mod message;
pub mod nats;
pub mod orders;
pub mod pace;
pub mod points;
pub mod postgres;
mod record;
pub mod resume;
pub mod settings;
pub mod webhook;
mod work;

pub use kit::{Kit, Outcome, run};
pub use message::Message;

/// Any error that ends a worker.
///
/// A worker only passes errors on, and its last word is the error's text, so one boxed type is
/// enough; where an error decides about a message, see [`nats::outcome`],
/// [`kafka::outcome`] and [`postgres::outcome`].
pub type Error = Box<dyn std::error::Error + Send + Sync>;
