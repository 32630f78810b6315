//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::cluster::{self, Provider};
use crate::serve;

/// Runs a messaging lab on real brokers, breaks something in the middle and accounts for every message.
///
/// Without a command: the labs, what has run, what is next.
#[derive(Debug, Parser)]
#[command(name = "harness", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXIT_CODES: &str = "Exit codes: 0 as expected, 1 not as expected, 2 wrong usage or lab file, \
3 inconclusive or not run, 70 the harness or a broker failed.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the labs and their variants
    List,
    /// Run labs or single variants
    Run(RunArgs),
    /// Run what is next: the first lab, or variant of a lab begun, that has not come out as it should
    Next {
        /// Options of `harness run`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Start Prometheus and Grafana with the labs' boards, and run labs on them
    Dash(DashArgs),
    /// Print what a seed will do; nothing is started
    Plan(PlanArgs),
    /// Judge a finished run again from its folder: the same account, the same verdict
    Check {
        /// A run folder, for instance runs/02-fire-and-forget/slow-subscriber/latest
        run: PathBuf,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show two runs side by side: settings that differ, accounts, faults, verdicts
    Compare {
        /// A run folder
        one: PathBuf,
        /// Another one
        other: PathBuf,
        /// Print the comparison as JSON
        #[arg(long)]
        json: bool,
    },
    /// Tell the life of one message
    Explain {
        /// A run folder
        run: PathBuf,
        /// A message id, for instance 0-17
        id: String,
    },
    /// Write a finished run's report.html anew
    Report {
        /// A run folder
        run: PathBuf,
    },
    /// Print a run's journals as JSON lines, for other checkers
    History {
        /// A run folder
        run: PathBuf,
    },
    /// Say which tools were found, where, which version, and how to mend what is missing
    Doctor {
        /// Install into .tools what can be installed there
        #[arg(long, conflicts_with = "runtime")]
        install: bool,
        /// Ask the cluster what it permits, instead of looking at this machine
        #[arg(long, value_name = "RUNTIME")]
        runtime: Option<Runtime>,
    },
    /// Remove what a crash left: processes, brokers' data, unfinished run folders
    Clean {
        /// What was left on the cluster, instead of on this machine
        #[arg(long, value_name = "RUNTIME")]
        runtime: Option<Runtime>,
    },
    /// Plant anomalies in synthetic histories and in real runs, and show that each is found
    Selftest {
        /// Only the synthetic histories: no broker is started
        #[arg(long)]
        synthetic: bool,
    },
    /// The workshop's cluster: a small Kubernetes on this machine
    Cluster(ClusterArgs),
    /// For those who write lessons: is every lab what its texts say?
    #[command(subcommand)]
    Dev(Dev),
    /// Print the defaults of lab.toml, with comments
    Defaults,
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Kills what is left when the harness is gone; started by the harness itself
    #[command(hide = true)]
    Guard,
    /// Waits in a pod for the harness to be run in it; started by the harness itself
    #[command(hide = true)]
    Conductor,
}

/// What those need who write lessons.
#[derive(Debug, Subcommand)]
pub enum Dev {
    /// Check labs against their lessons: parts, points, defects and cures, controls, transcripts
    Check(DevCheckArgs),
    /// Make the transcripts in README.md and in the lessons anew, from real runs
    Transcripts {
        /// Labs (4 or 04-duplicates); all of them unless given
        labs: Vec<String>,
    },
    /// Make the picture of a run in docs/ anew, from a real run
    Recording,
}

/// What to check.
#[derive(Debug, Args)]
pub struct DevCheckArgs {
    /// Labs (4 or 04-duplicates); all of them unless given
    pub labs: Vec<String>,
    /// With how many seeds every defect has to show, and to be gone in its cure
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub seeds: u32,
    /// How many labs run side by side, each with its own brokers; as many as there are cores unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub jobs: Option<u32>,
}

/// Where brokers and workers run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Runtime {
    /// As processes of this machine
    #[default]
    Local,
    /// As pods of the cluster that the kubeconfig names
    K8s,
}

