//! Bits about 65,536 consecutive ids of one producer: one bit set per field, made when it is first needed.

/// How many ids one chunk is about: sequences that share their upper 16 bits.
pub(crate) const CHUNK_IDS: u32 = 1 << 16;
/// 64-bit words of one field in a chunk: 8 KiB.
pub(crate) const WORDS: usize = CHUNK_IDS as usize / 64;
/// How many fields there are.
pub(crate) const FIELDS: usize = 21;

/// What one bit says of one id. The first group says that there is an entry of this kind, in the order of
/// [`crate::Kind`]; the second group is what only the fold can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Field {
    Attempted,
    /// The broker has it: an ack, or the answer "duplicate".
    Acked,
    Rejected,
    Unconfirmed,
    Deduplicated,
    ResolvedStored,
    ResolvedAbsent,
    Delivered,
    Reported,
    Settled,
    Crossed,
    Applied,
    Called,
    Stored,
    GivenUp,

    /// Attempted, and in that journal not closed since.
    Open,
    /// Attempted again while open. Sticky: a later answer may be to either attempt.
    Unknown,
    /// Delivered more than once.
    Redelivered,
    /// Applied more than once.
    Duplicated,
    /// Stored more than once.
    StoredAgain,
    /// The first delivery in some journal came after a higher sequence there.
    Reordered,
}

/// One field of a chunk.
pub(crate) type Bits = [u64; WORDS];

/// All that is known of 65,536 consecutive ids.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunk {
    fields: [Option<Box<Bits>>; FIELDS],
}

impl Chunk {
    /// 64 ids of one field.
    #[inline]
    pub fn word(&self, field: Field, index: usize) -> u64 {
        self.fields[field as usize].as_ref().map_or(0, |bits| bits[index])
    }

    /// The same 64 ids in every field, for each 64 ids of which something is known, with their place.
    pub fn rows(&self) -> impl Iterator<Item = (usize, [u64; FIELDS])> {
        let filled =
            || self.fields.iter().enumerate().filter_map(|(field, bits)| Some((field, bits.as_ref()?)));
        let mut known = [0; WORDS];
        for (_, bits) in filled() {
            known.iter_mut().zip(bits.iter()).for_each(|(known, word)| *known |= word);
        }
        (0..WORDS).filter(move |index| known[*index] != 0).map(move |index| {
            let mut row = [0; FIELDS];
            filled().for_each(|(field, bits)| row[field] = bits[index]);
            (index, row)
        })
    }

    /// Sets the bit of one id; says whether it was clear.
    #[inline]
    pub fn set(&mut self, field: Field, at: Place) -> bool {
        let bits = self.fields[field as usize].get_or_insert_with(zeroes);
        let word = &mut bits[at.index()];
        let clear = *word & at.mask() == 0;
        *word |= at.mask();
        clear
    }

    /// Clears the bit of one id.
    #[inline]
    pub fn clear(&mut self, field: Field, at: Place) {
        if let Some(bits) = &mut self.fields[field as usize] {
            bits[at.index()] &= !at.mask();
        }
    }

    /// Whether the bit of one id is set.
    #[inline]
    pub fn has(&self, field: Field, at: Place) -> bool {
        self.word(field, at.index()) & at.mask() != 0
    }

    /// Adds the ids of `other`; says for each field how many are new in it. What is once in both is twice here.
    pub fn merge(&mut self, other: &Self) -> [u64; FIELDS] {
        let mut new = [0; FIELDS];
        for (once, twice) in TWICE {
            let (Some(mine), Some(theirs)) = (&self.fields[once as usize], &other.fields[once as usize])
            else {
                continue;
            };
            if mine.iter().zip(theirs.iter()).all(|(mine, theirs)| mine & theirs == 0) {
                continue;
            }
            let mut both = mine.clone();
            both.iter_mut().zip(theirs.iter()).for_each(|(both, theirs)| *both &= theirs);
            new[twice as usize] += self.add(twice as usize, &both);
        }
        for (field, theirs) in other.fields.iter().enumerate() {
            if let Some(theirs) = theirs {
                new[field] += self.add(field, theirs);
            }
        }
        new
    }

    fn add(&mut self, field: usize, theirs: &Bits) -> u64 {
        let mine = self.fields[field].get_or_insert_with(zeroes);
        let mut new = 0;
        for (mine, theirs) in mine.iter_mut().zip(theirs) {
            new += u64::from((theirs & !*mine).count_ones());
            *mine |= theirs;
        }
        new
    }

    /// What the bit sets take, in bytes.
    pub fn bytes(&self) -> usize {
        self.fields.iter().flatten().count() * size_of::<Bits>()
    }
}

/// The fields that count to two, and where the second time goes.
const TWICE: [(Field, Field); 3] = [
    (Field::Delivered, Field::Redelivered),
    (Field::Applied, Field::Duplicated),
    (Field::Stored, Field::StoredAgain),
];

fn zeroes() -> Box<Bits> {
    Box::new([0; WORDS])
}

/// Where an id's bit lies in its chunk.
#[derive(Clone, Copy)]
pub(crate) struct Place(u16);

impl Place {
    /// Of this sequence.
    #[inline]
    pub fn of(seq: u32) -> Self {
        Self(seq as u16)
    }

    #[inline]
    fn index(self) -> usize {
        usize::from(self.0) / 64
    }

    #[inline]
    fn mask(self) -> u64 {
        1 << (self.0 % 64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_is_new_once() {
        let mut chunk = Chunk::default();
        let at = Place::of(CHUNK_IDS + 65);
        assert!(chunk.set(Field::Acked, at));
        assert!(!chunk.set(Field::Acked, at));
        assert_eq!(chunk.word(Field::Acked, 1), 2);
        chunk.clear(Field::Acked, at);
        chunk.clear(Field::Stored, at);
        assert!(!chunk.has(Field::Acked, at));
        assert_eq!(chunk.bytes(), size_of::<Bits>());
    }

    #[test]
    fn once_here_and_once_there_is_twice() {
        let (mut one, mut other) = (Chunk::default(), Chunk::default());
        for (chunk, seqs) in [(&mut one, [1, 2]), (&mut other, [2, 3])] {
            for seq in seqs {
                chunk.set(Field::Applied, Place::of(seq));
            }
        }
        let new = one.merge(&other);
        assert_eq!(one.word(Field::Applied, 0), 0b1110);
        assert_eq!(one.word(Field::Duplicated, 0), 0b0100);
        assert_eq!((new[Field::Applied as usize], new[Field::Duplicated as usize]), (1, 1));
        assert!(one.fields[Field::Redelivered as usize].is_none());
    }
}
