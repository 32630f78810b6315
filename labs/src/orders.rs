//! The orders so far: what the thread that hears them shares with the worker.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::watch;

use crate::{control::Order, points::Points};

/// The orders so far.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    go: bool,
    stop: bool,
    /// The newest drain mark.
    pub drain: Option<Arc<str>>,
}

impl Orders {
    /// Whether the worker may begin; also when it is to finish at once.
    pub(crate) fn may_begin(&self) -> bool {
        self.go || self.stop
    }

    /// Whether the worker is to finish.
    pub(crate) fn must_stop(&self) -> bool {
        self.stop
    }
}

/// Where orders arrive. Everything that a worker asks for every message is one atomic load.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    pub(crate) points: Points,
    pub(crate) orders: watch::Sender<Orders>,
    /// The same as in `orders`, to be asked for every message.
    stopping: AtomicBool,
    draining: AtomicBool,
}

impl Inbox {
    /// Takes one order.
    pub(crate) fn obey(&self, order: Order) {
        match order {
            Order::Arm { name, nth } => self.points.arm(&name, nth),
            Order::Release(name) => self.points.release(&name),
            Order::Go => self.orders.send_modify(|orders| orders.go = true),
            Order::Drain(mark) => {
                self.orders.send_modify(|orders| orders.drain = Some(mark.into()));
                self.draining.store(true, Ordering::Release);
            }
            Order::Stop => {
                self.stopping.store(true, Ordering::Release);
                self.orders.send_modify(|orders| orders.stop = true);
                self.points.close();
            }
        }
    }

    /// Whether `stop` was heard.
    #[inline]
    pub(crate) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Whether a drain mark was heard.
    #[inline]
    pub(crate) fn draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}
