//! The mirror pods of a control plane's static pods.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::Store;
use crate::controllers::error::ControllerError;
use crate::controllers::kinds::{NODES, PODS};
use crate::controllers::object::ObjectExt;

use super::ensure;

/// A control-plane node whose kubelet has found the manifests of the control plane.
#[derive(Debug, Clone)]
pub struct ControlPlane {
    /// The node, registered before.
    pub node: String,
    /// Its address in the private network.
    pub ip: IpAddr,
    /// Such as `v1.34.1`.
    pub kubernetes_version: String,
    /// `imageRepository`, such as `registry.k8s.io`.
    pub image_repository: String,
}

/// Makes the mirror pods of etcd, kube-apiserver, kube-controller-manager and kube-scheduler.
///
/// # Errors
/// Returns an error if the store cannot be written.
pub fn add_static_pods(store: &Store, c: &ControlPlane) -> Result<(), ControllerError> {
    let Some(node) = store.get(&NODES, None, &c.node) else {
        return Err(ControllerError::Invalid(format!("node \"{}\" is not registered", c.node)));
    };
    let version = format!("v{}", c.kubernetes_version.trim_start_matches('v'));
    for (name, image, cpu, memory) in [
        ("etcd", "etcd:3.6.5-0".to_owned(), "100m", Some("100Mi")),
        ("kube-apiserver", format!("kube-apiserver:{version}"), "250m", None),
        ("kube-controller-manager", format!("kube-controller-manager:{version}"), "200m", None),
        ("kube-scheduler", format!("kube-scheduler:{version}"), "100m", None),
    ] {
        let image = format!("{}/{image}", c.image_repository);
        let mut pod = mirror(&node, c, name, &image);
        let requests = &mut pod["spec"]["containers"][0]["resources"]["requests"];
        requests["cpu"] = json!(cpu);
        if let Some(m) = memory {
            requests["memory"] = json!(m);
        }
        ensure(store, &PODS, pod)?;
    }
    Ok(())
}

fn mirror(node: &Value, c: &ControlPlane, name: &str, image: &str) -> Value {
    let hash = crate::controllers::names::suffix_of(&format!("{}/{name}/{image}", node.uid()), 32);
    let mut command = vec![name.to_owned()];
    if name == "kube-apiserver" {
        command.push(format!("--advertise-address={}", c.ip));
        command.push("--secure-port=6443".into());
    }
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("{name}-{}", c.node), "namespace": "kube-system",
            "labels": {"component": name, "tier": "control-plane"},
            "annotations": {
                "kubernetes.io/config.hash": hash, "kubernetes.io/config.mirror": hash,
                "kubernetes.io/config.source": "file"},
            "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": c.node, "uid": node.uid(), "controller": true}],
        },
        "spec": {
            "nodeName": c.node, "hostNetwork": true, "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
            "priorityClassName": "system-node-critical", "priority": 2_000_001_000,
            "terminationGracePeriodSeconds": 30, "enableServiceLinks": true,
            "schedulerName": "default-scheduler",
            "tolerations": [{"operator": "Exists", "effect": "NoExecute"}],
            "containers": [{"name": name, "image": image, "command": command, "resources": {"requests": {}}}],
        },
        "status": {"phase": "Pending", "qosClass": "Burstable"},
    })
}
