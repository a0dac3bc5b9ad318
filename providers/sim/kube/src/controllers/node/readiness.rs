//! The status a kubelet posts: Ready when it runs and the network is set up.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::controllers::condition::{self, stamp};
use crate::controllers::context::{Controller, Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::{NODES, PODS};
use crate::controllers::object::{ObjectExt, set_annotation};

use super::register::kubelet_runs;
use crate::controllers::annotations::STOPPED_AT;

const NAME: &str = "kubelet";
/// Annotation of a simulated Node: a CNI plugin has written its configuration there. It stays when
/// the plugin's pod goes, as the file on a real machine does.
const CNI: &str = "sim.infra/cni";
const NO_NETWORK: &str = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized";

/// Posts the status of the nodes whose kubelets run.
pub struct NodeStatus;

#[async_trait]
impl Controller for NodeStatus {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self, _: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&NODES) && !change.deleted {
            let fresh = change.old.is_none() || change.differs("/metadata/annotations");
            if fresh || change.object.condition("Ready").is_none() {
                out.push(change.key.clone());
            }
        } else if change.is(&PODS) && change.differs("/status/phase") && is_cni(&change.object) {
            let node = change.object.str_at("/spec/nodeName");
            if !node.is_empty() {
                out.push(Key::new(&NODES, "", node));
            }
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(node) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        if !kubelet_runs(&node) {
            return Ok(Next::Done);
        }
        let network = ctx.options().managed.is_some()
            || node.annotation(CNI).is_some()
            || ctx
                .index
                .pods_on(node.name())
                .iter()
                .any(|p| is_cni(p) && p.str_at("/status/phase") == "Running");
        let before = node.condition("Ready").map(|c| c.str_at("/status").to_owned());
        let now = ctx.now();
        ctx.modify(&NODES, &node, |n| post(n, network, now))?;
        match (before.as_deref(), network) {
            (None, _) => ctx.normal(NAME, &node, "Starting", "Starting kubelet."),
            (Some("True"), true) => {}
            (Some(_), true) => {
                let message = format!("Node {} status is now: NodeReady", node.name());
                ctx.normal(NAME, &node, "NodeReady", &message);
            }
            (Some("True"), false) => {
                let message = format!("Node {} status is now: NodeNotReady", node.name());
                ctx.normal(NAME, &node, "NodeNotReady", &message);
            }
            _ => {}
        }
        Ok(Next::Done)
    }
}

/// Returns true if a pod brings the network: one of a DaemonSet that mounts the folder of CNI
/// plugins.
pub fn is_cni(pod: &Value) -> bool {
    let daemon = pod.controller_ref().is_some_and(|o| o["kind"] == "DaemonSet");
    daemon
        && pod.list_at("/spec/volumes").iter().any(|v| {
            let path = v.str_at("/hostPath/path").trim_end_matches('/');
            path == "/etc/cni/net.d" || path == "/etc/cni"
        })
}

fn post(n: &mut Value, network: bool, now: Timestamp) {
    if network {
        set_annotation(n, CNI, "installed");
    }
    crate::controllers::object::drop_annotation(n, STOPPED_AT);
    let before = n.condition("Ready").map(|c| (c["status"].clone(), c["reason"].clone()));
    for (kind, reason, message) in [
        ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ] {
        condition::set(n, now, kind, "False", reason, message);
    }
    if network {
        condition::set(n, now, "Ready", "True", "KubeletReady", "kubelet is posting ready status");
    } else {
        condition::set(n, now, "Ready", "False", "KubeletNotReady", NO_NETWORK);
    }
    let after = n.condition("Ready").map(|c| (c["status"].clone(), c["reason"].clone()));
    // A heartbeat is written with a change only: an idle cluster writes nothing.
    let changed = before != after;
    for c in n.pointer_mut("/status/conditions").and_then(Value::as_array_mut).into_iter().flatten()
    {
        if changed || c["lastHeartbeatTime"].is_null() {
            c["lastHeartbeatTime"] = json!(stamp(now));
        }
    }
}
