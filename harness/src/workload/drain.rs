//! The proof that nothing more will come: without it nobody may say "lost".

use std::time::Duration;

use tokio::time::Instant;

use super::worker::{Standing, Worker};
use crate::{
    broker::stores::Stores,
    error::Error,
    report::event::RunEvent,
    scenario::Role,
    stage::{Ended, INTERRUPTED_BOUND, Stage},
};

/// How long one asking for idleness may take before the sentinel is sent again: it may have been lost
/// with a connection that was being made anew. Each asking gets as much more time, up to eight times this: on a slow
/// machine a consumer needs it to ask its broker.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// How long nothing may move before a drain is given up, where the plan's limit is not shorter; a redelivery period comes
/// on top. While messages still go to their consumers, only the limit ends it: many small steps take as long as they take.
const STILL_BOUND: Duration = Duration::from_secs(20);

/// When a drain is given up.
struct Patience {
    began: Instant,
    /// How long nothing may move.
    still: Duration,
    /// When it is over, whatever moves.
    end: Instant,
}

impl Patience {
    fn begin(limit: Duration, redelivery: Duration) -> Self {
        let began = Instant::now();
        Self { began, still: STILL_BOUND.min(limit) + redelivery, end: began + limit + redelivery }
    }

    fn end_within(&mut self, bound: Duration) {
        self.end = self.end.min(Instant::now() + bound);
    }

    /// `moved` is when anything moved last: before the drain as well.
    fn is_over(&self, now: Instant, moved: Instant) -> bool {
        now > self.end || now > moved.max(self.began) + self.still
    }
}

impl Stage<'_> {
    /// Waits until the broker has nothing left and every consumer asked and got nothing. Says so, or says
    /// what was still there when the bound was hit.
    pub async fn drain(&mut self) -> Result<(), Error> {
        self.begin(crate::report::event::Phase::Drain)?;
        if self.broker_is_down_by_plan() {
            let left = "the broker was left as it was, with whatever it holds".to_owned();
            return self.events.emit(RunEvent::NotDrained { left });
        }
        let mut patience = Patience::begin(self.plan.limit, self.plan.redelivery_period());
        let mut hurried = false;
        let mut asked = 0;
        loop {
            if self.interrupted && !hurried {
                hurried = true;
                patience.end_within(INTERRUPTED_BOUND);
            }
            asked += 1;
            let left = match self.ask_for_drain(asked).await {
                Ok(proof) => match proof {
                    Ok(proof) => return self.events.emit(RunEvent::Drained { proof }),
                    Err(left) => left,
                },
                Err(error) => error.to_string(),
            };
            if patience.is_over(Instant::now(), self.moved) {
                return self.events.emit(RunEvent::NotDrained { left });
            }
            // Nothing to wait for but time: the broker is asked again at this pace.
            self.pump(Duration::from_millis(20), |_| false).await?;
        }
    }

    /// One round: the backlog, then every consumer, then the backlog again. `Err` in the inner result tells
    /// what is left.
    async fn ask_for_drain(&mut self, round: u32) -> Result<Result<String, String>, Error> {
        if let Some(left) = self.producers_at_work() {
            return Ok(Err(left));
        }
        if let Some(left) = self.connections_of_the_dead().await? {
            return Ok(Err(left));
        }
        if let Some(left) = self.stores.backlog(self.plan).await? {
            return Ok(Err(left));
        }
        let mark = format!("drain-{round}");
        let consumers = self.consumers_at_work();
        if let Some(left) = self.ask_consumers(&mark, ASK_AGAIN * round.min(8), &consumers).await? {
            return Ok(Err(left));
        }
        if let Some(left) = self.stores.backlog(self.plan).await? {
            return Ok(Err(left));
        }
        let of_the_broker = Stores::proof(self.plan);
        let idle = match consumers.len() {
            0 => "no consumer left to ask".to_owned(),
            _ => format!("{} asked after the last message and got nothing", consumers.join(", ")),
        };
        Ok(Ok(format!("{of_the_broker}{idle}")))
    }

    fn producers_at_work(&self) -> Option<String> {
        let busy = |place: &usize| {
            self.part(*place).spec.role == Role::Producer
                && matches!(
                    self.workers[*place].standing,
                    Standing::Starting | Standing::Ready | Standing::Going
                )
        };
        let place = (0..self.workers.len()).find(busy)?;
        Some(format!("{} has not sent all", self.workers[place].name))
    }

    /// The consumers to ask, by name.
    fn consumers_at_work(&mut self) -> Vec<String> {
        let places = 0..self.workers.len();
        let asked: Vec<_> = places.filter(|place| self.part(*place).spec.role != Role::Producer).collect();
        let alive: Vec<_> = asked
            .into_iter()
            .filter(|place| self.workers[*place].at_work() && self.workers[*place].alive())
            .collect();
        alive.into_iter().map(|place| self.workers[place].name.clone()).collect()
    }

    /// Whether something that a dead worker sent may still be on its way.
    async fn connections_of_the_dead(&mut self) -> Result<Option<String>, Error> {
        let dead: Vec<_> = self.workers.iter().flat_map(Worker::dead_lives).collect();
        self.stores.not_heard_out(self.brokers, &dead).await
    }

    /// Orders every consumer to say idle, and waits until all have.
    async fn ask_consumers(
        &mut self,
        mark: &str,
        bound: Duration,
        consumers: &[String],
    ) -> Result<Option<String>, Error> {
        for name in consumers {
            if let Some(place) = self.place_of(name) {
                self.workers[place].order(&format!("drain {mark}")).await;
            }
        }
        if !consumers.is_empty() {
            self.stores.send_sentinel(mark).await?;
        }
        let all_idle = |stage: &mut Self| {
            consumers.iter().all(|name| stage.idle.contains(&(name.clone(), mark.to_owned())))
        };
        let ended = self.pump(bound, all_idle).await?;
        let busy = consumers.iter().find(|name| !self.idle.contains(&((*name).clone(), mark.to_owned())));
        Ok(match (ended, busy) {
            (Ended::Reached, _) | (_, None) => None,
            (_, Some(name)) => Some(format!("{name} did not say that it got nothing more")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn who_still_moves_is_waited_for_up_to_the_limit() {
        let patience = Patience::begin(30 * SECOND, SECOND);
        let at = |seconds| patience.began + seconds * SECOND;
        assert!(!patience.is_over(at(21), patience.began) && patience.is_over(at(22), patience.began));
        assert!(
            !patience.is_over(at(21), patience.began - 60 * SECOND),
            "a drain is no standstill at its beginning"
        );
        assert!(!patience.is_over(at(31), at(30)) && patience.is_over(at(32), at(32)));
    }

    #[test]
    fn a_short_limit_and_an_interrupt_are_the_shorter_wait() {
        let mut patience = Patience::begin(4 * SECOND, Duration::ZERO);
        let at = patience.began + 5 * SECOND;
        assert!(patience.is_over(at, at));
        patience.end_within(SECOND);
        assert!(patience.is_over(patience.began + 2 * SECOND, patience.began + 2 * SECOND));
    }
}
