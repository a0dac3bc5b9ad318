//! Why a workload's pods do not run, in words a person can act on.

use serde_json::Value;

use super::reader::{condition, number, text};

/// What is wrong with a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodTrouble {
    /// `worker-7d9: ImagePullBackOff: manifest unknown`.
    pub(crate) reason: String,
    /// Whether its image is not available, which waiting seldom cures.
    pub(crate) image: bool,
    /// The container that crashes, so that its log can be asked for; and how often it did.
    pub(crate) crash: Option<(String, i64)>,
}

/// Returns true if `workload` (by its selector) runs `pod`. Both must be in the same namespace.
pub(crate) fn selects(workload: &Value, pod: &Value) -> bool {
    if text(workload, "/metadata/namespace") != text(pod, "/metadata/namespace") {
        return false;
    }
    if text(workload, "/kind") == "Pod" {
        return text(workload, "/metadata/name") == text(pod, "/metadata/name");
    }
    let label = |key: &str| {
        pod.pointer("/metadata/labels").and_then(|l| l.get(key)).and_then(Value::as_str)
    };
    if let Some(labels) = workload.pointer("/spec/selector/matchLabels").and_then(Value::as_object)
    {
        return !labels.is_empty()
            && labels.iter().all(|(key, value)| label(key) == value.as_str());
    }
    // A Job's selector is made by the API server; its pods carry the Job's name.
    text(workload, "/kind") == "Job" && label("job-name") == Some(text(workload, "/metadata/name"))
}

/// Explains what is wrong with a pod. Returns `None` if it is starting or running as it should.
pub(crate) fn trouble(pod: &Value) -> Option<PodTrouble> {
    if pod.pointer("/metadata/deletionTimestamp").is_some() {
        return None;
    }
    let name = text(pod, "/metadata/name");
    let plain = |reason: String| PodTrouble {
        reason: format!("{name}: {reason}"),
        image: false,
        crash: None,
    };
    if let Some(scheduled) = condition(pod, "PodScheduled").filter(|c| c.is_false) {
        return Some(plain(format!("unschedulable: {}", scheduled.message)));
    }
    ["/status/initContainerStatuses", "/status/containerStatuses"]
        .iter()
        .filter_map(|list| pod.pointer(list)?.as_array())
        .flatten()
        .find_map(|status| container_trouble(name, status))
}

fn container_trouble(pod: &str, status: &Value) -> Option<PodTrouble> {
    let container = text(status, "/name");
    let restarts = number(status, "/restartCount");
    let waiting = text(status, "/state/waiting/reason");
    let message = text(status, "/state/waiting/message");
    let said = |message: &str| {
        if message.is_empty() { String::new() } else { format!(": {message}") }
    };
    match waiting {
        "ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "RegistryUnavailable" => Some(PodTrouble {
            reason: format!("{pod}: {waiting}{}", said(message)),
            image: true,
            crash: None,
        }),
        "CrashLoopBackOff" => {
            let code = number(status, "/lastState/terminated/exitCode");
            let why = text(status, "/lastState/terminated/reason");
            let why = if why.is_empty() { "Error" } else { why };
            Some(PodTrouble {
                reason: format!(
                    "{pod}: container {container} crashes ({why}, exit code {code}, {restarts} restarts)"
                ),
                image: false,
                crash: Some((container.to_owned(), restarts)),
            })
        }
        "" | "PodInitializing" | "ContainerCreating" => None,
        other => Some(PodTrouble {
            reason: format!("{pod}: {other}{}", said(message)),
            image: false,
            crash: None,
        }),
    }
}
