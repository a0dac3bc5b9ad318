//! What every cluster has from its first moment on.

use serde_json::{Value, json};

use crate::{ClusterOptions, KubeError, Resource, Store, StoreError};

/// Makes what is missing; what exists is left as it is.
pub(crate) fn ensure(store: &Store, options: &ClusterOptions) -> Result<(), KubeError> {
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
    let Some(first) = options.service_cidr.hosts().next() else {
        return Err(KubeError::Option(format!(
            "the Service range {} holds no address",
            options.service_cidr
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

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": groups, "resources": resources, "verbs": verbs})
}

const READ: &[&str] = &["get", "list", "watch"];
const ALL: &[&str] = &["*"];
const APP_GROUPS: &[&str] = &[
    "",
    "apps",
    "batch",
    "autoscaling",
    "networking.k8s.io",
    "policy",
    "discovery.k8s.io",
    "events.k8s.io",
];

/// Roles and bindings as kubeadm leaves them, of those that matter here.
fn roles(store: &Store) -> Result<(), KubeError> {
    let discovery = json!({"nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version", "/version/"], "verbs": ["get"]});
    let basic = vec![
        rule(
            &["authorization.k8s.io"],
            &["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
            &["create"],
        ),
        rule(&["authentication.k8s.io"], &["selfsubjectreviews"], &["create"]),
    ];
    let everything = vec![rule(ALL, ALL, ALL), json!({"nonResourceURLs": ["*"], "verbs": ["*"]})];
    let node = vec![
        rule(
            &[""],
            &[
                "nodes",
                "nodes/status",
                "pods",
                "pods/status",
                "pods/eviction",
                "events",
                "services",
                "endpoints",
                "configmaps",
                "secrets",
                "persistentvolumes",
                "persistentvolumeclaims",
                "serviceaccounts/token",
            ],
            ALL,
        ),
        rule(
            &[
                "coordination.k8s.io",
                "storage.k8s.io",
                "certificates.k8s.io",
                "node.k8s.io",
                "discovery.k8s.io",
            ],
            ALL,
            ALL,
        ),
        rule(&["authentication.k8s.io"], &["tokenreviews"], &["create"]),
        rule(&["authorization.k8s.io"], &["subjectaccessreviews"], &["create"]),
    ];
    let bootstrap = vec![rule(
        &["certificates.k8s.io"],
        &["certificatesigningrequests"],
        &["create", "get", "list", "watch"],
    )];
    for (name, rules) in [
        ("cluster-admin", everything),
        (
            "admin",
            vec![
                rule(APP_GROUPS, ALL, ALL),
                rule(&["rbac.authorization.k8s.io"], &["roles", "rolebindings"], ALL),
            ],
        ),
        ("edit", vec![rule(APP_GROUPS, ALL, ALL)]),
        (
            "view",
            vec![rule(
                APP_GROUPS,
                &[
                    "configmaps",
                    "endpoints",
                    "events",
                    "persistentvolumeclaims",
                    "pods",
                    "pods/log",
                    "services",
                    "serviceaccounts",
                    "deployments",
                    "daemonsets",
                    "replicasets",
                    "statefulsets",
                    "jobs",
                    "cronjobs",
                    "ingresses",
                    "networkpolicies",
                    "horizontalpodautoscalers",
                    "poddisruptionbudgets",
                    "endpointslices",
                ],
                READ,
            )],
        ),
        ("system:discovery", vec![discovery]),
        ("system:basic-user", basic),
        ("system:node", node),
        ("system:node-bootstrapper", bootstrap),
        ("kubeadm:get-nodes", vec![rule(&[""], &["nodes"], &["get"])]),
    ] {
        make(
            store,
            &Resource::new("rbac.authorization.k8s.io", "v1", "clusterroles"),
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                "metadata": {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}, "rules": rules,
            }),
        )?;
    }
    for (name, role, group) in [
        ("cluster-admin", "cluster-admin", "system:masters"),
        ("kubeadm:cluster-admins", "cluster-admin", "kubeadm:cluster-admins"),
        ("system:discovery", "system:discovery", "system:authenticated"),
        ("system:basic-user", "system:basic-user", "system:authenticated"),
        ("system:node", "system:node", "system:nodes"),
        (
            "kubeadm:kubelet-bootstrap",
            "system:node-bootstrapper",
            "system:bootstrappers:kubeadm:default-node-token",
        ),
        (
            "kubeadm:get-nodes",
            "kubeadm:get-nodes",
            "system:bootstrappers:kubeadm:default-node-token",
        ),
    ] {
        make(
            store,
            &Resource::new("rbac.authorization.k8s.io", "v1", "clusterrolebindings"),
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                "metadata": {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
            }),
        )?;
    }
    scoped(
        store,
        "kube-public",
        "kubeadm:bootstrap-signer-clusterinfo",
        rule(&[""], &["configmaps"], &["get"]),
        &["cluster-info"],
        &json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:anonymous"}]),
    )?;
    scoped(
        store,
        "kube-system",
        "kubeadm:nodes-kubeadm-config",
        rule(&[""], &["configmaps"], &["get"]),
        &["kubeadm-config", "kubelet-config"],
        &json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:bootstrappers:kubeadm:default-node-token"},
            {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:nodes"}]),
    )
}

fn scoped(
    store: &Store,
    namespace: &str,
    name: &str,
    mut rule: Value,
    names: &[&str],
    subjects: &Value,
) -> Result<(), KubeError> {
    rule["resourceNames"] = json!(names);
    make(
        store,
        &Resource::new("rbac.authorization.k8s.io", "v1", "roles"),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": name, "namespace": namespace}, "rules": [rule],
        }),
    )?;
    make(
        store,
        &Resource::new("rbac.authorization.k8s.io", "v1", "rolebindings"),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": name, "namespace": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": subjects,
        }),
    )
}
