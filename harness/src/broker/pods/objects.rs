//! The objects of one server: a set with its claim, a headless service, an address for workers, the settings.

use std::{collections::BTreeMap, net::IpAddr};

use k8s_openapi::{
    api::{
        apps::v1::StatefulSet,
        core::v1::{PersistentVolumeClaim, Service, ServicePort, ServiceSpec},
    },
    apimachinery::pkg::apis::meta::v1::LabelSelector,
};
use kube::api::{DeleteParams, PostParams};

use crate::{
    broker::kafka::settings::{LinkPorts, Ports},
    error::Error,
    runtime::k8s::{Cluster, MANAGED_BY, failed, gone_or, manifest},
    scenario::Broker,
};

/// Which of our servers a pod is of.
const SERVER: &str = "harness/server";

/// The port of nats-server.
pub const NATS: u16 = 4222;
/// The port of PostgreSQL.
pub const POSTGRES: u16 = 5432;
/// The ports of Kafka. Behind the proxy it is at the harness's own address; there each server needs ports of its own.
pub fn kafka(advertised: [u16; 2]) -> Ports {
    let link = |number: usize| LinkPorts { listens: 9094 + number as u16, advertised: advertised[number] };
    Ports { own: 9093, client: 9092, controller: 9096, links: [link(0), link(1)] }
}

/// The image of a broker: the official one, unless a variable names another.
fn image(broker: Broker) -> Option<String> {
    let variable = format!("HARNESS_{}_IMAGE", broker.word().to_uppercase());
    std::env::var(variable).ok().filter(|image| !image.is_empty())
}

/// Makes the address for workers; it stays over restarts, whatever pod is behind it, ready or not.
pub async fn make_address(cluster: &Cluster, name: &str, broker: Broker) -> Result<IpAddr, Error> {
    make_service(cluster, name, &service(cluster, name, name, &ports(broker), Some("None"))).await?;
    let workers = format!("{name}-workers");
    let made =
        make_service(cluster, &workers, &service(cluster, &workers, name, &ports(broker), None)).await?;
    let address = made.spec.and_then(|spec| spec.cluster_ip).and_then(|address| address.parse().ok());
    address.ok_or_else(|| Error::Other(format!("the cluster gave the service {workers} no address")))
}

/// Makes the set; its pod is `<name>-0`.
pub async fn make_set(
    cluster: &Cluster,
    name: &str,
    broker: Broker,
    settings: BTreeMap<String, String>,
) -> Result<(), Error> {
    cluster.make_secret(name, settings).await?;
    let set = set(cluster, name, broker)?;
    let made = cluster.api().create(&PostParams::default(), &set).await;
    made.map(drop).map_err(failed(format!("make the stateful set {name}")))
}

/// Takes all of it away, and what it wrote.
pub async fn remove(cluster: &Cluster, name: &str) -> Result<(), Error> {
    let now = DeleteParams::background().grace_period(0);
    let workers = format!("{name}-workers");
    gone_or(
        cluster.api::<StatefulSet>().delete(name, &now).await.map(drop),
        format!("delete the set {name}"),
    )?;
    cluster.delete_pod(&pod(name)).await?;
    for service in [name, workers.as_str()] {
        let deleted = cluster.api::<Service>().delete(service, &now).await;
        gone_or(deleted.map(drop), format!("delete the service {service}"))?;
    }
    cluster.delete_secret(name).await?;
    let claim = format!("data-{}", pod(name));
    let deleted = cluster.api::<PersistentVolumeClaim>().delete(&claim, &now).await;
    gone_or(deleted.map(drop), format!("delete the claim {claim}"))
}

/// The pod of a set.
pub fn pod(name: &str) -> String {
    format!("{name}-0")
}

fn ports(broker: Broker) -> Vec<u16> {
    match broker {
        Broker::Nats => vec![NATS],
        Broker::Postgres => vec![POSTGRES],
        Broker::Kafka => {
            let ports = kafka([0, 0]);
            vec![ports.client, ports.own, ports.links[0].listens, ports.links[1].listens]
        }
    }
}

async fn make_service(cluster: &Cluster, name: &str, service: &Service) -> Result<Service, Error> {
    let made = cluster.api().create(&PostParams::default(), service).await;
    made.map_err(failed(format!("make the service {name}")))
}

fn service(cluster: &Cluster, name: &str, server: &str, ports: &[u16], address: Option<&str>) -> Service {
    let port = |port: &u16| ServicePort {
        name: Some(format!("port-{port}")),
        port: i32::from(*port),
        ..ServicePort::default()
    };
    let spec = ServiceSpec {
        cluster_ip: address.map(str::to_owned),
        // A server that was killed is not ready, and workers are to find that out by themselves.
        publish_not_ready_addresses: Some(true),
        selector: Some(label(server)),
        ports: Some(ports.iter().map(port).collect()),
        ..ServiceSpec::default()
    };
    Service { metadata: cluster.named(name), spec: Some(spec), ..Service::default() }
}

fn label(server: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(SERVER.to_owned(), server.to_owned())])
}

fn set(cluster: &Cluster, name: &str, broker: Broker) -> Result<StatefulSet, Error> {
    let mut set = manifest::broker(broker)?;
    set.metadata = cluster.named(name);
    let spec = &mut set.spec;
    spec.service_name = Some(name.to_owned());
    spec.selector = LabelSelector { match_labels: Some(label(name)), ..LabelSelector::default() };
    let labels = spec.template.metadata.get_or_insert_default().labels.get_or_insert_default();
    labels.extend(label(name));
    labels.insert(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned());
    let Some(pod) = &mut spec.template.spec else {
        return Err(Error::Other(format!("the manifest of {broker} has no pod")));
    };
    if let (Some(image), Some(container)) = (image(broker), pod.containers.first_mut()) {
        container.image = Some(image);
    }
    for volume in pod.volumes.iter_mut().flatten() {
        if let Some(secret) = &mut volume.secret {
            secret.secret_name = Some(name.to_owned());
        }
    }
    Ok(set)
}
