//! Label selectors and node selectors.

use serde_json::Value;

use super::object::ObjectExt;

/// Whether labels (a JSON object) fit a `LabelSelector`. An empty selector fits all; a missing
/// one (null) fits none.
pub fn matches(selector: &Value, labels: &Value) -> bool {
    if !selector.is_object() {
        return false;
    }
    let exact = selector["matchLabels"]
        .as_object()
        .is_none_or(|m| m.iter().all(|(k, v)| labels.get(k) == Some(v)));
    exact
        && selector.list_at("/matchExpressions").iter().all(|e| {
            let value = labels.get(e.str_at("/key")).and_then(Value::as_str);
            requirement(e, value)
        })
}

/// Whether labels fit a plain map selector (Services). An empty or missing map fits none.
pub fn matches_map(selector: &Value, labels: &Value) -> bool {
    selector
        .as_object()
        .is_some_and(|m| !m.is_empty() && m.iter().all(|(k, v)| labels.get(k) == Some(v)))
}

/// One requirement of a label or node selector.
pub fn requirement(e: &Value, value: Option<&str>) -> bool {
    let values = e.list_at("/values");
    let among = |v: &str| values.iter().any(|x| x == v);
    let compare = |ok: fn(i64, i64) -> bool| {
        let wanted = values.first().and_then(Value::as_str).and_then(|s| s.parse().ok());
        match (value.and_then(|v| v.parse().ok()), wanted) {
            (Some(have), Some(wanted)) => ok(have, wanted),
            _ => false,
        }
    };
    match e.str_at("/operator") {
        "In" => value.is_some_and(among),
        "NotIn" => !value.is_some_and(among),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compare(|a, b| a > b),
        "Lt" => compare(|a, b| a < b),
        _ => false,
    }
}

/// Whether a node fits one `NodeSelectorTerm`. A term without any requirement fits none.
pub fn node_term(term: &Value, node: &Value) -> bool {
    let labels = term.list_at("/matchExpressions");
    let fields = term.list_at("/matchFields");
    if labels.is_empty() && fields.is_empty() {
        return false;
    }
    labels.iter().all(|e| requirement(e, node.label(e.str_at("/key"))))
        && fields
            .iter()
            .all(|e| e.str_at("/key") == "metadata.name" && requirement(e, Some(node.name())))
}

/// Whether a node fits `spec.nodeSelector` and the required node affinity of a pod spec.
pub fn node_fits(pod_spec: &Value, node: &Value) -> bool {
    let labels = node.at("/metadata/labels");
    let plain = pod_spec["nodeSelector"]
        .as_object()
        .is_none_or(|m| m.iter().all(|(k, v)| labels.get(k) == Some(v)));
    let required =
        pod_spec.at("/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution");
    plain
        && (required.is_null()
            || required.list_at("/nodeSelectorTerms").iter().any(|t| node_term(t, node)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_follow_the_rules_of_the_api() {
        let labels = json!({"app": "web", "tier": "2"});
        assert!(matches(&json!({}), &labels));
        assert!(!matches(&Value::Null, &labels));
        assert!(matches(&json!({"matchLabels": {"app": "web"}}), &labels));
        assert!(!matches(&json!({"matchLabels": {"app": "db"}}), &labels));
        let e = |op: &str, vals: Value| json!({"matchExpressions": [{"key": "tier", "operator": op, "values": vals}]});
        assert!(matches(&e("In", json!(["1", "2"])), &labels));
        assert!(!matches(&e("NotIn", json!(["2"])), &labels));
        assert!(matches(&e("Exists", json!([])), &labels));
        assert!(!matches_map(&json!({}), &labels));
    }

    #[test]
    fn node_affinity_terms_are_alternatives() {
        let node = json!({"metadata": {"name": "n1", "labels": {"zone": "a"}}});
        let spec = |terms: Value| {
            json!({"affinity": {"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}})
        };
        let zone = |z: &str| json!({"matchExpressions": [{"key": "zone", "operator": "In", "values": [z]}]});
        assert!(node_fits(&spec(json!([zone("b"), zone("a")])), &node));
        assert!(!node_fits(&spec(json!([zone("b")])), &node));
        assert!(!node_fits(&spec(json!([{}])), &node));
        let field =
            json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]});
        assert!(node_fits(&spec(json!([field])), &node));
    }
}
