//! Rules about other pods: affinity, anti-affinity, topology spread.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::controllers::object::ObjectExt;
use crate::controllers::selector;

use super::snapshot::Snapshot;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// Why a node breaks a rule about other pods.
pub fn refusal(pod: &Value, node: &Value, snapshot: &Snapshot) -> Option<&'static str> {
    let affinity = pod.at("/spec/affinity");
    for term in affinity["podAntiAffinity"].list_at(&format!("/{REQUIRED}")) {
        if others(term, pod, node, snapshot) {
            return Some("node(s) didn't match pod anti-affinity rules");
        }
    }
    for term in affinity["podAffinity"].list_at(&format!("/{REQUIRED}")) {
        // The first pod of a group that wants to be together may go anywhere.
        let first = fits(term, pod, pod) && !snapshot.bound.iter().any(|(p, _)| fits(term, pod, p));
        if !others(term, pod, node, snapshot) && !first {
            return Some("node(s) didn't match pod affinity rules");
        }
    }
    // Rules of pods that are there already hold against the new one, too.
    for (there, on) in &snapshot.bound {
        for term in there.at("/spec/affinity/podAntiAffinity").list_at(&format!("/{REQUIRED}")) {
            if same_domain(term, node, on) && fits(term, there, pod) {
                return Some("node(s) didn't satisfy existing pods anti-affinity rules");
            }
        }
    }
    for c in pod.list_at("/spec/topologySpreadConstraints") {
        if c["whenUnsatisfiable"] == "DoNotSchedule" && !spreads(c, pod, node, snapshot) {
            return Some("node(s) didn't match pod topology spread constraints");
        }
    }
    None
}

/// Whether `other` is meant by a term of `pod`.
fn fits(term: &Value, pod: &Value, other: &Value) -> bool {
    let listed = term.list_at("/namespaces");
    let in_ns = if term["namespaceSelector"].is_object() {
        true
    } else if listed.is_empty() {
        other.ns() == pod.ns()
    } else {
        listed.iter().any(|n| n == other.ns())
    };
    in_ns && selector::matches(&term["labelSelector"], other.at("/metadata/labels"))
}

fn same_domain(term: &Value, a: &Value, b: &Value) -> bool {
    let key = term.str_at("/topologyKey");
    a.label(key).is_some() && a.label(key) == b.label(key)
}

fn others(term: &Value, pod: &Value, node: &Value, snapshot: &Snapshot) -> bool {
    snapshot.bound.iter().any(|(p, on)| same_domain(term, node, on) && fits(term, pod, p))
}

fn spreads(c: &Value, pod: &Value, node: &Value, snapshot: &Snapshot) -> bool {
    let key = c.str_at("/topologyKey");
    let Some(here) = node.label(key) else {
        return false;
    };
    let mut counts: BTreeMap<&str, i64> = snapshot
        .nodes
        .iter()
        .filter(|n| selector::node_fits(&pod["spec"], &n.node))
        .filter_map(|n| n.node.label(key))
        .map(|d| (d, 0))
        .collect();
    for (p, on) in &snapshot.bound {
        let counted = p.ns() == pod.ns()
            && !p.is_deleting()
            && selector::matches(&c["labelSelector"], p.at("/metadata/labels"));
        if let (true, Some(n)) = (counted, on.label(key).and_then(|d| counts.get_mut(d))) {
            *n += 1;
        }
    }
    let least = counts.values().min().copied().unwrap_or(0);
    let own = i64::from(selector::matches(&c["labelSelector"], pod.at("/metadata/labels")));
    let there = counts.get(here).copied().unwrap_or(0);
    there + own - least <= c.int_at("/maxSkew").unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::index::NodeUse;
    use crate::controllers::scheduler::snapshot::Candidate;
    use serde_json::json;
    use std::sync::Arc;

    fn node(name: &str) -> Arc<Value> {
        Arc::new(json!({"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}}))
    }

    fn snapshot(bound: Vec<(Value, Arc<Value>)>) -> Snapshot {
        let nodes =
            ["a", "b"].map(|n| Candidate { node: node(n), used: NodeUse::default(), siblings: 0 });
        Snapshot {
            nodes: nodes.to_vec(),
            bound: bound.into_iter().map(|(p, n)| (Arc::new(p), n)).collect(),
        }
    }

    #[test]
    fn anti_affinity_by_host() {
        let term = json!({"labelSelector": {"matchLabels": {"app": "x"}}, "topologyKey": "kubernetes.io/hostname"});
        let pod = json!({"metadata": {"namespace": "d", "labels": {"app": "x"}},
            "spec": {"affinity": {"podAntiAffinity": {REQUIRED: [term]}}}});
        let s = snapshot(vec![(pod.clone(), node("a"))]);
        assert!(refusal(&pod, &node("a"), &s).is_some());
        assert!(refusal(&pod, &node("b"), &s).is_none());
    }

    #[test]
    fn spread_keeps_the_skew() {
        let c = json!({"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": "x"}}});
        let pod = json!({"metadata": {"namespace": "d", "labels": {"app": "x"}},
            "spec": {"topologySpreadConstraints": [c]}});
        let s = snapshot(vec![(pod.clone(), node("a"))]);
        assert!(refusal(&pod, &node("a"), &s).is_some());
        assert!(refusal(&pod, &node("b"), &s).is_none());
    }
}
