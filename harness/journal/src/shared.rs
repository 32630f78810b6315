//! Memory that several processes see.

use std::{
    fs::File,
    io,
    sync::atomic::{AtomicU64, Ordering},
};

use memmap2::{MmapOptions, MmapRaw};

/// A part of a file, mapped.
///
/// The part must stay inside the file: touching a page beyond its end is SIGBUS. So journals never
/// shrink, and a writer allocates on disk before it maps.
#[derive(Debug)]
pub(crate) struct Shared {
    map: MmapRaw,
}

impl Shared {
    /// Maps a part of the file for loads and stores.
    pub(crate) fn writable(file: &File, offset: u64, bytes: usize) -> io::Result<Self> {
        Ok(Self { map: MmapOptions::new().offset(offset).len(bytes).map_raw(file)? })
    }

    /// Maps a part of the file for loads only.
    pub(crate) fn readable(file: &File, offset: u64, bytes: usize) -> io::Result<Readable> {
        let map = MmapOptions::new().offset(offset).len(bytes).map_raw_read_only(file)?;
        Ok(Readable(Self { map }))
    }

    /// Bytes of the part.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    /// The word at `at` bytes from the start of the part.
    ///
    /// # Panics
    /// When it is not wholly inside, or `at` is not a multiple of 8.
    #[inline]
    pub(crate) fn word(&self, at: usize) -> &AtomicU64 {
        assert!(at.is_multiple_of(8) && at < self.len() && self.len() - at >= 8);
        // SAFETY: the word lies inside the mapping, which lives as long as `self`. It is aligned: parts
        // begin at multiples of 16 in the file, so also in memory, and `at` is a multiple of 8. Words are
        // shared with other processes, which access them as words too.
        unsafe { AtomicU64::from_ptr(self.map.as_mut_ptr().add(at).cast()) }
    }
}

/// A part of a file that cannot be stored to.
#[derive(Debug)]
pub(crate) struct Readable(Shared);

impl Readable {
    /// Loads the word at `at` bytes, and with it all that its writer stored before.
    #[inline]
    pub(crate) fn load(&self, at: usize) -> u64 {
        u64::from_le(self.0.word(at).load(Ordering::Acquire))
    }
}
