//! How a Java program out of Kafka's jars is started.

use std::{
    ffi::OsString,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::{install::KafkaServer, jars, java};

/// The first Java that keeps more in its archive than classes.
const FIRST_WITH_AOT: u32 = 25;

/// The archive of classes by which a JVM starts in half the time.
#[derive(Clone, Copy, Debug)]
pub enum Archive<'a> {
    /// None.
    Without,
    /// Written at the orderly end of this run.
    Make(&'a Path),
    /// Made before. A JVM passes over one that it cannot use; that costs time and nothing else.
    Use(&'a Path),
}

/// A command that runs a class of Kafka's.
pub fn command(kafka: &KafkaServer, archive: Archive<'_>, log4j: &Path, class: &str) -> Command {
    let mut command = Command::new(&kafka.java);
    // What a person sets for other programs must not change ours.
    for name in ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH"] {
        command.env_remove(name);
    }
    command.args(["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]);
    let aot = java::major(&kafka.java_version).is_some_and(|major| major >= FIRST_WITH_AOT);
    match archive {
        Archive::Without => {}
        Archive::Make(file) if aot => drop(command.arg(option("-XX:AOTCacheOutput=", file))),
        Archive::Make(file) => drop(command.arg(option("-XX:ArchiveClassesAtExit=", file))),
        Archive::Use(file) if aot => drop(command.arg(option("-XX:AOTCache=", file))),
        Archive::Use(file) => drop(command.arg(option("-XX:SharedArchiveFile=", file))),
    }
    command.arg("-Dorg.slf4j.simpleLogger.showDateTime=true");
    command.arg("-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX");
    command.arg(option("-Dlog4j2.configurationFile=", log4j));
    command.arg("-cp").arg(class_path(&kafka.libs)).arg(class);
    command
}

fn option(name: &str, value: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push(value);
    option
}

/// All jars by name: with a wildcard the archive would not be used.
fn class_path(libs: &Path) -> OsString {
    let mut path = OsString::new();
    for jar in jars::names(libs).iter().filter(|name| name.ends_with(".jar")) {
        if !path.is_empty() {
            path.push(":");
        }
        path.push(libs.join(jar));
    }
    path
}

/// What the logging of a distribution is told: all to the standard output. Our own jars log without log4j.
pub const LOG4J: &str = "\
rootLogger.level=INFO
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %m (%c)%n
";

/// A name for this very Kafka under this very Java: an archive is good for no other.
pub fn fingerprint(kafka: &KafkaServer) -> String {
    let mut hash = Sha256::new();
    let mut add = |file: PathBuf| {
        hash.update(file.as_os_str().as_bytes());
        let Ok(metadata) = fs::metadata(&file) else { return };
        let changed = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        hash.update(format!(" {} {}\n", metadata.len(), changed.unwrap_or_default().as_nanos()));
    };
    for name in jars::names(&kafka.libs) {
        add(kafka.libs.join(name));
    }
    let java = kafka.java.canonicalize().unwrap_or_else(|_| kafka.java.clone());
    let home = java.parent().and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
    for file in [java, home.join("release"), home.join("lib/modules"), home.join("lib/server/libjvm.so")] {
        add(file);
    }
    format!("{}-java-{}-{}", kafka.version, kafka.java_version, &jars::hex(&hash.finalize())[..12])
}
