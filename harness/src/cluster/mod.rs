//! The workshop's cluster: a small Kubernetes on this machine, the names of its pages, monitoring.
//!
//! What needs a cluster's own tools calls them, each line as a person would type it and printed before it is run.
//! Nothing of the labs depends on this: whoever has a cluster already uses that one.

mod dns;
mod hosts;
mod lifecycle;
mod monitoring;
mod programs;
mod provider;

use std::path::PathBuf;

pub use provider::Provider;

use crate::{
    cli::{ClusterArgs, ClusterCommand, CoreCommand, DnsCommand},
    error::Error,
};
use programs::Programs;

/// What the workshop's cluster is called, unless told otherwise.
pub const PROFILE: &str = "workshop-mb";

/// The pages of the workshop, by name.
const HOSTS: [&str; 5] =
    ["headlamp.test", "grafana.test", "alertmanager.test", "prometheus.test", "kubetail.test"];

/// One cluster: which tool has it, under which name, with what.
#[derive(Debug)]
struct Cluster {
    programs: Programs,
    provider: Provider,
    profile: String,
    cpus: u32,
    memory: String,
    /// The repository's folder with the manifests.
    manifests: PathBuf,
}

/// Does what the command line says.
///
/// # Errors
/// [`Error::NotRun`] when a program is missing or too old, with what to do; [`Error::Other`] when one failed.
pub async fn main(arguments: &ClusterArgs, project: PathBuf) -> Result<(), Error> {
    let programs = Programs::of_this_process();
    let provider = match arguments.with {
        Some(provider) => provider,
        None => provider::pick(&programs)?,
    };
    let cluster = Cluster {
        programs,
        provider,
        profile: arguments.profile.clone(),
        cpus: arguments.cpus,
        memory: arguments.memory.clone(),
        manifests: project.join("k8s"),
    };
    match &arguments.command {
        ClusterCommand::Start => cluster.start().await,
        ClusterCommand::Stop => cluster.stop(),
        ClusterCommand::Tunnel => cluster.tunnel(),
        ClusterCommand::Dns(dns) => match dns {
            DnsCommand::Add { hosts_file } => cluster.add_names(hosts_file),
            DnsCommand::Remove { hosts_file } => cluster.remove_names(hosts_file),
        },
        ClusterCommand::Core(CoreCommand::Deploy) => cluster.deploy_core(),
        ClusterCommand::Core(CoreCommand::Rollback) => cluster.roll_back_core(),
        ClusterCommand::HeadlampToken => cluster.headlamp_token(),
        ClusterCommand::MonitoringStatus => cluster.monitoring_status(),
    }
}
