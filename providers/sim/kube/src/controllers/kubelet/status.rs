//! The status of a pod, as its kubelet posts it.

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::controllers::condition::{self, stamp};
use crate::controllers::object::{ObjectExt, child};
use crate::controllers::requests::Requests;

/// What becomes of the containers of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Being set up.
    Creating,
    /// One container waits: its name, reason, message.
    Waiting(String, &'static str, String),
    /// All run.
    Running,
    /// Crashed, and waiting for the next start.
    CrashLoop,
    /// Ended, with success or not.
    Ended(bool),
}

/// What a status is made of.
pub struct Post<'a> {
    /// What becomes of the containers.
    pub mode: Mode,
    /// The pod's address, once there is one.
    pub ip: Option<&'a str>,
    /// The node's address.
    pub host_ip: Option<&'a str>,
    /// Restarts of each container so far.
    pub restarts: i64,
    /// Now.
    pub now: Timestamp,
}

/// Writes it into the pod.
pub fn write(pod: &mut Value, p: &Post<'_>) {
    let initialized =
        !matches!(&p.mode, Mode::Creating | Mode::Waiting(..)) || !is_init(pod, &p.mode);
    let regular = statuses(pod, "containers", p, false);
    let init = statuses(pod, "initContainers", p, true);
    let qos = Requests::qos_class(&pod["spec"]);
    let gates: Vec<String> = pod
        .list_at("/spec/readinessGates")
        .iter()
        .map(|g| g.str_at("/conditionType").to_owned())
        .collect();
    let status = child(pod, "status");
    status["phase"] = json!(match &p.mode {
        Mode::Creating | Mode::Waiting(..) => "Pending",
        Mode::Running | Mode::CrashLoop => "Running",
        Mode::Ended(true) => "Succeeded",
        Mode::Ended(false) => "Failed",
    });
    if !status["startTime"].is_string() {
        status["startTime"] = json!(stamp(p.now));
    }
    if status["qosClass"].is_null() {
        status["qosClass"] = json!(qos);
    }
    if let Some(ip) = p.host_ip {
        status["hostIP"] = json!(ip);
        status["hostIPs"] = json!([{"ip": ip}]);
    }
    if let Some(ip) = p.ip {
        status["podIP"] = json!(ip);
        status["podIPs"] = json!([{"ip": ip}]);
    }
    status["containerStatuses"] = json!(regular);
    if !init.is_empty() {
        status["initContainerStatuses"] = json!(init);
    }
    conditions(pod, p, initialized, &gates);
}

/// Returns true if the waiting container is one of the init containers. While no container waits by
/// name, nothing has started: the pod's init containers come first, if it has some.
fn is_init(pod: &Value, mode: &Mode) -> bool {
    let init = pod.list_at("/spec/initContainers");
    match mode {
        Mode::Waiting(name, ..) => init.iter().any(|c| c.str_at("/name") == name),
        _ => !init.is_empty(),
    }
}

fn conditions(pod: &mut Value, p: &Post<'_>, initialized: bool, gates: &[String]) {
    let now = p.now;
    let names: Vec<String> =
        pod.list_at("/spec/containers").iter().map(|c| c.str_at("/name").to_owned()).collect();
    let unready = format!("containers with unready status: [{}]", names.join(" "));
    let ready = p.mode == Mode::Running;
    let sandbox =
        if p.ip.is_some() && !matches!(p.mode, Mode::Ended(_)) { "True" } else { "False" };
    condition::set(pod, now, "PodReadyToStartContainers", sandbox, "", "");
    if initialized {
        let reason = if p.mode == Mode::Ended(true) { "PodCompleted" } else { "" };
        condition::set(pod, now, "Initialized", "True", reason, "");
    } else {
        let init: Vec<String> = pod
            .list_at("/spec/initContainers")
            .iter()
            .map(|c| c.str_at("/name").to_owned())
            .collect();
        let message = format!("containers with incomplete status: [{}]", init.join(" "));
        condition::set(pod, now, "Initialized", "False", "ContainersNotInitialized", &message);
    }
    let gated = gates.iter().find(|g| !pod.condition_true(g)).cloned();
    for kind in ["Ready", "ContainersReady"] {
        match (&p.mode, ready) {
            (_, true) => match gated.as_ref().filter(|_| kind == "Ready") {
                Some(g) => {
                    let message = format!(
                        "the status of pod readiness gate \"{g}\" is not \"True\", but False"
                    );
                    condition::set(pod, now, kind, "False", "ReadinessGatesNotReady", &message);
                }
                None => {
                    condition::set(pod, now, kind, "True", "", "");
                }
            },
            (Mode::Ended(true), _) => {
                condition::set(pod, now, kind, "False", "PodCompleted", "");
            }
            (Mode::Ended(false), _) => {
                condition::set(pod, now, kind, "False", "PodFailed", "");
            }
            _ => {
                condition::set(pod, now, kind, "False", "ContainersNotReady", &unready);
            }
        }
    }
    condition::set(pod, now, "PodScheduled", "True", "", "");
}

fn statuses(pod: &Value, field: &str, p: &Post<'_>, init: bool) -> Vec<Value> {
    let old = if init { "/status/initContainerStatuses" } else { "/status/containerStatuses" };
    pod.at("/spec")
        .list_at(&format!("/{field}"))
        .iter()
        .map(|c| {
            let before = pod
                .list_at(old)
                .iter()
                .find(|s| s["name"] == c["name"])
                .cloned()
                .unwrap_or(Value::Null);
            container(pod, c, &before, p, init)
        })
        .collect()
}

