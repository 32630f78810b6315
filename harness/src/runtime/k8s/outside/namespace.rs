//! The namespace of one `harness run`, with the conductor in it.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::{
    api::{
        coordination::v1::{Lease, LeaseSpec},
        core::v1::{Namespace as Object, PersistentVolumeClaim, Pod, ServiceAccount},
        rbac::v1::{Role, RoleBinding},
    },
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use tokio::task::JoinHandle;

use super::CONDUCTOR;
use crate::{
    error::Error,
    runtime::k8s::{MANAGED_BY, failed, gone_or, lease, manifest, named, pods::Known, pods::Pods},
};

const HOME: &str = include_str!("../../../../../k8s/labs/home/home.yaml");
const RBAC: &str = include_str!("../../../../../k8s/rbac/rbac.yaml");
const POD: &str = include_str!("../../../../../k8s/labs/conductor.yaml");

/// The image with the harness and its workers, unless a variable names another.
const IMAGE: (&str, &str) = ("HARNESS_IMAGE", concat!("harness:", env!("CARGO_PKG_VERSION")));

/// Variables that the conductor gets as they are here.
const HANDED_ON: [&str; 4] =
    ["HARNESS_NATS_IMAGE", "HARNESS_POSTGRES_IMAGE", "HARNESS_KAFKA_IMAGE", "NO_COLOR"];

/// How long the conductor may take: its image may have to be fetched.
const START_BOUND: Duration = Duration::from_secs(300);

/// Who applies what is applied.
const MANAGER: &str = "harness";

/// A namespace of its own for each `harness run`.
pub struct Namespace {
    client: Client,
    name: String,
    renewal: JoinHandle<()>,
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

impl Namespace {
    /// Makes one with a name that nobody has, its lease, and the rights that the conductor needs in it.
    pub async fn make(client: Client) -> Result<Self, Error> {
        let name = format!("harness-{:08x}", rand::random::<u32>());
        let mut metadata = named(&name);
        let labels = metadata.labels.get_or_insert_default();
        labels.insert("pod-security.kubernetes.io/enforce".to_owned(), "restricted".to_owned());
        let object = Object { metadata, ..Object::default() };
        let made = Api::<Object>::all(client.clone()).create(&PostParams::default(), &object).await;
        made.map_err(failed(format!("make the namespace {name}")))?;
        let renewal = tokio::spawn(renew(Api::namespaced(client.clone(), &name)));
        let namespace = Self { client, name, renewal };
        match namespace.furnish().await {
            Ok(()) => Ok(namespace),
            Err(error) => {
                namespace.remove().await?;
                Err(error)
            }
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its pods.
    pub fn pods(&self) -> Api<Pod> {
        self.api()
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        <K as kube::Resource>::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    async fn furnish(&self) -> Result<(), Error> {
        let mut rbac = RBAC.split("\n---\n");
        let mut next = || rbac.next().unwrap_or_default();
        self.apply::<ServiceAccount>(manifest::object(next())?).await?;
        self.apply::<Role>(manifest::object(next())?).await?;
        self.apply::<RoleBinding>(manifest::object(next())?).await?;
        let mut claim: PersistentVolumeClaim = manifest::object(HOME)?;
        if let (Some(spec), Ok(class)) = (&mut claim.spec, std::env::var("HARNESS_STORAGE_CLASS")) {
            spec.storage_class_name = Some(class);
        }
        self.apply(claim).await
    }

    /// By server-side apply: what is there already is brought up to date.
    async fn apply<K>(&self, mut object: K) -> Result<(), Error>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>
            + serde::Serialize
            + serde::de::DeserializeOwned
            + Clone
            + std::fmt::Debug,
        <K as kube::Resource>::DynamicType: Default,
    {
        let name = object.meta().name.clone().unwrap_or_default();
        let labels: &mut BTreeMap<_, _> = object.meta_mut().labels.get_or_insert_default();
        labels.insert(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned());
        let what = format!("apply {} {name} in {}", K::kind(&Default::default()), self.name);
        let applied =
            self.api::<K>().patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&object)).await;
        applied.map(drop).map_err(failed(what))
    }

    /// Starts the conductor and waits until it runs.
    pub async fn start_conductor(&self) -> Result<(), Error> {
        let mut pod: Pod = manifest::object(POD)?;
        let image = std::env::var(IMAGE.0).unwrap_or_else(|_| IMAGE.1.to_owned());
        if let Some(spec) = &mut pod.spec {
            let containers = spec.init_containers.iter_mut().flatten().chain(&mut spec.containers);
            containers.for_each(|container| container.image = Some(image.clone()));
            let conductor =
                spec.containers.first_mut().map(|container| container.env.get_or_insert_default());
            let handed_on = HANDED_ON.into_iter().filter_map(|name| Some((name, std::env::var(name).ok()?)));
            let all = handed_on.chain([(IMAGE.0, image.clone())]);
            if let Some(variables) = conductor {
                variables.extend(all.map(|(name, value)| k8s_openapi::api::core::v1::EnvVar {
                    name: name.to_owned(),
                    value: Some(value),
                    value_from: None,
                }));
            }
        }
        self.apply(pod).await?;
        let pods = Pods::watch(self.pods()).await?;
        let settled =
            |known: Option<&Known>| known.is_some_and(|known| known.running || known.over || known.hopeless);
        match pods.until(CONDUCTOR, START_BOUND, settled).await.flatten() {
            Some(known) if known.running => Ok(()),
            Some(known) if known.over => {
                Err(Error::Other(format!("the conductor ended at its start ({:?})", known.exit_code)))
            }
            _ => {
                let why = pods.get(CONDUCTOR).and_then(|known| known.trouble);
                let why = why.unwrap_or_else(|| format!("nothing was heard of it for {START_BOUND:?}"));
                Err(Error::NotRun {
                    what: format!("the conductor's pod does not come to run: {why}"),
                    mend: format!(
                        "see that the cluster can have the image {image} ({} names another)",
                        IMAGE.0
                    ),
                })
            }
        }
    }

    /// Has the cluster take it away, with all that is in it. Nobody waits until it is gone.
    pub async fn remove(&self) -> Result<(), Error> {
        let deleted =
            Api::<Object>::all(self.client.clone()).delete(&self.name, &DeleteParams::default()).await;
        gone_or(deleted.map(drop), format!("delete the namespace {}", self.name))
    }
}

/// Renews the lease for as long as this process lives.
async fn renew(leases: Api<Lease>) {
    loop {
        let spec = LeaseSpec {
            holder_identity: Some(MANAGER.to_owned()),
            lease_duration_seconds: Some(lease::LASTS.as_secs() as i32),
            renew_time: Some(MicroTime(Timestamp::now())),
            ..LeaseSpec::default()
        };
        let object = Lease { metadata: named(lease::NAME), spec: Some(spec) };
        let parameters = PatchParams::apply(MANAGER).force();
        if let Err(error) = leases.patch(lease::NAME, &parameters, &Patch::Apply(&object)).await {
            tracing::warn!("the lease could not be renewed: {error}");
        }
        tokio::time::sleep(lease::STEP).await;
    }
}
