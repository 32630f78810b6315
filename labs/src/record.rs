//! What is written down about each message, and what is left to send.

use journal::now_ns;
use ledger::{Kind, MessageId};

use crate::{
    control::Word,
    figures::Delays,
    resume::Left,
    settings::Settings,
    work::{Due, Work},
};

/// How many entries of a producer may share the time of the one before them.
const SAME_TIME: u8 = 3;

/// A worker's journal, its work and its delays. They belong to one thread, so nothing here waits for anybody.
#[derive(Debug)]
pub(crate) struct Record {
    journal: journal::Writer,
    /// The time of the journal's last entry.
    last_ns: u64,
    /// How many more entries may have `last_ns` for their time; see [`Record::sent`].
    present: u8,
    /// The points passed so far. The same literal is found by its address.
    points: Vec<(&'static str, journal::Point)>,
    work: Work,
    publish_ack: Delays,
    delivery: Delays,
}

impl Record {
    /// Nothing done yet.
    pub(crate) fn new(journal: journal::Writer, settings: &Settings, left: Left) -> Self {
        Self {
            journal,
            last_ns: now_ns(),
            present: 0,
            points: Vec::new(),
            work: Work::new(settings, left),
            publish_ack: Delays::default(),
            delivery: Delays::default(),
        }
    }

    /// The worker may begin: nothing was due before.
    pub(crate) fn begin(&mut self) {
        self.last_ns = now_ns();
    }

    /// Time may have passed that the kit knows nothing of: the worker waited, or was held.
    #[inline]
    pub(crate) fn time_passed(&mut self) {
        self.present = 0;
    }

    /// The next message if it is due; `None` when all are taken.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Due> {
        self.work.take(self.last_ns, now_ns)
    }

    /// Counts a passage of a point.
    #[inline]
    pub(crate) fn pass(&mut self, name: &'static str) -> Result<(), journal::Error> {
        self.present = 0;
        let known = self.points.iter().find(|(known, _)| std::ptr::eq(*known, name));
        let point = match known {
            Some((_, point)) => *point,
            None => self.first_passage(name)?,
        };
        self.journal.pass_again(point);
        Ok(())
    }

    #[cold]
    fn first_passage(&mut self, name: &'static str) -> Result<journal::Point, journal::Error> {
        let point = self.journal.point(name)?;
        self.points.push((name, point));
        Ok(point)
    }

    /// An entry with the present time, which is returned.
    #[inline]
    pub(crate) fn append(&mut self, kind: Kind, id: MessageId) -> Result<u64, journal::Error> {
        self.present = 0;
        self.last_ns = self.journal.append(kind, id)?;
        Ok(self.last_ns)
    }

    /// The entry of an attempt.
    #[inline]
    pub(crate) fn attempted(&mut self, id: MessageId) -> Result<(), journal::Error> {
        self.sent(Kind::Attempted, id)
    }

    /// The entry of an attempt's outcome where no broker answered.
    #[inline]
    pub(crate) fn outcome(&mut self, kind: Kind, id: MessageId) -> Result<(), journal::Error> {
        self.sent(kind, id)
    }

    /// An entry of a producer that may have the last entry's time.
    ///
    /// A clock costs more than all else here. So where such entries follow each other, and the worker neither waited nor
    /// passed a point in between, up to [`SAME_TIME`] of them share a reading: it is a microsecond old at most. A worker
    /// that works between the two, without waiting, passes a point there; the kit cannot see it otherwise.
    #[inline]
    fn sent(&mut self, kind: Kind, id: MessageId) -> Result<(), journal::Error> {
        match self.present.checked_sub(1) {
            Some(left) => {
                self.present = left;
                self.journal.append_at(ledger::Entry { kind, id, time_ns: self.last_ns })
            }
            None => {
                self.append(kind, id)?;
                self.present = SAME_TIME;
                Ok(())
            }
        }
    }

    /// As [`Record::outcome`], where the broker answered: the delay since the planned time counts.
    #[inline]
    pub(crate) fn answered(
        &mut self,
        kind: Kind,
        id: MessageId,
        planned_ns: u64,
    ) -> Result<(), journal::Error> {
        self.sent(kind, id)?;
        self.publish_ack.record(planned_ns, self.last_ns);
        Ok(())
    }

    /// The entry of a delivery; the delay since the planned time counts.
    #[inline]
    pub(crate) fn delivered(&mut self, id: MessageId, planned_ns: u64) -> Result<(), journal::Error> {
        let time_ns = self.append(Kind::Delivered, id)?;
        self.delivery.record(planned_ns, time_ns);
        Ok(())
    }

    /// Says the delays that were measured.
    pub(crate) fn say_delays(&self, mut say: impl FnMut(Word<'_>)) {
        self.publish_ack.say("publish_ack", &mut say);
        self.delivery.say("delivery", say);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times of what `act` writes down, clocks apart.
    fn times(act: impl FnOnce(&mut Record)) -> Vec<u64> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("producer-0.0.journal");
        let header = journal::Header { run: 1, writer: "producer-0.0".to_owned() };
        let settings =
            Settings::read(|name| Some("1".to_owned()).filter(|_| name != "HARNESS_RESEND")).unwrap();
        let writer = journal::Writer::create(&path, &header).unwrap();
        act(&mut Record::new(writer, &settings, Left::default()));
        journal::read(&path, Some(1)).unwrap().entries.iter().map(|entry| entry.time_ns).collect()
    }

    /// Until the clock shows another time.
    fn tick() {
        let now = now_ns();
        while now_ns() == now {}
    }

    #[test]
    fn a_few_entries_of_a_producer_that_does_not_wait_share_a_time() {
        let times = times(|record| {
            for seq in 0..5 {
                record.attempted(MessageId::new(0, seq)).unwrap();
                tick();
                record.outcome(Kind::Unconfirmed, MessageId::new(0, seq)).unwrap();
                tick();
            }
        });
        assert!(times[..4].iter().all(|time| *time == times[0]));
        assert!(times[3] < times[4], "then the clock is read again");
        assert!(times[4..8].iter().all(|time| *time == times[4]) && times[7] < times[8]);
    }

    #[test]
    fn an_answer_that_was_waited_for_has_its_own_time() {
        let times = times(|record| {
            record.attempted(MessageId::new(0, 0)).unwrap();
            record.time_passed();
            tick();
            record.answered(Kind::Acked, MessageId::new(0, 0), 0).unwrap();
        });
        assert!(times[0] < times[1]);
    }

    #[test]
    fn after_a_wait_or_a_point_an_attempt_has_a_time_of_its_own() {
        let between: [fn(&mut Record); 3] = [
            Record::time_passed,
            |record| record.pass("held").unwrap(),
            |record| record.append(Kind::Settled, MessageId::new(0, 9)).map(drop).unwrap(),
        ];
        for between in between {
            let times = times(|record| {
                record.outcome(Kind::Unconfirmed, MessageId::new(0, 0)).unwrap();
                between(record);
                tick();
                record.attempted(MessageId::new(0, 1)).unwrap();
            });
            assert!(times.first() < times.last());
        }
    }

    #[test]
    fn a_name_is_one_point_wherever_it_stands() {
        let other: &'static str = String::from("in-hand").leak();
        let mut passed = None;
        times(|record| {
            for name in ["in-hand", other, "applied", "in-hand"] {
                record.pass(name).unwrap();
            }
            passed = Some(["in-hand", "applied"].map(|name| record.journal.pass(name).unwrap()));
        });
        assert_eq!(passed, Some([4, 2]), "with the one that asked");
    }
}
