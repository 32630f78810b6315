//! What a producer has still to send, and when.

use ledger::MessageId;

use crate::{message::Message, pace::Pace, resume::Left, settings::Settings};

/// A producer's messages: first the unknown ones of earlier lives, then what was never attempted.
#[derive(Debug)]
pub(crate) struct Work {
    left: Left,
    messages: u32,
    producer: u16,
    rate: u32,
    pace: Option<Pace>,
}

/// The next message.
#[derive(Debug)]
pub(crate) enum Due {
    /// Here it is.
    Now(Message),
    /// It is due in so many nanoseconds. Nothing was taken.
    In(u64),
}

impl Work {
    /// The work that is left.
    pub(crate) fn new(settings: &Settings, left: Left) -> Self {
        Self {
            left,
            messages: settings.messages,
            producer: settings.producer,
            rate: settings.rate,
            pace: None,
        }
    }

    /// Takes the next message if it is due; `None` when all are taken. The schedule starts with the first call.
    ///
    /// `last_ns` is when the worker last wrote something down: a clock is only read where there is a rate.
    #[inline]
    pub(crate) fn take(&mut self, last_ns: u64, now_ns: impl Fn() -> u64) -> Option<Due> {
        if self.left.unknown.is_empty() && self.left.next >= self.messages {
            return None;
        }
        let pace = self.pace.get_or_insert_with(|| Pace::new(now_ns(), self.rate));
        let planned_ns = pace.planned_ns().unwrap_or(last_ns);
        if self.rate > 0 {
            let now_ns = now_ns();
            if planned_ns > now_ns {
                return Some(Due::In(planned_ns - now_ns));
            }
        }
        pace.advance();
        let seq = self.left.unknown.pop_first().unwrap_or_else(|| {
            let next = self.left.next;
            self.left.next += 1;
            next
        });
        Some(Due::Now(Message { id: MessageId::new(self.producer, seq), planned_ns }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(rate: u32, left: Left) -> Work {
        let look_up = |name: &str| match name {
            "HARNESS_RUN" => Some("1".to_owned()),
            "HARNESS_MESSAGES" => Some("6".to_owned()),
            "HARNESS_RATE" => Some(rate.to_string()),
            _ => Some("5".to_owned()).filter(|_| !name.starts_with("HARNESS_RESEND")),
        };
        Work::new(&Settings::read(look_up).unwrap(), left)
    }

    fn taken(work: &mut Work, now_ns: u64) -> Option<u32> {
        match work.take(now_ns, || now_ns)? {
            Due::Now(message) => Some(message.id.seq),
            Due::In(_) => None,
        }
    }

    #[test]
    fn the_unknown_come_first_and_then_the_new_ones() {
        let mut work = work(0, Left { unknown: [1, 3].into(), next: 4 });
        let seqs: Vec<_> = std::iter::from_fn(|| taken(&mut work, 9)).collect();
        assert_eq!(seqs, [1, 3, 4, 5]);
        assert!(work.take(9, || 9).is_none(), "all are taken");
    }

    #[test]
    fn a_message_that_is_not_due_stays() {
        let mut work = work(1_000, Left::default());
        assert_eq!(taken(&mut work, 0), Some(0), "the first one is due at once");
        for _ in 0..3 {
            assert!(matches!(work.take(0, || 999_000), Some(Due::In(1_000))));
        }
        assert_eq!(taken(&mut work, 1_000_000), Some(1));
    }

    #[test]
    fn what_is_late_is_sent_at_once_and_keeps_its_planned_time() {
        let mut work = work(1_000, Left::default());
        assert_eq!(taken(&mut work, 0), Some(0));
        for seq in 1..=3 {
            let Some(Due::Now(message)) = work.take(0, || 3_000_000) else { panic!("{seq} is late") };
            assert_eq!((message.id.seq, message.planned_ns), (seq, u64::from(seq) * 1_000_000));
        }
        assert_eq!(taken(&mut work, 3_000_000), None, "caught up");
    }

    #[test]
    fn without_a_rate_a_message_was_due_when_the_last_thing_was_done() {
        let mut work = work(0, Left::default());
        let Some(Due::Now(message)) = work.take(77, || 900) else { panic!("always due") };
        assert_eq!(message.planned_ns, 77);
    }
}
