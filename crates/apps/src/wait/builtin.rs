//! When objects of Kubernetes' own kinds are ready that run no pods.

use serde_json::Value;

use super::{
    Health, StorageClasses,
    generic::generic,
    reader::{condition, text},
};

pub(super) fn claim(object: &Value, classes: &StorageClasses) -> Health {
    match text(object, "/status/phase") {
        "Bound" => return Health::Ready,
        "Lost" => return Health::Failed("its volume is gone".to_owned()),
        _ => {}
    }
    let named = object.pointer("/spec/storageClassName").and_then(Value::as_str);
    let class = match named {
        // An empty name asks for a volume that someone made by hand.
        Some("") => {
            return Health::Waiting("no volume fits yet; it asks for none to be made".to_owned());
        }
        Some(name) => name,
        None => match classes.default_class() {
            Some(name) => name,
            None => return Health::Waiting("there is no default StorageClass".to_owned()),
        },
    };
    match classes.waits_for_pod(class) {
        // Pending is as far as it gets before a pod uses it.
        Some(true) => Health::Ready,
        Some(false) => Health::Waiting(format!("waiting for a volume of StorageClass {class}")),
        None => Health::Waiting(format!("there is no StorageClass {class}")),
    }
}

pub(super) fn volume(object: &Value) -> Health {
    match text(object, "/status/phase") {
        "Failed" => Health::Failed(format!("it failed: {}", text(object, "/status/message"))),
        "Pending" => Health::Waiting("it is not available yet".to_owned()),
        _ => Health::Ready,
    }
}

pub(super) fn service(object: &Value) -> Health {
    if text(object, "/spec/type") != "LoadBalancer" {
        return Health::Ready;
    }
    let first = object.pointer("/status/loadBalancer/ingress/0");
    let has = |key: &str| first.and_then(|i| i.get(key)).and_then(Value::as_str).is_some();
    if has("ip") || has("hostname") {
        Health::Ready
    } else {
        Health::Waiting("its load balancer has no address yet".to_owned())
    }
}

pub(super) fn namespace(object: &Value) -> Health {
    match text(object, "/status/phase") {
        "Terminating" => Health::Waiting("it is being deleted".to_owned()),
        // An API server without controllers leaves it empty.
        _ => Health::Ready,
    }
}

pub(super) fn definition(object: &Value) -> Health {
    if let Some(names) = condition(object, "NamesAccepted")
        && names.is_false
    {
        return Health::Failed(format!("its names are not accepted: {}", names.message));
    }
    match condition(object, "Established") {
        Some(established) if established.is_true => Health::Ready,
        _ => Health::Waiting("not established yet".to_owned()),
    }
}

pub(super) fn api_service(object: &Value) -> Health {
    if object.pointer("/spec/service").is_none_or(Value::is_null) {
        return Health::Ready;
    }
    match condition(object, "Available") {
        Some(available) if available.is_true => Health::Ready,
        Some(available) => Health::Waiting(format!("not available: {}", available.message)),
        None => Health::Waiting("not available yet".to_owned()),
    }
}

/// Judges by whether the budget could be computed; that it allows no disruption is its purpose.
pub(super) fn disruption_budget(object: &Value) -> Health {
    match condition(object, "DisruptionAllowed") {
        Some(found) if found.reason == "SyncFailed" => {
            Health::Waiting(format!("it cannot be computed: {}", found.message))
        }
        _ => generic(object),
    }
}

/// Judges an autoscaler by its access to what it scales, because the metrics come a minute after
/// the pods.
pub(super) fn autoscaler(object: &Value) -> Health {
    match condition(object, "AbleToScale") {
        Some(found) if found.is_false => Health::Waiting(format!("it cannot scale{}", found.why())),
        _ => generic(object),
    }
}

pub(super) fn snapshot(object: &Value) -> Health {
    if let Some(Value::Bool(true)) = object.pointer("/status/readyToUse") {
        return Health::Ready;
    }
    match text(object, "/status/error/message") {
        "" => Health::Waiting("the snapshot is not ready to use yet".to_owned()),
        why => Health::Waiting(format!("the snapshot is not ready to use: {why}")),
    }
}
