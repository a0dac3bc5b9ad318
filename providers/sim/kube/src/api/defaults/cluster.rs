use serde_json::{Value, json};

use super::fill::{below, default, items};

const RBAC: &str = "rbac.authorization.k8s.io";

pub(super) fn binding(object: &mut Value) {
    default(below(object, "roleRef"), "apiGroup", json!(RBAC));
    for subject in items(object, "subjects") {
        if matches!(subject["kind"].as_str(), Some("User" | "Group")) {
            default(subject, "apiGroup", json!(RBAC));
        }
    }
}

pub(super) fn autoscaler(version: &str, object: &mut Value) {
    let spec = below(object, "spec");
    default(spec, "minReplicas", json!(1));
    if version == "v1" {
        return;
    }
    default(
        spec,
        "metrics",
        json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]),
    );
}

pub(super) fn webhooks(object: &mut Value, mutating: bool) {
    for hook in items(object, "webhooks") {
        default(hook, "failurePolicy", json!("Fail"));
        default(hook, "matchPolicy", json!("Equivalent"));
        default(hook, "timeoutSeconds", json!(10));
        below(hook, "namespaceSelector");
        below(hook, "objectSelector");
        if mutating {
            default(hook, "reinvocationPolicy", json!("Never"));
        }
        for rule in items(hook, "rules") {
            default(rule, "scope", json!("*"));
        }
        if let Some(service) = hook["clientConfig"].get_mut("service").filter(|s| s.is_object()) {
            default(service, "port", json!(443));
        }
    }
}
