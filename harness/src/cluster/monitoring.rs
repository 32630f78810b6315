//! What every use case of the workshop needs: monitoring, and the pages.

use super::{Cluster, HOSTS};
use crate::error::Error;

/// The version of the chart kube-prometheus-stack that the values were written for.
const CHART_VERSION: &str = "79.1.0";

/// The name under which helm knows the chart's repository.
const REPOSITORY: &str = "prometheus-community";

/// Release and namespace.
const MONITORING: &str = "monitoring";

/// What the chart defines and does not take away again: with them gone, all objects of these kinds are gone.
const KINDS: [&str; 10] = [
    "alertmanagerconfigs",
    "alertmanagers",
    "podmonitors",
    "probes",
    "prometheusagents",
    "prometheuses",
    "prometheusrules",
    "scrapeconfigs",
    "servicemonitors",
    "thanosrulers",
];

impl Cluster {
    /// Monitoring, and the ingresses of the pages. May be done again.
    pub fn deploy_core(&self) -> Result<(), Error> {
        self.programs.need(&["helm", "kubectl"])?;
        self.knows_the_chart()?;
        if self.provider.has_pages() {
            self.kubectl(&["apply", "--kustomize", &self.manifest("core")])?;
        } else {
            eprintln!("Headlamp and Kubetail are addons of minikube: not deployed here");
        }
        let chart = format!("{REPOSITORY}/kube-prometheus-stack");
        let values = self.manifest("core/monitoring.yaml");
        self.helm(&[
            "upgrade",
            "--install",
            MONITORING,
            &chart,
            "--version",
            CHART_VERSION,
            "--namespace",
            MONITORING,
            "--create-namespace",
            "--values",
            &values,
            "--wait",
            "--timeout",
            "10m",
        ])?;
        if self.provider.has_ingress() {
            let pages: Vec<_> = HOSTS.iter().map(|host| format!("http://{host}")).collect();
            eprintln!("Deployed: {}. Grafana: admin, admin", pages.join(" "));
        } else {
            eprintln!("Deployed. kind has no ingress; for Grafana (admin, admin) on http://127.0.0.1:3000:");
            eprintln!("  kubectl --namespace {MONITORING} port-forward service/{MONITORING}-grafana 3000:80");
        }
        Ok(())
    }

    /// helm takes the repository's address from whoever set it up, so that a mirror works as well.
    fn knows_the_chart(&self) -> Result<(), Error> {
        // helm fails where there is no repository at all.
        let known = self.programs.ask("helm", &["repo", "list"]).unwrap_or_default();
        if known.lines().any(|line| line.split_whitespace().next() == Some(REPOSITORY)) {
            return Ok(());
        }
        Err(Error::NotRun {
            what: format!(
                "helm does not know the repository {REPOSITORY} of the chart kube-prometheus-stack"
            ),
            mend: format!(
                "helm repo add {REPOSITORY} ADDRESS, with the address from the chart's own page, or your mirror's"
            ),
        })
    }

    /// Takes away what [`Cluster::deploy_core`] brought. May be done again.
    pub fn roll_back_core(&self) -> Result<(), Error> {
        self.programs.need(&["helm", "kubectl"])?;
        self.helm(&["uninstall", MONITORING, "--namespace", MONITORING, "--ignore-not-found", "--wait"])?;
        if self.provider.has_pages() {
            self.kubectl(&["delete", "--ignore-not-found", "--kustomize", &self.manifest("core")])?;
        }
        let kinds = KINDS.map(|kind| format!("{kind}.monitoring.coreos.com"));
        let kinds: Vec<_> = kinds.iter().map(String::as_str).collect();
        self.kubectl(&[&["delete", "crd", "--ignore-not-found"][..], &kinds].concat())?;
        self.kubectl(&["delete", "namespace", MONITORING, "--ignore-not-found"])
    }

    /// How monitoring is.
    pub fn monitoring_status(&self) -> Result<(), Error> {
        self.helm(&["status", MONITORING, "--namespace", MONITORING])?;
        self.kubectl(&["get", "pods,services,ingresses", "--namespace", MONITORING])
    }

    fn manifest(&self, name: &str) -> String {
        self.manifests.join(name).to_string_lossy().into_owned()
    }

    fn kubectl(&self, arguments: &[&str]) -> Result<(), Error> {
        let context = self.provider.context(&self.profile);
        self.programs.run("kubectl", &[&["--context", &context][..], arguments].concat())
    }

    fn helm(&self, arguments: &[&str]) -> Result<(), Error> {
        let context = self.provider.context(&self.profile);
        self.programs.run("helm", &[&["--kube-context", &context][..], arguments].concat())
    }
}
