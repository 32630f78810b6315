//! The crash-proof record: what a worker did, where SIGKILL of the worker cannot take it away.
//!
//! One journal for each writing thread: a page of header, then entries of 16 bytes, appended by two plain
//! stores into mapped memory. [`Writer`] appends, [`Tail`] follows while it is written, [`read()`] reads what
//! is finished. The crate knows files and memory, and nothing of brokers.

mod allocate;
mod clock;
mod counter;
mod decoder;
mod error;
mod header;
mod reader;
mod shared;
mod tail;
mod writer;

pub use clock::now_ns;
pub use error::{BadPlace, Damage, Error, Foreign};
pub use header::{HEADER_BYTES, Header, POINT_NAME_MAX, POINTS_MAX, VERSION};
pub use reader::{Journal, read, read_from};
pub use tail::Tail;
pub use writer::{ENTRY_BYTES, Point, Writer};
