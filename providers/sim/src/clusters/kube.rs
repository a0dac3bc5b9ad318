//! The Kubernetes objects that kubeadm and kubelets make.

use infra_sim_kube::controllers::{self, ControlPlane, KubeadmAddons, NodeRegistration, Taint};
use infra_sim_kube::{Cluster, Resource, StoreError};
use serde_json::{Value, json};

use super::tokens;
use crate::stand_in::{ClusterPlan, NodeSpec, cluster_info};
use crate::world::Droplet;

const RBAC: &str = "rbac.authorization.k8s.io";
const JOINING: &str = "system:bootstrappers:kubeadm:default-node-token";

/// Stores what `kubeadm init` stores: its configuration, `cluster-info`, tokens, the rights of
/// joining nodes, the addons.
///
/// # Errors
/// Returns a sentence if the store refuses.
pub fn bootstrap(cluster: &Cluster, plan: &ClusterPlan) -> Result<(), String> {
    let mut config = plan.config.clone();
    "kubeadm.k8s.io/v1beta4".clone_into(&mut config.api_version);
    "ClusterConfiguration".clone_into(&mut config.kind);
    let config = serde_yaml_ng::to_string(&config).map_err(|e| e.to_string())?;
    let server = if plan.config.control_plane_endpoint.is_empty() {
        format!("https://{}:{}", plan.advertise, plan.port)
    } else {
        format!("https://{}", plan.config.control_plane_endpoint)
    };
    let info = cluster_info(&server, &cluster.options().ca_cert_pem);
    let config_maps = Resource::new("", "v1", "configmaps");
    let map = |ns: &str, name: &str, key: &str, text: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": ns}, "data": {key: text}});
    put(
        cluster,
        &config_maps,
        map("kube-system", "kubeadm-config", "ClusterConfiguration", &config),
    )?;
    put(
        cluster,
        &config_maps,
        map("kube-system", "kubelet-config", "kubelet", &plan.kubelet_config),
    )?;
    put(cluster, &config_maps, map("kube-public", "cluster-info", "kubeconfig", &info))?;
    for token in &plan.tokens {
        put(cluster, &Resource::new("", "v1", "secrets"), tokens::secret(token))?;
    }
    rights(cluster)?;
    addons(cluster, plan)
}

/// Stores CoreDNS and kube-proxy.
fn addons(cluster: &Cluster, plan: &ClusterPlan) -> Result<(), String> {
    let options = cluster.options();
    let endpoint = if plan.config.control_plane_endpoint.is_empty() {
        format!("{}:{}", plan.advertise, plan.port)
    } else {
        plan.config.control_plane_endpoint.clone()
    };
    let wanted = KubeadmAddons {
        kubernetes_version: options.kubernetes_version.clone(),
        image_repository: plan.config.image_repository.clone(),
        service_cidr: options.service_cidr,
        pod_cidr: options.pod_cidr,
        dns_domain: plan.config.networking.dns_domain.clone(),
        endpoint,
        skip_coredns: plan.config.dns.disabled,
        skip_kube_proxy: plan.config.proxy.disabled,
    };
    controllers::kubeadm_addons(cluster.store(), &wanted).map_err(|e| e.to_string())
}

/// Returns the repository of images and the version that a control plane which joins now has, as the ConfigMap
/// `kubeadm-config` says.
pub fn kubeadm_config(cluster: &Cluster) -> (String, String) {
    let config_maps = Resource::new("", "v1", "configmaps");
    let map = cluster.store().get(&config_maps, Some("kube-system"), "kubeadm-config");
    let config: Option<Value> = map.and_then(|map| {
        serde_yaml_ng::from_str(map["data"]["ClusterConfiguration"].as_str()?).ok()
    });
    let text = |key: &str| Some(config.as_ref()?[key].as_str()?.to_owned());
    (
        text("imageRepository").unwrap_or_else(|| "registry.k8s.io".to_owned()),
        text("kubernetesVersion").unwrap_or_else(|| cluster.options().kubernetes_version.clone()),
    )
}

/// Shows the static pods of a control plane, as its kubelet does.
///
/// # Errors
/// Returns a sentence if the store refuses.
pub fn add_static_pods(cluster: &Cluster, node: &str, droplet: &Droplet) -> Result<(), String> {
    let (repository, version) = kubeadm_config(cluster);
    let plane = ControlPlane {
        node: node.to_owned(),
        ip: droplet.private_ip.into(),
        kubernetes_version: version,
        image_repository: repository,
    };
    controllers::add_static_pods(cluster.store(), &plane).map_err(|e| e.to_string())
}