/// What to run, and how.
#[derive(Debug, Default, Args)]
pub struct RunArgs {
    /// Labs (4 or 04-duplicates) or single variants (4/slow-worker)
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub targets: Vec<String>,
    /// Run every variant of every lab
    #[arg(long)]
    pub all: bool,
    /// Where brokers and workers run
    #[arg(long, value_name = "RUNTIME", default_value = "local")]
    pub runtime: Runtime,
    /// What the run is guided by; random unless given. Real brokers are guided by it, not determined
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Change a setting for this run (repeatable); the variant's expectation no longer applies
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Run everything this often
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,
    /// How many labs run side by side, each with its own brokers; as many as there are cores unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub jobs: Option<u32>,
    /// The control: the same without its faults
    #[arg(long)]
    pub no_faults: bool,
    /// Do not ask what is expected before the run. Nothing is asked without a terminal, or of more than one lab
    #[arg(long)]
    pub no_ask: bool,
    /// Print the results as one JSON document
    #[arg(long)]
    pub json: bool,
    /// Write the results as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Show the runs on a page of this machine while they go on; the first begins when the page is open
    #[arg(long)]
    pub live: bool,
    /// Serve metrics for Prometheus at /metrics of this address while the labs run, for instance 127.0.0.1:9464
    #[arg(long, value_name = "ADDRESS", value_parser = serve::address)]
    pub metrics: Option<SocketAddr>,
    /// Other machines may scrape: allows an ADDRESS that is not loopback
    #[arg(long, requires = "metrics")]
    pub metrics_public: bool,
    /// No metrics at all, no metrics.om in the run folder either
    #[arg(long, conflicts_with = "metrics")]
    pub no_metrics: bool,
    /// Keep the brokers' data and every log
    #[arg(long)]
    pub keep: bool,
    /// Do not fail because of variants that this machine cannot start, as long as any ran
    #[arg(long)]
    pub skip_missing: bool,
}

/// What to show on the boards.
#[derive(Debug, Args)]
pub struct DashArgs {
    /// Labs or single variants; without any the boards wait for labs that are run in another terminal
    #[arg(group = "runs")]
    pub targets: Vec<String>,
    /// Run every variant of every lab
    #[arg(long, group = "runs")]
    pub all: bool,
    /// Show the runs on a page of this machine, too; the first begins when the page is open
    #[arg(long, requires = "runs")]
    pub live: bool,
}

/// What to plan.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Labs or single variants
    #[arg(required = true)]
    pub targets: Vec<String>,
    /// The seed; 1 unless given
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Change a setting (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Without faults
    #[arg(long)]
    pub no_faults: bool,
}

/// Which cluster, and what to do with it.
#[derive(Debug, Args)]
pub struct ClusterArgs {
    /// What makes the cluster; the first of these that is installed unless given
    #[arg(long, value_name = "TOOL", global = true)]
    pub with: Option<Provider>,
    /// The cluster's name
    #[arg(long, value_name = "NAME", default_value = cluster::PROFILE, global = true)]
    pub profile: String,
    /// Processors of the cluster (minikube)
    #[arg(long, value_name = "NUMBER", default_value_t = 2, global = true)]
    pub cpus: u32,
    /// Memory of the cluster (minikube)
    #[arg(long, value_name = "SIZE", default_value = "4g", global = true)]
    pub memory: String,
    /// What to do
    #[command(subcommand)]
    pub command: ClusterCommand,
}

/// What may be done with the workshop's cluster.
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    /// Start it, or see that it is there
    Start,
    /// Take it away, with all that is in it
    Stop,
    /// Open a way to its load balancers, until Ctrl-C; minikube asks for root
    Tunnel,
    /// The names of its pages, in this machine's hosts file
    #[command(subcommand)]
    Dns(DnsCommand),
    /// Monitoring and pages
    #[command(subcommand)]
    Core(CoreCommand),
    /// Print what Headlamp asks for
    HeadlampToken,
    /// Say how monitoring is
    MonitoringStatus,
}

/// What may be done with the names.
#[derive(Debug, Subcommand)]
pub enum DnsCommand {
    /// Write one marked block into the hosts file
    Add {
        /// The file
        #[arg(long, value_name = "FILE", default_value = "/etc/hosts")]
        hosts_file: PathBuf,
    },
    /// Take that block away again, and nothing else
    Remove {
        /// The file
        #[arg(long, value_name = "FILE", default_value = "/etc/hosts")]
        hosts_file: PathBuf,
    },
}

/// What may be done with monitoring and pages.
#[derive(Debug, Subcommand)]
pub enum CoreCommand {
    /// Deploy them, or bring them up to date
    Deploy,
    /// Take them away
    Rollback,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        super::Cli::command().debug_assert();
    }
}
