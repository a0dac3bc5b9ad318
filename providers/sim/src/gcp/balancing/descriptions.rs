//! Names and descriptions, as the controllers of GKE write them.

use serde_json::{Value, json};

/// Where the probes of Google's load balancers come from.
pub const PROBES: [&str; 4] =
    ["130.211.0.0/22", "209.85.152.0/22", "209.85.204.0/22", "35.191.0.0/16"];
/// The port of kube-proxy's health.
pub const HEALTH_PORT: u16 = 10_256;

/// Names what a Service's parts belong to.
pub fn of_service(service: &str) -> String {
    json!({ "kubernetes.io/service-name": service }).to_string()
}

/// Names what a Service's firewall belongs to.
pub fn of_firewall(service: &str, ip: &str) -> String {
    json!({ "kubernetes.io/service-ip": ip, "kubernetes.io/service-name": service }).to_string()
}

/// Names the cluster.
pub fn of_cluster(id: &str) -> String {
    json!({ "kubernetes.io/cluster-id": id }).to_string()
}

/// Names what a disk was made for; `claim` is `namespace/name`.
pub fn of_disk(volume: &str, claim: &str) -> String {
    let (namespace, name) = claim.split_once('/').unwrap_or(("", claim));
    json!({
        "kubernetes.io/created-for/pv/name": volume,
        "kubernetes.io/created-for/pvc/name": name,
        "kubernetes.io/created-for/pvc/namespace": namespace,
        "storage.gke.io/created-by": "pd.csi.storage.gke.io",
    })
    .to_string()
}

/// Names the firewall of a load balancer.
pub fn firewall(balancer: &str) -> String {
    format!("k8s-fw-{balancer}")
}

/// Names the health check of all load balancers of a cluster.
pub fn nodes_check(cluster_id: &str) -> String {
    format!("k8s-{cluster_id}-node")
}

/// Names the firewall of a health check: that of the nodes, or that of one load balancer.
pub fn check_firewall(check: &str) -> String {
    match check.starts_with("k8s-") {
        true => format!("{check}-http-hc"),
        false => format!("k8s-{check}-http-hc"),
    }
}

/// Writes what a firewall lets in.
pub fn rules(protocol: &str, ports: &[u16]) -> Value {
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    json!([{ "IPProtocol": protocol, "ports": ports }])
}