/// Stores the rights of joining nodes and of the administrators, as kubeadm sets them up.
fn rights(cluster: &Cluster) -> Result<(), String> {
    let roles = Resource::new(RBAC, "v1", "roles");
    let role_bindings = Resource::new(RBAC, "v1", "rolebindings");
    let cluster_bindings = Resource::new(RBAC, "v1", "clusterrolebindings");
    let version = format!("{RBAC}/v1");
    let group = |name: &str| json!({"apiGroup": RBAC, "kind": "Group", "name": name});
    let user = |name: &str| json!({"apiGroup": RBAC, "kind": "User", "name": name});
    let nodes = json!([group(JOINING), group("system:nodes")]);
    for (ns, name, map, subjects) in [
        ("kube-system", "kubeadm:nodes-kubeadm-config", "kubeadm-config", nodes.clone()),
        ("kube-system", "kubeadm:kubelet-config", "kubelet-config", nodes),
        (
            "kube-public",
            "kubeadm:bootstrap-signer-clusterinfo",
            "cluster-info",
            json!([user("system:anonymous")]),
        ),
    ] {
        let meta = json!({"name": name, "namespace": ns});
        let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [map], "verbs": ["get"]}]);
        put(
            cluster,
            &roles,
            json!({"apiVersion": version, "kind": "Role", "metadata": meta, "rules": rules}),
        )?;
        let role = json!({"apiGroup": RBAC, "kind": "Role", "name": name});
        let binding = json!({"apiVersion": version, "kind": "RoleBinding", "metadata": meta, "roleRef": role, "subjects": subjects});
        put(cluster, &role_bindings, binding)?;
    }
    for (name, role, to) in [
        ("kubeadm:cluster-admins", "cluster-admin", "kubeadm:cluster-admins"),
        ("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", JOINING),
    ] {
        let role = json!({"apiGroup": RBAC, "kind": "ClusterRole", "name": role});
        let binding = json!({"apiVersion": version, "kind": "ClusterRoleBinding", "metadata": {"name": name}, "roleRef": role, "subjects": [group(to)]});
        put(cluster, &cluster_bindings, binding)?;
    }
    Ok(())
}

/// Creates an object, or leaves the one that is there.
fn put(cluster: &Cluster, resource: &Resource, object: Value) -> Result<(), String> {
    match cluster.store().create(resource, object) {
        Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
        Err(e) => Err(e.to_string()),
    }
}

/// Registers a node as its kubelet does.
///
/// # Errors
/// Returns a sentence if the store refuses.
pub fn register_node(cluster: &Cluster, node: &NodeSpec, droplet: &Droplet) -> Result<(), String> {
    let (vcpus, memory_mib) = crate::machines::size_of(&droplet.size);
    let registration = NodeRegistration {
        name: node.name.clone(),
        labels: node.labels.clone(),
        taints: node
            .taints
            .iter()
            .map(|t| Taint { key: t.key.clone(), value: t.value.clone(), effect: t.effect.clone() })
            .collect(),
        private_ip: droplet.private_ip.into(),
        public_ip: droplet.public_ip.map(Into::into),
        kubelet_version: node.kubelet_version.clone(),
        provider_external: node.external_cloud_provider,
        server_tls_bootstrap: kubelets_ask(cluster),
        vcpus: u32::try_from(vcpus).unwrap_or(u32::MAX),
        memory_mib,
        pods_max: 110,
        provider_id: None,
    };
    controllers::register_node(cluster.store(), &registration).map_err(|e| e.to_string())?;
    cluster
        .store()
        .modify(&nodes(), None, &node.name, &mut |n: &mut Value| {
            for (key, value) in &node.annotations {
                n["metadata"]["annotations"][key] = value.as_str().into();
            }
        })
        .map_err(|e| e.to_string())?;
    Ok(())
}

/// Reports whether kubelets ask for the certificates that they serve with, by the configuration that
/// kubeadm gives to each.
fn kubelets_ask(cluster: &Cluster) -> bool {
    let maps = Resource::new("", "v1", "configmaps");
    let map = cluster.store().get(&maps, Some("kube-system"), "kubelet-config");
    let config = map.and_then(|map| {
        serde_yaml_ng::from_str::<Value>(map["data"]["kubelet"].as_str().unwrap_or_default()).ok()
    });
    config.is_some_and(|config| config["serverTLSBootstrap"] == true)
}

/// Refuses a name that a Node has which is Ready, as `kubeadm join` does before it starts the kubelet.
///
/// # Errors
/// Returns kubeadm's sentence.
pub fn free_name(cluster: &Cluster, name: &str) -> Result<(), String> {
    let there = cluster.store().get(&nodes(), None, name);
    let conditions = there.as_ref().and_then(|node| node["status"]["conditions"].as_array());
    let ready = |one: &serde_json::Value| one["type"] == "Ready" && one["status"] == "True";
    if conditions.is_some_and(|all| all.iter().any(ready)) {
        return Err(format!(
            "a Node with name \"{name}\" and status \"Ready\" already exists in the cluster. You must delete the existing Node or change the name of this new joining Node"
        ));
    }
    Ok(())
}

fn nodes() -> Resource {
    Resource::new("", "v1", "nodes")
}

/// Says whether a node's kubelet runs.
pub fn set_kubelet(cluster: &Cluster, node: &str, runs: bool) {
    let word = if runs { "running" } else { "stopped" };
    let known = cluster.store().get(&nodes(), None, node);
    // Saying it twice would start the grace of a silent kubelet again.
    if known.is_none_or(|n| n["metadata"]["annotations"]["sim.infra/kubelet"] == word) {
        return;
    }
    if let Err(e) = controllers::set_kubelet_running(cluster.store(), node, runs) {
        tracing::warn!("the kubelet of {node}: {e}");
    }
}
