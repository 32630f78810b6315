//! Which Kafka to use: one that is there, or one that is installed.
//!
//! In this order: the one named in [`NAMED`]; the one of Homebrew; our own under `.tools/`. The version is in the name of
//! its main jar, so nothing has to be started.

use std::{
    env,
    ffi::OsStr,
    fmt,
    path::{Path, PathBuf},
};

use super::{
    jars::{self, Lock},
    java::{self, Java},
};
use crate::{error::Error, tools::Version};

/// The environment variable that names a Kafka. It is used, or it is an error: never passed over.
pub const NAMED: &str = "KAFKA_HOME";

/// The oldest version that will do: the first one without ZooKeeper.
pub const OLDEST: (u32, u32) = (4, 0);

/// A Kafka that is there and new enough, and the Java that runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaServer {
    /// The folder of its jars.
    pub libs: PathBuf,
    /// The program `java`.
    pub java: PathBuf,
    /// The version of Kafka, from the name of its jar.
    pub version: String,
    /// The version of Java.
    pub java_version: String,
    /// Where what was prepared for a quick start is kept.
    pub templates: PathBuf,
}

impl KafkaServer {
    fn of(jars: Jars, java: Java, project: &Path) -> Self {
        let templates = project.join(".tools/kafka-template");
        Self {
            libs: jars.libs,
            version: jars.version,
            java: java.program,
            java_version: java.version,
            templates,
        }
    }
}

/// The jars of a Kafka that is there and new enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jars {
    /// Their folder.
    pub libs: PathBuf,
    /// The version of Kafka.
    pub version: String,
}

/// The Kafka to use, installed if there is none, and Java with it.
///
/// # Errors
/// [`Error::NotRun`] when there is none and none can be installed; [`Error::Other`] when the one that is named cannot be
/// used, because to go on with another would hide a mistake.
pub async fn find_or_install(project: &Path) -> Result<KafkaServer, Error> {
    find_or_install_in(&Surroundings::of_this_process(), project).await
}

/// Those that are there and cannot be used, each with the reason.
///
/// # Errors
/// When the project's lock file cannot be read.
pub async fn passed_over(project: &Path) -> Result<Vec<String>, Error> {
    let candidates = candidates(&Surroundings::of_this_process(), project)?;
    let unusable = candidates.iter().filter(|candidate| candidate.why_not().is_some());
    Ok(unusable.map(ToString::to_string).collect())
}

/// What the process was started with.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// [`NAMED`].
    pub named: Option<PathBuf>,
    /// What matters for Java.
    pub java: java::Surroundings,
}

impl Surroundings {
    /// Of this process.
    pub fn of_this_process() -> Self {
        let named = env::var_os(NAMED).filter(|name| !name.is_empty()).map(PathBuf::from);
        Self { named, java: java::Surroundings::of_this_process() }
    }
}

/// As [`find_or_install`], in given surroundings.
pub async fn find_or_install_in(surroundings: &Surroundings, project: &Path) -> Result<KafkaServer, Error> {
    let there = candidates(surroundings, project)?;
    for candidate in there.iter().filter(|candidate| candidate.why_not().is_some()) {
        tracing::info!("{candidate} is passed over");
    }
    let chosen = choose(&there)?;
    let java = java::find_or_install(&surroundings.java, project).await?;
    if let Some(jars) = chosen {
        return Ok(KafkaServer::of(jars, java, project));
    }
    let lock = Lock::read(project)?;
    let libs = lock.install(project, &java, &surroundings.java.search_path).await?;
    Ok(KafkaServer::of(Jars { libs, version: lock.version }, java, project))
}

/// The jars to use, without installing any.
pub fn find_jars(surroundings: &Surroundings, project: &Path) -> Result<Jars, Error> {
    let candidates = candidates(surroundings, project)?;
    choose(&candidates)?.ok_or_else(|| missing(&candidates, &surroundings.java.search_path))
}

/// Where a Kafka was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Named,
    Homebrew,
    Tools,
}

/// A folder of jars that may be the one.
#[derive(Debug)]
struct Candidate {
    place: Place,
    libs: PathBuf,
    version: Result<Version, String>,
}

impl Candidate {
    fn look(place: Place, libs: PathBuf) -> Self {
        let names = jars::names(&libs);
        let version = names.iter().find_map(|name| jars::version_in(name)).and_then(Version::first_in);
        let version = version.ok_or_else(|| "there is no jar kafka_2.13-<version>.jar in it".to_owned());
        Self { place, libs, version }
    }

    /// Why it cannot be used.
    fn why_not(&self) -> Option<String> {
        match &self.version {
            Ok(version) if version.number >= OLDEST => None,
            Ok(version) => {
                Some(format!("{version} is too old, {}.{} or newer is needed", OLDEST.0, OLDEST.1))
            }
            Err(why) => Some(why.clone()),
        }
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.libs.display())?;
        self.why_not().map_or(Ok(()), |why| write!(f, " ({why})"))
    }
}

/// All there are, in the order in which they are to be taken.
fn candidates(surroundings: &Surroundings, project: &Path) -> Result<Vec<Candidate>, Error> {
    if let Some(home) = &surroundings.named {
        let home = std::path::absolute(home).map_err(Error::file("find", home))?;
        return Ok(vec![Candidate::look(Place::Named, home.join("libs"))]);
    }
    let mut found = Vec::new();
    for folder in &surroundings.java.homebrew {
        let libs = folder.join("kafka/libexec/libs");
        if libs.is_dir() {
            found.push(Candidate::look(Place::Homebrew, libs));
        }
    }
    let lock = Lock::read(project)?;
    let libs = lock.place(project);
    if libs.is_dir() {
        let mut own = Candidate::look(Place::Tools, libs);
        let faults = lock.faults(&own.libs);
        if !faults.is_empty() {
            own.version = Err(faults.join("; "));
        }
        found.push(own);
    }
    Ok(found)
}

/// The first that can be used; an error if it is named and cannot.
fn choose(candidates: &[Candidate]) -> Result<Option<Jars>, Error> {
    for candidate in candidates {
        match (&candidate.version, candidate.why_not()) {
            (Ok(version), None) => {
                let (libs, version) = (candidate.libs.clone(), version.to_string());
                return Ok(Some(Jars { libs, version }));
            }
            _ if candidate.place == Place::Named => return Err(unusable(candidate)),
            _ => {}
        }
    }
    Ok(None)
}

fn unusable(candidate: &Candidate) -> Error {
    let what = format!("{NAMED} names a Kafka that cannot be used: {candidate}");
    if candidate.libs.is_dir() {
        return Error::Other(format!("{what}\n  to mend it: name another one, or unset {NAMED}"));
    }
    Error::NotRun {
        what,
        mend: format!("unset {NAMED}, or name the folder of a Kafka, which has libs in it"),
    }
}

fn missing(candidates: &[Candidate], search_path: &OsStr) -> Error {
    let passed: String = candidates.iter().map(|candidate| format!("\n  passed over: {candidate}")).collect();
    let what = format!("no Kafka {}.{} or newer was found{passed}", OLDEST.0, OLDEST.1);
    if jars::maven(search_path).is_none() {
        let what = format!("{what}\n  it comes through Maven, and there is no `mvn` on PATH");
        return Error::NotRun { what, mend: jars::NEEDS_MAVEN.to_owned() };
    }
    Error::NotRun { what, mend: format!("./task setup, or name one in {NAMED}") }
}

#[cfg(test)]
#[path = "install_tests.rs"]
mod tests;
