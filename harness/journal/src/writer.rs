//! Appending: two plain stores into a mapped file. No system call but for a new segment.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

use ledger::{Entry, Kind, MessageId, Words};

use crate::{
    allocate::{allocate, full},
    clock::Clock,
    error::Error,
    header::{HEADER_BYTES, Header, LENGTH_AT, POINT_NAME_MAX, POINTS_MAX, slot_at},
    shared::Shared,
};

/// Bytes of an entry.
pub const ENTRY_BYTES: usize = size_of::<Words>();

/// The length of a new journal: small, so that a short lab stays small. Each segment doubles it.
const LENGTH_FIRST: u64 = 64 * 1024;

/// No segment is longer, unless [`Writer::reserve`] asks for it.
const SEGMENT_MAX: u64 = 4 * 1024 * 1024;

/// A point of one journal, to pass it without looking for its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point(usize);

/// A journal that is being written, by one thread.
///
/// What [`Writer::append`] returned for survives SIGKILL of the process: the mapped pages belong to the
/// kernel. It does not survive a power failure, and need not: then there is no run to judge.
#[derive(Debug)]
pub struct Writer {
    file: File,
    path: PathBuf,
    page: Shared,
    points: Vec<String>,
    segment: Shared,
    /// Where in the segment the next entry goes, in bytes.
    next: usize,
    /// Bytes of the file that have blocks on the disk.
    length: u64,
    clock: Clock,
    last_ns: u64,
}

