//! Where a restarted producer goes on: behind all that it had attempted, as its own earlier journals say.

use std::{collections::BTreeSet, path::PathBuf};

use ledger::{Entry, Kind};

use crate::settings::{Error, Resend, Settings};

/// What is left to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Attempted before, fate unknown.
    pub unknown: BTreeSet<u32>,
    /// The first that was never attempted.
    pub next: u32,
}

impl Left {
    /// Adds the journal of one earlier life. Lives come in their order.
    pub fn after(&mut self, producer: u16, entries: &[Entry]) {
        for entry in entries.iter().filter(|entry| entry.id.producer == producer) {
            let seq = entry.id.seq;
            match entry.kind {
                Kind::Attempted => {
                    self.next = self.next.max(seq.saturating_add(1));
                    self.unknown.insert(seq);
                }
                Kind::Acked
                | Kind::Deduplicated
                | Kind::Rejected
                | Kind::Unconfirmed
                | Kind::ResolvedStored => {
                    self.unknown.remove(&seq);
                }
                _ => {}
            }
        }
    }

    /// What the earlier lives of this worker left to send, with the variant's will about unknown ids applied.
    ///
    /// # Errors
    /// An earlier journal is damaged, or of another run; or its path cannot be told.
    pub fn read(settings: &Settings) -> Result<Self, crate::Error> {
        let mut left = Self::default();
        for incarnation in 0..settings.incarnation {
            let path = journal_path(settings, incarnation)?;
            if !path.exists() {
                continue; // that life was killed before it had a journal, so before it attempted anything
            }
            let journal = journal::read(&path, Some(settings.run))?;
            if let Some(damage) = journal.damage {
                return Err(format!("cannot go on after {}: {damage}", path.display()).into());
            }
            left.after(settings.producer, &journal.entries);
        }
        if settings.resend == Resend::Never {
            left.unknown.clear();
        }
        Ok(left)
    }
}

/// The journal of one of this worker's lives: `<run>/journal/producer-0.<incarnation>.journal`.
///
/// # Errors
/// `HARNESS_JOURNAL` does not end with the present incarnation.
pub fn journal_path(settings: &Settings, incarnation: u32) -> Result<PathBuf, Error> {
    let present = settings.journal.to_string_lossy();
    let stem = present.strip_suffix(&format!(".{}", settings.incarnation)).ok_or_else(|| Error::Wrong {
        name: "HARNESS_JOURNAL",
        found: present.to_string(),
        expected: "a path that ends with a dot and the incarnation",
    })?;
    Ok(format!("{stem}.{incarnation}.journal").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::MessageId;
    use proptest::prelude::*;

    fn entries(producer: u16, told: &[(Kind, u32)]) -> Vec<Entry> {
        told.iter()
            .map(|&(kind, seq)| Entry { kind, id: MessageId::new(producer, seq), time_ns: 1 })
            .collect()
    }

    #[test]
    fn goes_on_behind_what_was_attempted() {
        use Kind::{Acked, Attempted, Delivered, Rejected, Unconfirmed};
        let mut left = Left::default();
        left.after(
            0,
            &entries(0, &[(Attempted, 0), (Attempted, 1), (Attempted, 2), (Acked, 1), (Attempted, 3)]),
        );
        assert_eq!(left, Left { unknown: [0, 2, 3].into(), next: 4 });
        left.after(
            0,
            &entries(0, &[(Attempted, 2), (Unconfirmed, 2), (Rejected, 0), (Attempted, 4), (Delivered, 9)]),
        );
        assert_eq!(left, Left { unknown: [3, 4].into(), next: 5 });
        left.after(0, &entries(1, &[(Attempted, 77)]));
        assert_eq!(left.next, 5, "another producer's");
    }

    proptest! {
        #[test]
        fn nothing_is_skipped_and_nothing_answered_is_sent_again(answered in proptest::collection::vec(any::<bool>(), 0..200)) {
            let mut told = Vec::new();
            for (seq, &answered) in answered.iter().enumerate() {
                told.push((Kind::Attempted, seq as u32));
                if answered {
                    told.push((Kind::Acked, seq as u32));
                }
            }
            let mut left = Left::default();
            left.after(4, &entries(4, &told));
            prop_assert_eq!(left.next as usize, answered.len());
            for (seq, &answered) in answered.iter().enumerate() {
                prop_assert_eq!(left.unknown.contains(&(seq as u32)), !answered);
            }
        }
    }
}