fn container(pod: &Value, c: &Value, before: &Value, p: &Post<'_>, init: bool) -> Value {
    let name = c.str_at("/name");
    let image = c.str_at("/image");
    let sidecar = init && c["restartPolicy"] == "Always";
    let id = hex::encode(Sha256::digest(format!("{}/{name}/{}", pod.uid(), p.restarts)));
    let id = format!("containerd://{id}");
    let mut s = json!({
        "name": name, "image": image, "imageID": "", "ready": false, "started": false,
        "restartCount": if init { 0 } else { p.restarts }, "lastState": {},
    });
    let running = |s: &mut Value| {
        let kept = &before["state"]["running"]["startedAt"];
        let same = before.int_at("/restartCount") == s.int_at("/restartCount");
        let at = if kept.is_string() && same { kept.clone() } else { json!(stamp(p.now)) };
        s["state"] = json!({"running": {"startedAt": at}});
        s["ready"] = json!(true);
        s["started"] = json!(true);
    };
    let ended = |code: i64| {
        let begun = &before["state"]["running"]["startedAt"];
        let begun = if begun.is_string() { begun.clone() } else { json!(stamp(p.now)) };
        json!({"exitCode": code, "reason": if code == 0 { "Completed" } else { "Error" },
            "startedAt": begun, "finishedAt": stamp(p.now), "containerID": id})
    };
    let done_before = before["state"]["terminated"].is_object();
    match &p.mode {
        Mode::Creating | Mode::Waiting(..) => {
            let waits = match &p.mode {
                Mode::Waiting(who, reason, message) if who == name => {
                    json!({"reason": reason, "message": message})
                }
                _ if !init && is_init(pod, &p.mode) => json!({"reason": "PodInitializing"}),
                _ if init => json!({"reason": "PodInitializing"}),
                _ => json!({"reason": "ContainerCreating"}),
            };
            s["state"] = json!({"waiting": waits});
            return s;
        }
        Mode::Running if init && !sidecar => {
            s["state"] =
                if done_before { before["state"].clone() } else { json!({"terminated": ended(0)}) };
            s["ready"] = json!(true);
        }
        Mode::Running => running(&mut s),
        Mode::CrashLoop if !init => {
            s["state"] = json!({"waiting": {"reason": "CrashLoopBackOff",
                "message": format!("back-off restarting failed container={name} pod={}_{}({})", pod.name(), pod.ns(), pod.uid())}});
        }
        Mode::CrashLoop | Mode::Ended(_) if init => {
            s["state"] =
                if done_before { before["state"].clone() } else { json!({"terminated": ended(0)}) };
            s["ready"] = json!(true);
        }
        Mode::CrashLoop | Mode::Ended(_) => {
            let code = i64::from(p.mode != Mode::Ended(true));
            s["state"] = if done_before {
                before["state"].clone()
            } else {
                json!({"terminated": ended(code)})
            };
        }
    }
    if p.restarts > 0 && !init {
        s["lastState"] = json!({"terminated": ended(1)});
        if before["restartCount"] == s["restartCount"]
            && before["lastState"]["terminated"].is_object()
        {
            s["lastState"] = before["lastState"].clone();
        }
    }
    s["imageID"] = json!(format!(
        "{}@sha256:{}",
        image.split(['@']).next().unwrap_or(image),
        hex::encode(Sha256::digest(image))
    ));
    s["containerID"] = json!(id);
    s
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod() -> Value {
        json!({"metadata": {"name": "p", "namespace": "d", "uid": "u"},
            "spec": {"containers": [{"name": "c", "image": "nginx:1"}], "initContainers": [{"name": "i", "image": "busybox:1"}]}})
    }

    fn post(mode: Mode, restarts: i64) -> Post<'static> {
        Post {
            mode,
            ip: Some("10.244.0.2"),
            host_ip: Some("10.0.0.2"),
            restarts,
            now: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_running_pod_is_ready_and_stays_so() {
        let mut p = pod();
        write(&mut p, &post(Mode::Creating, 0));
        assert_eq!(p["status"]["phase"], "Pending");
        assert_eq!(
            p["status"]["containerStatuses"][0]["state"]["waiting"]["reason"],
            "PodInitializing"
        );
        assert!(!p.condition_true("Initialized"));
        write(&mut p, &post(Mode::Running, 0));
        assert!(p.condition_true("Ready") && p.condition_true("Initialized"));
        assert_eq!(p["status"]["initContainerStatuses"][0]["state"]["terminated"]["exitCode"], 0);
        let once = p.clone();
        let later = Post { now: Timestamp::from_second(99).unwrap(), ..post(Mode::Running, 0) };
        write(&mut p, &later);
        assert_eq!(p, once);
    }

    #[test]
    fn a_crash_loop_counts_restarts() {
        let mut p = pod();
        write(&mut p, &post(Mode::CrashLoop, 2));
        let c = &p["status"]["containerStatuses"][0];
        assert_eq!(c["restartCount"], 2);
        assert_eq!(c["state"]["waiting"]["reason"], "CrashLoopBackOff");
        assert_eq!(c["lastState"]["terminated"]["exitCode"], 1);
        assert!(!p.condition_true("Ready"));
    }

    #[test]
    fn a_readiness_gate_holds_the_pod_unready() {
        let mut p = pod();
        p["spec"]["readinessGates"] = json!([{"conditionType": "example.com/ok"}]);
        write(&mut p, &post(Mode::Running, 0));
        assert!(!p.condition_true("Ready") && p.condition_true("ContainersReady"));
    }
}
