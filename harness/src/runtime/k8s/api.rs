//! What the API server says when it does not do what it was asked.

use kube::Error as KubeError;

use crate::error::Error;

/// For `map_err`: what was asked for, and why it was not done.
pub fn failed(what: impl Into<String>) -> impl FnOnce(KubeError) -> Error {
    let what = what.into();
    move |error| {
        match &error {
        KubeError::Api(status) if status.code == 401 => Error::NotRun {
            what: format!("the cluster does not know who asks to {what}: {}", status.message),
            mend: "renew the credentials of the kubeconfig's present context, for instance by logging in again"
                .to_owned(),
        },
        KubeError::Api(status) if status.code == 403 => Error::NotRun {
            what: format!("the cluster forbids to {what}: {}", status.message),
            mend: "`harness doctor --runtime k8s` lists the rights that are needed; ask for those that are missing"
                .to_owned(),
        },
        KubeError::Api(status) => {
            Error::Other(format!("the cluster was asked to {what}: {} ({})", status.message, status.code))
        }
        KubeError::Service(_) | KubeError::HyperError(_) => Error::NotRun {
            what: format!("the cluster's API server cannot be reached to {what}: {}", all_of(&error)),
            mend: "see that the cluster of the kubeconfig's present context is up".to_owned(),
        },
        _ => Error::Other(format!("the cluster was asked to {what}: {}", all_of(&error))),
    }
    }
}

/// As [`failed`], where it is as good that there is nothing any more.
pub fn gone_or(result: Result<(), KubeError>, what: String) -> Result<(), Error> {
    match result {
        Err(KubeError::Api(status)) if status.code == 404 => Ok(()),
        result => result.map_err(failed(what)),
    }
}

/// An error and what caused it: the outermost one alone often says only that something failed.
fn all_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    text
}
