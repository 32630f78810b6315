//! Data folders: made once by initdb for each PostgreSQL and user, then copied for each server.
//!
//! A template is made beside its place and renamed, under a lock: one half made by a killed run is never used. It says
//! how many files and bytes it has, since systems clean their temporary folders file by file.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{cause, install::PostgresServer, launch::said_since, mend, place, user::User};
use crate::{
    error::{Error, LogTail},
    runtime::{
        local::{Input, Local},
        process::wait_for,
    },
};

/// initdb takes under a second on an idle machine.
const INIT_BOUND: Duration = Duration::from_secs(60);

/// Copying 20 MB takes 0.1 s, and 0.8 s on a busy disk.
const COPY_BOUND: Duration = Duration::from_secs(60);

/// What initdb is told. `--no-sync` since a template that a power failure damages is made anew.
const ARGUMENTS: [&str; 7] = [
    "--no-sync",
    "--locale=C",
    "--encoding=UTF8",
    "--auth=scram-sha-256",
    "--username=postgres",
    "--wal-segsize=1",
    "--no-instructions",
];

/// How templates are made. To be counted up with every change of it: one that was made otherwise is not used then.
const FORM: u32 = 2;

/// Takes away the database that nobody needs. PostgreSQL by itself takes statements from its standard input, one a line,
/// and ends in order; it says in its log what it does not like.
const DROP_TEMPLATE0: &str = r#"exec "$0" --single -D "$1" -c fsync=off -c log_checkpoints=off template1 <<END
UPDATE pg_database SET datistemplate = false WHERE datname = 'template0'
DROP DATABASE template0
END"#;

/// The databases that are left: `template1` and `postgres`.
const DATABASES: usize = 2;

/// A data folder that was never used.
#[derive(Debug)]
pub struct Template {
    path: PathBuf,
    /// The password of its only role.
    pub secret: String,
}

/// How much a folder holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Content {
    files: u64,
    bytes: u64,
}

impl std::fmt::Display for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} files, {} bytes", self.files, self.bytes)
    }
}

impl Template {
    /// Makes the data folder of a server: a copy of the template, which is made anew if it is damaged.
    ///
    /// Returns the password of the role `postgres` in it. What initdb says goes to `log`.
    pub async fn copy(
        local: &Local,
        install: &PostgresServer,
        user: Option<&User>,
        data: &Path,
        log: &Path,
    ) -> Result<String, Error> {
        let template = Self::ready(local, install, user, log).await?;
        if template.copy_to(data, user).await? {
            return Ok(template.secret);
        }
        place::remove(data)?;
        tracing::info!("the template {} is damaged: it is made anew", template.path.display());
        let template = Self::made(local, install, user, log, true).await?;
        if template.copy_to(data, user).await? {
            return Ok(template.secret);
        }
        Err(Error::Other(format!(
            "the data folder of PostgreSQL changed while it was copied\n  to mend it: remove {}",
            template.path.display()
        )))
    }

    async fn ready(
        local: &Local,
        install: &PostgresServer,
        user: Option<&User>,
        log: &Path,
    ) -> Result<Self, Error> {
        let path = place::ours(user)?.join(name(install, user));
        match Self::open(path) {
            Some(template) => Ok(template),
            None => Self::made(local, install, user, log, false).await,
        }
    }

    fn open(path: PathBuf) -> Option<Self> {
        let secret = fs::read_to_string(path.join("secret")).ok().filter(|secret| !secret.is_empty())?;
        Some(Self { path, secret })
    }

    /// Makes it, unless another process did so in the meantime.
    async fn made(
        local: &Local,
        install: &PostgresServer,
        user: Option<&User>,
        log: &Path,
        damaged: bool,
    ) -> Result<Self, Error> {
        let ours = place::ours(user)?;
        let path = ours.join(name(install, user));
        let _lock = lock(&ours.join("lock")).await?;
        if let Some(template) = Self::open(path.clone())
            && (!damaged || template.is_whole())
        {
            return Ok(template);
        }
        // What lies here is of a run that was killed: whoever makes a template holds the lock.
        let building = ours.join("building");
        place::remove(&building)?;
        let secret = local.secret();
        if let Err(error) = initialise(local, install, user, &building, &secret, log).await {
            place::remove(&building)?;
            return Err(error);
        }
        place::remove(&path)?;
        // From here on it is nobody's business but ours.
        fs::set_permissions(&building, Permissions::from_mode(0o700))
            .map_err(Error::file("change the mode of", &building))?;
        fs::rename(&building, &path).map_err(Error::file("put into place", &path))?;
        Ok(Self { path, secret })
    }

    fn is_whole(&self) -> bool {
        let said = fs::read_to_string(self.path.join("content")).unwrap_or_default();
        content(&self.path.join("data")).is_ok_and(|content| content.to_string() == said)
    }

