//! When an object is ready: the rules of kstatus and kapp.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    reader::{condition, text},
    workloads,
};
use crate::apps::ObjectId;

/// How an object is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "reason", rename_all = "snake_case")]
pub enum Health {
    /// Done.
    Ready,
    /// Not yet, and why.
    Waiting(String),
    /// It will not get ready by waiting.
    Failed(String),
}

/// The StorageClasses of a cluster: name to whether claims wait for their first pod.
#[derive(Clone, Debug, Default)]
pub(in crate::apps) struct StorageClasses {
    waits_for_pod: BTreeMap<String, bool>,
    default: Option<String>,
}

impl StorageClasses {
    pub(in crate::apps) fn of<'a>(objects: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut classes = Self::default();
        for object in objects {
            let name = text(object, "/metadata/name").to_owned();
            let annotations = "/metadata/annotations/storageclass.kubernetes.io~1is-default-class";
            if text(object, annotations) == "true" {
                classes.default = Some(name.clone());
            }
            let waits = text(object, "/volumeBindingMode") == "WaitForFirstConsumer";
            classes.waits_for_pod.insert(name, waits);
        }
        classes
    }
}

/// Whether objects of this kind get ready after they are applied, so that they have to be watched.
pub(in crate::apps) fn needs_watch(id: &ObjectId) -> bool {
    matches!(
        (id.group.as_str(), id.kind.as_str()),
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
            | ("batch", "Job")
            | (
                "",
                "PersistentVolumeClaim" | "Service" | "Pod" | "Namespace" | "ReplicationController"
            )
            | ("apiextensions.k8s.io", "CustomResourceDefinition")
            | ("apiregistration.k8s.io", "APIService")
    )
}

/// How `object` is. Kinds that are not known are ready at once.
pub(in crate::apps) fn health(id: &ObjectId, object: &Value, classes: &StorageClasses) -> Health {
    if object.pointer("/metadata/deletionTimestamp").is_some() {
        return Health::Waiting("it is being deleted".to_owned());
    }
    match (id.group.as_str(), id.kind.as_str()) {
        ("apps", "Deployment") => workloads::deployment(object),
        ("apps", "StatefulSet") => workloads::stateful_set(object),
        ("apps", "DaemonSet") => workloads::daemon_set(object),
        ("apps", "ReplicaSet") | ("", "ReplicationController") => workloads::replica_set(object),
        ("batch", "Job") => workloads::job(object),
        ("", "Pod") => workloads::pod(object),
        ("", "PersistentVolumeClaim") => claim(object, classes),
        ("", "Service") => service(object),
        ("", "Namespace") => namespace(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        ("apiregistration.k8s.io", "APIService") => api_service(object),
        _ => Health::Ready,
    }
}

fn claim(object: &Value, classes: &StorageClasses) -> Health {
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
        None => match &classes.default {
            Some(name) => name,
            None => return Health::Waiting("there is no default StorageClass".to_owned()),
        },
    };
    match classes.waits_for_pod.get(class) {
        // Pending is as far as it gets before a pod uses it.
        Some(true) => Health::Ready,
        Some(false) => Health::Waiting(format!("waiting for a volume of StorageClass {class}")),
        None => Health::Waiting(format!("there is no StorageClass {class}")),
    }
}

fn service(object: &Value) -> Health {
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

fn namespace(object: &Value) -> Health {
    match text(object, "/status/phase") {
        "Terminating" => Health::Waiting("it is being deleted".to_owned()),
        // An API server without controllers leaves it empty.
        _ => Health::Ready,
    }
}

fn definition(object: &Value) -> Health {
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

fn api_service(object: &Value) -> Health {
    if object.pointer("/spec/service").is_none_or(Value::is_null) {
        return Health::Ready;
    }
    match condition(object, "Available") {
        Some(available) if available.is_true => Health::Ready,
        Some(available) => Health::Waiting(format!("not available: {}", available.message)),
        None => Health::Waiting("not available yet".to_owned()),
    }
}
