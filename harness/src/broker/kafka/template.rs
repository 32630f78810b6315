//! What is prepared once for each Kafka and Java: data that is warm, and an archive of classes.
//!
//! A broker that starts on empty data makes its internal topics when they are first asked for: a group waits a second for
//! that, and a transaction another one. So one training run does all of it once, ends in an orderly way, and every broker
//! starts on a copy of what it left, 200 KiB. A data folder after a kill would not do: until the session of the dead
//! broker has run out, each start would wait.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    install::KafkaServer,
    jvm::{self, Archive},
    server::Server,
    training,
};
use crate::{
    error::Error,
    runtime::{
        local::{Input, Local},
        process,
    },
};

/// Formatting is one start of a JVM, a second.
const FORMAT_BOUND: Duration = Duration::from_secs(60);

/// The orderly end writes the archive: 2 s with Java 17, 5 s with Java 25, on a quiet machine.
const END_BOUND: Duration = Duration::from_secs(120);

/// How long another process may take to prepare the same before we give up.
const LOCK_BOUND: Duration = Duration::from_secs(300);

const MAKING: &str = "making-";
const ARCHIVE: &str = "classes";

/// A prepared start.
#[derive(Clone, Debug)]
pub struct Template {
    folder: PathBuf,
}

impl Template {
    /// The warm data.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What log4j is told.
    pub fn log4j(&self) -> PathBuf {
        self.folder.join("log4j2.properties")
    }

    /// The archive of classes, where the JVM wrote one.
    pub fn archive(&self) -> Option<PathBuf> {
        Some(self.folder.join(ARCHIVE)).filter(|file| file.is_file())
    }

    fn is_whole(&self) -> bool {
        ["meta.properties", "bootstrap.checkpoint"].iter().all(|file| self.data().join(file).is_file())
    }
}

/// The template for this Kafka and this Java, made if there is none.
///
/// # Errors
/// When the training run fails, with the last lines of its log.
pub async fn find_or_make(local: &Local, kafka: &KafkaServer) -> Result<Template, Error> {
    let template = Template { folder: kafka.templates.join(jvm::fingerprint(kafka)) };
    if template.is_whole() {
        return Ok(template);
    }
    fs::create_dir_all(&kafka.templates).map_err(Error::file("create", &kafka.templates))?;
    let _lock = lock(&kafka.templates).await?;
    if template.is_whole() {
        return Ok(template);
    }
    tracing::info!(target: "once", "preparing Kafka {} for quick starts: some 8 s, once", kafka.version);
    clear(&kafka.templates, &template.folder);
    let work = tempfile::Builder::new()
        .prefix(MAKING)
        .tempdir_in(&kafka.templates)
        .map_err(Error::file("create a folder in", &kafka.templates))?;
    train(local, kafka, work.path()).await?;
    let made = work.path().join("made");
    fs::rename(&made, &template.folder).map_err(Error::file("create", &template.folder))?;
    Ok(template)
}

/// Waits until nobody else prepares anything here. The lock goes with the process that has it.
async fn lock(templates: &Path) -> Result<fs::File, Error> {
    let path = templates.join("lock");
    let file = fs::File::create(&path).map_err(Error::file("create", &path))?;
    if process::wait_for(LOCK_BOUND, || file.try_lock().is_ok()).await {
        return Ok(file);
    }
    let bound = LOCK_BOUND.as_secs();
    Err(Error::Other(format!(
        "another harness has been preparing Kafka for more than {bound} s: it has locked {}",
        path.display()
    )))
}

/// Takes away what a killed training run left. Whoever has the lock is the only one who makes anything here.
fn clear(templates: &Path, broken: &Path) {
    let _ = fs::remove_dir_all(broken);
    for entry in fs::read_dir(templates).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(MAKING) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// One broker from nothing to its orderly end; leaves a folder `made` in `work`.
async fn train(local: &Local, kafka: &KafkaServer, work: &Path) -> Result<(), Error> {
    let made = Template { folder: work.join("made") };
    fs::create_dir(&made.folder).map_err(Error::file("create", &made.folder))?;
    fs::write(made.log4j(), jvm::LOG4J).map_err(Error::file("write", &made.log4j()))?;
    let broker = work.join("broker");
    let archive = made.folder.join(ARCHIVE);
    let mut server = Server::in_training(local, kafka, &broker, &made.log4j(), &archive)?;
    format(local, kafka, &made, &mut server).await?;
    server.launch(local).await?;
    training::train(&server.own()).await.map_err(|error| server.error(error.to_string()))?;
    let how = server.end(END_BOUND).await?;
    if how == crate::runtime::node::KILLED {
        return Err(server.error(format!("Kafka did not end within {END_BOUND:?} of SIGTERM")));
    }
    if made.archive().is_none() {
        tracing::warn!("Java wrote no archive of classes: Kafka will start, only more slowly");
    }
    fs::rename(server.data(), made.data()).map_err(Error::file("keep", &made.data()))
}

/// Makes the two files without which a broker does not start: the cluster's id and the levels of its features.
async fn format(
    local: &Local,
    kafka: &KafkaServer,
    made: &Template,
    server: &mut Server,
) -> Result<(), Error> {
    let settings = server.write_settings()?;
    let mut command = jvm::command(kafka, Archive::Without, &made.log4j(), "kafka.tools.StorageTool");
    command.args(["format", "-t", server.cluster(), "-c"]).arg(settings).current_dir(server.folder());
    let mut node = local.spawn("kafka-format", command, &server.log(), Input::Nothing)?;
    let status = node.wait(FORMAT_BOUND).await?;
    if status.success() {
        return Ok(());
    }
    let how = node.how_it_ended();
    Err(server.error(format!("Kafka could not format its data folder ({how})")))
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
