//! What is known of kinds without asking a cluster: scope, class for the order, protection.

use serde_json::Value;

use super::ObjectId;

/// What an object is to the others; decides the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Class {
    /// CustomResourceDefinition.
    Definition,
    /// Namespace.
    Namespace,
    /// StorageClass and others that claims and workloads refer to by name.
    ClusterBase,
    /// Role, ClusterRole.
    Role,
    /// RoleBinding, ClusterRoleBinding.
    Binding,
    /// ServiceAccount, Secret, ConfigMap, quotas.
    Config,
    /// PersistentVolumeClaim.
    Claim,
    /// Service, Ingress, PodDisruptionBudget: of use only with workloads, in no order to them.
    Beside,
    /// What runs pods.
    Workload,
    /// Any other kind.
    Custom,
    /// Admission webhooks and APIServices: they break calls until their pods are ready.
    Hook,
}

/// Returns the class of a kind.
pub(super) fn class(id: &ObjectId) -> Class {
    match (id.group.as_str(), id.kind.as_str()) {
        ("apiextensions.k8s.io", "CustomResourceDefinition") => Class::Definition,
        ("", "Namespace") => Class::Namespace,
        ("storage.k8s.io", _)
        | ("scheduling.k8s.io", "PriorityClass")
        | ("node.k8s.io", "RuntimeClass")
        | ("networking.k8s.io", "IngressClass")
        | ("", "PersistentVolume") => Class::ClusterBase,
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => Class::Role,
        ("rbac.authorization.k8s.io", _) => Class::Binding,
        ("", "ServiceAccount" | "Secret" | "ConfigMap" | "ResourceQuota" | "LimitRange")
        | ("networking.k8s.io", "NetworkPolicy") => Class::Config,
        ("", "PersistentVolumeClaim") => Class::Claim,
        ("", "Service" | "Endpoints")
        | ("networking.k8s.io", "Ingress")
        | ("discovery.k8s.io", _)
        | ("autoscaling", _)
        | ("policy", "PodDisruptionBudget") => Class::Beside,
        ("", "Pod" | "ReplicationController") | ("apps", _) | ("batch", "Job" | "CronJob") => {
            Class::Workload
        }
        ("admissionregistration.k8s.io", _) | ("apiregistration.k8s.io", _) => Class::Hook,
        _ => Class::Custom,
    }
}

/// Returns true for kinds of Kubernetes itself that belong to no namespace.
pub(super) fn is_cluster_scoped(group: &str, kind: &str) -> bool {
    matches!(
        (group, kind),
        ("", "Namespace" | "Node" | "PersistentVolume")
            | ("apiextensions.k8s.io", "CustomResourceDefinition")
            | ("rbac.authorization.k8s.io", "ClusterRole" | "ClusterRoleBinding")
            | (
                "storage.k8s.io",
                "StorageClass"
                    | "CSIDriver"
                    | "CSINode"
                    | "VolumeAttachment"
                    | "VolumeAttributesClass"
            )
            | ("scheduling.k8s.io", "PriorityClass")
            | ("node.k8s.io", "RuntimeClass")
            | ("networking.k8s.io", "IngressClass")
            | ("certificates.k8s.io", "CertificateSigningRequest")
            | ("flowcontrol.apiserver.k8s.io", _)
            | ("admissionregistration.k8s.io", _)
            | ("apiregistration.k8s.io", "APIService")
            | ("snapshot.storage.k8s.io", "VolumeSnapshotClass" | "VolumeSnapshotContent")
    )
}

/// The API groups of Kubernetes itself that end like those of custom resources.
const BUILT_IN: [&str; 15] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// Returns true if the kinds of an API group are Kubernetes' own.
pub(super) fn is_built_in(group: &str) -> bool {
    !group.contains('.') || BUILT_IN.contains(&group)
}

/// Returns true if an object that has failed can still get ready without being sent again.
pub(super) fn may_recover(id: &ObjectId) -> bool {
    !is_built_in(&id.group) || id.group == "apps" && id.kind == "Deployment"
}

/// Returns true if an object that leaves the suite is kept all the same. Such objects hold data, or
/// their deletion deletes other objects.
pub(super) fn is_protected(id: &ObjectId) -> bool {
    matches!(class(id), Class::Claim | Class::Namespace | Class::Definition)
        || (id.group.is_empty() && id.kind == "PersistentVolume")
}

/// Lists the claims that the pods of an object mount.
pub(super) fn claims(object: &Value) -> Vec<&str> {
    let paths = ["/spec/volumes", "/spec/template/spec/volumes"];
    let volumes = paths.iter().filter_map(|path| object.pointer(path)?.as_array()).flatten();
    volumes
        .filter_map(|volume| volume.pointer("/persistentVolumeClaim/claimName")?.as_str())
        .collect()
}

/// Returns true if every cluster has the namespace `name`.
pub(super) fn is_given_namespace(name: &str) -> bool {
    matches!(name, "default" | "kube-system" | "kube-public" | "kube-node-lease")
}
