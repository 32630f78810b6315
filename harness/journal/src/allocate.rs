//! Making a file longer for certain: a store into a mapped page without a block behind it would be SIGBUS
//! on a full disk.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

use crate::error::Error;

/// Gives `bytes` bytes behind the end of the file, at `offset`, blocks on the disk; they read as zeros.
///
/// # Errors
/// There is no room. The earlier bytes are as they were.
pub(crate) fn allocate(file: &File, path: &Path, offset: u64, bytes: u64) -> Result<(), Error> {
    let outcome = match reserve(file, offset, bytes) {
        Err(error) if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput) => {
            write_zeros(file, offset, bytes)
        }
        outcome => outcome,
    };
    outcome.map_err(|error| full(error, "grow", path, bytes))
}

/// The error for a failed write of `bytes` bytes.
pub(crate) fn full(source: io::Error, what: &'static str, path: &Path, bytes: u64) -> Error {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Error::DiskFull { path: path.to_owned(), bytes }
        }
        _ => Error::File { what, path: path.to_owned(), source },
    }
}

#[cfg(target_os = "linux")]
fn reserve(file: &File, offset: u64, bytes: u64) -> io::Result<()> {
    use rustix::{
        fs::{FallocateFlags, fallocate},
        io::Errno,
    };
    loop {
        match fallocate(file, FallocateFlags::empty(), offset, bytes) {
            Err(Errno::INTR) => {} // a signal came; nothing was decided
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Err(io::ErrorKind::Unsupported.into()),
            outcome => return outcome.map_err(io::Error::from),
        }
    }
}

/// Elsewhere no one call gives blocks and length.
#[cfg(not(target_os = "linux"))]
fn reserve(_file: &File, _offset: u64, _bytes: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Where the file system cannot allocate: written zeros take blocks as well.
fn write_zeros(file: &File, offset: u64, bytes: u64) -> io::Result<()> {
    let zeros = [0; 65_536];
    let mut written = 0;
    while written < bytes {
        let part = zeros.len().min(usize::try_from(bytes - written).unwrap_or(usize::MAX));
        file.write_all_at(&zeros[..part], offset + written)?;
        written += part as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_lengthen_by_zeros_and_leave_the_rest() {
        let allocated = |file: &File| allocate(file, Path::new("a"), 5, 100_000).unwrap();
        let written = |file: &File| write_zeros(file, 5, 100_000).unwrap();
        for way in [&allocated as &dyn Fn(&File), &written] {
            let file = tempfile::tempfile().unwrap();
            file.write_all_at(b"start", 0).unwrap();
            way(&file);
            let mut bytes = vec![1; 100_005];
            file.read_exact_at(&mut bytes, 0).unwrap();
            assert_eq!(file.metadata().unwrap().len(), 100_005);
            assert_eq!(&bytes[..5], b"start");
            assert!(bytes[5..].iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn zeros_for_a_full_device_are_a_full_disk() {
        let device = File::options().write(true).open("/dev/full").unwrap();
        let error = full(write_zeros(&device, 0, 16).unwrap_err(), "grow", Path::new("a"), 16);
        assert!(matches!(error, Error::DiskFull { bytes: 16, .. }), "{error}");
    }
}
