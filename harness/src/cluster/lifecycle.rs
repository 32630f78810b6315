//! Start, stop and tunnel.

use super::{Cluster, HOSTS, Provider};
use crate::error::Error;

/// What minikube brings along for the workshop.
const ADDONS: [&str; 7] =
    ["headlamp", "metrics-server", "registry", "ingress", "ingress-dns", "default-storageclass", "kubetail"];

/// For a while nobody has to log in again.
const TOKEN_LASTS: &str = "24h";

impl Cluster {
    /// Starts the cluster, or does no harm when it is there.
    pub async fn start(&self) -> Result<(), Error> {
        self.programs.need(&["docker", "helm", "kubectl", self.provider.program()])?;
        let (ask, oldest) = self.provider.oldest();
        let version = self.programs.need_version(self.provider.program(), ask, oldest).await?;
        eprintln!("{} {version}, cluster {}", self.provider.program(), self.profile);
        let (profile, cpus) = (self.profile.as_str(), self.cpus.to_string());
        match self.provider {
            Provider::Minikube => {
                let memory = self.memory.as_str();
                let start = ["start", "--profile", profile, "--cpus", &cpus, "--memory", memory];
                self.programs.run("minikube", &start)?;
                for addon in ADDONS {
                    self.programs.run("minikube", &["addons", "enable", addon, "--profile", profile])?;
                }
                self.headlamp_token()?;
            }
            Provider::K3d if self.is_there(&["cluster", "list", "--no-headers"])? => {
                self.programs.run("k3d", &["cluster", "start", profile, "--wait"])?;
            }
            Provider::K3d => {
                let ports = "80:80@loadbalancer";
                self.programs.run("k3d", &["cluster", "create", profile, "--port", ports, "--wait"])?;
            }
            Provider::Kind if self.is_there(&["get", "clusters"])? => {
                eprintln!("the cluster {profile} is there already");
            }
            Provider::Kind => {
                self.programs.run("kind", &["create", "cluster", "--name", profile, "--wait", "120s"])?;
            }
        }
        eprintln!("Welcome to the workshop. Next: ./task dns.add, then ./task core:deploy");
        Ok(())
    }

    /// Whether one of the clusters that the tool lists, a line each, has our name.
    fn is_there(&self, list: &[&str]) -> Result<bool, Error> {
        let lines = self.programs.ask(self.provider.program(), list)?;
        Ok(lines.lines().any(|line| line.split_whitespace().next() == Some(&self.profile)))
    }

    /// Takes the cluster away, with all that is in it.
    pub fn stop(&self) -> Result<(), Error> {
        let profile = self.profile.as_str();
        match self.provider {
            Provider::Minikube => {
                self.programs.run("minikube", &["stop", "--profile", profile])?;
                self.programs.run("minikube", &["delete", "--profile", profile])?;
            }
            Provider::K3d => self.programs.run("k3d", &["cluster", "delete", profile])?,
            Provider::Kind => self.programs.run("kind", &["delete", "cluster", "--name", profile])?,
        }
        eprintln!("The cluster {profile} is gone. If you added its names: ./task dns.remove");
        Ok(())
    }

    /// Opens a way from this machine to the cluster's load balancers, until Ctrl-C.
    pub fn tunnel(&self) -> Result<(), Error> {
        if self.provider != Provider::Minikube {
            let program = self.provider.program();
            eprintln!("{program} needs no tunnel: what it publishes is on 127.0.0.1 already");
            return Ok(());
        }
        eprintln!(
            "minikube asks for root (sudo) to add routes to the cluster and to listen on ports below 1024. It takes the \
             routes away when it ends: Ctrl-C."
        );
        self.programs.run("minikube", &["tunnel", "--profile", &self.profile])
    }

    /// Prints what Headlamp asks for at its first page.
    pub fn headlamp_token(&self) -> Result<(), Error> {
        self.needs_pages("Headlamp")?;
        let context = self.provider.context(&self.profile);
        let create = ["--context", &context, "--namespace", "headlamp", "create", "token", "headlamp"];
        let token = self.programs.ask("kubectl", &[&create[..], &["--duration", TOKEN_LASTS]].concat())?;
        eprintln!("The token for http://{}, good for {TOKEN_LASTS}:", HOSTS[0]);
        println!("{token}");
        Ok(())
    }

    /// Fails where the cluster's tool does not bring these pages along.
    fn needs_pages(&self, page: &str) -> Result<(), Error> {
        if self.provider.has_pages() {
            return Ok(());
        }
        Err(Error::NotRun {
            what: format!(
                "{page} is an addon of minikube, and this cluster is made by {}",
                self.provider.program()
            ),
            mend: "install minikube 1.35 or newer, or use kubectl".to_owned(),
        })
    }
}
