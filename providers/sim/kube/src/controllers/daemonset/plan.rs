//! Which pods of a DaemonSet come and go: pure.

use serde_json::Value;

use crate::controllers::object::ObjectExt;
use crate::controllers::taints;
use crate::selector;

/// Says if a node should run the pod, and if one that runs there may stay.
///
/// The rules are those of the DaemonSet controller: node selector and required affinity. Taints of
/// effect NoSchedule keep new pods away, NoExecute also drives running ones off.
pub fn should_run(pod_spec: &Value, node: &Value) -> (bool, bool) {
    let named = pod_spec.str_at("/nodeName");
    if !named.is_empty() && named != node.name() {
        return (false, false);
    }
    if !selector::node_fits(pod_spec, node) {
        return (false, false);
    }
    let tolerations = pod_spec.list_at("/tolerations");
    let all = node.list_at("/spec/taints");
    if taints::untolerated(all, tolerations, &["NoExecute"]).is_some() {
        return (false, false);
    }
    let start = taints::untolerated(all, tolerations, &["NoSchedule"]).is_none();
    (start, true)
}

/// What the plan needs to know of one pod on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Of the newest template.
    pub updated: bool,
    /// Ready for long enough.
    pub available: bool,
}

/// What is to be done on one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeWork {
    /// A pod is missing.
    pub create: bool,
    /// Pods too many, or that must not run here.
    pub delete: Vec<String>,
}

/// Plans the work on one node, without regard to updates. `members` are those not being deleted,
/// oldest first; `leaving` says that one is still on its way out.
pub fn on_node(start: bool, stay: bool, members: &[Member], leaving: bool) -> NodeWork {
    if !stay {
        return NodeWork {
            create: false,
            delete: members.iter().map(|m| m.name.clone()).collect(),
        };
    }
    if members.is_empty() {
        return NodeWork { create: start && !leaving, delete: Vec::new() };
    }
    NodeWork { create: false, delete: members.iter().skip(1).map(|m| m.name.clone()).collect() }
}

/// Chooses the old pods a rolling update deletes now. `unavailable` counts nodes that should run
/// the pod and have none available (with those whose old pod is leaving).
pub fn to_update(members: &[&Member], unavailable: usize, most: usize) -> Vec<String> {
    let old = members.iter().filter(|m| !m.updated);
    let (broken, working): (Vec<&&Member>, Vec<&&Member>) = old.partition(|m| !m.available);
    let room = most.saturating_sub(unavailable);
    broken.into_iter().chain(working.into_iter().take(room)).map(|m| m.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn m(name: &str, updated: bool, available: bool) -> Member {
        Member { name: name.into(), updated, available }
    }

    #[test]
    fn taints_keep_away_or_drive_off() {
        let node = |effect: &str| json!({"metadata": {"name": "n"}, "spec": {"taints": [{"key": "k", "effect": effect}]}});
        assert_eq!(should_run(&json!({}), &node("NoSchedule")), (false, true));
        assert_eq!(should_run(&json!({}), &node("NoExecute")), (false, false));
        let all = json!({"tolerations": [{"operator": "Exists"}]});
        assert_eq!(should_run(&all, &node("NoExecute")), (true, true));
        let elsewhere = json!({"nodeSelector": {"a": "b"}});
        assert_eq!(should_run(&elsewhere, &node("NoExecute")), (false, false));
    }

    #[test]
    fn one_pod_a_node() {
        assert!(on_node(true, true, &[], false).create);
        assert!(!on_node(true, true, &[], true).create);
        assert_eq!(
            on_node(true, true, &[m("a", true, true), m("b", true, true)], false).delete,
            ["b"]
        );
        assert_eq!(on_node(false, false, &[m("a", true, true)], false).delete, ["a"]);
    }

    #[test]
    fn an_update_takes_broken_pods_and_then_as_many_as_allowed() {
        let (a, b, c) = (m("a", false, true), m("b", false, true), m("c", false, false));
        assert_eq!(to_update(&[&a, &b, &c], 1, 1), ["c"]);
        assert_eq!(to_update(&[&a, &b], 0, 1), ["a"]);
        assert!(to_update(&[&a, &b], 1, 1).is_empty());
    }
}
