//! Kafka's own jars: which there have to be, and how they come here.
//!
//! `tools/kafka/pom.xml` names the versions, `mvn` fetches the jars through whatever mirror it is set up with, and each is
//! compared with `tools/kafka.lock` before it is used: at the installation, and again whenever Kafka is looked for.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::{process::Command, time::timeout};

use super::java::Java;
use crate::{error::Error, tools};

/// 45 MB on the worst network of a workshop.
const INSTALL_BOUND: Duration = Duration::from_secs(600);

/// The command that brings Maven.
pub const NEEDS_MAVEN: &str = if cfg!(target_os = "macos") {
    "brew install kafka, which brings Java as well"
} else {
    "apt-get install maven, then ./task setup; or name a Kafka in KAFKA_HOME"
};

/// The jars that make up a Kafka: name and sha256 of each.
#[derive(Debug)]
pub struct Lock {
    jars: BTreeMap<String, String>,
    /// The version of Kafka that they are.
    pub version: String,
}

impl Lock {
    /// Reads `tools/kafka.lock`.
    ///
    /// # Errors
    /// When it cannot be read, or is not what it should be.
    pub fn read(project: &Path) -> Result<Self, Error> {
        let path = project.join("tools/kafka.lock");
        let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        Self::parse(&text).map_err(|why| Error::Other(format!("{}: {why}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut jars = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            let entry = line.split_once("  ").filter(|(hash, jar)| hash.len() == 64 && !jar.contains('/'));
            let (hash, jar) =
                entry.ok_or_else(|| format!("`{line}` is not a sha256 and the name of a jar"))?;
            jars.insert(jar.to_owned(), hash.to_owned());
        }
        let version = jars.keys().find_map(|jar| version_in(jar)).ok_or("it has no jar of Kafka itself")?;
        Ok(Self { version: version.to_owned(), jars })
    }

    /// Where these jars lie, or will lie, under this project.
    pub fn place(&self, project: &Path) -> PathBuf {
        project.join(".tools/kafka").join(&self.version).join("libs")
    }

    /// What is wrong with a folder of jars; nothing when it holds these and no other.
    pub fn faults(&self, libs: &Path) -> Vec<String> {
        let mut faults = Vec::new();
        for (jar, expected) in &self.jars {
            match fs::read(libs.join(jar)) {
                Ok(bytes) if hex(&Sha256::digest(&bytes)) == *expected => {}
                Ok(_) => {
                    faults.push(format!("{jar} is damaged, or is not the one that tools/kafka.lock pins"))
                }
                Err(error) => faults.push(format!("{jar}: {error}")),
            }
        }
        let there = names(libs).into_iter().filter(|name| !self.jars.contains_key(name));
        faults.extend(there.map(|name| format!("{name} is not in tools/kafka.lock")));
        faults
    }

    /// Fetches the jars by Maven, checks them, and moves them into place in one step.
    ///
    /// # Errors
    /// [`Error::NotRun`] when there is no Maven, when it cannot fetch them, or when one of them is not what it should be.
    pub async fn install(&self, project: &Path, java: &Java, search_path: &OsStr) -> Result<PathBuf, Error> {
        let failed = |why: String, mend: &str| Error::NotRun {
            what: format!("Kafka {} could not be installed: {why}", self.version),
            mend: mend.to_owned(),
        };
        let Some(maven) = maven(search_path) else {
            return Err(failed(
                "it comes through Maven, and there is no `mvn` on PATH".to_owned(),
                NEEDS_MAVEN,
            ));
        };
        tracing::info!(target: "once", "installing Kafka {} into .tools (45 MB)", self.version);
        let root = project.join(".tools");
        fs::create_dir_all(&root).map_err(Error::file("create", &root))?;
        let work = tempfile::Builder::new()
            .prefix("installing.")
            .tempdir_in(&root)
            .map_err(Error::file("create a folder in", &root))?;
        let fresh = work.path().join("libs");
        fetch(&maven, project, java, &fresh).await.map_err(|why| failed(why, AGAIN))?;
        let faults = self.faults(&fresh);
        if !faults.is_empty() {
            let why = format!("{}\n  everything that was fetched was thrown away", faults.join("\n  "));
            return Err(failed(why, PURGE));
        }
        self.move_into_place(project, &fresh, work.path())
    }

    /// Another installation may do the same at this moment: whoever comes second finds what is there as good as its own.
    fn move_into_place(&self, project: &Path, fresh: &Path, work: &Path) -> Result<PathBuf, Error> {
        let place = self.place(project);
        let parent = place.parent().unwrap_or(project);
        fs::create_dir_all(parent).map_err(Error::file("create", parent))?;
        if place.exists() && !self.faults(&place).is_empty() {
            let _ = fs::rename(&place, work.join("thrown-away"));
        }
        match fs::rename(fresh, &place) {
            Err(_) if self.faults(&place).is_empty() => Ok(place),
            moved => moved.map(|()| place.clone()).map_err(Error::file("create", &place)),
        }
    }
}

const AGAIN: &str = "remove the cause, then ./task setup; or name a Kafka in KAFKA_HOME";
const PURGE: &str =
    "mvn -f tools/kafka/pom.xml dependency:purge-local-repository -DreResolve=false, then ./task setup";

/// The first Maven on the search path.
pub fn maven(search_path: &OsStr) -> Option<PathBuf> {
    tools::on_path(search_path, "mvn").into_iter().next()
}

/// Runs Maven. It gets the Java that was found, for it may be on nobody's `PATH`.
async fn fetch(maven: &Path, project: &Path, java: &Java, into: &Path) -> Result<(), String> {
    let mut command = Command::new(maven);
    command.args(["-q", "-B", "-f"]).arg(project.join("tools/kafka/pom.xml"));
    command.args(["dependency:copy-dependencies", "-DincludeScope=runtime"]);
    let mut output = std::ffi::OsString::from("-DoutputDirectory=");
    output.push(into);
    command.arg(output).stdin(Stdio::null()).kill_on_drop(true).current_dir(project);
    if let Some(home) = java.home() {
        command.env("JAVA_HOME", home);
    }
    let output = match timeout(INSTALL_BOUND, command.output()).await {
        Ok(output) => output.map_err(|error| format!("{} cannot be started: {error}", maven.display()))?,
        Err(_) => return Err(format!("mvn took more than {} s", INSTALL_BOUND.as_secs())),
    };
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<_> = said.lines().filter(|line| !line.trim().is_empty()).take(6).collect();
    Err(format!("mvn ended with {}\n  {}", output.status, lines.join("\n  ")))
}

/// The version in the name of Kafka's main jar: `kafka_2.13-4.3.1.jar`.
pub fn version_in(jar: &str) -> Option<&str> {
    let (scala, version) = jar.strip_prefix("kafka_2.1")?.strip_suffix(".jar")?.split_once('-')?;
    let is_number = |text: &str| text.chars().next().is_some_and(|c| c.is_ascii_digit());
    (is_number(scala) && is_number(version)).then_some(version)
}

/// The names of what is in a folder, sorted; none when there is no such folder.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// In hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
