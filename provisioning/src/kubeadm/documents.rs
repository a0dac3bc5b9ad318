//! The documents as kubeadm reads them, from its configuration reference. Fields that are never
//! set are not here.

use serde::Serialize;

use crate::kubeadm::Taint;

/// Group and version of kubeadm's documents; the first kubeadm that reads it is 1.31.
pub const API_VERSION: &str = "kubeadm.k8s.io/v1beta4";

/// Options of `kubeadm init` that concern this machine and the first tokens.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InitConfiguration {
    pub(crate) api_version: &'static str,
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) bootstrap_tokens: Vec<BootstrapToken>,
    pub(crate) node_registration: NodeRegistration,
    #[serde(rename = "localAPIEndpoint")]
    pub(crate) local_api_endpoint: ApiEndpoint,
    pub(crate) timeouts: Timeouts,
}

/// What the whole cluster is.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterConfiguration {
    pub(crate) api_version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) cluster_name: String,
    pub(crate) kubernetes_version: String,
    pub(crate) control_plane_endpoint: String,
    pub(crate) networking: Networking,
    pub(crate) api_server: ApiServer,
    #[serde(skip_serializing_if = "Component::is_empty")]
    pub(crate) controller_manager: Component,
    #[serde(skip_serializing_if = "Component::is_empty")]
    pub(crate) scheduler: Component,
    pub(crate) encryption_algorithm: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proxy: Option<Disabled>,
}

/// Options of `kubeadm join`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinConfiguration {
    pub(crate) api_version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) discovery: Discovery,
    pub(crate) node_registration: NodeRegistration,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) control_plane: Option<JoinControlPlane>,
    pub(crate) timeouts: Timeouts,
}

/// The kubelets' settings, the same on every node.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KubeletConfiguration {
    pub(crate) api_version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) cgroup_driver: &'static str,
    pub(crate) rotate_certificates: bool,
    #[serde(rename = "serverTLSBootstrap", skip_serializing_if = "std::ops::Not::not")]
    pub(crate) server_tls_bootstrap: bool,
    pub(crate) shutdown_grace_period: &'static str,
    pub(crate) shutdown_grace_period_critical_pods: &'static str,
}

/// kube-proxy's settings.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KubeProxyConfiguration {
    pub(crate) api_version: &'static str,
    pub(crate) kind: &'static str,
    #[serde(rename = "clusterCIDR")]
    pub(crate) cluster_cidr: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BootstrapToken {
    pub token: String,
    pub description: String,
    pub ttl: String,
    pub usages: [&'static str; 2],
    pub groups: [&'static str; 1],
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeRegistration {
    pub name: String,
    pub cri_socket: &'static str,
    /// An empty list means no taint; left out, it means the role's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taints: Option<Vec<Taint>>,
    pub kubelet_extra_args: Vec<Arg>,
    pub image_pull_policy: &'static str,
}

/// Since v1beta4 arguments are a list, not a map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Arg {
    pub name: String,
    pub value: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiEndpoint {
    pub advertise_address: &'static str,
    pub bind_port: u16,
}

/// Durations as Go writes them.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Timeouts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_component_health_check: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discovery: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_bootstrap: Option<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Networking {
    pub pod_subnet: String,
    pub service_subnet: String,
    pub dns_domain: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiServer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_args: Vec<Arg>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_volumes: Vec<HostPathMount>,
    #[serde(rename = "certSANs", skip_serializing_if = "Vec::is_empty")]
    pub cert_sans: Vec<String>,
}

/// `controllerManager`, `scheduler`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Component {
    pub extra_args: Vec<Arg>,
}

impl Component {
    fn is_empty(&self) -> bool {
        self.extra_args.is_empty()
    }
}

/// A folder of the machine that a component sees.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HostPathMount {
    pub name: &'static str,
    pub host_path: &'static str,
    pub mount_path: &'static str,
    pub read_only: bool,
    pub path_type: &'static str,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Disabled {
    pub disabled: bool,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Discovery {
    pub bootstrap_token: TokenDiscovery,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenDiscovery {
    pub token: String,
    pub api_server_endpoint: String,
    pub ca_cert_hashes: [String; 1],
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JoinControlPlane {
    #[serde(rename = "localAPIEndpoint")]
    pub local_api_endpoint: ApiEndpoint,
}
