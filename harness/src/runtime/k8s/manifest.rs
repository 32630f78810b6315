//! The manifests in `k8s/`, which people may apply as well, as typed objects.

use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use serde::de::DeserializeOwned;

use crate::{error::Error, scenario::Broker};

const WORKER: &str = include_str!("../../../../k8s/labs/worker.yaml");
const NATS: &str = include_str!("../../../../k8s/brokers/nats.yaml");
const POSTGRES: &str = include_str!("../../../../k8s/brokers/postgres.yaml");
const KAFKA: &str = include_str!("../../../../k8s/brokers/kafka.yaml");

/// One object of a manifest.
pub fn object<K: DeserializeOwned>(text: &str) -> Result<K, Error> {
    serde_saphyr::from_str(text)
        .map_err(|error| Error::Other(format!("a manifest in k8s/ is not right: {error}")))
}

/// A worker's pod, without name and environment.
pub fn worker() -> Result<Pod, Error> {
    object(WORKER)
}

/// A broker's set, without its name and settings.
pub fn broker(broker: Broker) -> Result<StatefulSet, Error> {
    object(match broker {
        Broker::Nats => NATS,
        Broker::Postgres => POSTGRES,
        Broker::Kafka => KAFKA,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manifest_is_what_the_harness_takes_it_for() {
        let worker = worker().unwrap().spec.unwrap();
        assert!(worker.share_process_namespace == Some(true) && worker.containers.len() == 1);
        for kind in [Broker::Nats, Broker::Postgres, Broker::Kafka] {
            let set = broker(kind).unwrap();
            let spec = set.spec;
            assert_eq!(spec.volume_claim_templates.unwrap().len(), 1, "{kind}");
            assert_eq!(spec.template.spec.unwrap().share_process_namespace, Some(true), "{kind}");
        }
    }
}
