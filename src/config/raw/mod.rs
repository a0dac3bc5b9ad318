//! infra.toml as it is written. The doc comments become the JSON Schema's descriptions.

mod apps;
mod cluster;
mod kubernetes;
mod network;
mod state;
mod tls;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use apps::{
    RawAddons, RawApps, RawDockerSecret, RawEnvSecret, RawFileSecret, RawImages, RawIngress,
    RawOpen, RawVariable, RawVariableSource, RawWait,
};
pub use cluster::{
    RawBound, RawCluster, RawFile, RawPool, RawProviders, RawRole, RawSshKey, RawType,
};
pub use kubernetes::{
    RawArgument, RawAudit, RawComponent, RawEncryption, RawKubelet, RawKubernetes, RawOidc,
    RawPodSecurity, RawPodSecurityLevel, RawServingCertificates,
};
pub use network::{
    RawAccess, RawDns, RawDnsOverlay, RawEndpoint, RawFirewallRule, RawNetwork, RawProtocol,
};
pub use state::{RawArtifacts, RawCertificates, RawState};
pub use tls::{RawAcme, RawChallenge, RawIssuer, RawTls, RawTlsFile};

/// A cluster, its network, its nodes, and the apps that run on it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Raw {
    /// The cluster itself.
    pub cluster: RawCluster,
    /// Settings of Kubernetes' own components.
    pub kubernetes: RawKubernetes,
    /// Address ranges.
    pub network: RawNetwork,
    /// What differs from cloud to cloud: `[providers.do]`, `[providers.aws]`, `[providers.gcp]`.
    pub providers: RawProviders,
    /// Groups of equal nodes: `[pools.worker]`.
    pub pools: BTreeMap<String, RawPool>,
    /// Public keys that may log in to the nodes: `ops = "ssh-ed25519 AAAA…"` or
    /// `ops = { file = "~/.ssh/id_ed25519.pub" }`.
    pub ssh_keys: BTreeMap<String, RawSshKey>,
    /// Traffic that is let in from outside the cluster.
    pub firewall: Vec<RawFirewallRule>,
    /// The cluster's domain.
    pub dns: Option<RawDns>,
    /// How long certificates last.
    pub certificates: RawCertificates,
    /// Certificates of the sites behind the ingress.
    pub tls: Option<RawTls>,
    /// What the nodes download at boot.
    pub artifacts: RawArtifacts,
    /// Where the state, the certificates and their keys are kept.
    pub state: Option<RawState>,
    /// The app suite.
    pub apps: Option<RawApps>,
    /// Overlays: `[environments.prod]` holds any of the tables above, and wins over them.
    pub environments: BTreeMap<String, RawEnvironment>,
}

/// An overlay. Tables are merged key by key, lists and values are taken whole.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawEnvironment {
    /// Ask for the environment's name to be typed before anything is changed.
    pub protected: Option<bool>,
    /// See the table of that name.
    pub cluster: Option<RawCluster>,
    /// See the table of that name.
    pub kubernetes: Option<RawKubernetes>,
    /// See the table of that name.
    pub network: Option<RawNetwork>,
    /// See the table of that name.
    pub providers: Option<RawProviders>,
    /// See the table of that name.
    pub pools: Option<BTreeMap<String, RawPool>>,
    /// See the table of that name.
    pub ssh_keys: Option<BTreeMap<String, RawSshKey>>,
    /// See the table of that name.
    pub firewall: Option<Vec<RawFirewallRule>>,
    /// See the table of that name.
    pub dns: Option<RawDnsOverlay>,
    /// See the table of that name.
    pub certificates: Option<RawCertificates>,
    /// See the table of that name.
    pub tls: Option<RawTls>,
    /// See the table of that name.
    pub artifacts: Option<RawArtifacts>,
    /// See the table of that name.
    pub state: Option<RawState>,
    /// See the table of that name.
    pub apps: Option<RawApps>,
}
