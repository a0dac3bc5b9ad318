//! Rules about other pods: affinity, anti-affinity, topology spread.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::controllers::object::ObjectExt;
use crate::selector;

use super::snapshot::{REQUIRED, Snapshot};

/// Returns the reason why a node breaks a rule about other pods, if it does.
pub fn refusal(pod: &Value, node: &Value, snapshot: &Snapshot) -> Option<&'static str> {
    let affinity = pod.at("/spec/affinity");
    for term in affinity["podAntiAffinity"].list_at(&format!("/{REQUIRED}")) {
        if others(term, pod, node, snapshot) {
            return Some("node(s) didn't match pod anti-affinity rules");
        }
    }
    for term in affinity["podAffinity"].list_at(&format!("/{REQUIRED}")) {
        // The first pod of a group that wants to be together may go anywhere.
        let meant = |other: &Value| fits(term, pod, other, snapshot);
        let first = meant(pod) && !snapshot.bound.iter().any(|(p, _)| meant(p));
        if !others(term, pod, node, snapshot) && !first {
            return Some("node(s) didn't match pod affinity rules");
        }
    }
    // Rules of pods that are there already hold against the new one, too.
    for (there, on) in &snapshot.bound {
        for term in there.at("/spec/affinity/podAntiAffinity").list_at(&format!("/{REQUIRED}")) {
            if same_domain(term, node, on) && fits(term, there, pod, snapshot) {
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

/// Returns true if `other` is meant by a term of `pod`: it is in a namespace that is listed or chosen by
/// its labels, or in that of `pod` if the term says nothing of namespaces.
fn fits(term: &Value, pod: &Value, other: &Value, snapshot: &Snapshot) -> bool {
    let listed = term.list_at("/namespaces");
    let chosen = &term["namespaceSelector"];
    let in_ns = if listed.is_empty() && !chosen.is_object() {
        other.ns() == pod.ns()
    } else {
        let labels = snapshot.namespaces.get(other.ns()).unwrap_or(&Value::Null);
        listed.iter().any(|n| n == other.ns()) || selector::matches(chosen, labels)
    };
    in_ns && selector::matches(&term["labelSelector"], other.at("/metadata/labels"))
}

fn same_domain(term: &Value, a: &Value, b: &Value) -> bool {
    let key = term.str_at("/topologyKey");
    a.label(key).is_some() && a.label(key) == b.label(key)
}

fn others(term: &Value, pod: &Value, node: &Value, snapshot: &Snapshot) -> bool {
    snapshot.bound.iter().any(|(p, on)| same_domain(term, node, on) && fits(term, pod, p, snapshot))
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
            namespaces: [
                ("shop".to_owned(), json!({"team": "web"})),
                ("bank".to_owned(), json!({"team": "money"})),
                ("bare".to_owned(), Value::Null),
            ]
            .into(),
        }
    }

    /// Whether a pod in `shop` keeps away from one in `namespace`, and follows it, by a term with this.
    fn meets(rest: &Value, namespace: &str) -> bool {
        let mut term = json!({"labelSelector": {"matchLabels": {"app": "x"}}, "topologyKey": "kubernetes.io/hostname"});
        term.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        let pod = |kind: &str| {
            json!({"metadata": {"namespace": "shop", "labels": {"app": "y"}},
                "spec": {"affinity": {kind: {REQUIRED: [term]}}}})
        };
        let other = json!({"metadata": {"namespace": namespace, "labels": {"app": "x"}}});
        let there = snapshot(vec![(other.clone(), node("a"))]);
        let away = refusal(&pod("podAntiAffinity"), &node("a"), &there).is_some();
        let follows = refusal(&pod("podAffinity"), &node("a"), &there).is_none();
        assert_eq!(away, follows, "{rest} {namespace}");
        // The same rule of a pod that is there already holds against the other.
        let there = snapshot(vec![(pod("podAntiAffinity"), node("a"))]);
        assert_eq!(refusal(&other, &node("a"), &there).is_some(), away, "{rest} {namespace}");
        away
    }

    #[test]
    fn a_term_chooses_namespaces() {
        let web = json!({"matchLabels": {"team": "web"}});
        let unnamed = json!({"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]});
        for (rest, wanted) in [
            (json!({}), &["shop"][..]),
            (json!({"namespaceSelector": null}), &["shop"]),
            (json!({"namespaceSelector": {}}), &["shop", "bank", "bare"]),
            (json!({"namespaceSelector": web}), &["shop"]),
            (json!({"namespaceSelector": unnamed}), &["bare"]),
            (json!({"namespaces": ["bank"]}), &["bank"]),
            (json!({"namespaces": ["bank"], "namespaceSelector": web}), &["shop", "bank"]),
        ] {
            let all = ["shop", "bank", "bare"].into_iter();
            let met: Vec<&str> = all.filter(|namespace| meets(&rest, namespace)).collect();
            assert_eq!(met, wanted, "{rest}");
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
