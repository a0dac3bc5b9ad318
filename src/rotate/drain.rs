//! Cordon and drain, as `kubectl drain --ignore-daemonsets --delete-emptydir-data` does it.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use infra_provider_api::{Address, CloudError, Context, ErrorKind, RetryPolicy, retry};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{
    Api, Client,
    api::{EvictParams, ListParams, Patch, PatchParams},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::json;

use crate::apps::explain;

/// How to drain.
#[derive(Clone, Copy, Debug)]
pub struct DrainOptions {
    /// Longest time until the last pod is gone.
    pub deadline: Duration,
    /// Time between two evictions of a pod that a PodDisruptionBudget holds: the eviction API has
    /// no watch, it must be asked again.
    pub ask_again: Duration,
}

impl Default for DrainOptions {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(600), ask_again: Duration::from_millis(500) }
    }
}

pub(super) fn failed(operation: &str, error: &kube::Error) -> CloudError {
    let kind = match error {
        kube::Error::Api(status) if status.code == 403 => ErrorKind::Forbidden,
        kube::Error::Api(status) if status.code < 500 && status.code != 429 => ErrorKind::Invalid,
        _ => ErrorKind::Unavailable,
    };
    CloudError::new(kind, operation, explain(error))
}

async fn set_unschedulable(
    client: &Client,
    node: &str,
    on: bool,
    cx: &Context,
) -> Result<bool, CloudError> {
    let operation = format!("{} {node}", if on { "cordon" } else { "uncordon" });
    let patch = json!({"spec": {"unschedulable": on}});
    let nodes = Api::<Node>::all(client.clone());
    let set = || async {
        match nodes.patch(node, &PatchParams::default(), &Patch::Strategic(&patch)).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
            Err(error) => Err(failed(&operation, &error)),
        }
    };
    // It is the same, however often it is asked for.
    retry(cx, RetryPolicy::READ, set).await
}

/// Marks a node unschedulable. `false` when there is no such Node.
///
/// # Errors
/// Returns an error if the API server refuses or cannot be reached.
pub async fn cordon(client: &Client, node: &str, cx: &Context) -> Result<bool, CloudError> {
    set_unschedulable(client, node, true, cx).await
}

/// Takes the mark away again.
///
/// # Errors
/// Returns an error if the API server refuses or cannot be reached.
pub async fn uncordon(client: &Client, node: &str, cx: &Context) -> Result<bool, CloudError> {
    set_unschedulable(client, node, false, cx).await
}

/// Returns true if a drain has to move the pod: not those of DaemonSets, not static ones, not
/// finished ones.
pub(super) fn moves(pod: &Pod) -> bool {
    let of_daemon_set = pod
        .metadata
        .owner_references
        .iter()
        .flatten()
        .any(|owner| owner.kind == "DaemonSet" && owner.controller == Some(true));
    let mirror = pod
        .metadata
        .annotations
        .as_ref()
        .is_some_and(|all| all.contains_key("kubernetes.io/config.mirror"));
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("");
    !of_daemon_set && !mirror && phase != "Succeeded" && phase != "Failed"
}

fn name_of(pod: &Pod) -> (String, String) {
    (
        pod.metadata.namespace.clone().unwrap_or_default(),
        pod.metadata.name.clone().unwrap_or_default(),
    )
}

/// Explains why an eviction is refused: which budget holds the pod, where the server says it.
fn why_held(status: &kube::core::Status) -> String {
    let causes: Vec<&str> = status
        .details
        .iter()
        .flat_map(|details| &details.causes)
        .map(|cause| cause.message.as_str())
        .filter(|message| !message.is_empty())
        .collect();
    if causes.is_empty() { status.message.clone() } else { causes.join(", ") }
}

/// Evicts one pod; why it is held, if a PodDisruptionBudget does.
async fn evict(
    client: &Client,
    operation: &str,
    namespace: &str,
    name: &str,
) -> Result<Option<String>, CloudError> {
    let pods = Api::<Pod>::namespaced(client.clone(), namespace);
    match pods.evict(name, &EvictParams::default()).await {
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(kube::Error::Api(status)) if status.code == 429 => Ok(Some(why_held(&status))),
        Err(error) => Err(failed(&format!("{operation}: evict {namespace}/{name}"), &error)),
    }
}

/// Evicts every pod of a node and waits until they are gone. PodDisruptionBudgets are respected:
/// what they hold is asked for again until the deadline, and named all the while.
///
/// # Errors
/// Returns an error if the deadline passes (it names what remains and why), if the API server
/// refuses, or if the user stops.
pub async fn drain(
    client: &Client,
    node: &str,
    options: &DrainOptions,
    cx: &Context,
) -> Result<(), CloudError> {
    let operation = format!("drain {node}");
    let address = Address::new("node", node);
    let selector = format!("spec.nodeName={node}");
    let pods = Api::<Pod>::all(client.clone());
    let mut changes = watcher(pods.clone(), watcher::Config::default().fields(&selector))
        .default_backoff()
        .touched_objects()
        .boxed();
    let deadline = tokio::time::Instant::now() + options.deadline;
    let mut held: Vec<String> = Vec::new();
    loop {
        let on_it = ListParams::default().fields(&selector);
        let list = || async { pods.list(&on_it).await.map_err(|error| failed(&operation, &error)) };
        let listed = retry(cx, RetryPolicy::READ, list).await?;
        let left: Vec<&Pod> = listed.items.iter().filter(|pod| moves(pod)).collect();
        if left.is_empty() {
            return Ok(());
        }
        held.clear();
        for pod in left.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()) {
            let (namespace, name) = name_of(pod);
            let evict = || evict(client, &operation, &namespace, &name);
            if let Some(why) = retry(cx, RetryPolicy::READ, evict).await? {
                held.push(format!("{namespace}/{name}: {why}"));
            }
        }
        let waiting = if held.is_empty() {
            let pods = if left.len() == 1 { "pod is" } else { "pods are" };
            format!("{} {pods} leaving {node}", left.len())
        } else {
            format!("{} of {} pods held: {}", held.len(), left.len(), held.join("; "))
        };
        cx.progress.waiting(Some(&address), &waiting);
        tokio::select! {
            _ = changes.try_next() => {}
            () = tokio::time::sleep(options.ask_again) => {}
            () = cx.wind_down.cancelled() => {
                return Err(CloudError::new(ErrorKind::Cancelled, operation, "stopped"));
            }
            () = tokio::time::sleep_until(deadline) => {
                return Err(CloudError::new(
                    ErrorKind::Deadline,
                    operation,
                    format!("after {} s: {waiting}", options.deadline.as_secs()),
                )
                .with_hint("give the blocking PodDisruptionBudget room (more replicas, or a larger maxUnavailable), then run the same command again to resume"));
            }
        }
    }
}
