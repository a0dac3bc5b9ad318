//! What CoreDNS and kube-proxy may do.

use serde_json::{Value, json};

use crate::Store;
use crate::controllers::error::ControllerError;
use crate::controllers::kinds::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES};

use super::ensure;

fn binding(name: &str, role: &str, account: &str) -> Value {
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "kube-system"}]})
}

/// Lets CoreDNS read Services and their endpoints.
pub fn coredns(store: &Store) -> Result<(), ControllerError> {
    ensure(
        store,
        &CLUSTER_ROLES,
        json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "system:coredns"},
        "rules": [
            {"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"], "verbs": ["list", "watch"]},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}]}),
    )?;
    ensure(store, &CLUSTER_ROLE_BINDINGS, binding("system:coredns", "system:coredns", "coredns"))
}

/// Binds kube-proxy to the role of its own that every cluster has.
pub fn kube_proxy(store: &Store) -> Result<(), ControllerError> {
    ensure(
        store,
        &CLUSTER_ROLE_BINDINGS,
        binding("kubeadm:node-proxier", "system:node-proxier", "kube-proxy"),
    )
}
