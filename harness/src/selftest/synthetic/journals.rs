//! Journals that cannot be read: what they held must not be taken for lost, nor for all right.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::PathBuf,
};

use journal::{Header, Writer};

use super::{Plant, runs::UNPROVEN};
use crate::{
    error::Error,
    selftest::{Sign, history::RUN},
    store::RunFolder,
};

/// All of them.
pub const ALL: &[Plant] = &[
    Plant {
        kind: "journal-garbage",
        sign: Sign::Reason("a journal cannot be read to its end:"),
        change: |history| {
            history.damage = Some(|folder| {
                let path = consumer(folder);
                let file = OpenOptions::new().write(true).open(&path).map_err(Error::file("open", &path))?;
                file.write_all_at(&[0xff; 16], 4_096 + 60 * 16).map_err(Error::file("write", &path))
            });
        },
        ..UNPROVEN
    },
    Plant {
        kind: "journal-truncated",
        sign: Sign::Reason("a journal cannot be read to its end:"),
        change: |history| {
            history.damage = Some(|folder| {
                let path = consumer(folder);
                let file = OpenOptions::new().write(true).open(&path).map_err(Error::file("open", &path))?;
                file.set_len(4_096 + 60 * 16).map_err(Error::file("cut", &path))
            });
        },
        ..UNPROVEN
    },
    Plant {
        kind: "journal-of-another-run",
        sign: Sign::Reason("a journal cannot be read to its end:"),
        change: |history| {
            history.damage = Some(|folder| {
                let header = Header { run: RUN + 1, writer: "consumer-9.0".to_owned() };
                Ok(Writer::create(&folder.journals().join("consumer-9.0.journal"), &header).map(drop)?)
            });
        },
        ..UNPROVEN
    },
    Plant {
        kind: "journal-missing",
        sign: Sign::Reason("a journal cannot be read to its end:"),
        change: |history| {
            history.damage = Some(|folder| {
                let path = consumer(folder);
                fs::remove_file(&path).map_err(Error::file("remove", &path))
            });
        },
        ..UNPROVEN
    },
];

fn consumer(folder: &RunFolder) -> PathBuf {
    folder.journals().join("consumer-0.0.journal")
}
