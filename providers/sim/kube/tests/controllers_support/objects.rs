//! Objects for tests.

use std::sync::LazyLock;

use serde_json::{Value, json};

/// A certificate authority; opening a cluster may look at it.
pub static CA: LazyLock<String> = LazyLock::new(|| {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.self_signed(&key).unwrap().pem()
});

pub fn is_true(o: &Value, kind: &str) -> bool {
    o["status"]["conditions"]
        .as_array()
        .is_some_and(|l| l.iter().any(|c| c["type"] == kind && c["status"] == "True"))
}

pub fn condition<'a>(o: &'a Value, kind: &str) -> &'a Value {
    o["status"]["conditions"]
        .as_array()
        .and_then(|l| l.iter().find(|c| c["type"] == kind))
        .unwrap_or(&Value::Null)
}

pub fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name},
        "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}})
}

pub fn template(app: &str, image: &str) -> Value {
    json!({"metadata": {"labels": {"app": app}},
        "spec": {"containers": [{"name": "main", "image": image, "ports": [{"name": "http", "containerPort": 8080}]}]}})
}

pub fn deployment(app: &str, replicas: i64) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": app, "namespace": "default", "labels": {"app": app}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": app}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": template(app, "example.com/web:1")}})
}

/// A CNI plugin: what makes nodes Ready.
pub fn cni() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": {"name": "cni", "namespace": "kube-system"},
        "spec": {"selector": {"matchLabels": {"app": "cni"}}, "template": {
            "metadata": {"labels": {"app": "cni"}},
            "spec": {"hostNetwork": true, "tolerations": [{"operator": "Exists"}],
                "containers": [{"name": "agent", "image": "example.com/cni:1"}],
                "volumes": [{"name": "conf", "hostPath": {"path": "/etc/cni/net.d"}}]}}}})
}

/// A workload of the cloud's own controllers; `token` is what its Secret holds.
pub fn driver(name: &str, image: &str, variable: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {"hostNetwork": true, "tolerations": [
                    {"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule"}],
                "containers": [{"name": "main", "image": image, "args": ["--do-tag=infra:1"], "env": [
                    {"name": variable, "valueFrom": {"secretKeyRef": {"name": "digitalocean", "key": "access-token"}}}]}]}}}})
}

pub fn token_secret() -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "digitalocean", "namespace": "kube-system"},
        "data": {"access-token": "Z29vZA=="}})
}
