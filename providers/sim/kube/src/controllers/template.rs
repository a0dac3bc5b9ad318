//! Pods out of pod templates.

use serde_json::{Map, Value, json};

use super::object::{ObjectExt, child};

/// How long pods stay on a node that is not ready or unreachable when they do not say.
pub const DEFAULT_TOLERATION_SECONDS: i64 = 300;

/// Makes a pod of a template: its labels, annotations and spec, in the owner's namespace.
pub fn pod(template: &Value, ns: &str, name: &str, owner: Value) -> Value {
    let mut meta = Map::new();
    meta.insert("name".into(), json!(name));
    meta.insert("namespace".into(), json!(ns));
    for key in ["labels", "annotations", "finalizers"] {
        let v = template.at("/metadata").get(key);
        if let Some(v) = v.filter(|v| !v.is_null()) {
            meta.insert(key.into(), v.clone());
        }
    }
    if let Some(base) = name.rsplit_once('-') {
        meta.insert("generateName".into(), json!(format!("{}-", base.0)));
    }
    meta.insert("ownerReferences".into(), json!([owner]));
    let mut spec = template["spec"].clone();
    complete_spec(&mut spec);
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec,
        "status": {"phase": "Pending", "qosClass": super::requests::Requests::qos_class(&template["spec"])},
    })
}

/// Sets what the API server and its admission set on each new pod.
pub fn complete_spec(spec: &mut Value) {
    if !spec.is_object() {
        *spec = json!({});
    }
    let defaults = [
        ("restartPolicy", json!("Always")),
        ("dnsPolicy", json!("ClusterFirst")),
        ("schedulerName", json!("default-scheduler")),
        ("serviceAccountName", json!("default")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("enableServiceLinks", json!(true)),
        ("preemptionPolicy", json!("PreemptLowerPriority")),
        ("priority", json!(0)),
        ("securityContext", json!({})),
    ];
    for (key, value) in defaults {
        if spec[key].is_null() {
            spec[key] = value;
        }
    }
    spec["serviceAccount"] = spec["serviceAccountName"].clone();
    add_default_tolerations(spec);
}

fn add_default_tolerations(spec: &mut Value) {
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let covered = spec.list_at("/tolerations").iter().any(|t| {
            let same = t.str_at("/key") == key || t.str_at("/key").is_empty();
            same && matches!(t.str_at("/effect"), "" | "NoExecute")
        });
        if !covered {
            add_toleration(
                spec,
                json!({"key": key, "operator": "Exists", "effect": "NoExecute",
                    "tolerationSeconds": DEFAULT_TOLERATION_SECONDS}),
            );
        }
    }
}

/// Adds a toleration to a pod spec.
pub fn add_toleration(spec: &mut Value, toleration: Value) {
    match spec.get_mut("tolerations").and_then(Value::as_array_mut) {
        Some(list) => list.push(toleration),
        None => spec["tolerations"] = json!([toleration]),
    }
}

/// Binds a pod to one node by its name, as the DaemonSet controller does: the affinity for all
/// other terms stays, the name is required in each.
pub fn pin_to_node(spec: &mut Value, node: &str) {
    let field = json!([{"key": "metadata.name", "operator": "In", "values": [node]}]);
    let affinity = child(child(spec, "affinity"), "nodeAffinity");
    let required = child(affinity, "requiredDuringSchedulingIgnoredDuringExecution");
    match required.get_mut("nodeSelectorTerms").and_then(Value::as_array_mut) {
        Some(terms) if !terms.is_empty() => {
            for term in terms {
                term["matchFields"] = field.clone();
            }
        }
        _ => required["nodeSelectorTerms"] = json!([{"matchFields": field}]),
    }
}

/// Returns the node a pod is pinned to by [`pin_to_node`].
pub fn pinned_node(spec: &Value) -> Option<&str> {
    let terms = spec.list_at(
        "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms",
    );
    terms.first()?.list_at("/matchFields").iter().find_map(|f| {
        (f["key"] == "metadata.name" && f["operator"] == "In")
            .then(|| f.list_at("/values").first()?.as_str())
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_gets_the_defaults_of_admission() {
        let t = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": []}});
        let p = pod(&t, "d", "web-abc", json!({"uid": "1"}));
        assert_eq!(p["metadata"]["labels"], json!({"a": "b"}));
        assert_eq!(p["spec"]["tolerations"].as_array().unwrap().len(), 2);
        assert_eq!(p["status"]["qosClass"], "BestEffort");
    }

    #[test]
    fn pinning_keeps_other_terms() {
        let mut s = json!({});
        pin_to_node(&mut s, "n1");
        assert_eq!(pinned_node(&s), Some("n1"));
        let mut s = json!({"affinity": {"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}]}}}});
        pin_to_node(&mut s, "n2");
        assert_eq!(pinned_node(&s), Some("n2"));
        let text = s.to_string();
        assert!(text.contains("zone"));
    }
}
