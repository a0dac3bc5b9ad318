//! The Nodes of a pool: they come with their instances and go with them.

use std::collections::BTreeMap;

use infra_sim_kube::controllers::{self, NodeRegistration, Taint};
use infra_sim_kube::{Cluster, Resource};
use serde_json::{Value, json};

use crate::gcp::groups::machine_types;
use crate::gcp::places::region_of;
use crate::world::{GkePool, Instance};

fn nodes() -> Resource {
    Resource::new("", "v1", "nodes")
}

/// Returns the providerID of an instance.
pub fn provider_id(project: &str, instance: &Instance) -> String {
    format!("gce://{project}/{}/{}", instance.zone, instance.name)
}

/// Registers the Node of an instance with a kubelet that runs.
///
/// # Errors
/// Returns a sentence if the store refuses.
pub fn register(
    cluster: &Cluster,
    project: &str,
    pool: &GkePool,
    instance: &Instance,
) -> Result<(), String> {
    let (vcpus, memory_mib) = machine_types::capacity(&instance.machine_type);
    let pods = pool.config["maxPodsConstraint"]["maxPodsPerNode"].as_str();
    let registration = NodeRegistration {
        name: instance.name.clone(),
        labels: labels(pool, instance),
        taints: taints(pool),
        private_ip: instance.internal_ip.into(),
        public_ip: instance.external_ip.map(Into::into),
        kubelet_version: format!("v{}", instance.version),
        provider_external: false,
        server_tls_bootstrap: false,
        vcpus,
        memory_mib,
        pods_max: pods.and_then(|n| n.parse().ok()).unwrap_or(110),
        provider_id: Some(provider_id(project, instance)),
    };
    controllers::register_node(cluster.store(), &registration).map_err(|e| e.to_string())
}

/// Returns the labels that GKE and the pool give to a Node.
fn labels(pool: &GkePool, instance: &Instance) -> BTreeMap<String, String> {
    let config = &pool.config["config"];
    let disk = config["diskType"].as_str().unwrap_or("pd-balanced");
    let image = config["imageType"].as_str().unwrap_or("COS_CONTAINERD");
    let os = if image.starts_with("UBUNTU") { "ubuntu" } else { "cos" };
    let family = instance.machine_type.split('-').next().unwrap_or_default();
    let region = region_of(&instance.zone);
    let mut labels: BTreeMap<String, String> = [
        ("cloud.google.com/gke-nodepool", pool.name.as_str()),
        ("cloud.google.com/gke-boot-disk", disk),
        ("cloud.google.com/gke-container-runtime", "containerd"),
        ("cloud.google.com/gke-os-distribution", os),
        ("cloud.google.com/gke-provisioning", "standard"),
        ("cloud.google.com/gke-stack-type", "IPV4"),
        ("cloud.google.com/machine-family", family),
        ("node.kubernetes.io/instance-type", &instance.machine_type),
        ("beta.kubernetes.io/instance-type", &instance.machine_type),
        ("topology.kubernetes.io/zone", &instance.zone),
        ("topology.kubernetes.io/region", region),
        ("failure-domain.beta.kubernetes.io/zone", &instance.zone),
        ("failure-domain.beta.kubernetes.io/region", region),
        (super::objects::ZONE_LABEL, &instance.zone),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    labels.extend(own_labels(&pool.config));
    labels
}

/// Returns the labels that a pool's configuration names.
fn own_labels(pool: &Value) -> BTreeMap<String, String> {
    let labels = pool["config"]["labels"].as_object().into_iter().flatten();
    labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn taints(pool: &GkePool) -> Vec<Taint> {
    let all = pool.config["config"]["taints"].as_array().into_iter().flatten();
    all.map(|taint| Taint {
        key: taint["key"].as_str().unwrap_or_default().to_owned(),
        value: taint["value"].as_str().unwrap_or_default().to_owned(),
        effect: effect(taint["effect"].as_str().unwrap_or_default()).to_owned(),
    })
    .collect()
}

/// Returns Kubernetes' word for an effect.
fn effect(word: &str) -> &'static str {
    match word {
        "NO_EXECUTE" => "NoExecute",
        "PREFER_NO_SCHEDULE" => "PreferNoSchedule",
        _ => "NoSchedule",
    }
}

/// Gives the Nodes of a pool its labels and taints in place of those that it had before.
///
/// # Errors
/// Returns a sentence if the store refuses.
pub fn relabel(cluster: &Cluster, before: &Value, pool: &GkePool) -> Result<(), String> {
    let (all, _) = cluster.store().list(&nodes(), None);
    let (old, new) = (own_labels(before), own_labels(&pool.config));
    let old_taints: Vec<&str> = before["config"]["taints"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|taint| taint["key"].as_str())
        .collect();
    for node in all {
        if node["metadata"]["labels"]["cloud.google.com/gke-nodepool"] != pool.name.as_str() {
            continue;
        }
        let name = node["metadata"]["name"].as_str().unwrap_or_default();
        let change = &mut |node: &mut Value| {
            if let Some(labels) = node["metadata"]["labels"].as_object_mut() {
                labels.retain(|key, _| !old.contains_key(key));
                labels.extend(new.iter().map(|(key, value)| (key.clone(), json!(value))));
            }
            let mut kept: Vec<Value> =
                node["spec"]["taints"].as_array().cloned().unwrap_or_default();
            kept.retain(|taint| !old_taints.iter().any(|key| taint["key"] == *key));
            kept.extend(taints(pool).into_iter().map(|taint| {
                let mut out = json!({"key": taint.key, "effect": taint.effect});
                if !taint.value.is_empty() {
                    out["value"] = json!(taint.value);
                }
                out
            }));
            node["spec"]["taints"] = json!(kept);
        };
        cluster.store().modify(&nodes(), None, name, change).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// Returns true if a Node is Ready.
pub fn is_ready(cluster: &Cluster, name: &str) -> bool {
    let node = cluster.store().get(&nodes(), None, name);
    let conditions = node.as_ref().and_then(|node| node["status"]["conditions"].as_array());
    conditions
        .is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
}

/// Returns true if there is a Node of this name.
pub fn is_there(cluster: &Cluster, name: &str) -> bool {
    cluster.store().get(&nodes(), None, name).is_some()
}

/// Says whether the kubelet of a Node runs.
pub fn set_kubelet(cluster: &Cluster, name: &str, runs: bool) {
    let word = if runs { "running" } else { "stopped" };
    let known = cluster.store().get(&nodes(), None, name);
    // Saying it twice would start the grace of a silent kubelet again.
    if known.is_none_or(|node| node["metadata"]["annotations"]["sim.infra/kubelet"] == word) {
        return;
    }
    if let Err(e) = controllers::set_kubelet_running(cluster.store(), name, runs) {
        tracing::warn!("the kubelet of {name}: {e}");
    }
}

/// Removes the Node of an instance that is gone.
pub fn unregister(cluster: &Cluster, name: &str) {
    if is_there(cluster, name)
        && let Err(e) = controllers::unregister(cluster.store(), name)
    {
        tracing::warn!("the Node {name} stays: {e}");
    }
}

/// Forbids new pods on a Node.
pub fn cordon(cluster: &Cluster, name: &str) {
    let change = &mut |node: &mut Value| node["spec"]["unschedulable"] = json!(true);
    if let Err(e) = cluster.store().modify(&nodes(), None, name, change) {
        tracing::debug!("{name} is not cordoned: {e}");
    }
}
