//! What a pod's claims have to say before it is bound.

use serde_json::{Value, json};

use crate::controllers::context::Ctx;
use crate::controllers::error::ControllerError;
use crate::controllers::kinds::{CLAIMS, NODES, STORAGE_CLASSES, VOLUMES};
use crate::controllers::object::{ObjectExt, set_annotation};
use crate::selector;

/// Set on a claim that waits for its first consumer: the node that was chosen.
pub const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// How the claims of a pod stand.
pub enum Claims {
    /// All bound, or there are none.
    Ready,
    /// These wait for the scheduler to choose a node.
    WaitForNode(Vec<Value>),
    /// The pod cannot be scheduled; why.
    Refused(String),
}

/// Lists the names of the claims a pod mounts.
pub fn claim_names(pod: &Value) -> Vec<String> {
    pod.list_at("/spec/volumes")
        .iter()
        .filter_map(|v| {
            if let Some(name) = v.at("/persistentVolumeClaim/claimName").as_str() {
                return Some(name.to_owned());
            }
            v["ephemeral"].is_object().then(|| format!("{}-{}", pod.name(), v.str_at("/name")))
        })
        .collect()
}

/// Looks at the claims of a pod.
pub fn look(ctx: &Ctx, pod: &Value) -> Claims {
    let mut waiting = Vec::new();
    for name in claim_names(pod) {
        let Some(claim) = ctx.find(&CLAIMS, pod.ns(), &name) else {
            return Claims::Refused(format!("persistentvolumeclaim \"{name}\" not found"));
        };
        if claim.is_deleting() {
            return Claims::Refused(format!("persistentvolumeclaim \"{name}\" is being deleted"));
        }
        if claim.str_at("/status/phase") == "Bound" {
            continue;
        }
        let class = ctx.find(&STORAGE_CLASSES, "", claim.str_at("/spec/storageClassName"));
        let waits = class.is_some_and(|c| c["volumeBindingMode"] == "WaitForFirstConsumer");
        if !waits {
            let nodes = ctx.list(&NODES, "").len();
            return Claims::Refused(format!(
                "0/{nodes} nodes are available: pod has unbound immediate PersistentVolumeClaims. \
                 preemption: 0/{nodes} nodes are available: {nodes} Preemption is not helpful for scheduling."
            ));
        }
        waiting.push((*claim).clone());
    }
    if waiting.is_empty() { Claims::Ready } else { Claims::WaitForNode(waiting) }
}

/// Returns true if the volumes of bound claims can be reached from a node.
pub fn volumes_fit(ctx: &Ctx, pod: &Value, node: &Value) -> bool {
    claim_names(pod).iter().all(|name| {
        let claim = ctx.find(&CLAIMS, pod.ns(), name);
        let volume = claim.and_then(|c| ctx.find(&VOLUMES, "", c.str_at("/spec/volumeName")));
        volume.is_none_or(|v| {
            let terms = v.list_at("/spec/nodeAffinity/required/nodeSelectorTerms");
            terms.is_empty() || terms.iter().any(|t| selector::node_term(t, node))
        })
    })
}

/// Tells the provisioner which node was chosen.
pub fn select_node(ctx: &Ctx, claims: &[Value], node: &str) -> Result<(), ControllerError> {
    for claim in claims {
        ctx.modify(&CLAIMS, claim, |c| set_annotation(c, SELECTED_NODE, node))?;
    }
    Ok(())
}

/// Sets the condition of a pod that could not be scheduled.
pub fn unschedulable(pod: &mut Value, now: jiff::Timestamp, message: &str) {
    crate::controllers::condition::set(pod, now, "PodScheduled", "False", "Unschedulable", message);
    if pod.str_at("/status/phase").is_empty() {
        pod["status"]["phase"] = json!("Pending");
    }
}
