//! The pod of a DaemonSet on one node.

use serde_json::{Value, json};

use crate::controllers::names;
use crate::controllers::object::{ObjectExt, owner_ref, set_label};
use crate::controllers::revisions::REVISION_LABEL;
use crate::controllers::template::{self, add_toleration, pin_to_node};

/// Adds what every daemon tolerates, as the DaemonSet controller does.
pub fn add_daemon_tolerations(spec: &mut Value) {
    let host = spec.flag_at("/hostNetwork");
    let mut add = |key: &str, effect: &str| {
        let same = spec
            .list_at("/tolerations")
            .iter()
            .any(|t| t["key"] == key && t["effect"] == effect && t["operator"] == "Exists");
        if !same {
            add_toleration(spec, json!({"key": key, "operator": "Exists", "effect": effect}));
        }
    };
    add("node.kubernetes.io/not-ready", "NoExecute");
    add("node.kubernetes.io/unreachable", "NoExecute");
    add("node.kubernetes.io/disk-pressure", "NoSchedule");
    add("node.kubernetes.io/memory-pressure", "NoSchedule");
    add("node.kubernetes.io/pid-pressure", "NoSchedule");
    add("node.kubernetes.io/unschedulable", "NoSchedule");
    if host {
        add("node.kubernetes.io/network-unavailable", "NoSchedule");
    }
}

/// Returns the pod spec that decides where the DaemonSet runs.
pub fn deciding_spec(set: &Value) -> Value {
    let mut spec = set.at("/spec/template/spec").clone();
    add_daemon_tolerations(&mut spec);
    spec
}

/// Makes a new pod for a node.
pub fn build(set: &Value, hash: &str, node: &str) -> Value {
    let mut t = set.at("/spec/template").clone();
    add_daemon_tolerations(&mut t["spec"]);
    pin_to_node(&mut t["spec"], node);
    let owner = owner_ref("apps/v1", "DaemonSet", set);
    let name = names::generate(&format!("{}-", set.name()));
    let mut pod = template::pod(&t, set.ns(), &name, owner);
    set_label(&mut pod, REVISION_LABEL, hash);
    set_label(
        &mut pod,
        "pod-template-generation",
        &set.int_at("/metadata/generation").unwrap_or(1).to_string(),
    );
    pod
}
