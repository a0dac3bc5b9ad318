//! What one node's configuration is made from.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::artifacts::parse_version;
use crate::kubeadm::{KubeadmError, Settings};

/// Stands in the rendered documents for the node's private address, which only the node knows: the
/// boot script puts it in.
pub const PRIVATE_IP_MARK: &str = "@PRIVATE_IP@";

/// The same for what the cloud calls the machine: `aws:///eu-central-1a/i-0123`.
pub const PROVIDER_ID_MARK: &str = "@PROVIDER_ID@";

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// API server, controllers, etcd.
    ControlPlane,
    /// Runs pods.
    Worker,
}

impl Role {
    /// Returns its name as files and keys have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ControlPlane => "control-plane",
            Self::Worker => "worker",
        }
    }
}

/// A taint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule`, `NoExecute`.
    pub effect: String,
}

/// A bootstrap token that `kubeadm init` stores.
#[derive(Debug, Clone)]
pub struct BootToken {
    /// `id.secret`.
    pub token: SecretString,
    /// Whose it is; shown by `kubeadm token list`.
    pub description: String,
    /// How long it is good for.
    pub ttl: Duration,
}

/// The input of one node's configuration.
#[derive(Debug, Clone)]
pub struct NodeBoot {
    /// Cluster name.
    pub cluster: String,
    /// Node name, also the host name.
    pub node: String,
    /// Role.
    pub role: Role,
    /// The control plane that runs `kubeadm init`.
    pub first_control_plane: bool,
    /// `1.36.4` (a leading `v` is fine).
    pub kubernetes_version: String,
    /// `host:port` of the load balancer before the API servers.
    pub api_endpoint: String,
    /// Names and addresses of the API server besides the node's own and the service's.
    pub cert_sans: Vec<String>,
    /// Pod network.
    pub pod_cidr: String,
    /// Service network.
    pub service_cidr: String,
    /// `cluster.local`.
    pub dns_domain: String,
    /// This node's own token, to join with.
    pub token: SecretString,
    /// Tokens that init stores: those of the nodes of the first apply.
    pub init_tokens: Vec<BootToken>,
    /// `sha256:…` of the cluster's authority.
    pub ca_hash: String,
    /// Node labels.
    pub labels: BTreeMap<String, String>,
    /// Taints besides the control plane's own.
    pub taints: Vec<Taint>,
    /// Whether pods without a toleration may run on this control plane.
    pub schedulable_control_plane: bool,
    /// Kubelets wait for a cloud controller manager.
    pub cloud_provider_external: bool,
    /// Further kubelet arguments, name without dashes.
    pub kubelet_args: Vec<(String, String)>,
    /// Without kube-proxy, for networks that replace it.
    pub without_kube_proxy: bool,
    /// Settings of the control plane's components; of no meaning on workers.
    pub settings: Settings,
}

impl NodeBoot {
    /// Makes a node with the usual settings; the caller fills in the rest.
    pub fn new(
        cluster: &str,
        node: &str,
        role: Role,
        version: &str,
        api_endpoint: &str,
    ) -> NodeBoot {
        NodeBoot {
            cluster: cluster.into(),
            node: node.into(),
            role,
            first_control_plane: false,
            kubernetes_version: version.into(),
            api_endpoint: api_endpoint.into(),
            cert_sans: Vec::new(),
            pod_cidr: "10.244.0.0/16".into(),
            service_cidr: "10.96.0.0/16".into(),
            dns_domain: "cluster.local".into(),
            token: SecretString::default(),
            init_tokens: Vec::new(),
            ca_hash: String::new(),
            labels: BTreeMap::new(),
            taints: Vec::new(),
            schedulable_control_plane: false,
            cloud_provider_external: false,
            kubelet_args: Vec::new(),
            without_kube_proxy: false,
            settings: Settings::default(),
        }
    }

    /// Runs `kubeadm init`.
    pub fn is_init(&self) -> bool {
        self.role == Role::ControlPlane && self.first_control_plane
    }

    /// Refuses what would fail on the node only.
    pub fn check(&self) -> Result<(), KubeadmError> {
        let bad = |field, reason: &str| {
            Err(KubeadmError::Invalid { node: self.node.clone(), field, reason: reason.into() })
        };
        if !is_node_name(&self.node) {
            return bad("node", "a node name is a lower-case DNS name of at most 63 characters");
        }
        if parse_version(&self.kubernetes_version).is_none() {
            return bad("kubernetes_version", "it must be major.minor.patch");
        }
        let port = self.api_endpoint.rsplit_once(':').map(|(h, p)| (h, p.parse::<u16>()));
        if !matches!(port, Some((h, Ok(p))) if !h.is_empty() && p > 0) {
            return bad("api_endpoint", "it must be host:port");
        }
        if self.first_control_plane && self.role != Role::ControlPlane {
            return bad("first_control_plane", "a worker cannot be the first control plane");
        }
        if self.is_init() {
            if !self.init_tokens.iter().all(|t| is_token(t.token.expose_secret())) {
                return bad("init_tokens", "a token has the form [a-z0-9]{6}.[a-z0-9]{16}");
            }
        } else {
            if !is_token(self.token.expose_secret()) {
                return bad("token", "a token has the form [a-z0-9]{6}.[a-z0-9]{16}");
            }
            let pin = self.ca_hash.strip_prefix("sha256:");
            if !pin.is_some_and(|h| h.len() == 64 && h.bytes().all(|b| b.is_ascii_hexdigit())) {
                return bad("ca_hash", "it must be sha256: and 64 hexadecimal digits");
            }
        }
        let reserved = |k: &str| {
            let domain = k.split('/').next().unwrap_or_default();
            k.contains('/')
                && (in_domain(domain, "kubernetes.io") || in_domain(domain, "k8s.io"))
                && !in_domain(domain, "node.kubernetes.io")
                && !in_domain(domain, "kubelet.kubernetes.io")
                && !ALLOWED.contains(&k)
        };
        if let Some(key) = self.labels.keys().find(|k| reserved(k)) {
            // The kubelet exits on `--node-labels` of these domains (NodeRestriction).
            let reason = format!("a kubelet may not give itself the label {key}");
            return bad("labels", &reason);
        }
        let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        if self.taints.iter().any(|t| t.key.is_empty() || !effects.contains(&t.effect.as_str())) {
            return bad(
                "taints",
                "a taint has a key and NoSchedule, PreferNoSchedule or NoExecute",
            );
        }
        Ok(())
    }
}

/// Labels of Kubernetes' domains that a kubelet may set.
const ALLOWED: &[&str] = &[
    "kubernetes.io/arch",
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];

fn in_domain(name: &str, domain: &str) -> bool {
    name == domain || name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

fn is_node_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len())
        && name.chars().all(good)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn is_token(token: &str) -> bool {
    let part = |p: &str, n| {
        p.len() == n && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    token.split_once('.').is_some_and(|(id, secret)| part(id, 6) && part(secret, 16))
}
