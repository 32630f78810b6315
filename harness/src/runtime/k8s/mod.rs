//! The cluster as a runtime: brokers are StatefulSets, each life of a worker is a pod.
//!
//! The harness itself runs in the cluster as well, in the pod called *conductor*: the proxy, the webhook and the journals
//! are where the workers are, and nothing is measured or broken through the API server. `harness run --runtime k8s` on a
//! laptop sets that pod up (see [`outside`]), runs itself in it, and brings the run folders home.

mod api;
pub mod inside;
pub mod lease;
pub mod manifest;
pub mod outside;
pub mod pods;
pub mod shell;
mod volume;
pub mod worker;

use std::{collections::BTreeMap, fmt, net::IpAddr, path::Path};

use k8s_openapi::{
    api::core::v1::{Pod, Secret},
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{
    Api, Client,
    api::{DeleteParams, ObjectMeta, PostParams},
};

pub use api::{failed, gone_or};

use self::{inside::Inside, pods::Pods};
use crate::error::Error;

/// The folder of the project in the image, and in every pod that has the volume with the runs.
pub const HOME: &str = "/harness";

/// What every object of ours carries, so that it can be found.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "harness");

/// The namespace of one `harness run`, seen from the conductor in it.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    inside: Inside,
    pods: Pods,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("inside", &self.inside).finish_non_exhaustive()
    }
}

impl Cluster {
    /// Talks to the API server as the conductor's service account, and begins to watch the namespace's pods.
    pub async fn join(inside: Inside) -> Result<Self, Error> {
        volume::refuse_network(Path::new(HOME))?;
        let client = Client::try_default().await.map_err(|error| {
            Error::Other(format!("the cluster's API cannot be used from inside: {error}"))
        })?;
        let pods = Pods::watch(Api::namespaced(client.clone(), &inside.namespace)).await?;
        Ok(Self { client, inside, pods })
    }

    /// Objects of the run's namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        <K as kube::Resource>::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.inside.namespace)
    }

    /// What is known of the namespace's pods.
    pub fn pods(&self) -> &Pods {
        &self.pods
    }

    /// What this pod was told of itself.
    pub fn inside(&self) -> &Inside {
        &self.inside
    }

    /// The address of this pod: there the proxy and the webhook listen.
    pub fn address(&self) -> IpAddr {
        self.inside.address
    }

    /// The beginning of an object that goes when this pod goes.
    pub fn named(&self, name: &str) -> ObjectMeta {
        let (pod, uid) = self.inside.pod.clone();
        let owner = OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            name: pod,
            uid,
            ..OwnerReference::default()
        };
        ObjectMeta { owner_references: Some(vec![owner]), ..named(name) }
    }

    /// Makes a secret of these values.
    pub async fn make_secret(&self, name: &str, values: BTreeMap<String, String>) -> Result<(), Error> {
        let secret = Secret {
            metadata: self.named(name),
            immutable: Some(true),
            string_data: Some(values),
            ..Secret::default()
        };
        let made = self.api().create(&PostParams::default(), &secret).await;
        made.map(drop).map_err(failed(format!("make the secret {name}")))
    }

    /// Takes a secret away.
    pub async fn delete_secret(&self, name: &str) -> Result<(), Error> {
        let deleted = self.api::<Secret>().delete(name, &DeleteParams::default()).await;
        gone_or(deleted.map(drop), format!("delete the secret {name}"))
    }

    /// Takes a pod away at once. Its container gets no time: the name is free when this has been seen to happen.
    pub async fn delete_pod(&self, name: &str) -> Result<(), Error> {
        let deleted = self.api::<Pod>().delete(name, &DeleteParams::default().grace_period(0)).await;
        gone_or(deleted.map(drop), format!("delete the pod {name}"))
    }
}

/// The beginning of every object of ours.
pub fn named(name: &str) -> ObjectMeta {
    let label = (MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned());
    ObjectMeta { name: Some(name.to_owned()), labels: Some(BTreeMap::from([label])), ..ObjectMeta::default() }
}
