//! `harness doctor --runtime k8s`: what the cluster permits, asked of the cluster itself before anything is started.

use std::fmt::Write;

use k8s_openapi::api::{
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
    core::v1::Node,
    storage::v1::StorageClass,
};
use kube::{
    Api, Client,
    api::{ListParams, PostParams},
};
use tabled::{Table, Tabled, settings::Style};

use crate::{error::Error, runtime::k8s::failed};

/// What whoever calls `harness run --runtime k8s` has to be allowed: group, resource, verbs. The rights of the conductor
/// are in k8s/rbac, and nobody can give rights that they have not.
const NEEDED: &[(&str, &str, &[&str])] = &[
    ("", "namespaces", &["create", "delete", "list"]),
    ("", "serviceaccounts", &["patch"]),
    ("", "persistentvolumeclaims", &["patch", "delete", "deletecollection"]),
    ("", "pods", &["get", "list", "watch", "create", "patch", "delete", "deletecollection"]),
    ("", "pods/exec", &["get", "create"]),
    ("", "pods/log", &["get"]),
    ("", "services", &["create", "delete"]),
    ("", "secrets", &["create", "delete"]),
    ("apps", "statefulsets", &["create", "delete", "deletecollection"]),
    ("coordination.k8s.io", "leases", &["get", "patch"]),
    ("rbac.authorization.k8s.io", "roles", &["patch"]),
    ("rbac.authorization.k8s.io", "rolebindings", &["patch"]),
];

#[derive(Tabled)]
struct Row {
    #[tabled(rename = "needed")]
    needed: String,
    #[tabled(rename = "")]
    state: &'static str,
    #[tabled(rename = "what was found")]
    found: String,
}

impl Row {
    fn new(needed: impl Into<String>, good: bool, found: impl Into<String>) -> Self {
        Self { needed: needed.into(), state: if good { "ok" } else { "missing" }, found: found.into() }
    }
}

/// A report, and whether nothing is missing.
pub async fn report(client: Client) -> Result<(String, bool), Error> {
    let version = client.apiserver_version().await.map_err(failed("say its version"))?;
    let mut rows = vec![Row::new("API server", true, version.git_version)];
    rows.push(nodes(&client).await);
    rows.push(class(&client).await);
    for (group, resource, verbs) in NEEDED {
        let mut missing = Vec::new();
        for verb in *verbs {
            if !may(&client, group, resource, verb).await? {
                missing.push(*verb);
            }
        }
        let found = match missing.is_empty() {
            true => verbs.join(", "),
            false => format!("not allowed: {}", missing.join(", ")),
        };
        rows.push(Row::new(*resource, missing.is_empty(), found));
    }
    let good = rows.iter().all(|row| row.state == "ok");
    let mut text = Table::new(&rows).with(Style::rounded()).to_string();
    let last = match good {
        true => "Labs can be run on this cluster.",
        false => "To mend it: ask whoever runs the cluster for what is missing.",
    };
    let _ = writeln!(text, "\n{last}");
    Ok((text, good))
}

async fn may(client: &Client, group: &str, resource: &str, verb: &str) -> Result<bool, Error> {
    let (resource, part) = resource.split_once('/').map_or((resource, None), |(it, part)| (it, Some(part)));
    let attributes = ResourceAttributes {
        group: Some(group.to_owned()),
        resource: Some(resource.to_owned()),
        subresource: part.map(str::to_owned),
        verb: Some(verb.to_owned()),
        namespace: (resource != "namespaces").then(|| "harness-00000000".to_owned()),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
    let review = SelfSubjectAccessReview { spec, ..Default::default() };
    let asked = Api::all(client.clone()).create(&PostParams::default(), &review).await;
    let answer: SelfSubjectAccessReview = asked.map_err(failed(format!("say who may {verb} {resource}")))?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// Who may not list nodes may run labs all the same.
async fn nodes(client: &Client) -> Row {
    match Api::<Node>::all(client.clone()).list(&ListParams::default()).await {
        Ok(nodes) => Row::new("nodes", !nodes.items.is_empty(), format!("{}", nodes.items.len())),
        Err(_) => Row::new("nodes", true, "may not be listed, and need not be"),
    }
}

async fn class(client: &Client) -> Row {
    const DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
    if let Ok(class) = std::env::var("HARNESS_STORAGE_CLASS") {
        return Row::new("storage class", true, format!("{class}, by HARNESS_STORAGE_CLASS"));
    }
    let Ok(classes) = Api::<StorageClass>::all(client.clone()).list(&ListParams::default()).await else {
        return Row::new("storage class", true, "may not be listed; the default one will be used");
    };
    let is_default = |class: &&StorageClass| {
        let annotations = class.metadata.annotations.as_ref();
        annotations.and_then(|it| it.get(DEFAULT)).is_some_and(|value| value == "true")
    };
    match classes.items.iter().find(is_default) {
        Some(class) => {
            let name = class.metadata.name.clone().unwrap_or_default();
            Row::new("storage class", true, format!("{name} ({}), the default", class.provisioner))
        }
        None => Row::new("storage class", false, "there is no default; HARNESS_STORAGE_CLASS names one"),
    }
}
