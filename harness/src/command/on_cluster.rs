//! Commands that look at a cluster instead of this machine.

use super::output;
use crate::{
    error::Error,
    exit::Exit,
    runtime::k8s::outside::{clean, connect, rights},
};

/// `harness doctor --runtime k8s`.
pub async fn doctor() -> Result<Exit, Error> {
    let (report, good) = rights::report(connect().await?).await?;
    output::print(&report)?;
    Ok(if good { Exit::AsExpected } else { Exit::Inconclusive })
}

/// `harness clean --runtime k8s`.
pub async fn clean() -> Result<Exit, Error> {
    output::print(&clean::clean(connect().await?).await?.to_string())
}
