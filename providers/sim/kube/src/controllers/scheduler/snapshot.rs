//! What the scheduler looks at for one pod.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::controllers::context::Ctx;
use crate::controllers::index::NodeUse;
use crate::controllers::kinds::{NAMESPACES, NODES, PODS};
use crate::controllers::object::ObjectExt;
use crate::controllers::requests::Requests;
use crate::controllers::template::pinned_node;
use crate::quantity::Quantity;

/// The field of an affinity that holds the rules that have to be met.
pub(super) const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// A node with what is free on it.
#[derive(Clone)]
pub struct Candidate {
    /// The node.
    pub node: Arc<Value>,
    /// What its pods ask for.
    pub used: NodeUse,
    /// How many of them have the same controller as the pod.
    pub siblings: usize,
}

impl Candidate {
    /// Reads `status.allocatable`: CPU in milli-units, memory and pods in whole units.
    pub fn allocatable(&self) -> (Requests, i64) {
        let a = self.node.at("/status/allocatable");
        (
            Requests {
                cpu_milli: Quantity::read(&a["cpu"]).map_or(0, Quantity::milli),
                memory: Quantity::read(&a["memory"]).map_or(0, Quantity::whole),
            },
            Quantity::read(&a["pods"]).map_or(110, Quantity::whole),
        )
    }
}

/// All nodes and, for pods that look at other pods, those.
pub struct Snapshot {
    /// Candidates, by name.
    pub nodes: Vec<Candidate>,
    /// Pods that are bound and have not ended, with their nodes; empty when nothing asks for them.
    pub bound: Vec<(Arc<Value>, Arc<Value>)>,
    /// The labels of namespaces, by name; empty when nothing asks for them.
    pub namespaces: HashMap<String, Value>,
}

impl Snapshot {
    /// Takes it for a pod.
    pub fn take(ctx: &Ctx, pod: &Value) -> Self {
        let mut nodes = match pinned_node(&pod["spec"]) {
            Some(name) => ctx.find(&NODES, "", name).into_iter().collect(),
            None => ctx.list(&NODES, ""),
        };
        nodes.retain(|n| !n.is_deleting());
        let mut siblings: HashMap<String, usize> = HashMap::new();
        let owner = pod.controller_uid();
        if !owner.is_empty() && nodes.len() > 1 {
            for p in ctx.index.children(owner, &PODS) {
                let node = p.str_at("/spec/nodeName");
                if !node.is_empty() && !p.is_deleting() {
                    *siblings.entry(node.to_owned()).or_default() += 1;
                }
            }
        }
        let bound = if looks_at_pods(&pod["spec"]) { bound_pods(ctx) } else { Vec::new() };
        let mut everyone = std::iter::once(pod).chain(bound.iter().map(|(pod, _)| &**pod));
        let namespaces = if everyone.any(selects_namespaces) {
            labels_of_namespaces(ctx)
        } else {
            HashMap::new()
        };
        let nodes = nodes
            .into_iter()
            .map(|node| Candidate {
                used: ctx.index.node_use(node.name()),
                siblings: siblings.get(node.name()).copied().unwrap_or(0),
                node,
            })
            .collect();
        Self { nodes, bound, namespaces }
    }
}

fn looks_at_pods(spec: &Value) -> bool {
    spec.at("/affinity/podAffinity").is_object()
        || spec.at("/affinity/podAntiAffinity").is_object()
        || !spec.list_at("/topologySpreadConstraints").is_empty()
}

/// Reports whether a rule of a pod chooses namespaces by their labels.
fn selects_namespaces(pod: &Value) -> bool {
    ["podAffinity", "podAntiAffinity"].iter().any(|kind| {
        let terms = pod.list_at(&format!("/spec/affinity/{kind}/{REQUIRED}"));
        terms.iter().any(|term| term["namespaceSelector"].is_object())
    })
}

fn labels_of_namespaces(ctx: &Ctx) -> HashMap<String, Value> {
    let all = ctx.list(&NAMESPACES, "");
    all.iter().map(|one| (one.name().to_owned(), one.at("/metadata/labels").clone())).collect()
}

fn bound_pods(ctx: &Ctx) -> Vec<(Arc<Value>, Arc<Value>)> {
    let mut out = Vec::new();
    for name in ctx.index.nodes_with_pods() {
        let Some(node) = ctx.find(&NODES, "", &name) else {
            continue;
        };
        for p in ctx.index.pods_on(&name) {
            if !crate::controllers::pods::has_ended(&p) {
                out.push((p, node.clone()));
            }
        }
    }
    out
}
