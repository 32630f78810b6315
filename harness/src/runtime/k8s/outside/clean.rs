//! `harness clean --runtime k8s`: namespaces of a harness that is gone.

use std::time::Duration;

use k8s_openapi::api::{coordination::v1::Lease, core::v1::Namespace};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams},
};

use crate::{
    error::Error,
    runtime::k8s::{MANAGED_BY, failed, gone_or, lease},
};

/// A lease that stays the same for so long is renewed by nobody. Clocks are not compared.
const LOOK: Duration = Duration::from_secs(lease::STEP.as_secs() * 3 / 2);

/// What was found of runs on a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Namespaces that are taken away now.
    pub removed: Vec<String>,
    /// Namespaces of runs that go on.
    pub standing: Vec<String>,
    /// Namespaces that were told to go before and are still there, and what they say of it.
    pub stuck: Vec<(String, String)>,
}

/// Looks twice at every namespace of ours, and takes away those whose lease nobody renewed in between.
pub async fn clean(client: Client) -> Result<Cleaned, Error> {
    let all: Api<Namespace> = Api::all(client.clone());
    let ours = ListParams::default().labels(&format!("{}={}", MANAGED_BY.0, MANAGED_BY.1));
    let found = all.list(&ours).await.map_err(failed("list the namespaces of runs"))?;
    let mut cleaned = Cleaned::default();
    let mut before = Vec::new();
    for namespace in found {
        let name = namespace.metadata.name.clone().unwrap_or_default();
        if namespace.metadata.deletion_timestamp.is_some() {
            cleaned.stuck.push((name, why(&namespace)));
        } else {
            before.push((renewed(&client, &name).await?, name));
        }
    }
    if before.is_empty() {
        return Ok(cleaned);
    }
    tokio::time::sleep(LOOK).await; // the time in which a living harness renews its lease is the condition itself
    for (then, name) in before {
        if renewed(&client, &name).await? != then {
            cleaned.standing.push(name);
            continue;
        }
        let deleted = all.delete(&name, &DeleteParams::default()).await;
        gone_or(deleted.map(drop), format!("delete the namespace {name}"))?;
        cleaned.removed.push(name);
    }
    Ok(cleaned)
}

async fn renewed(client: &Client, namespace: &str) -> Result<Option<String>, Error> {
    let leases: Api<Lease> = Api::namespaced(client.clone(), namespace);
    let lease =
        leases.get_opt(lease::NAME).await.map_err(failed(format!("read the lease in {namespace}")))?;
    Ok(lease.and_then(|lease| lease.spec?.renew_time).map(|time| format!("{time:?}")))
}

/// What a namespace that ends says of what it waits for.
fn why(namespace: &Namespace) -> String {
    let conditions = namespace.status.as_ref().and_then(|status| status.conditions.as_ref());
    let waits = conditions.into_iter().flatten().filter(|condition| condition.status == "True");
    let waits: Vec<_> = waits.filter_map(|condition| condition.message.clone()).collect();
    if waits.is_empty() { "it ends, and says nothing more".to_owned() } else { waits.join("; ") }
}

impl std::fmt::Display for Cleaned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "namespaces removed: {}, of runs that go on: {}",
            self.removed.len(),
            self.standing.len()
        )?;
        self.stuck.iter().try_for_each(|(name, why)| writeln!(f, "{name} was told to go before: {why}"))
    }
}
