//! From words to entries, with everything that can be wrong on the way. Both readers use it.

use ledger::{BadEntry, Entry, Words};

use crate::{
    error::{BadPlace, Damage},
    header::HEADER_BYTES,
    writer::ENTRY_BYTES,
};

/// Reads entries in order, and remembers how far it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decoder {
    entries: u64,
    last_ns: u64,
}

impl Decoder {
    /// Byte offset of the next entry.
    #[inline]
    pub(crate) fn offset(&self) -> u64 {
        HEADER_BYTES as u64 + self.entries * ENTRY_BYTES as u64
    }

    /// Takes the next two words; `None` where nothing was written yet.
    ///
    /// A writer that was killed within an append may have left the second word alone.
    #[inline]
    pub(crate) fn take(&mut self, words: Words) -> Result<Option<Entry>, Damage> {
        if words[0] == 0 {
            return Ok(None);
        }
        let entry = Entry::decode(words).map_err(|bad| {
            self.damage(match bad {
                BadEntry::Kind(number) => BadPlace::Kind(number),
                BadEntry::Check => BadPlace::Check,
            })
        })?;
        if entry.time_ns < self.last_ns {
            return Err(self.damage(BadPlace::Time));
        }
        self.last_ns = entry.time_ns;
        self.entries += 1;
        Ok(Some(entry))
    }

    /// Damage at the next entry.
    pub(crate) fn damage(&self, what: BadPlace) -> Damage {
        Damage { offset: self.offset(), what }
    }
}

/// What has to stand behind the end: zeros, as far as the file was promised.
#[derive(Debug)]
pub(crate) struct Rest {
    /// Byte offset of what is looked at next.
    pub(crate) offset: u64,
    /// How long the file was made, in bytes.
    pub(crate) promised: u64,
}

impl Rest {
    /// Looks at the next piece of the file; an empty one is its end.
    pub(crate) fn look(&mut self, piece: &[u8]) -> Result<(), Damage> {
        if piece.is_empty() && self.offset < self.promised {
            let what = BadPlace::Truncated { promised: self.promised };
            return Err(Damage { offset: self.offset, what });
        }
        if let Some(place) = first_not_zero(piece) {
            return Err(Damage { offset: self.offset + place as u64, what: BadPlace::BehindTheEnd });
        }
        self.offset += piece.len() as u64;
        Ok(())
    }
}

fn first_not_zero(bytes: &[u8]) -> Option<usize> {
    // By words first: the part of a segment that was never written may be megabytes.
    let zeros = bytes.chunks_exact(8).take_while(|word| **word == [0; 8]).count() * 8;
    bytes[zeros..].iter().position(|byte| *byte != 0).map(|place| zeros + place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{Kind, MessageId};

    #[test]
    fn the_same_time_is_taken_and_an_earlier_one_is_not() {
        let at = |time_ns| Entry { kind: Kind::Acked, id: MessageId::new(0, 1), time_ns };
        let mut decoder = Decoder::default();
        assert_eq!(decoder.take(at(5).encode()), Ok(Some(at(5))));
        assert_eq!(decoder.take(at(5).encode()), Ok(Some(at(5))));
        assert_eq!(decoder.take([0, 77]), Ok(None));
        let damage = Damage { offset: 4096 + 32, what: BadPlace::Time };
        assert_eq!(decoder.take(at(4).encode()), Err(damage));
    }

    #[test]
    fn the_first_byte_behind_the_end_is_found() {
        let mut rest = Rest { offset: 100, promised: 137 };
        assert_eq!(rest.look(&[0; 37]), Ok(()));
        assert_eq!(rest.look(&[]), Ok(()));
        for place in 0..37 {
            let mut bytes = [0; 37];
            (bytes[place], bytes[36]) = (1, 1);
            let damage = Damage { offset: 100 + place as u64, what: BadPlace::BehindTheEnd };
            assert_eq!(Rest { offset: 100, promised: 137 }.look(&bytes), Err(damage));
        }
    }
}
