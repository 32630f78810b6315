//! Where a server's files lie.
//!
//! Root's servers run as somebody else, who may not look into root's folders: their data lies outside of the session, in
//! the system's temporary folder. A note in the session's folder says where, so that `harness clean` finds it. A lock
//! says whether its harness is still there, so that the next server can tell as well, should the session be gone.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    time::Duration,
};

use super::user::User;
use crate::{
    error::Error,
    runtime::{guard::kill_marked, local::Local},
    store::{make_folder, write_whole},
};

/// How the folder is called in which all that one user's harness has outside of sessions lies.
const OURS: &str = "harness-postgres-";

/// The note in a broker's folder that says where its data is.
const NOTE: &str = "outside";

/// Held by the harness as long as it has the server.
const LOCK: &str = "lock";

/// Between making a lock and taking it there are microseconds.
const YOUNG: Duration = Duration::from_secs(60);

/// The folders of one server.
#[derive(Debug)]
pub struct Place {
    /// PostgreSQL's data, owned by whom the server runs as.
    pub data: PathBuf,
    /// Holds the data and the configuration, owned by us.
    pub around: PathBuf,
    /// Held where this is outside of the session's folder.
    outside: Option<File>,
}

impl Place {
    /// Makes the folders of a server whose session's folder is `folder`. The data folder is not there yet.
    pub fn make(local: &Local, folder: &Path, user: Option<&User>) -> Result<Self, Error> {
        make_folder(folder)?;
        if user.is_none() {
            return Ok(Self { data: folder.join("data"), around: folder.to_owned(), outside: None });
        }
        let ours = ours(user)?;
        sweep(&ours)?;
        let around = ours.join(format!("{}-{:08x}", local.mark(), rand::random::<u32>()));
        // First the note: a run may be killed at any moment.
        write_whole(&folder.join(NOTE), around.as_os_str().as_encoded_bytes())?;
        make_searchable(&around)?;
        let held = hold(&around).inspect_err(|_| drop(remove(&around)))?;
        Ok(Self { data: around.join("data"), around, outside: Some(held) })
    }

    /// Removes what is outside of the session's folder.
    pub fn remove_outside(&self) -> Result<(), Error> {
        if self.outside.is_some() { remove(&self.around) } else { Ok(()) }
    }

    /// Removes the data, wherever it is: after a start that failed for want of room it is in the way.
    pub fn remove_data(&self) -> Result<(), Error> {
        remove(&self.data)
    }
}

/// Makes the lock of a folder and takes it.
fn hold(around: &Path) -> Result<File, Error> {
    let lock = around.join(LOCK);
    let file = File::create_new(&lock).map_err(Error::file("create", &lock))?;
    file.lock().map_err(Error::file("lock", &lock))?;
    Ok(file)
}

/// Removes what the servers of a session left outside of its folder.
///
/// # Errors
/// When it cannot be removed; the message names it.
pub fn clean(session: &Path) -> Result<(), Error> {
    let Some(mark) = session.file_name().and_then(|name| name.to_str()) else { return Ok(()) };
    for broker in fs::read_dir(session).into_iter().flatten().flatten() {
        let Ok(note) = fs::read_to_string(broker.path().join(NOTE)) else { continue };
        if is_of(mark, Path::new(&note)) {
            remove(Path::new(&note))?;
        }
    }
    Ok(())
}

/// Removes what servers of a harness that is gone left here, whoever's session that was.
fn sweep(ours: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(ours).map_err(Error::file("read", ours))?.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let mark = name.to_str().and_then(|name| name.split_once('-')).map_or("", |(mark, _)| mark);
        let Ok(lock) = OpenOptions::new().write(true).open(path.join(LOCK)) else { continue };
        // One that is just being made is not locked yet.
        let made = lock.metadata().and_then(|metadata| metadata.modified()).ok();
        let is_old = made.is_some_and(|made| made.elapsed().is_ok_and(|age| age > YOUNG));
        if is_old && is_of(mark, &path) && lock.try_lock().is_ok() {
            tracing::info!("{} is left over: it is removed", path.display());
            kill_marked(mark);
            remove(&path)?;
        }
    }
    Ok(())
}

/// Whether a note names a folder that a server of this session made: nothing else may be removed.
fn is_of(mark: &str, outside: &Path) -> bool {
    let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let (Some(own), Some(parent)) = (name(outside), outside.parent().and_then(name)) else { return false };
    let is_mark = mark.len() >= 8 && mark.bytes().all(|byte| byte.is_ascii_hexdigit());
    let ordinary = is_mark && outside.components().all(|part| part.as_os_str() != "..");
    outside.is_absolute()
        && ordinary
        && parent.starts_with(OURS)
        && own.strip_prefix(mark).is_some_and(|rest| rest.starts_with('-'))
}

