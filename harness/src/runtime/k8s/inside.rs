//! What the conductor is told by its environment.

use std::{env, net::IpAddr};

use crate::error::Error;

/// Where this process is in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// The namespace of the run.
    pub namespace: String,
    /// The address of this pod.
    pub address: IpAddr,
    /// The image of this pod, which is that of the workers as well.
    pub image: String,
    /// The name and the id of this pod, which owns all that it makes: with it, all of it goes.
    pub pod: (String, String),
}

impl Inside {
    /// From the environment; `None` where this is no conductor.
    ///
    /// # Errors
    /// The environment is that of a conductor and half of it is missing.
    pub fn from_environment() -> Result<Option<Self>, Error> {
        let Some(address) = variable("HARNESS_POD_IP") else { return Ok(None) };
        let address = address.parse().map_err(|_| missing("HARNESS_POD_IP", "is no address"))?;
        let need = |name: &'static str| variable(name).ok_or_else(|| missing(name, "is not set"));
        let (namespace, image) = (need("HARNESS_NAMESPACE")?, need("HARNESS_IMAGE")?);
        let pod = (need("HARNESS_POD")?, need("HARNESS_POD_UID")?);
        Ok(Some(Self { namespace, address, image, pod }))
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn missing(name: &str, what: &str) -> Error {
    Error::Other(format!(
        "{name} {what}, and this is a pod of the harness: see k8s/job/job.yaml for what it needs"
    ))
}
