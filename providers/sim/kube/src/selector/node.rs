//! Node selectors: on which nodes a pod or a volume may be.

use serde_json::Value;

use super::labels::{holds_all, value_of};
use super::operator::meets;

/// Returns true if a node fits one `NodeSelectorTerm`. A term without any requirement fits none.
pub(crate) fn node_term(term: &Value, node: &Value) -> bool {
    let list = |field: &str| term[field].as_array().map(Vec::as_slice).unwrap_or_default();
    let (labels, fields) = (list("matchExpressions"), list("matchFields"));
    if labels.is_empty() && fields.is_empty() {
        return false;
    }
    let metadata = &node["metadata"];
    let name = Some(metadata["name"].as_str().unwrap_or_default());
    labels.iter().all(|one| meets(one, value_of(one, &metadata["labels"])))
        && fields.iter().all(|one| one["key"] == "metadata.name" && meets(one, name))
}

/// Returns true if a node fits `spec.nodeSelector` and the required node affinity of a pod spec.
pub(crate) fn node_fits(pod_spec: &Value, node: &Value) -> bool {
    let plain = pod_spec["nodeSelector"]
        .as_object()
        .is_none_or(|map| holds_all(map, &node["metadata"]["labels"]));
    let affinity = &pod_spec["affinity"]["nodeAffinity"];
    let required = &affinity["requiredDuringSchedulingIgnoredDuringExecution"];
    let terms = required["nodeSelectorTerms"].as_array();
    plain
        && (required.is_null()
            || terms.is_some_and(|terms| terms.iter().any(|term| node_term(term, node))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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

    #[test]
    fn nodes_are_selected_by_numbers() {
        let node = json!({"metadata": {"labels": {"cores": "8"}}});
        for (operator, than, fits) in [
            ("Gt", "4", true),
            ("Gt", "8", false),
            ("Lt", "16", true),
            ("Lt", "8", false),
            ("Gt", "many", false),
        ] {
            let one = json!({"key": "cores", "operator": operator, "values": [than]});
            let term = json!({"matchExpressions": [one]});
            assert_eq!(node_term(&term, &node), fits, "{operator} {than}");
        }
    }
}
