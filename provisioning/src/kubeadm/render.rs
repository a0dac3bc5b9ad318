//! From a node's input to YAML.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::kubeadm::documents::{
    ApiEndpoint, ApiServer, Arg, BootstrapToken, Disabled, Discovery, JoinControlPlane, Networking,
    NodeRegistration, Timeouts, TokenDiscovery,
};
use crate::kubeadm::node_boot::PRIVATE_IP_MARK;
use crate::kubeadm::{
    API_VERSION, ClusterConfiguration, InitConfiguration, JoinConfiguration,
    KubeProxyConfiguration, KubeadmError, KubeletConfiguration, NodeBoot, Role, Settings, Taint,
};

const CRI_SOCKET: &str = "unix:///run/containerd/containerd.sock";
const API_PORT: u16 = 6443;
const CONTROL_PLANE_TAINT: &str = "node-role.kubernetes.io/control-plane";

/// The documents of one node.
#[derive(Debug, Clone)]
pub enum Documents {
    /// `kubeadm init`.
    Init {
        /// This machine.
        init: Box<InitConfiguration>,
        /// The cluster.
        cluster: Box<ClusterConfiguration>,
        /// All kubelets.
        kubelet: Box<KubeletConfiguration>,
        /// kube-proxy, unless left out.
        proxy: Option<KubeProxyConfiguration>,
    },
    /// `kubeadm join`.
    Join(Box<JoinConfiguration>),
}

/// Makes the typed documents. They hold tokens in plain text: print [`render_masked`] instead.
pub fn documents(node: &NodeBoot) -> Result<Documents, KubeadmError> {
    node.check()?;
    if !node.is_init() {
        return Ok(Documents::Join(Box::new(join(node))));
    }
    let version = node.kubernetes_version.trim_start_matches('v');
    let (extra_args, extra_volumes) = node.settings.api_server();
    let cluster = ClusterConfiguration {
        api_version: API_VERSION,
        kind: "ClusterConfiguration",
        cluster_name: node.cluster.clone(),
        kubernetes_version: format!("v{version}"),
        control_plane_endpoint: node.api_endpoint.clone(),
        networking: Networking {
            pod_subnet: node.pod_cidr.clone(),
            service_subnet: node.service_cidr.clone(),
            dns_domain: node.dns_domain.clone(),
        },
        api_server: ApiServer { extra_args, extra_volumes, cert_sans: node.cert_sans.clone() },
        controller_manager: node.settings.controller_manager(),
        scheduler: node.settings.scheduler(),
        encryption_algorithm: "ECDSA-P256",
        proxy: node.without_kube_proxy.then_some(Disabled { disabled: true }),
    };
    let init = InitConfiguration {
        api_version: API_VERSION,
        kind: "InitConfiguration",
        bootstrap_tokens: node.init_tokens.iter().map(token).collect(),
        node_registration: registration(node),
        local_api_endpoint: endpoint(),
        timeouts: Timeouts {
            control_plane_component_health_check: Some("6m0s"),
            discovery: None,
            tls_bootstrap: None,
        },
    };
    let kubelet = KubeletConfiguration {
        api_version: "kubelet.config.k8s.io/v1beta1",
        kind: "KubeletConfiguration",
        cgroup_driver: "systemd",
        rotate_certificates: true,
        server_tls_bootstrap: node.settings.kubelet_serving,
        shutdown_grace_period: "60s",
        shutdown_grace_period_critical_pods: "20s",
    };
    let proxy = (!node.without_kube_proxy).then(|| KubeProxyConfiguration {
        api_version: "kubeproxy.config.k8s.io/v1alpha1",
        kind: "KubeProxyConfiguration",
        cluster_cidr: node.pod_cidr.clone(),
    });
    Ok(Documents::Init {
        init: Box::new(init),
        cluster: Box::new(cluster),
        kubelet: Box::new(kubelet),
        proxy,
    })
}

/// Returns the part of the cluster's own `ClusterConfiguration` that a control plane which joins reads
/// its components' flags and mounts from.
pub fn component_settings(settings: &Settings) -> serde_json::Value {
    let (extra_args, extra_volumes) = settings.api_server();
    serde_json::json!({
        "apiServer": {"extraArgs": extra_args, "extraVolumes": extra_volumes},
        "controllerManager": settings.controller_manager(),
        "scheduler": settings.scheduler(),
    })
}

