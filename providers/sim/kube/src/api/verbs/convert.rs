//! Kinds that are served in two forms and kept in one.

use serde_json::{Map, Value, json};

use crate::api::kind::Kind;

/// Names of an event's fields in the core group, and in `events.k8s.io`.
const EVENT: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// Converts the form that is kept to the form of this kind's version.
pub(super) fn shown(kind: &Kind, object: &mut Value) {
    object["apiVersion"] = json!(kind.api_version());
    object["kind"] = json!(kind.kind);
    if kind.is("events.k8s.io", "events") {
        rename(object, EVENT.iter().copied());
    } else if is_old_autoscaler(kind)
        && let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
    {
        let metrics = spec.remove("metrics").unwrap_or_default();
        let goal = metrics.as_array().into_iter().flatten().find_map(|metric| {
            let resource = &metric["resource"];
            (resource["name"] == "cpu").then(|| resource["target"]["averageUtilization"].clone())
        });
        if let Some(goal) = goal.filter(Value::is_number) {
            spec.insert("targetCPUUtilizationPercentage".into(), goal);
        }
        if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
            status.remove("currentMetrics");
            status.remove("conditions");
        }
    }
}

/// Converts the form of this kind's version to the form that is kept.
pub(super) fn kept(kind: &Kind, mut object: Value) -> Value {
    if kind.is("events.k8s.io", "events") {
        object["apiVersion"] = json!("v1");
        rename(&mut object, EVENT.iter().map(|(old, new)| (*new, *old)));
    } else if is_old_autoscaler(kind) {
        object["apiVersion"] = json!("autoscaling/v2");
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            let goal = spec.remove("targetCPUUtilizationPercentage").unwrap_or_else(|| json!(80));
            spec.insert(
                "metrics".into(),
                json!([{"type": "Resource", "resource": {"name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": goal}}}]),
            );
        }
    }
    object
}

fn is_old_autoscaler(kind: &Kind) -> bool {
    kind.is("autoscaling", "horizontalpodautoscalers") && kind.version == "v1"
}

fn rename<'a>(object: &mut Value, names: impl Iterator<Item = (&'a str, &'a str)>) {
    let Some(fields) = object.as_object_mut() else { return };
    let fields: &mut Map<String, Value> = fields;
    for (from, to) in names {
        if let Some(value) = fields.remove(from) {
            fields.insert(to.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::builtin::built_in;

    #[test]
    fn both_forms_of_an_autoscaler_are_the_same_object() {
        let old =
            built_in().iter().find(|k| k.group == "autoscaling" && k.version == "v1").unwrap();
        let given = json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
            "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 60}});
        let mut object = kept(old, given.clone());
        assert_eq!(object["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 60);
        shown(old, &mut object);
        assert_eq!(object, given);
    }
}
