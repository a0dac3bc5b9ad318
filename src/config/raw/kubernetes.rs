//! `[kubernetes]` as it is written: what every cluster stands on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of Kubernetes' own components.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawKubernetes {
    /// The API server.
    pub api_server: RawComponent,
    /// The controller manager.
    pub controller_manager: RawComponent,
    /// The scheduler.
    pub scheduler: RawComponent,
    /// The kubelets of all nodes.
    pub kubelet: RawKubelet,
    /// The API server's audit log.
    pub audit: RawAudit,
    /// Encryption of Secrets in etcd.
    pub encryption: RawEncryption,
    /// A provider of OpenID Connect, whose users may log in.
    pub oidc: Option<RawOidc>,
    /// What pods may do where their namespace says nothing.
    pub pod_security: RawPodSecurity,
}

/// A component of Kubernetes.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawComponent {
    /// Further flags, without dashes: `{ max-requests-inflight = 800 }`. Flags that this program sets
    /// itself are refused.
    pub args: BTreeMap<String, RawArgument>,
}

/// The kubelets of all nodes.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawKubelet {
    /// Further flags, without dashes: `{ max-pods = 200 }`. Flags that this program sets itself are
    /// refused.
    pub args: BTreeMap<String, RawArgument>,
    /// Who signs the certificates that kubelets serve with. Default: cluster. It can't be changed once a
    /// cluster is made.
    pub serving_certificates: Option<RawServingCertificates>,
}

/// Who signs the certificates that kubelets serve with.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum RawServingCertificates {
    /// The cluster's authority, once `infra apply` has approved them; the API server checks them.
    Cluster,
    /// Each kubelet its own, and nobody checks them.
    SelfSigned,
}

/// A flag's value.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RawArgument {
    /// A text.
    Text(String),
    /// On or off.
    Switch(bool),
    /// A number.
    Number(i64),
}

/// The API server's audit log.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawAudit {
    /// Write it. Default true.
    pub enabled: Option<bool>,
    /// A policy of your own (a file with a `Policy` of audit.k8s.io/v1), relative to infra.toml's folder.
    pub policy: Option<String>,
    /// How long a file is kept, in whole days. Default "30d".
    pub max_age: Option<String>,
    /// How many files are kept beside the one that is written. Default 10.
    pub max_backups: Option<u32>,
    /// How large a file becomes. Default "100MiB".
    pub max_size: Option<String>,
}

/// Encryption of Secrets in etcd.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawEncryption {
    /// Encrypt them. Default true. It can't be switched off once a cluster has it.
    pub enabled: Option<bool>,
}

/// A provider of OpenID Connect.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawOidc {
    /// Its URL, as its tokens name it: `https://login.example.com`.
    pub issuer: Option<String>,
    /// The audience that tokens must be for.
    pub client_id: Option<String>,
    /// The claim that is the user's name. Default "sub".
    pub username_claim: Option<String>,
    /// What stands before the user's name. Default "oidc:".
    pub username_prefix: Option<String>,
    /// The claim with the user's groups; without it users have none.
    pub groups_claim: Option<String>,
    /// What stands before each group. Default "oidc:".
    pub groups_prefix: Option<String>,
    /// Claims that must have a certain value: `{ hd = "example.com" }`.
    pub required_claims: BTreeMap<String, String>,
    /// File with the authority of the provider's certificate (PEM); without it the system's authorities.
    pub ca: Option<String>,
}

/// What pods may do where their namespace says nothing. A namespace's own labels
/// (`pod-security.kubernetes.io/enforce`) win.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPodSecurity {
    /// Pods beyond this level are refused. Default: baseline.
    pub enforce: Option<RawPodSecurityLevel>,
    /// Pods beyond this level are marked in the audit log. Default: restricted.
    pub audit: Option<RawPodSecurityLevel>,
    /// Whoever makes pods beyond this level is warned. Default: restricted.
    pub warn: Option<RawPodSecurityLevel>,
    /// Namespaces that none of this is about, besides kube-system.
    pub exempt_namespaces: Vec<String>,
}

/// A level of the Pod Security Standards.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum RawPodSecurityLevel {
    /// Everything is allowed.
    Privileged,
    /// Known ways to take over a machine are refused.
    Baseline,
    /// Hardened pods only.
    Restricted,
}
