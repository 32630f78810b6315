//! One life of a worker: a pod.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use k8s_openapi::api::core::v1::Pod;
use kube::api::PostParams;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::{io::AsyncWriteExt, net::unix::pipe, process::Command};

use super::{Cluster, HOME, failed, manifest, pods::Known, shell};
use crate::error::{Error, LogTail};

/// How long what was done to a pod may take to be seen: the kubelet looks at its containers once a second.
const SEEN_BOUND: Duration = Duration::from_secs(30);

/// How often the file of a worker's lines is looked at.
const STEP: Duration = Duration::from_millis(2);

/// The pod of one life of a worker.
#[derive(Debug)]
pub struct WorkerPod {
    cluster: Cluster,
    name: String,
    log: PathBuf,
    /// Why it could not be made.
    refused: Arc<OnceLock<String>>,
    /// It was seen: from then on it is over when it is not there.
    seen: bool,
    /// How it ended, once that is known.
    ended: Option<String>,
}

/// What the harness holds of a life besides its pod.
pub struct Ends {
    /// Orders go here.
    pub orders: pipe::Sender,
    /// Lines come from here.
    pub lines: pipe::Receiver,
}

impl WorkerPod {
    /// Makes the pod that does what the command says. Its pipe and its file of lines are made in `folder`, which is on the
    /// volume that both have.
    pub fn start(
        cluster: &Cluster,
        name: &str,
        command: &Command,
        log: &Path,
        folder: &Path,
    ) -> Result<(Self, Ends), Error> {
        let (orders, lines) = (folder.join(format!("{name}.orders")), folder.join(format!("{name}.lines")));
        mknodat(CWD, &orders, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .map_err(|error| Error::file("create", &orders)(error.into()))?;
        File::create_new(&lines).map_err(Error::file("create", &lines))?;
        let refused = Arc::<OnceLock<String>>::default();
        let life = Self {
            cluster: cluster.clone(),
            name: name.to_owned(),
            log: log.to_owned(),
            refused: refused.clone(),
            seen: false,
            ended: None,
        };
        let mut environment = environment(command);
        for (key, path) in
            [("HARNESS_ORDERS", &orders), ("HARNESS_LINES", &lines), ("HARNESS_LOG", &log.to_owned())]
        {
            environment.insert(key.to_owned(), path.display().to_string());
        }
        let pod = pod(cluster, name, command)?;
        let (maker, secret) = (cluster.clone(), name.to_owned());
        tokio::spawn(async move {
            let made = async {
                maker.make_secret(&secret, environment).await?;
                let made = maker.api().create(&PostParams::default(), &pod).await;
                made.map(drop).map_err(failed(format!("make the pod {secret}")))
            };
            if let Err(error) = made.await {
                let _ = refused.set(error.to_string());
            }
        });
        // Open for reading as well: else there would be nobody to write to before the worker is there.
        let sender = pipe::OpenOptions::new().read_write(true).open_sender(&orders);
        let sender = sender.map_err(Error::file("open", &orders))?;
        let (writer, reader) = pipe::pipe().map_err(Error::file("read by a pipe", &lines))?;
        let over = Over {
            cluster: cluster.clone(),
            name: name.to_owned(),
            refused: life.refused.clone(),
            seen: false,
        };
        tokio::spawn(follow(lines, writer, over));
        Ok((life, Ends { orders: sender, lines: reader }))
    }

    /// Whether it may still do anything.
    pub fn alive(&mut self) -> bool {
        if self.ended.is_none() {
            let known = self.cluster.pods().get(&self.name);
            self.ended = match (&known, self.refused.get()) {
                (_, Some(why)) => Some(why.clone()),
                (Some(known), None) => how(known),
                (None, None) if self.seen => Some("its pod was deleted".to_owned()),
                (None, None) => None,
            };
            self.seen |= known.is_some();
        }
        self.ended.is_none()
    }

    /// How it ended, in the words of the evidence.
    pub fn how_it_ended(&mut self) -> String {
        self.alive();
        let trouble = || self.cluster.pods().get(&self.name).and_then(|known| known.trouble);
        self.ended.clone().or_else(trouble).unwrap_or_else(|| "still running".to_owned())
    }

    /// Kills its processes by SIGKILL and waits until the cluster says so: that is the evidence.
    pub async fn kill(&mut self) -> Result<String, Error> {
        if self.alive() {
            self.send(shell::KILL).await;
            if self.until_it_ends(SEEN_BOUND).await.is_err() {
                // It may never have come to run: then there is nobody to kill and a pod to take away.
                self.cluster.delete_pod(&self.name).await?;
                self.until_it_ends(SEEN_BOUND).await?;
            }
        }
        Ok(self.how_it_ended())
    }

    /// Asks it to end by SIGTERM; kills it when it has not within the bound.
    pub async fn terminate(&mut self, bound: Duration) -> Result<String, Error> {
        if self.alive() {
            self.send(shell::TERMINATE).await;
            if self.until_it_ends(bound).await.is_err() {
                return self.kill().await;
            }
        }
        Ok(self.how_it_ended())
    }

    /// Stops its processes by SIGSTOP; the evidence is the state of every thread.
    pub async fn pause(&mut self) -> Result<String, Error> {
        shell::pause(&self.cluster.api(), &self.name).await
    }

    /// Lets it go on; harmless when it is not stopped or is gone.
    pub async fn resume(&mut self) {
        if self.alive() {
            self.send(shell::RESUME).await;
        }
    }

    /// Takes the pod away, running or not. Nobody waits for it.
    pub fn take_away(&self) {
        let (cluster, name) = (self.cluster.clone(), self.name.clone());
        tokio::spawn(async move {
            cluster.delete_pod(&name).await?;
            cluster.delete_secret(&name).await
        });
    }

    async fn send(&self, script: &str) {
        // A pod that cannot be reached does not end, which is seen and said.
        if let Err(error) = shell::shell(&self.cluster.api(), &self.name, script).await {
            tracing::debug!("{error}");
        }
    }

    async fn until_it_ends(&mut self, bound: Duration) -> Result<(), Error> {
        let over = |known: Option<&Known>| known.is_none_or(|known| how(known).is_some());
        if self.cluster.pods().until(&self.name, bound, over).await.is_some() && !self.alive() {
            return Ok(());
        }
        Err(self.error(format!("{} was still there after {bound:?}", self.name)))
    }

    fn error(&self, what: String) -> Error {
        Error::Node { what, log: LogTail::of(&self.log) }
    }
}

/// How a pod ended, if it has: "exit by signal 9 (code 137 of its container)", "exit code 0".
pub fn how(known: &Known) -> Option<String> {
    match known.exit_code.filter(|_| known.over) {
        Some(code) if code > 128 => {
            Some(format!("exit by signal {} (code {code} of its container)", code - 128))
        }
        Some(code) => Some(format!("exit code {code}")),
        None => known.over.then(|| "ended".to_owned()),
    }
}

fn environment(command: &Command) -> BTreeMap<String, String> {
    let text = |text: &std::ffi::OsStr| String::from_utf8_lossy(text.as_bytes()).into_owned();
    command.as_std().get_envs().filter_map(|(key, value)| Some((text(key), text(value?)))).collect()
}

fn pod(cluster: &Cluster, name: &str, command: &Command) -> Result<Pod, Error> {
    let mut pod = manifest::worker()?;
    let labels = pod.metadata.labels.take().unwrap_or_default();
    pod.metadata = cluster.named(name);
    pod.metadata.labels.get_or_insert_default().extend(labels);
    let Some(container) = pod.spec.as_mut().and_then(|spec| spec.containers.first_mut()) else {
        return Err(Error::Other("the manifest of a worker has no container".to_owned()));
    };
    let words = std::iter::once(command.as_std().get_program()).chain(command.as_std().get_args());
    container.args = Some(words.map(|word| word.to_string_lossy().into_owned()).collect());
    container.image = Some(cluster.inside().image.clone());
    let folder = command.as_std().get_current_dir().unwrap_or(Path::new(HOME));
    container.working_dir = Some(folder.display().to_string());
    for source in container.env_from.iter_mut().flatten() {
        if let Some(secret) = &mut source.secret_ref {
            secret.name = name.to_owned();
        }
    }
    Ok(pod)
}

/// Says when nothing more can be written to a worker's file of lines.
struct Over {
    cluster: Cluster,
    name: String,
    refused: Arc<OnceLock<String>>,
    seen: bool,
}

impl Over {
    fn is_over(&mut self) -> bool {
        let known = self.cluster.pods().get(&self.name);
        self.seen |= known.is_some();
        self.refused.get().is_some() || known.map_or(self.seen, |known| how(&known).is_some())
    }
}

/// Hands on what is written to a file until its writer is over.
async fn follow(path: PathBuf, mut to: pipe::Sender, mut writer: Over) {
    let Ok(mut file) = File::open(&path) else { return };
    let mut buffer = vec![0; 64 * 1024];
    loop {
        // Looked at before the file is read: what was written until then is read.
        let over = writer.is_over();
        match file.read(&mut buffer) {
            Ok(0) if over => break,
            Ok(0) => tokio::time::sleep(STEP).await, // the pace of looking
            Ok(read) => {
                if to.write_all(&buffer[..read]).await.is_err() {
                    break;
                }
            }
            Err(error) => {
                tracing::warn!("{} cannot be read: {error}", path.display());
                break;
            }
        }
    }
    let _ = fs::remove_file(path.with_extension("orders"));
}
