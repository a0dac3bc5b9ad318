//! The machine's side of the control API: what tools tell the embedded cloud, and ask it.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::kubeadm::types::ClusterConfiguration;
use super::{Context, Failure, http as https};

/// What the embedded cloud knows of a machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MachineInfo {
    pub id: u64,
    pub name: String,
    pub region: String,
    pub public_ip: Option<IpAddr>,
    pub private_ip: Option<IpAddr>,
    pub vcpus: u64,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// How many times faster than real time waits pass.
    pub speed: f64,
}

/// A node that registers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NodeSpec {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub taints: Vec<TaintSpec>,
    /// Such as `v1.34.1`.
    pub kubelet_version: String,
    /// The kubelet runs with `--cloud-provider=external`.
    pub external_cloud_provider: bool,
}

/// A taint of a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaintSpec {
    pub key: String,
    pub value: String,
    pub effect: String,
}

/// A bootstrap token to be stored.
#[derive(Clone, Serialize, Deserialize)]
pub struct TokenSpec {
    pub id: String,
    pub secret: String,
    pub description: String,
    /// RFC 3339; `None` never expires.
    pub expires: Option<String>,
    pub usages: Vec<String>,
    pub groups: Vec<String>,
}

/// `kubeadm init`: the cluster to start on this machine.
#[derive(Clone, Serialize, Deserialize)]
pub struct ClusterPlan {
    pub config: ClusterConfiguration,
    /// The `KubeletConfiguration` that joining nodes get, as YAML.
    pub kubelet_config: String,
    pub port: u16,
    pub advertise: IpAddr,
    pub node: NodeSpec,
    pub tokens: Vec<TokenSpec>,
    /// The API server's settings for pods.
    #[serde(default)]
    pub pod_security: infra_sim_kube::PodSecurity,
    /// Whether the API server checks the certificates of kubelets.
    #[serde(default)]
    pub checks_kubelets: bool,
}

/// `kubeadm join`: this machine becomes a node of the cluster with that authority.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JoinRequest {
    /// SHA-256 (hex) of the cluster's certificate authority, in DER.
    pub ca_sha256: String,
    pub node: NodeSpec,
    /// The request for the kubelet's client certificate, in PEM.
    pub csr_pem: String,
    /// Port and address of the API server, for a control plane.
    pub control_plane: Option<(u16, IpAddr)>,
}

/// The answer to a join.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Joined {
    /// The kubelet's client certificate, in PEM.
    pub kubelet_certificate_pem: String,
    /// A control plane's etcd member is still a learner.
    pub learner: bool,
}

/// The state of the machine's etcd member.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MemberState {
    /// `learner`, `voter` or `none`.
    pub state: String,
    /// Members that vote.
    pub voters: usize,
    /// Whether a majority of the voters runs.
    pub quorum: bool,
}

/// A refusal of the control API.
#[derive(Debug)]
pub struct Refused {
    /// The HTTP status; `None` when there was no answer.
    pub status: Option<StatusCode>,
    /// What it says.
    pub message: String,
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Failure::new(refused.message)
    }
}

impl Context {
    /// Runs a future to its end on this thread.
    ///
    /// # Errors
    /// Returns an error if the process can get no event queue.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Failure::new(format!("cannot start: {e}")))?;
        Ok(runtime.block_on(future))
    }

    /// Calls `/sim/machines/<id><path>`.
    ///
    /// # Errors
    /// Returns the refusal, or an error if there was no answer.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Result<T, Refused> {
        let none = |message: String| Refused { status: None, message };
        let url =
            url::Url::parse(&self.control).map_err(|e| none(format!("INFRA_SIM_CONTROL: {e}")))?;
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(none("INFRA_SIM_CONTROL is not a URL with a host".to_owned()));
        };
        let ip: IpAddr = host.parse().map_err(|_| none(format!("{host} is no address")))?;
        let ca = std::fs::read_to_string(&self.ca_file)
            .map_err(|e| none(format!("{}: {e}", self.ca_file.display())))?;
        let target = https::Target {
            address: SocketAddr::new(ip, port),
            authority: format!("{host}:{port}"),
            tls: https::trusting(&ca, None).map_err(none)?,
        };
        let path = format!("/sim/machines/{}{path}", self.machine);
        let (status, bytes) = https::call(
            &target,
            method,
            &path,
            Some(&self.token),
            body.as_ref(),
            Duration::from_secs(120),
        )
        .await
        .map_err(none)?;
        if !status.is_success() {
            let message = serde_json::from_slice::<serde_json::Value>(&bytes)
                .ok()
                .and_then(|v| v.get("message")?.as_str().map(ToOwned::to_owned))
                .unwrap_or_else(|| format!("the embedded cloud answered {status}"));
            return Err(Refused { status: Some(status), message });
        }
        let bytes = if bytes.is_empty() { "null".into() } else { bytes };
        serde_json::from_slice(&bytes).map_err(|e| none(format!("unexpected answer: {e}")))
    }

    /// Asks what the embedded cloud knows of this machine.
    ///
    /// # Errors
    /// Returns an error if it doesn't answer.
    pub async fn info(&self) -> Result<MachineInfo, Refused> {
        self.ask(Method::GET, "", None).await
    }

    /// Asks for the real socket behind `host:port` as this machine sees it.
    ///
    /// # Errors
    /// Returns an error if the name is unknown or nothing listens there.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<SocketAddr, Refused> {
        let path = format!("/resolve?host={host}&port={port}");
        self.ask(Method::GET, &path, None).await
    }

    /// Tells the embedded cloud that the kubelet runs or was stopped.
    ///
    /// # Errors
    /// Returns an error if it doesn't answer.
    pub fn set_kubelet(&self, running: bool) -> Result<(), Failure> {
        let body = serde_json::json!({ "running": running });
        self.block_on(self.ask::<()>(Method::PUT, "/kubelet", Some(body)))?.map_err(Failure::from)
    }
}
