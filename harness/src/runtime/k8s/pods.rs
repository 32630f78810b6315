//! What is known of the namespace's pods, kept up to date by a watch.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod};
use kube::{
    Api,
    runtime::{WatchStreamExt, watcher},
};
use tokio::{sync::watch, time::timeout};

use crate::error::Error;

/// How long the first list may take.
const FIRST_BOUND: Duration = Duration::from_secs(30);

/// What is known of one pod, of whose containers only the first counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Which one of this name.
    pub uid: String,
    /// Its main process runs.
    pub running: bool,
    /// How its main process ended the last time: the exit code, 128 and the signal if a signal ended it.
    pub exit_code: Option<i32>,
    /// How often it was started again in the same pod.
    pub restarts: i32,
    /// Why it does not start.
    pub trouble: Option<String>,
    /// That will not pass by itself, or has been tried again in vain.
    pub hopeless: bool,
    /// It has come to its end, or is not there (any more).
    pub over: bool,
}

impl Known {
    fn of(pod: &Pod) -> Self {
        let status = pod.status.clone().unwrap_or_default();
        let container = status.container_statuses.clone().unwrap_or_default().into_iter().next();
        let container = container.unwrap_or_default();
        // A pod that is not past its first container has its trouble there.
        let first = status.init_container_statuses.clone().unwrap_or_default().into_iter().next();
        let first = first.filter(|first| waiting(first).is_some()).unwrap_or_else(|| container.clone());
        let phase = status.phase.as_deref().unwrap_or_default();
        Self {
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            running: container.state.as_ref().is_some_and(|state| state.running.is_some()),
            exit_code: exit_code(&container),
            restarts: container.restart_count,
            trouble: trouble(pod, &first),
            hopeless: waiting(&first).is_some_and(|reason| HOPELESS.contains(&reason)),
            over: matches!(phase, "Succeeded" | "Failed"),
        }
    }
}

/// What the kubelet calls an image that cannot be had. After the first time it tries again, and then calls it a back-off.
const HOPELESS: [&str; 4] =
    ["ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError"];

fn waiting(container: &ContainerStatus) -> Option<&str> {
    container.state.as_ref()?.waiting.as_ref()?.reason.as_deref()
}

fn exit_code(container: &ContainerStatus) -> Option<i32> {
    let ended = |state: &Option<ContainerState>| Some(state.as_ref()?.terminated.as_ref()?.exit_code);
    ended(&container.state).or_else(|| ended(&container.last_state))
}

/// Why a pod does not get to run, in the words of the scheduler or the kubelet. Some of it may pass by itself.
fn trouble(pod: &Pod, container: &ContainerStatus) -> Option<String> {
    let waiting = container.state.as_ref().and_then(|state| state.waiting.as_ref());
    if let Some(waiting) = waiting {
        let reason = waiting.reason.clone().unwrap_or_default();
        if !matches!(reason.as_str(), "" | "ContainerCreating" | "PodInitializing") {
            return Some([reason, waiting.message.clone().unwrap_or_default()].join(": "));
        }
    }
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let unscheduled = conditions.into_iter().flatten();
    let mut unscheduled = unscheduled.filter(|it| it.type_ == "PodScheduled" && it.status == "False");
    unscheduled.next().map(|it| format!("not scheduled: {}", it.message.clone().unwrap_or_default()))
}

/// All pods of the namespace by name. Clones share what they know.
#[derive(Clone)]
pub struct Pods {
    known: Arc<Mutex<BTreeMap<String, Known>>>,
    changes: watch::Receiver<u64>,
}

impl Pods {
    /// Begins to watch, and waits until the first list is there. It ends with the runtime.
    pub async fn watch(api: Api<Pod>) -> Result<Self, Error> {
        let known = Arc::<Mutex<BTreeMap<String, Known>>>::default();
        let (tell, changes) = watch::channel(0);
        let mut pods = Self { known: known.clone(), changes };
        tokio::spawn(async move {
            let mut listed = BTreeSet::new();
            let mut events = watcher(api, watcher::Config::default()).default_backoff().boxed();
            // An error is that of one connection: the watch goes on after a pause.
            loop {
                match events.try_next().await {
                    Ok(Some(event)) => {
                        take(&mut known.lock().unwrap_or_else(PoisonError::into_inner), &mut listed, event)
                    }
                    Ok(None) => return,
                    Err(error) => {
                        tracing::debug!("the watch of pods: {error}");
                        continue;
                    }
                }
                tell.send_modify(|changes| *changes += 1);
            }
        });
        match timeout(FIRST_BOUND, pods.changes.changed()).await {
            Ok(Ok(())) => Ok(pods),
            _ => {
                Err(Error::Other(format!("the namespace's pods could not be listed within {FIRST_BOUND:?}")))
            }
        }
    }