    /// Says whether the copy is whole.
    async fn copy_to(&self, data: &Path, user: Option<&User>) -> Result<bool, Error> {
        let (from, to, user) = (self.path.join("data"), data.to_owned(), user.cloned());
        let deadline = Instant::now() + COPY_BOUND;
        let copying = tokio::task::spawn_blocking(move || copy_folder(&from, &to, user.as_ref(), deadline));
        let copied = copying
            .await
            .map_err(|error| Error::Other(format!("copying {} failed: {error}", data.display())))?;
        match copied {
            Ok(copied) => {
                let said = fs::read_to_string(self.path.join("content")).unwrap_or_default();
                Ok(copied.to_string() == said)
            }
            // A file of the template is gone.
            Err(Error::File { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Another PostgreSQL, another user, other arguments or another form get another template.
fn name(install: &PostgresServer, user: Option<&User>) -> String {
    let mut hasher = DefaultHasher::new();
    (&install.folder, &install.version, user.map(|user| (user.uid, user.gid)), ARGUMENTS, FORM)
        .hash(&mut hasher);
    format!("template-{}-{:016x}", install.version, hasher.finish())
}

async fn lock(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path).map_err(Error::file("create", path))?;
    if wait_for(INIT_BOUND, || file.try_lock().is_ok()).await {
        return Ok(file);
    }
    Err(Error::Other(format!(
        "another harness has been making a data folder for more than {INIT_BOUND:?}: it holds {}",
        path.display()
    )))
}

/// Runs initdb in `building/data`, and notes the password and what there is.
async fn initialise(
    local: &Local,
    install: &PostgresServer,
    user: Option<&User>,
    building: &Path,
    secret: &str,
    log: &Path,
) -> Result<(), Error> {
    place::make_searchable(building)?;
    let (data, password) = (building.join("data"), building.join("password"));
    place::make_private(&data)?;
    write_secret(&password, secret)?;
    for path in [&data, &password] {
        place::give(path, user).map_err(Error::file("give away", path))?;
    }
    let mut command = tokio::process::Command::new(install.folder.join("initdb"));
    command.args(ARGUMENTS).arg("--pgdata").arg(&data).arg("--pwfile").arg(&password);
    run(local, "initdb", command, user, building, log).await?;
    let mut command = tokio::process::Command::new("sh");
    command.args(["-c", DROP_TEMPLATE0]).arg(install.folder.join("postgres")).arg(&data);
    run(local, "postgres --single", command, user, building, log).await?;
    let databases = fs::read_dir(data.join("base")).map_err(Error::file("read", &data))?.count();
    if databases != DATABASES {
        let what = format!("the template of PostgreSQL has {databases} databases instead of {DATABASES}");
        return Err(Error::Node { what, log: LogTail::of(log) });
    }
    fs::remove_file(&password).map_err(Error::file("remove", &password))?;
    let content = content(&data)?.to_string();
    let note = building.join("content");
    fs::write(&note, content).map_err(Error::file("write", &note))?;
    write_secret(&building.join("secret"), secret)
}

/// Runs a program of PostgreSQL to its end.
async fn run(
    local: &Local,
    name: &str,
    mut command: tokio::process::Command,
    user: Option<&User>,
    building: &Path,
    log: &Path,
) -> Result<(), Error> {
    let logged = fs::metadata(log).map_or(0, |metadata| metadata.len());
    User::take(user, &mut command);
    let mut node = local.spawn(name, command, log, Input::Nothing)?;
    let ended = node.wait(INIT_BOUND).await;
    if ended.is_err() {
        node.kill().await?;
    }
    local.forget(node.pid());
    if !ended?.success() {
        let how = node.how_it_ended();
        let said = said_since(log, logged);
        let (cause, mend) = (cause(&said), mend(&said, building));
        return Err(node.error(format!("{name} failed ({how}){cause}{mend}")));
    }
    Ok(())
}

fn write_secret(path: &Path, secret: &str) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).map_err(Error::file("create", path))?;
    file.write_all(secret.as_bytes()).map_err(Error::file("write", path))
}

fn content(folder: &Path) -> Result<Content, Error> {
    let mut sum = Content::default();
    for entry in fs::read_dir(folder).map_err(Error::file("read", folder))? {
        let path = entry.map_err(Error::file("read", folder))?.path();
        let metadata = fs::symlink_metadata(&path).map_err(Error::file("look at", &path))?;
        let more = match metadata.is_dir() {
            true => content(&path)?,
            false => Content { files: 1, bytes: metadata.len() },
        };
        sum = Content { files: sum.files + more.files, bytes: sum.bytes + more.bytes };
    }
    Ok(sum)
}

/// Copies a folder of files and folders; each is given to the user when what is in it is there.
fn copy_folder(from: &Path, to: &Path, user: Option<&User>, deadline: Instant) -> Result<Content, Error> {
    let mut sum = Content::default();
    DirBuilder::new().mode(0o700).create(to).map_err(Error::file("create", to))?;
    for entry in fs::read_dir(from).map_err(Error::file("read", from))? {
        let entry = entry.map_err(Error::file("read", from))?;
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if Instant::now() > deadline {
            let late = io::Error::new(ErrorKind::TimedOut, format!("it took more than {COPY_BOUND:?}"));
            return Err(Error::file("copy", &path)(late));
        }
        let more = match entry.file_type().map_err(Error::file("look at", &path))?.is_dir() {
            true => copy_folder(&path, &copy, user, deadline)?,
            false => {
                // The name of the copy: it is what has no room.
                let bytes = fs::copy(&path, &copy).map_err(Error::file("write", &copy))?;
                place::give(&copy, user).map_err(Error::file("give away", &copy))?;
                Content { files: 1, bytes }
            }
        };
        sum = Content { files: sum.files + more.files, bytes: sum.bytes + more.bytes };
    }
    place::give(to, user).map_err(Error::file("give away", to))?;
    Ok(sum)
}