/// The folder for what is kept outside of sessions, made if it is not there: nobody else can write in it.
pub fn ours(user: Option<&User>) -> Result<PathBuf, Error> {
    let own = rustix::process::geteuid().as_raw();
    let temporary = temporary(user)?;
    let path = temporary.join(format!("{OURS}{own}"));
    match user {
        Some(_) => make_searchable(&path)?,
        None => make_private(&path)?,
    }
    let metadata = fs::symlink_metadata(&path).map_err(Error::file("look at", &path))?;
    if metadata.is_dir() && metadata.uid() == own && metadata.mode() & 0o022 == 0 {
        return Ok(path);
    }
    Err(Error::Other(format!(
        "{} is in the way: it is not a folder that only this user can write in\n  to mend it: remove it",
        path.display()
    )))
}

/// The system's temporary folder, or another where this one is closed to the user.
fn temporary(user: Option<&User>) -> Result<PathBuf, Error> {
    let first = env::temp_dir();
    let Some(user) = user else { return Ok(first) };
    let usable = |folder: &PathBuf| folder.ancestors().all(is_searchable);
    let folders = [first.clone(), "/tmp".into(), "/var/tmp".into()].into_iter();
    let mut real = folders.filter_map(|folder| folder.canonicalize().ok());
    real.find(usable).ok_or_else(|| Error::NotRun {
        what: format!(
            "PostgreSQL has to run as {}, and that user may not look into {}",
            user.name,
            first.display()
        ),
        mend: "name a folder in TMPDIR that everybody may look into".to_owned(),
    })
}

fn is_searchable(folder: &Path) -> bool {
    folder.metadata().is_ok_and(|metadata| metadata.mode() & 0o001 != 0)
}

/// Makes a folder through which others find what they own in it, and see nothing else.
pub fn make_searchable(path: &Path) -> Result<(), Error> {
    make(path, 0o711)
}

/// Makes a folder for us alone.
pub fn make_private(path: &Path) -> Result<(), Error> {
    make(path, 0o700)
}

/// Whatever the umask says: a folder gets this mode when it is made, and keeps what it has otherwise.
fn make(path: &Path, mode: u32) -> Result<(), Error> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(mode))
            .map_err(Error::file("change the mode of", path)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::file("create", path)(error)),
    }
}

/// Gives a file or folder to the user.
pub fn give(path: &Path, user: Option<&User>) -> std::io::Result<()> {
    user.map_or(Ok(()), |user| chown(path, Some(user.uid), Some(user.gid)))
}

/// Removes a folder; it need not be there.
pub fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::file("remove", path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_that_carries_the_sessions_mark_is_removed() {
        let mark = "0123456789abcdef";
        assert!(is_of(mark, Path::new("/tmp/harness-postgres-0/0123456789abcdef-00000001")));
        for other in [
            "",
            "/",
            "/tmp",
            "/tmp/harness-postgres-0",
            "/tmp/harness-postgres-0/template-15.1-00",
            "/tmp/harness-postgres-0/0123456789abcdef",
            "/tmp/harness-postgres-0/fedcba9876543210-00000001",
            "/tmp/something/0123456789abcdef-00000001",
            "harness-postgres-0/0123456789abcdef-00000001",
            "/tmp/../harness-postgres-0/0123456789abcdef-00000001",
        ] {
            assert!(!is_of(mark, Path::new(other)), "{other}");
        }
    }

    #[test]
    fn what_nobody_holds_any_more_is_swept_away_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let ours = folder.path().join("harness-postgres-0");
        let make = |name: &str, age: Duration| {
            fs::create_dir_all(ours.join(name).join("data")).unwrap();
            let lock = File::create(ours.join(name).join(LOCK)).unwrap();
            lock.set_modified(std::time::SystemTime::now() - age).unwrap();
            lock
        };
        let held = make("00000000000000cc-00000001", 2 * YOUNG);
        held.lock().unwrap();
        drop(make("00000000000000dd-00000001", 2 * YOUNG));
        drop(make("00000000000000ff-00000001", Duration::ZERO));
        drop(make("template-15.18-00", 2 * YOUNG));
        fs::create_dir(ours.join("00000000000000ee-00000001")).unwrap();
        sweep(&ours).unwrap();
        let mut left: Vec<_> = fs::read_dir(&ours).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        let stay = ["00000000000000cc-00000001", "00000000000000ee-00000001", "00000000000000ff-00000001"];
        assert_eq!(left, [&stay[..], &["template-15.18-00"]].concat());
    }

    #[test]
    fn what_a_note_names_is_removed_and_only_that() {
        let folder = tempfile::tempdir().unwrap();
        let mark = "00000000000000aa";
        let session = folder.path().join(mark);
        let base = folder.path().join("harness-postgres-0");
        let (own, stranger) = (base.join(format!("{mark}-1")), base.join("00000000000000bb-1"));
        for (broker, outside) in [("a", &own), ("b", &stranger), ("c", &base.join("not there"))] {
            fs::create_dir_all(session.join(broker)).unwrap();
            fs::write(session.join(broker).join(NOTE), outside.as_os_str().as_encoded_bytes()).unwrap();
        }
        for outside in [&own, &stranger] {
            fs::create_dir_all(outside.join("data")).unwrap();
        }
        clean(&session).unwrap();
        assert!(!own.exists() && stranger.exists());
    }
}
