//! The columns of pods.

use serde_json::{Value, json};

use super::age;
use super::cells::{list, number};
use super::column::Cell::*;
use super::column::{AGE, NAME, Table, col, wide};

pub(super) static TABLES: &[Table] = &[Table {
    kinds: &["pods"],
    columns: &[
        NAME,
        col("Ready", With(ready)),
        col("Status", With(|pod| json!(status(pod)))),
        col("Restarts", With(|pod| json!(restarts(list(&pod["status"]["containerStatuses"]))))),
        AGE,
        wide("IP", Text("/status/podIP", "<none>")),
        wide("Node", Text("/spec/nodeName", "<none>")),
        wide("Nominated Node", Text("/status/nominatedNodeName", "<none>")),
        wide("Readiness Gates", Fixed("<none>")),
    ],
}];

fn ready(pod: &Value) -> Value {
    let statuses = list(&pod["status"]["containerStatuses"]);
    let ready = statuses.iter().filter(|status| status["ready"] == true).count();
    json!(format!("{ready}/{}", list(&pod["spec"]["containers"]).len()))
}

fn restarts(statuses: &[Value]) -> String {
    let count: i64 = statuses.iter().map(|status| number(&status["restartCount"])).sum();
    let last = statuses
        .iter()
        .filter_map(|status| status["lastState"]["terminated"]["finishedAt"].as_str())
        .max();
    match last {
        Some(at) if count > 0 => {
            let ago = age::since(&json!(at));
            format!("{count} ({} ago)", ago.as_str().unwrap_or_default())
        }
        _ => count.to_string(),
    }
}

/// Says what matters most of a pod's state, in one word.
pub(crate) fn status(pod: &Value) -> String {
    let phase = pod["status"]["phase"].as_str().unwrap_or("Unknown");
    let mut reason =
        pod["status"]["reason"].as_str().filter(|r| !r.is_empty()).unwrap_or(phase).to_owned();
    for condition in list(&pod["status"]["conditions"]) {
        if condition["type"] == "PodScheduled" && condition["reason"] == "SchedulingGated" {
            reason = "SchedulingGated".into();
        }
    }
    let word = |state: &Value| -> Option<String> {
        let waiting = state["waiting"]["reason"].as_str().filter(|r| !r.is_empty());
        if let Some(reason) = waiting {
            return Some(reason.to_owned());
        }
        let over = &state["terminated"];
        if !over.is_object() {
            return None;
        }
        Some(match over["reason"].as_str().filter(|r| !r.is_empty()) {
            Some(reason) => reason.to_owned(),
            None => match over["signal"].as_i64() {
                Some(signal) if signal != 0 => format!("Signal:{signal}"),
                _ => format!("ExitCode:{}", over["exitCode"].as_i64().unwrap_or(0)),
            },
        })
    };
    let init = list(&pod["status"]["initContainerStatuses"]);
    let mut initializing = false;
    for (index, container) in init.iter().enumerate() {
        let state = &container["state"];
        if state["terminated"]["exitCode"] == 0 {
            continue;
        }
        let what = word(state).filter(|what| what != "PodInitializing");
        reason = match what {
            Some(what) => format!("Init:{what}"),
            None => format!("Init:{index}/{}", list(&pod["spec"]["initContainers"]).len()),
        };
        initializing = true;
        break;
    }
    if !initializing {
        let mut running = false;
        for container in list(&pod["status"]["containerStatuses"]).iter().rev() {
            match word(&container["state"]) {
                Some(what) => reason = what,
                None => {
                    running |=
                        container["ready"] == true && container["state"]["running"].is_object();
                }
            }
        }
        if reason == "Completed" && running {
            reason = "Running".into();
        }
    }
    if pod["metadata"]["deletionTimestamp"].is_string() {
        let lost = pod["status"]["reason"] == "NodeLost";
        return if lost { "Unknown".into() } else { "Terminating".into() };
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::status;
    use serde_json::json;

    #[test]
    fn the_state_of_a_pod_in_a_word() {
        let running = json!({"status": {"phase": "Running", "containerStatuses": [{"ready": true, "state": {"running": {}}}]}});
        assert_eq!(status(&running), "Running");
        let pull = json!({"status": {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]}});
        assert_eq!(status(&pull), "ImagePullBackOff");
        let done = json!({"status": {"phase": "Succeeded", "containerStatuses": [{"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]}});
        assert_eq!(status(&done), "Completed");
        let going = json!({"metadata": {"deletionTimestamp": "2025-01-01T00:00:00Z"}, "status": {"phase": "Running"}});
        assert_eq!(status(&going), "Terminating");
    }
}
