//! A harness that was killed on a laptop leaves nothing for ever: the conductor lives as long as somebody renews its lease.

use std::time::Duration;

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    coordination::v1::Lease,
    core::v1::{PersistentVolumeClaim, Pod},
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams},
};
use tokio::time::Instant;

use super::{failed, inside::Inside};
use crate::{error::Error, exit::Exit};

/// The name of the lease, in the namespace of the run.
pub const NAME: &str = "harness";

/// How often it is renewed, and looked at.
pub const STEP: Duration = Duration::from_secs(10);

/// How long nobody may renew it. Clocks are not compared: what counts is how long it was seen to stay the same.
pub const LASTS: Duration = Duration::from_secs(60);

/// The main process of the conductor: waits until nobody renews the lease any more, and takes everything away then.
pub async fn conduct() -> Result<Exit, Error> {
    let Some(inside) = Inside::from_environment()? else {
        return Err(Error::Usage("`harness conductor` is for a pod that the harness makes".to_owned()));
    };
    let client = Client::try_default().await.map_err(|error| Error::Other(error.to_string()))?;
    let leases: Api<Lease> = Api::namespaced(client.clone(), &inside.namespace);
    let (mut last, mut since) = (None, Instant::now());
    while since.elapsed() < LASTS {
        tokio::time::sleep(STEP).await; // the pace of looking
        match leases.get_opt(NAME).await {
            Ok(lease) => {
                let renewed = lease.and_then(|lease| lease.spec?.renew_time);
                if renewed != last {
                    (last, since) = (renewed, Instant::now());
                }
            }
            Err(error) => tracing::warn!("the lease cannot be read: {error}"),
        }
    }
    eprintln!("nobody has renewed the lease for {LASTS:?}: all is taken away");
    take_away(client, &inside.namespace).await?;
    Ok(Exit::Inconclusive)
}

/// Sets first: they would make their pods anew. The conductor's own pod last: with it goes the right to do any of this.
async fn take_away(client: Client, namespace: &str) -> Result<(), Error> {
    let (now, all) = (DeleteParams::default().grace_period(0), ListParams::default());
    let what = || format!("take away what is in {namespace}");
    let sets = Api::<StatefulSet>::namespaced(client.clone(), namespace);
    sets.delete_collection(&now, &all).await.map_err(failed(what()))?;
    let claims = Api::<PersistentVolumeClaim>::namespaced(client.clone(), namespace);
    claims.delete_collection(&now, &all).await.map_err(failed(what()))?;
    let pods = Api::<Pod>::namespaced(client, namespace);
    let others = ListParams::default().labels("app.kubernetes.io/name!=conductor");
    pods.delete_collection(&now, &others).await.map_err(failed(what()))?;
    pods.delete_collection(&now, &all).await.map(drop).map_err(failed(what()))
}
