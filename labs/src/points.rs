//! Named moments in a worker's life at which the harness may hold it.
//!
//! A point that nothing is armed at costs one atomic load here. An armed one stops its nth passage until it is
//! released, without blocking the thread: the client's connections go on.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::watch;

/// All points of a worker.
#[derive(Debug, Default)]
pub struct Points {
    /// Arms that have not fired. Changed only under the lock.
    armed: AtomicUsize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    points: HashMap<String, Point>,
    /// After `stop` nothing holds any more.
    closed: bool,
}

#[derive(Debug, Default)]
struct Point {
    arms: Vec<Arm>,
    /// How often it was released; a waiter waits for the next.
    releases: watch::Sender<u64>,
}

/// Fires at one passage, and is gone.
#[derive(Debug)]
struct Arm {
    nth: u64,
    passed: u64,
}

/// A passage that must wait.
#[derive(Debug)]
#[must_use = "a held passage waits for its release"]
pub struct Held {
    /// Which passage since the point was armed, from 1.
    pub passage: u64,
    releases: watch::Receiver<u64>,
}

impl Held {
    /// Waits for the release.
    pub async fn released(mut self) {
        // An error would mean that the points are gone, and then nobody holds.
        let _ = self.releases.changed().await;
    }
}

impl Points {
    /// Holds the `nth` passage of `name` from now (from 1). May be given several times.
    pub fn arm(&self, name: &str, nth: u64) {
        let mut table = self.table();
        if table.closed {
            return;
        }
        table.points.entry(name.to_owned()).or_default().arms.push(Arm { nth, passed: 0 });
        self.armed.fetch_add(1, Ordering::Release);
    }

    /// Lets go on whoever waits at `name` now. Nobody there is no error, and is not remembered.
    pub fn release(&self, name: &str) {
        if let Some(point) = self.table().points.get(name) {
            point.releases.send_modify(|releases| *releases += 1);
        }
    }

    /// Lets everyone go on, for good: the worker is to finish.
    pub fn close(&self) {
        let mut table = self.table();
        table.closed = true;
        for point in table.points.values_mut() {
            point.arms.clear();
            point.releases.send_modify(|releases| *releases += 1);
        }
        self.armed.store(0, Ordering::Release);
    }

    /// A passage of `name`. `None` is the common case: go on.
    #[inline]
    pub fn pass(&self, name: &str) -> Option<Held> {
        if self.armed.load(Ordering::Acquire) == 0 { None } else { self.pass_armed(name) }
    }

    #[cold]
    fn pass_armed(&self, name: &str) -> Option<Held> {
        let mut table = self.table();
        let point = table.points.get_mut(name)?;
        let mut fired = None;
        point.arms.retain_mut(|arm| {
            arm.passed += 1;
            let fires = arm.passed == arm.nth;
            if fires {
                fired = Some(arm.nth);
                self.armed.fetch_sub(1, Ordering::Release);
            }
            !fires
        });
        // Subscribed under the lock, so a release that comes right after the word is not missed.
        fired.map(|passage| Held { passage, releases: point.releases.subscribe() })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use proptest::prelude::*;

    fn passages(points: &Points, name: &str, count: u64) -> Vec<u64> {
        (1..=count).filter(|_| points.pass(name).is_some()).collect()
    }

    #[test]
    fn only_the_nth_passage_of_the_named_point_is_held() {
        let points = Points::default();
        assert!(points.pass("in-hand").is_none());
        points.arm("in-hand", 3);
        assert!(passages(&points, "applied", 5).is_empty());
        assert_eq!(passages(&points, "in-hand", 5), [3], "once, and counted from the arming");
        assert_eq!(points.armed.load(Ordering::Relaxed), 0, "back to the cheap way");
    }

    #[test]
    fn a_release_frees_who_waits_and_is_not_kept() {
        let points = Points::default();
        points.arm("in-hand", 1);
        points.arm("in-hand", 2);
        points.release("in-hand");
        points.release("nowhere");
        let mut first = Box::pin(points.pass("in-hand").unwrap().released());
        assert_eq!(first.as_mut().now_or_never(), None, "the release came before");
        let second = points.pass("in-hand").unwrap().released();
        points.release("in-hand");
        assert_eq!(first.now_or_never(), Some(()));
        assert_eq!(second.now_or_never(), Some(()));
    }

    #[test]
    fn stop_frees_everyone_for_good() {
        let points = Points::default();
        points.arm("in-hand", 1);
        points.arm("in-hand", 9);
        let held = points.pass("in-hand").unwrap().released();
        points.close();
        assert_eq!(held.now_or_never(), Some(()));
        points.arm("in-hand", 1);
        assert!(points.pass("in-hand").is_none());
    }

    proptest! {
        #[test]
        fn every_arm_fires_at_its_own_passage(mut arms in proptest::collection::vec(1_u64..20, 1..6)) {
            let points = Points::default();
            for &nth in &arms {
                points.arm("p", nth);
            }
            arms.sort_unstable();
            arms.dedup();
            prop_assert_eq!(passages(&points, "p", 20), arms);
        }
    }
}