    /// What is known of a pod; nothing if there is none.
    pub fn get(&self, name: &str) -> Option<Known> {
        self.lock().get(name).cloned()
    }

    /// Waits until this holds of a pod; `None` when the bound passed first.
    pub async fn until(
        &self,
        name: &str,
        bound: Duration,
        mut holds: impl FnMut(Option<&Known>) -> bool,
    ) -> Option<Option<Known>> {
        let mut changes = self.changes.clone();
        let found = async {
            loop {
                changes.mark_unchanged();
                let known = self.get(name);
                if holds(known.as_ref()) {
                    return Some(known);
                }
                if changes.changed().await.is_err() {
                    return None;
                }
            }
        };
        timeout(bound, found).await.ok().flatten()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take(known: &mut BTreeMap<String, Known>, listed: &mut BTreeSet<String>, event: watcher::Event<Pod>) {
    use watcher::Event;
    match event {
        Event::Init => listed.clear(),
        Event::InitApply(pod) => {
            listed.insert(name(&pod));
            known.insert(name(&pod), Known::of(&pod));
        }
        // A pod that was deleted while the watch was cut off is in no event.
        Event::InitDone => known.retain(|name, _| listed.contains(name)),
        Event::Apply(pod) => drop(known.insert(name(&pod), Known::of(&pod))),
        Event::Delete(pod) => drop(known.remove(&name(&pod))),
    }
}

fn name(pod: &Pod) -> String {
    pod.metadata.name.clone().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn known(status: serde_json::Value) -> Known {
        let pod = json!({"metadata": {"name": "consumer-0", "uid": "u1"}, "status": status});
        Known::of(&serde_json::from_value(pod).unwrap())
    }

    fn container(state: serde_json::Value, last: serde_json::Value, restarts: i32) -> serde_json::Value {
        json!([{"name": "worker", "image": "i", "imageID": "", "ready": false, "restartCount": restarts,
            "state": state, "lastState": last}])
    }

    #[test]
    fn a_pod_that_runs_has_no_end() {
        let containers = container(json!({"running": {}}), json!({}), 0);
        let known = known(json!({"phase": "Running", "containerStatuses": containers}));
        assert!(known.running && !known.over && known.exit_code.is_none() && known.trouble.is_none());
    }

    #[test]
    fn a_worker_that_was_killed_is_over_with_the_code_of_its_signal() {
        let containers = container(json!({"terminated": {"exitCode": 137}}), json!({}), 0);
        let known = known(json!({"phase": "Failed", "containerStatuses": containers}));
        assert_eq!((known.over, known.running, known.exit_code), (true, false, Some(137)));
    }

    #[test]
    fn a_server_that_was_killed_runs_again_and_is_not_the_one_that_was_started() {
        let containers = container(json!({"running": {}}), json!({"terminated": {"exitCode": 137}}), 1);
        let known = known(json!({"phase": "Running", "containerStatuses": containers}));
        assert_eq!((known.running, known.restarts, known.exit_code), (true, 1, Some(137)));
    }

    #[test]
    fn why_a_pod_does_not_start_is_said() {
        let waiting = json!({"waiting": {"reason": "ErrImagePull", "message": "no such image"}});
        let containers = container(waiting, json!({}), 0);
        let pulled = known(json!({"phase": "Pending", "containerStatuses": containers}));
        assert_eq!(pulled.trouble.unwrap(), "ErrImagePull: no such image");
        let condition =
            json!([{"type": "PodScheduled", "status": "False", "message": "0/1 nodes: too little memory"}]);
        let unscheduled = known(json!({"phase": "Pending", "conditions": condition}));
        assert_eq!(unscheduled.trouble.unwrap(), "not scheduled: 0/1 nodes: too little memory");
        let waiting = json!({"waiting": {"reason": "ContainerCreating"}});
        let starting =
            known(json!({"phase": "Pending", "containerStatuses": container(waiting, json!({}), 0)}));
        assert_eq!(starting.trouble, None);
    }

    #[test]
    fn what_was_deleted_while_nobody_watched_is_forgotten_at_the_next_list() {
        let pod =
            |name: &str| -> Pod { serde_json::from_value(json!({"metadata": {"name": name}})).unwrap() };
        let (mut known, mut listed) = (BTreeMap::new(), BTreeSet::new());
        for event in [watcher::Event::Apply(pod("a")), watcher::Event::Apply(pod("b")), watcher::Event::Init]
        {
            take(&mut known, &mut listed, event);
        }
        take(&mut known, &mut listed, watcher::Event::InitApply(pod("b")));
        take(&mut known, &mut listed, watcher::Event::InitDone);
        assert_eq!(known.keys().collect::<Vec<_>>(), ["b"]);
        take(&mut known, &mut listed, watcher::Event::Delete(pod("b")));
        assert!(known.is_empty());
    }
}
