//! Why a node cannot take a pod, in the scheduler's own words.

use serde_json::Value;

use crate::controllers::object::ObjectExt;
use crate::controllers::requests::Requests;
use crate::controllers::taints;
use crate::selector;

use super::affinity;
use super::snapshot::{Candidate, Snapshot};

/// Lists the reasons why a candidate is refused; there are none if it can take the pod.
pub fn refusals(pod: &Value, c: &Candidate, snapshot: &Snapshot) -> Vec<String> {
    let spec = &pod["spec"];
    let node = &*c.node;
    let tolerations = spec.list_at("/tolerations");
    let cordon =
        serde_json::json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"});
    if node.flag_at("/spec/unschedulable")
        && !tolerations.iter().any(|t| taints::tolerates(t, &cordon))
    {
        return vec!["node(s) were unschedulable".into()];
    }
    let named = spec.str_at("/nodeName");
    if !named.is_empty() && named != node.name() {
        return vec!["node(s) didn't match the requested node name".into()];
    }
    let all = node.list_at("/spec/taints");
    if let Some(t) = taints::untolerated(all, tolerations, &["NoSchedule", "NoExecute"]) {
        return vec![format!(
            "node(s) had untolerated taint {{{}: {}}}",
            t.str_at("/key"),
            t.str_at("/value")
        )];
    }
    if !selector::node_fits(spec, node) {
        return vec!["node(s) didn't match Pod's node affinity/selector".into()];
    }
    let lacking = lacks(spec, c);
    if !lacking.is_empty() {
        return lacking;
    }
    affinity::refusal(pod, node, snapshot).map(|r| vec![r.to_owned()]).unwrap_or_default()
}

fn lacks(spec: &Value, c: &Candidate) -> Vec<String> {
    let (room, most) = c.allocatable();
    let asked = Requests::of_pod(spec);
    let mut out = Vec::new();
    if c.used.pods + 1 > most {
        out.push("Too many pods".into());
    }
    if asked.cpu_milli > 0 && c.used.requests.cpu_milli + asked.cpu_milli > room.cpu_milli {
        out.push("Insufficient cpu".into());
    }
    if asked.memory > 0 && c.used.requests.memory + asked.memory > room.memory {
        out.push("Insufficient memory".into());
    }
    out
}

/// Rates a candidate, higher is better: first away from siblings, then from tolerated soft taints,
/// then to where least is used, then to what is preferred.
pub fn score(pod: &Value, c: &Candidate) -> i64 {
    let tolerations = pod.list_at("/spec/tolerations");
    let soft =
        taints::untolerated(c.node.list_at("/spec/taints"), tolerations, &["PreferNoSchedule"]);
    let (room, most) = c.allocatable();
    let share = |used: i64, of: i64| if of > 0 { used * 100 / of } else { 100 };
    let used = (share(c.used.requests.cpu_milli, room.cpu_milli)
        + share(c.used.requests.memory, room.memory)
        + share(c.used.pods, most))
        / 3;
    let preferred: i64 = pod
        .list_at("/spec/affinity/nodeAffinity/preferredDuringSchedulingIgnoredDuringExecution")
        .iter()
        .filter(|p| selector::node_term(&p["preference"], &c.node))
        .filter_map(|p| p.int_at("/weight"))
        .sum();
    let siblings = i64::try_from(c.siblings).unwrap_or(i64::MAX / 4000);
    preferred * 30 - siblings * 200 - i64::from(soft.is_some()) * 500 - used
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::index::NodeUse;
    use serde_json::json;
    use std::sync::Arc;

    fn candidate(node: Value) -> Candidate {
        Candidate { node: Arc::new(node), used: NodeUse::default(), siblings: 0 }
    }

    fn snapshot() -> Snapshot {
        Snapshot { nodes: Vec::new(), bound: Vec::new(), namespaces: Default::default() }
    }

    fn small_node() -> Value {
        json!({"metadata": {"name": "n"}, "spec": {},
            "status": {"allocatable": {"cpu": "1", "memory": "1Gi", "pods": "10"}}})
    }

    #[test]
    fn a_node_that_is_too_small_says_what_is_missing() {
        let pod = json!({"spec": {"containers": [{"resources": {"requests": {"cpu": "2", "memory": "2Gi"}}}]}});
        let r = refusals(&pod, &candidate(small_node()), &snapshot());
        assert_eq!(r, ["Insufficient cpu", "Insufficient memory"]);
    }

    #[test]
    fn taints_and_cordons_refuse() {
        let pod = json!({"spec": {"containers": []}});
        let mut n = small_node();
        n["spec"]["unschedulable"] = json!(true);
        assert_eq!(refusals(&pod, &candidate(n), &snapshot()), ["node(s) were unschedulable"]);
        let mut n = small_node();
        n["spec"]["taints"] =
            json!([{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]);
        assert_eq!(
            refusals(&pod, &candidate(n), &snapshot()),
            ["node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }"]
        );
    }

    #[test]
    fn siblings_repel_each_other() {
        let pod = json!({"spec": {}});
        let mut with = candidate(small_node());
        with.siblings = 1;
        assert!(score(&pod, &with) < score(&pod, &candidate(small_node())));
    }
}