/// Renders `kubeadm.yaml`, with tokens.
pub fn render(node: &NodeBoot) -> Result<SecretString, KubeadmError> {
    let write = |e: serde_yaml_ng::Error| KubeadmError::Yaml {
        node: node.node.clone(),
        reason: e.to_string(),
    };
    let parts = match documents(node)? {
        Documents::Join(join) => vec![yaml(&join).map_err(write)?],
        Documents::Init { init, cluster, kubelet, proxy } => {
            let mut parts = vec![
                yaml(&init).map_err(write)?,
                yaml(&cluster).map_err(write)?,
                yaml(&kubelet).map_err(write)?,
            ];
            if let Some(proxy) = proxy {
                parts.push(yaml(&proxy).map_err(write)?);
            }
            parts
        }
    };
    Ok(SecretString::from(parts.join("---\n")))
}

/// Renders `kubeadm.yaml` with the secret half of every token masked.
pub fn render_masked(node: &NodeBoot) -> Result<String, KubeadmError> {
    let mut text = render(node)?.expose_secret().to_string();
    let tokens = node.init_tokens.iter().map(|t| &t.token).chain([&node.token]);
    for token in tokens {
        if let Some((_, secret)) = token.expose_secret().split_once('.') {
            text = text.replace(secret, "****************");
        }
    }
    Ok(text)
}

fn yaml<T: Serialize>(document: &T) -> Result<String, serde_yaml_ng::Error> {
    infra_ssl::yaml::to_text(&serde_yaml_ng::to_value(document)?)
}

fn join(node: &NodeBoot) -> JoinConfiguration {
    JoinConfiguration {
        api_version: API_VERSION,
        kind: "JoinConfiguration",
        discovery: Discovery {
            bootstrap_token: TokenDiscovery {
                token: node.token.expose_secret().to_string(),
                api_server_endpoint: node.api_endpoint.clone(),
                ca_cert_hashes: [node.ca_hash.clone()],
            },
        },
        node_registration: registration(node),
        control_plane: (node.role == Role::ControlPlane)
            .then(|| JoinControlPlane { local_api_endpoint: endpoint() }),
        timeouts: Timeouts {
            control_plane_component_health_check: None,
            // Workers boot while the first control plane still does: they wait for it.
            discovery: Some("20m0s"),
            tls_bootstrap: Some("10m0s"),
        },
    }
}

fn endpoint() -> ApiEndpoint {
    ApiEndpoint { advertise_address: PRIVATE_IP_MARK, bind_port: API_PORT }
}

fn token(token: &crate::kubeadm::BootToken) -> BootstrapToken {
    BootstrapToken {
        token: token.token.expose_secret().to_string(),
        description: token.description.clone(),
        ttl: go_duration(token.ttl.as_secs()),
        usages: ["signing", "authentication"],
        groups: ["system:bootstrappers:kubeadm:default-node-token"],
    }
}

fn registration(node: &NodeBoot) -> NodeRegistration {
    let mut args = Vec::new();
    let mut arg =
        |name: &str, value: &str| args.push(Arg { name: name.into(), value: value.into() });
    if node.cloud_provider_external {
        // On kubelets only: the API server and the controller manager have no such flag any more.
        arg("cloud-provider", "external");
    }
    // Machines have a public address too; nodes talk over the private network.
    arg("node-ip", PRIVATE_IP_MARK);
    if !node.labels.is_empty() {
        let labels: Vec<String> = node.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        arg("node-labels", &labels.join(","));
    }
    for (name, value) in &node.kubelet_args {
        arg(name.trim_start_matches('-'), value);
    }
    let mut taints = node.taints.clone();
    let own = node.role == Role::ControlPlane && !node.schedulable_control_plane;
    if own && !taints.iter().any(|t| t.key == CONTROL_PLANE_TAINT) {
        let effect = "NoSchedule".into();
        taints.insert(0, Taint { key: CONTROL_PLANE_TAINT.into(), value: String::new(), effect });
    }
    NodeRegistration {
        name: node.node.clone(),
        cri_socket: CRI_SOCKET,
        taints: Some(taints),
        kubelet_extra_args: args,
        image_pull_policy: "IfNotPresent",
    }
}

/// Returns a duration as Go prints it: `1h2m3s`.
fn go_duration(seconds: u64) -> String {
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (h, m) {
        (0, 0) => format!("{s}s"),
        (0, _) => format!("{m}m{s}s"),
        _ => format!("{h}h{m}m{s}s"),
    }
}
