//! What a machine's kubelet does when it starts: it registers its Node.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};

use crate::controllers::annotations::{ASKS, KUBELET, SERVING, STOPPED_AT};
use crate::controllers::condition::stamp;
use crate::controllers::error::ControllerError;
use crate::controllers::kinds::{CSI_NODES, LEASES, NODES};
use crate::controllers::object::{ObjectExt, child, set_annotation};
use crate::{Store, StoreError};

/// Taint of nodes whose cloud controller has not seen them yet.
pub const UNINITIALIZED: &str = "node.cloudprovider.kubernetes.io/uninitialized";

/// A taint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value, mostly empty.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// What a kubelet says of its machine when it registers.
#[derive(Debug, Clone)]
pub struct NodeRegistration {
    /// The node's name, its host name, too.
    pub name: String,
    /// Labels (`--node-labels`), roles among them.
    pub labels: BTreeMap<String, String>,
    /// Taints (`--register-with-taints`).
    pub taints: Vec<Taint>,
    /// Address in the private network.
    pub private_ip: IpAddr,
    /// Public address, if it has one.
    pub public_ip: Option<IpAddr>,
    /// Such as `v1.34.1`.
    pub kubelet_version: String,
    /// `--cloud-provider=external`: the cloud controller has to initialize the node.
    pub provider_external: bool,
    /// `serverTLSBootstrap`: the kubelet asks for the certificate that it serves with.
    pub server_tls_bootstrap: bool,
    /// CPUs.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Most pods at a time; kubelet's default is 110.
    pub pods_max: u32,
    /// `--provider-id`, of a node that knows it by itself.
    pub provider_id: Option<String>,
}

/// Registers a node with a running kubelet. One that exists gets a new status and keeps its labels
/// and taints, as with a kubelet that was restarted.
///
/// # Errors
/// Returns an error if the store cannot be written.
pub fn register_node(store: &Store, r: &NodeRegistration) -> Result<(), ControllerError> {
    let version = match r.kubelet_version.strip_prefix('v') {
        Some(_) => r.kubelet_version.clone(),
        None => format!("v{}", r.kubelet_version),
    };
    let capacity = capacity(r, 0);
    // What the system keeps for itself, as kubelet's default eviction threshold has it.
    let allocatable = self::capacity(r, 100);
    let status = |n: &mut Value| {
        let s = child(n, "status");
        s["capacity"] = capacity.clone();
        s["allocatable"] = allocatable.clone();
        s["nodeInfo"] = info(&r.name, &version);
        s["daemonEndpoints"] = json!({"kubeletEndpoint": {"Port": 10250}});
        if s["addresses"].is_null() {
            s["addresses"] = addresses(r);
        }
        set_annotation(n, KUBELET, "running");
        // The machine is a new one: it has no certificate yet.
        if let Some(all) = n["metadata"]["annotations"].as_object_mut() {
            all.remove(SERVING);
        }
        if r.server_tls_bootstrap {
            set_annotation(n, ASKS, "true");
        }
    };
    let mut node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": r.name, "labels": labels(r), "annotations": {
            "node.alpha.kubernetes.io/ttl": "0",
            "volumes.kubernetes.io/controller-managed-attach-detach": "true"}},
        "spec": {"taints": taints(r)},
        "status": {},
    });
    if let Some(id) = &r.provider_id {
        node["spec"]["providerID"] = json!(id);
    }
    if r.provider_external {
        set_annotation(
            &mut node,
            "alpha.kubernetes.io/provided-node-ip",
            &r.private_ip.to_string(),
        );
    }
    status(&mut node);
    match store.create(&NODES, node) {
        Ok(_) => {}
        Err(StoreError::AlreadyExists { .. }) => {
            store.modify(&NODES, None, &r.name, &mut |n: &mut Value| status(n))?;
        }
        Err(e) => return Err(e.into()),
    }
    extras(store, &r.name)
}

