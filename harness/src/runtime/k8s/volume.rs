//! Whether the volume with the journals is what journals need.

use std::path::Path;

use crate::error::Error;

/// File systems on which a mapped page of one machine is not that of another, or not mapped at all; from Linux's
/// include/uapi/linux/magic.h, and CIFS's and Ceph's own headers.
#[cfg(target_os = "linux")]
const OVER_THE_NETWORK: [(u32, &str); 7] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB2"),
    (0x00C3_6400, "Ceph"),
    (0x0102_1997, "9P"),
    (0x6573_5546, "FUSE"),
];

/// An error where the volume is not on a disk of the node.
pub fn refuse_network(folder: &Path) -> Result<(), Error> {
    match over_the_network(folder)? {
        None => Ok(()),
        Some(name) => Err(Error::NotRun {
            what: format!(
                "{} is on {name}: journals are shared memory, and that is not kept in step over a network",
                folder.display()
            ),
            mend: "name a storage class of the node's own disk: HARNESS_STORAGE_CLASS".to_owned(),
        }),
    }
}

#[cfg(target_os = "linux")]
fn over_the_network(folder: &Path) -> Result<Option<&'static str>, Error> {
    let found = rustix::fs::statfs(folder).map_err(|error| Error::file("look at", folder)(error.into()))?;
    Ok(name(found.f_type as u32))
}

#[cfg(not(target_os = "linux"))]
fn over_the_network(_folder: &Path) -> Result<Option<&'static str>, Error> {
    Ok(None)
}

#[cfg(target_os = "linux")]
fn name(kind: u32) -> Option<&'static str> {
    OVER_THE_NETWORK.iter().find(|(magic, _)| *magic == kind).map(|(_, name)| *name)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_disk_of_this_machine_is_taken_and_a_network_is_not() {
        assert!(refuse_network(Path::new("/")).is_ok());
        assert_eq!((name(0x6969), name(0xEF53)), (Some("NFS"), None), "ext4 is 0xEF53");
        assert!(refuse_network(Path::new("/nonexistent")).is_err());
    }
}
