use serde_json::Value;

use crate::api::field_error::{Errors, FieldError};
use crate::api::kind::Kind;
use crate::quantity::Quantity;

const IMMUTABLE: &str = "field is immutable";

fn same(old: &Value, new: &Value, field: &str, errors: &mut Errors) {
    let at =
        |object: &Value| field.split('.').fold(object.clone(), |value, part| value[part].clone());
    let (was, is) = (at(old), at(new));
    if was != is {
        errors.push(FieldError::invalid(field, is, IMMUTABLE));
    }
}

/// Checks the fields that a change must leave alone.
pub(super) fn check(kind: &Kind, old: &Value, new: &Value, errors: &mut Errors) {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("apps", "deployments" | "daemonsets" | "replicasets") => {
            same(old, new, "spec.selector", errors);
        }
        ("apps", "statefulsets") => only(
            old,
            new,
            errors,
            &[
                "replicas",
                "ordinals",
                "template",
                "updateStrategy",
                "revisionHistoryLimit",
                "persistentVolumeClaimRetentionPolicy",
                "minReadySeconds",
            ],
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
        ),
        ("batch", "jobs") => {
            same(old, new, "spec.selector", errors);
            same(old, new, "spec.completions", errors);
            let suspended = old["spec"]["suspend"] == true;
            if !suspended {
                same(old, new, "spec.template", errors);
            }
        }
        ("", "services") => {
            let published = |object: &Value| object["spec"]["type"] != "ExternalName";
            let (was, is) = (&old["spec"]["clusterIP"], &new["spec"]["clusterIP"]);
            let set = |ip: &Value| ip.as_str().is_some_and(|ip| !ip.is_empty());
            if published(old) && published(new) && set(was) && was != is {
                errors.push(FieldError::invalid(
                    "spec.clusterIPs[0]",
                    serde_json::json!([is]),
                    "may not change once set",
                ));
            }
        }
        ("", "secrets") => {
            same(old, new, "type", errors);
            frozen(old, new, &["data"], errors);
        }
        ("", "configmaps") => frozen(old, new, &["data", "binaryData"], errors),
        ("", "persistentvolumeclaims") => claim(old, new, errors),
        ("", "persistentvolumes") => {
            for source in ["csi", "hostPath", "nfs", "local"] {
                if old["spec"][source] != new["spec"][source] {
                    errors.push(FieldError::forbidden(
                        "spec.persistentvolumesource",
                        "spec.persistentvolumesource is immutable after creation",
                    ));
                }
            }
        }
        ("", "pods") => pod(old, new, errors),
        ("", "nodes") => {
            let provider = &old["spec"]["providerID"];
            if provider.is_string() && provider != &new["spec"]["providerID"] {
                errors.push(FieldError::forbidden(
                    "spec.providerID",
                    "node updates may not change providerID except from \"\" to valid",
                ));
            }
        }
        ("storage.k8s.io", "storageclasses") => {
            for field in ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] {
                if old[field] != new[field] {
                    errors.push(FieldError::forbidden(
                        field,
                        "updates to ".to_owned() + field + " are forbidden.",
                    ));
                }
            }
        }
        ("rbac.authorization.k8s.io", plural)
            if plural.ends_with("bindings") && old["roleRef"] != new["roleRef"] =>
        {
            errors.push(FieldError::invalid(
                "roleRef",
                new["roleRef"].clone(),
                "cannot change roleRef",
            ));
        }
        ("apiextensions.k8s.io", _) => {
            for field in ["spec.group", "spec.scope", "spec.names.kind", "spec.names.plural"] {
                same(old, new, field, errors);
            }
        }
        ("scheduling.k8s.io", _) if old["value"] != new["value"] => {
            errors.push(FieldError::forbidden("value", "may not be changed in an update."));
        }
        ("networking.k8s.io", "ingressclasses") => same(old, new, "spec.controller", errors),
        _ => {}
    }
}

/// Checks that only these fields of the spec change.
fn only(old: &Value, new: &Value, errors: &mut Errors, allowed: &[&str], why: &str) {
    let rest = |object: &Value| {
        let mut spec = object["spec"].as_object().cloned().unwrap_or_default();
        spec.retain(|field, _| !allowed.contains(&field.as_str()));
        spec
    };
    if rest(old) != rest(new) {
        errors.push(FieldError::forbidden("spec", why));
    }
}

fn frozen(old: &Value, new: &Value, fields: &[&str], errors: &mut Errors) {
    if old["immutable"] != true {
        return;
    }
    if new["immutable"] != true {
        errors
            .push(FieldError::forbidden("immutable", "field is immutable when `immutable` is set"));
    }
    for field in fields.iter().filter(|field| old[**field] != new[**field]) {
        errors.push(FieldError::forbidden(*field, "field is immutable when `immutable` is set"));
    }
}

/// Checks that a claim only grows, or is bound.
fn claim(old: &Value, new: &Value, errors: &mut Errors) {
    let size = |object: &Value| {
        object["spec"]["resources"]["requests"]["storage"].as_str().and_then(Quantity::parse)
    };
    let rest = |object: &Value| {
        let mut spec = object["spec"].clone();
        if let Some(requests) = spec["resources"].get_mut("requests").and_then(Value::as_object_mut)
        {
            requests.remove("storage");
        }
        if let Some(spec) = spec.as_object_mut() {
            spec.remove("volumeAttributesClassName");
            if old["spec"].get("volumeName").is_none() {
                spec.remove("volumeName");
            }
            if old["spec"].get("storageClassName").is_none() {
                spec.remove("storageClassName");
            }
        }
        spec
    };
    if rest(old) != rest(new) {
        errors.push(FieldError::forbidden("spec", "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"));
    }
    if let (Some(was), Some(is)) = (size(old), size(new)) {
        if !is.at_least(was) {
            errors.push(FieldError::forbidden(
                "spec.resources.requests.storage",
                "field can not be less than status.capacity",
            ));
        } else if !was.at_least(is) && old["status"]["phase"] != "Bound" {
            errors.push(FieldError::forbidden("spec", "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"));
        }
    }
}

/// Checks that only images, a deadline, tolerations (more of them), and a shorter grace of a pod
/// change.
fn pod(old: &Value, new: &Value, errors: &mut Errors) {
    let rest = |object: &Value| {
        let mut spec = object["spec"].clone();
        for list in ["containers", "initContainers"] {
            for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten()
            {
                for field in ["image", "resources"] {
                    if let Some(fields) = container.as_object_mut() {
                        fields.remove(field);
                    }
                }
            }
        }
        if let Some(spec) = spec.as_object_mut() {
            for field in [
                "activeDeadlineSeconds",
                "tolerations",
                "terminationGracePeriodSeconds",
                "schedulingGates",
                "nodeSelector",
                "ephemeralContainers",
            ] {
                spec.remove(field);
            }
        }
        spec
    };
    if rest(old) != rest(new) {
        errors.push(FieldError::forbidden("spec", "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"));
    }
}