fn extras(store: &Store, name: &str) -> Result<(), ControllerError> {
    let Some(node) = store.get(&NODES, None, name) else {
        return Ok(());
    };
    let owner = json!([{"apiVersion": "v1", "kind": "Node", "name": name, "uid": node.uid()}]);
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string();
    // The lease is not renewed: whether a kubelet lives is known from the machine itself.
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name, "namespace": "kube-node-lease", "ownerReferences": owner},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": now}});
    let csi = json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSINode",
        "metadata": {"name": name, "ownerReferences": owner}, "spec": {"drivers": []}});
    for (r, o) in [(&*LEASES, lease), (&*CSI_NODES, csi)] {
        match store.create(r, o) {
            Ok(_) | Err(StoreError::AlreadyExists { .. }) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

/// Lists the addresses that a kubelet knows. The public one is told by the cloud controller, unless the
/// node has no need of one.
fn addresses(r: &NodeRegistration) -> Value {
    let mut all = vec![json!({"type": "InternalIP", "address": r.private_ip.to_string()})];
    if let Some(ip) = r.public_ip.filter(|_| r.provider_id.is_some()) {
        all.push(json!({"type": "ExternalIP", "address": ip.to_string()}));
    }
    all.push(json!({"type": "Hostname", "address": r.name}));
    json!(all)
}

fn labels(r: &NodeRegistration) -> Value {
    let mut out = json!({
        "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux",
        "kubernetes.io/hostname": r.name,
    });
    for (k, v) in &r.labels {
        out[k] = json!(v);
    }
    out
}

fn taints(r: &NodeRegistration) -> Value {
    let mut list: Vec<Value> = r
        .taints
        .iter()
        .map(|t| {
            let mut out = json!({"key": t.key, "effect": t.effect});
            if !t.value.is_empty() {
                out["value"] = json!(t.value);
            }
            out
        })
        .collect();
    if r.provider_external {
        list.push(json!({"key": UNINITIALIZED, "value": "true", "effect": "NoSchedule"}));
    }
    // Until it says that it is ready.
    list.push(json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}));
    json!(list)
}

fn capacity(r: &NodeRegistration, keep_mib: u64) -> Value {
    json!({
        "cpu": r.vcpus.to_string(),
        "memory": format!("{}Ki", r.memory_mib.saturating_sub(keep_mib) * 1024),
        "pods": r.pods_max.to_string(),
        "ephemeral-storage": "51474912Ki", "hugepages-1Gi": "0", "hugepages-2Mi": "0",
    })
}

fn info(name: &str, version: &str) -> Value {
    let id = super::super::names::suffix_of(name, 32);
    json!({
        "architecture": "amd64", "operatingSystem": "linux", "osImage": "Simulated Linux",
        "kernelVersion": "6.8.0-sim", "containerRuntimeVersion": "containerd://2.0.0",
        "kubeletVersion": version, "kubeProxyVersion": "",
        "machineID": id, "systemUUID": id, "bootID": id,
    })
}

/// Says that the kubelet of a node was started or stopped (or its machine died).
///
/// # Errors
/// Returns an error if the store cannot be written.
pub fn set_kubelet_running(
    store: &Store,
    node: &str,
    running: bool,
) -> Result<(), ControllerError> {
    let word = if running { "running" } else { "stopped" };
    store.modify(&NODES, None, node, &mut |n: &mut Value| {
        set_annotation(n, KUBELET, word);
        // From here on the time counts that a silent kubelet is given.
        if !running {
            set_annotation(n, STOPPED_AT, &stamp(jiff::Timestamp::now()));
        }
    })?;
    Ok(())
}

/// Returns true if the kubelet of a node runs.
pub fn kubelet_runs(node: &Value) -> bool {
    node.annotation(KUBELET) == Some("running")
}

/// Removes a node, as `kubectl delete node` would; its pods are collected.
///
/// # Errors
/// Returns an error if the store cannot be written.
pub fn unregister(store: &Store, node: &str) -> Result<(), ControllerError> {
    store.delete(&NODES, None, node)?;
    Ok(())
}
