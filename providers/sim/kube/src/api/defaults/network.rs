use serde_json::{Value, json};

use super::fill::{below, default, items};

pub(super) fn endpoints(object: &mut Value) {
    for subset in items(object, "subsets") {
        for port in items(subset, "ports") {
            default(port, "protocol", json!("TCP"));
        }
    }
}

pub(super) fn policy(object: &mut Value) {
    let spec = below(object, "spec");
    below(spec, "podSelector");
    let egress = spec.get("egress").is_some();
    let types = if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
    default(spec, "policyTypes", types);
    for direction in ["ingress", "egress"] {
        for rule in items(spec, direction) {
            for port in items(rule, "ports") {
                default(port, "protocol", json!("TCP"));
            }
        }
    }
}
