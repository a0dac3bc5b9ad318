//! What the scheduler looks at for one pod.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::controllers::context::Ctx;
use crate::controllers::index::NodeUse;
use crate::controllers::kinds::{NODES, PODS};
use crate::controllers::object::ObjectExt;
use crate::controllers::quantity;
use crate::controllers::requests::Requests;
use crate::controllers::template::pinned_node;

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
    /// `status.allocatable` of a resource in milli-units or whole units.
    pub fn allocatable(&self) -> (Requests, i64) {
        let a = self.node.at("/status/allocatable");
        (
            Requests {
                cpu_milli: quantity::milli(&a["cpu"]).unwrap_or(0),
                memory: quantity::whole(&a["memory"]).unwrap_or(0),
            },
            quantity::whole(&a["pods"]).unwrap_or(110),
        )
    }
}

/// All nodes and, for pods that look at other pods, those.
pub struct Snapshot {
    /// Candidates, by name.
    pub nodes: Vec<Candidate>,
    /// Pods that are bound and have not ended, with their nodes; empty when nothing asks for them.
    pub bound: Vec<(Arc<Value>, Arc<Value>)>,
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
        let nodes = nodes
            .into_iter()
            .map(|node| Candidate {
                used: ctx.index.node_use(node.name()),
                siblings: siblings.get(node.name()).copied().unwrap_or(0),
                node,
            })
            .collect();
        Self { nodes, bound }
    }
}

fn looks_at_pods(spec: &Value) -> bool {
    spec.at("/affinity/podAffinity").is_object()
        || spec.at("/affinity/podAntiAffinity").is_object()
        || !spec.list_at("/topologySpreadConstraints").is_empty()
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
