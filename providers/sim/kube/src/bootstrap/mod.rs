//! What every cluster has from its first moment on.

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{KubeError, Resource, Store, StoreError};

/// The roles and bindings that every cluster has.
static RBAC: &str = include_str!("rbac.yaml");

/// Makes what is missing; what exists is left as it is.
pub(crate) fn ensure(store: &Store, service_cidr: &IpNet) -> Result<(), KubeError> {
    for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
        make(
            store,
            &Resource::core("namespaces"),
            json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
                "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
            }),
        )?;
    }
    let Some(first) = service_cidr.hosts().next() else {
        return Err(KubeError::Option(format!(
            "the Service range {service_cidr} holds no address"
        )));
    };
    let family = if first.is_ipv4() { "IPv4" } else { "IPv6" };
    make(
        store,
        &Resource::core("services"),
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "kubernetes", "namespace": "default",
                "labels": {"component": "apiserver", "provider": "kubernetes"}},
            "spec": {"type": "ClusterIP", "clusterIP": first.to_string(), "clusterIPs": [first.to_string()],
                "ipFamilies": [family], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster",
                "sessionAffinity": "None",
                "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]},
            "status": {"loadBalancer": {}},
        }),
    )?;
    for (name, value) in
        [("system-cluster-critical", 2_000_000_000_u32), ("system-node-critical", 2_000_001_000)]
    {
        make(
            store,
            &Resource::new("scheduling.k8s.io", "v1", "priorityclasses"),
            json!({
                "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name},
                "value": value, "preemptionPolicy": "PreemptLowerPriority",
            }),
        )?;
    }
    roles(store)
}

fn make(store: &Store, resource: &Resource, object: Value) -> Result<(), KubeError> {
    match store.create(resource, object) {
        Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Makes the roles and bindings of `rbac.yaml`.
fn roles(store: &Store) -> Result<(), KubeError> {
    for document in serde_yaml_ng::Deserializer::from_str(RBAC) {
        let object = Value::deserialize(document)
            .map_err(|error| KubeError::Option(format!("rbac.yaml: {error}")))?;
        let plural = match object["kind"].as_str() {
            Some("ClusterRole") => "clusterroles",
            Some("ClusterRoleBinding") => "clusterrolebindings",
            Some("Role") => "roles",
            Some("RoleBinding") => "rolebindings",
            other => return Err(KubeError::Option(format!("rbac.yaml: unknown kind {other:?}"))),
        };
        make(store, &Resource::new("rbac.authorization.k8s.io", "v1", plural), object)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns all objects of a store, without what differs from cluster to cluster.
    fn objects(store: &Store) -> Vec<Value> {
        let mut all = Vec::new();
        for kind in store.kinds() {
            for object in store.list(&kind, None).0 {
                let mut object = Value::clone(&object);
                if let Some(meta) = object["metadata"].as_object_mut() {
                    meta.retain(|field, _| {
                        matches!(field.as_str(), "name" | "namespace" | "labels")
                    });
                }
                all.push(object);
            }
        }
        all
    }

    #[test]
    fn a_new_cluster_has_these_objects() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        ensure(&store, &"10.96.0.0/12".parse().unwrap()).unwrap();
        // By value: how a map is ordered depends on what else is built.
        let expected: Vec<Value> = include_str!("objects.jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(objects(&store), expected);
    }
}
