//! When an object is ready: the rules of kstatus and kapp.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{WaitRule, builtin, gateway, generic::generic, reader::text, workloads};
use crate::ObjectId;

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
pub(crate) struct StorageClasses {
    waits_for_pod: BTreeMap<String, bool>,
    default: Option<String>,
}

impl StorageClasses {
    pub(crate) fn of<'a>(objects: impl IntoIterator<Item = &'a Value>) -> Self {
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

    pub(super) fn default_class(&self) -> Option<&str> {
        self.default.as_deref()
    }

    pub(super) fn waits_for_pod(&self, class: &str) -> Option<bool> {
        self.waits_for_pod.get(class).copied()
    }
}

/// Judges objects: by the rules of infra.toml, by what is known of the kind, else by conventions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judge {
    pub(crate) classes: StorageClasses,
    pub(crate) rules: Vec<WaitRule>,
}

impl Judge {
    /// Says how `object` is.
    pub(crate) fn health(&self, id: &ObjectId, object: &Value) -> Health {
        if object.pointer("/metadata/deletionTimestamp").is_some() {
            return Health::Waiting("it is being deleted".to_owned());
        }
        let mut ruled = self.rules(id).map(|rule| rule.health(object)).peekable();
        if ruled.peek().is_some() {
            return ruled.find(|health| *health != Health::Ready).unwrap_or(Health::Ready);
        }
        self.known(id, object)
    }

    /// Returns true if infra.toml has a rule for objects like `id`.
    pub(crate) fn is_ruled(&self, id: &ObjectId) -> bool {
        self.rules(id).next().is_some()
    }

    fn rules<'a>(&'a self, id: &'a ObjectId) -> impl Iterator<Item = &'a WaitRule> {
        self.rules.iter().filter(|rule| rule.covers(id))
    }

    fn known(&self, id: &ObjectId, object: &Value) -> Health {
        match (id.group.as_str(), id.kind.as_str()) {
            ("apps", "Deployment") => workloads::deployment(object),
            ("apps", "StatefulSet") => workloads::stateful_set(object),
            ("apps", "DaemonSet") => workloads::daemon_set(object),
            ("apps", "ReplicaSet") | ("", "ReplicationController") => {
                workloads::replica_set(object)
            }
            ("batch", "Job") => workloads::job(object),
            ("", "Pod") => workloads::pod(object),
            ("", "PersistentVolumeClaim") => builtin::claim(object, &self.classes),
            ("", "PersistentVolume") => builtin::volume(object),
            ("", "Service") => builtin::service(object),
            ("", "Namespace") => builtin::namespace(object),
            ("apiextensions.k8s.io", "CustomResourceDefinition") => builtin::definition(object),
            ("apiregistration.k8s.io", "APIService") => builtin::api_service(object),
            ("policy", "PodDisruptionBudget") => builtin::disruption_budget(object),
            ("autoscaling", "HorizontalPodAutoscaler") => builtin::autoscaler(object),
            ("snapshot.storage.k8s.io", "VolumeSnapshot" | "VolumeSnapshotContent") => {
                builtin::snapshot(object)
            }
            ("gateway.networking.k8s.io", "GatewayClass") => gateway::class(object),
            ("gateway.networking.k8s.io", "Gateway") => gateway::gateway(object),
            ("gateway.networking.k8s.io", kind) if kind.ends_with("Route") => {
                gateway::route(object)
            }
            ("gateway.networking.k8s.io", _) => gateway::other(object),
            _ => generic(object),
        }
    }
}