impl Writer {
    /// Begins a journal in a new file, readable by its owner alone (mode 0600).
    ///
    /// Whenever this process is killed, there is a journal with a whole header or none; at most a draft,
    /// whose name ends in `.new`, is left.
    ///
    /// # Errors
    /// The file is there already, or there is no room for it.
    pub fn create(path: &Path, header: &Header) -> Result<Self, Error> {
        if path.try_exists().map_err(Error::file("create", path))? {
            return Err(Error::Exists { path: path.to_owned() });
        }
        let draft = path.with_added_extension("new");
        let mut options = File::options();
        options.read(true).write(true).create_new(true).mode(0o600);
        let file = options.open(&draft).map_err(|error| full(error, "create", &draft, LENGTH_FIRST))?;
        let writer = Self::begin(file, path, header).and_then(|writer| {
            // A link, unlike a rename, never takes the place of another file.
            fs::hard_link(&draft, path).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Error::Exists { path: path.to_owned() },
                _ => full(error, "create", path, LENGTH_FIRST),
            })?;
            Ok(writer)
        });
        let removed = fs::remove_file(&draft).map_err(Error::file("remove the draft of", &draft));
        writer.and_then(|writer| removed.map(|()| writer))
    }

    fn begin(file: File, path: &Path, header: &Header) -> Result<Self, Error> {
        allocate(&file, path, 0, LENGTH_FIRST)?;
        let page = header.page(LENGTH_FIRST);
        file.write_all_at(&page, 0).map_err(|error| full(error, "write", path, page.len() as u64))?;
        let page = map(&file, path, 0, HEADER_BYTES as u64)?;
        let segment = map(&file, path, HEADER_BYTES as u64, LENGTH_FIRST)?;
        let (path, points) = (path.to_owned(), Vec::new());
        let clock = Clock::new();
        Ok(Self { file, path, page, points, segment, next: 0, length: LENGTH_FIRST, clock, last_ns: 0 })
    }

    /// Writes an entry with the present time, and returns that time in nanoseconds of [`now_ns`](crate::now_ns).
    ///
    /// It differs from what that says by less than 2 µs: where it can, it counts the processor's ticks.
    ///
    /// # Errors
    /// A new segment was needed and could not be had: the disk is full. Nothing was written then, and the
    /// call may be repeated.
    #[inline]
    pub fn append(&mut self, kind: Kind, id: MessageId) -> Result<u64, Error> {
        self.make_room()?;
        let time_ns = self.clock.now_ns().max(self.last_ns);
        self.store(Entry { kind, id, time_ns });
        Ok(time_ns)
    }

    /// Writes an entry with a given time. A time before the last entry's becomes that one's.
    ///
    /// # Errors
    /// As for [`Writer::append`].
    #[inline]
    pub fn append_at(&mut self, entry: Entry) -> Result<(), Error> {
        self.make_room()?;
        self.store(Entry { time_ns: entry.time_ns.max(self.last_ns), ..entry });
        Ok(())
    }

    /// Makes room for at least `entries` more entries now, on disk and in memory, so that appending them
    /// waits for neither.
    ///
    /// # Errors
    /// As for [`Writer::append`].
    pub fn reserve(&mut self, entries: usize) -> Result<(), Error> {
        let free = self.segment.len() - self.next;
        let missing = entries.saturating_mul(ENTRY_BYTES).saturating_sub(free) as u64;
        if missing > 0 {
            self.grow(missing)?;
        }
        // The kernel provides a page when it is first stored to. Nothing is written here yet: zeros stay.
        for at in (self.next..self.segment.len()).step_by(HEADER_BYTES) {
            self.segment.word(at).store(0, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Counts one passage of a point, and returns how many there were in this journal.
    ///
    /// # Errors
    /// More than 96 points, or a name that is empty, longer than 24 bytes or has a zero byte.
    pub fn pass(&mut self, point: &str) -> Result<u64, Error> {
        let point = self.point(point)?;
        Ok(self.pass_again(point))
    }

    /// The point of this name, made where there is none. Nothing is counted yet.
    ///
    /// # Errors
    /// As for [`Writer::pass`].
    pub fn point(&mut self, name: &str) -> Result<Point, Error> {
        match self.points.iter().position(|known| known == name) {
            Some(slot) => Ok(Point(slot)),
            None => self.new_point(name).map(Point),
        }
    }

    /// Counts one passage of a point of this journal, and returns how many there were.
    #[inline]
    pub fn pass_again(&mut self, point: Point) -> u64 {
        let count = self.page.word(slot_at(point.0));
        let passed = u64::from_le(count.load(Ordering::Relaxed)) + 1;
        count.store(passed.to_le(), Ordering::Release);
        passed
    }

    #[cold]
    fn new_point(&mut self, point: &str) -> Result<usize, Error> {
        let error = |what| Error::Point { path: self.path.clone(), what };
        if self.points.len() == POINTS_MAX {
            return Err(error(format!(
                "no room for the point `{point}`: a journal has room for {POINTS_MAX}; use a name again"
            )));
        }
        if point.is_empty() || point.len() > POINT_NAME_MAX || point.contains('\0') {
            return Err(error(format!(
                "a point's name has 1 to {POINT_NAME_MAX} bytes and no zero byte; `{}` has {} bytes",
                point.escape_debug(),
                point.len()
            )));
        }
        let slot = self.points.len();
        // The name is there before the first count makes the slot valid.
        let at = slot_at(slot) as u64 + 8;
        self.file.write_all_at(point.as_bytes(), at).map_err(Error::file("write", &self.path))?;
        self.points.push(point.to_owned());
        Ok(slot)
    }

    #[inline]
    fn make_room(&mut self) -> Result<(), Error> {
        if self.next == self.segment.len() { self.grow(0) } else { Ok(()) }
    }

    /// Needs room in the segment, and a time that does not go back.
    #[inline]
    fn store(&mut self, entry: Entry) {
        let [first, second] = entry.encode();
        // Second word first, and each after all before it: who sees the first word sees the whole entry,
        // and no entry comes to stand behind a gap.
        self.segment.word(self.next + 8).store(second.to_le(), Ordering::Release);
        self.segment.word(self.next).store(first.to_le(), Ordering::Release);
        self.next += ENTRY_BYTES;
        self.last_ns = entry.time_ns;
    }

    /// Makes the file longer by a segment, of at least `missing` bytes, and maps all that is free.
    #[cold]
    fn grow(&mut self, missing: u64) -> Result<(), Error> {
        let bytes = self.length.min(SEGMENT_MAX).max(missing.next_multiple_of(LENGTH_FIRST));
        allocate(&self.file, &self.path, self.length, bytes)?;
        let free = (self.segment.len() - self.next) as u64;
        let segment = map(&self.file, &self.path, self.length - free, self.length + bytes)?;
        (self.segment, self.next, self.length) = (segment, 0, self.length + bytes);
        // Promised only now that it is there, and before the first entry in it.
        self.page.word(LENGTH_AT).store(self.length.to_le(), Ordering::Release);
        Ok(())
    }
}

fn map(file: &File, path: &Path, from: u64, to: u64) -> Result<Shared, Error> {
    Shared::writable(file, from, (to - from) as usize).map_err(Error::file("map", path))
}
