//! What infra.toml sets of a control plane's components, and the flags and mounts that follow.

use std::collections::BTreeMap;

use crate::kubeadm::documents::{Arg, Component, HostPathMount};

/// Folder of a control plane with the files that its API server reads.
pub const SETTINGS_FOLDER: &str = "/etc/kubernetes/infra";
/// Folder of a control plane with its API server's audit log.
pub const AUDIT_FOLDER: &str = "/var/log/kubernetes/audit";
/// The file with the keys that Secrets are encrypted with. It comes with the authorities' keys, in the
/// bundle that is used once, and lies beside them: kubeadm mounts that folder read-only into the API
/// server. The controller manager sees the folder, too; it has the authorities' keys anyway.
pub const ENCRYPTION_FILE: &str = "encryption.yaml";

/// The cluster's authority on a control plane, where kubeadm mounts it into the API server.
const CLUSTER_CA: &str = "/etc/kubernetes/pki/ca.crt";

/// Name (without dashes) and value of a flag.
pub type Argument = (String, String);

/// Settings of a control plane's components.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Further flags of the API server.
    pub api_server: Vec<Argument>,
    /// Further flags of the controller manager.
    pub controller_manager: Vec<Argument>,
    /// Further flags of the scheduler.
    pub scheduler: Vec<Argument>,
    /// What the API server logs of requests; `None`: nothing.
    pub audit: Option<Audit>,
    /// Who may log in beside certificates and service accounts.
    pub oidc: Option<Oidc>,
    /// What pods may do where their namespace says nothing; `None`: everything.
    pub pod_security: Option<PodSecurity>,
    /// The names of the keys that Secrets are encrypted with, in their order, with `identity` for plain
    /// text: the first one writes, all read. Empty: Secrets are not encrypted.
    pub encryption: Vec<String>,
    /// Whether kubelets ask the cluster for the certificates that they serve with, and the API server
    /// checks those against the cluster's authority.
    pub kubelet_serving: bool,
}

/// The audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// The policy, YAML.
    pub policy: String,
    /// Days that a file is kept.
    pub max_age: u32,
    /// How many files are kept beside the one that is written.
    pub max_backups: u32,
    /// Megabytes after which the next file is begun.
    pub max_size: u32,
}

/// An OpenID Connect provider whose tokens the API server takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oidc {
    /// Its URL: `https://…`.
    pub issuer: String,
    /// The audience that tokens must be for.
    pub client_id: String,
    /// The claim that is the user's name.
    pub username_claim: String,
    /// What stands before the user's name, so that nobody can be called like a user of Kubernetes.
    pub username_prefix: String,
    /// The claim with the user's groups; `None`: no groups.
    pub groups_claim: Option<String>,
    /// What stands before each group.
    pub groups_prefix: String,
    /// Claims that must have a certain value.
    pub required_claims: BTreeMap<String, String>,
    /// The authority of the provider's certificate, PEM; `None`: the system's.
    pub ca_pem: Option<String>,
}

/// Levels of the Pod Security Standards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodSecurityLevel {
    /// Everything is allowed.
    Privileged,
    /// Known ways to take over a machine are refused.
    Baseline,
    /// Hardened pods only.
    Restricted,
}

impl PodSecurityLevel {
    /// Returns the level as the API server writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }
}

/// What pods may do where their namespace says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodSecurity {
    /// Pods beyond it are refused.
    pub enforce: PodSecurityLevel,
    /// Pods beyond it are marked in the audit log.
    pub audit: PodSecurityLevel,
    /// Whoever makes pods beyond it is warned.
    pub warn: PodSecurityLevel,
    /// Namespaces that none of this is about.
    pub exempt: Vec<String>,
}

impl Settings {
    /// Returns the API server's part of kubeadm's `ClusterConfiguration`.
    pub(crate) fn api_server(&self) -> (Vec<Arg>, Vec<HostPathMount>) {
        let mut args = Vec::new();
        let mut arg = |name: &str, value: String| args.push(Arg { name: name.into(), value });
        let file = |name: &str| format!("{SETTINGS_FOLDER}/{name}");
        if let Some(audit) = &self.audit {
            arg("audit-policy-file", file(AUDIT_POLICY));
            arg("audit-log-path", format!("{AUDIT_FOLDER}/audit.log"));
            arg("audit-log-maxage", audit.max_age.to_string());
            arg("audit-log-maxbackup", audit.max_backups.to_string());
            arg("audit-log-maxsize", audit.max_size.to_string());
        }
        if self.pod_security.is_some() {
            arg("admission-control-config-file", file(ADMISSION));
        }
        if self.oidc.is_some() {
            arg("authentication-config", file(AUTHENTICATION));
        }
        if !self.encryption.is_empty() {
            arg("encryption-provider-config", format!("/etc/kubernetes/pki/{ENCRYPTION_FILE}"));
        }
        if self.kubelet_serving {
            arg("kubelet-certificate-authority", CLUSTER_CA.to_owned());
        }
        args.extend(arguments(&self.api_server));
        let mut volumes = Vec::new();
        if self.audit.is_some() || self.pod_security.is_some() || self.oidc.is_some() {
            volumes.push(HostPathMount {
                name: "infra-settings",
                host_path: SETTINGS_FOLDER,
                mount_path: SETTINGS_FOLDER,
                read_only: true,
                path_type: "Directory",
            });
        }
        if self.audit.is_some() {
            volumes.push(HostPathMount {
                name: "infra-audit",
                host_path: AUDIT_FOLDER,
                mount_path: AUDIT_FOLDER,
                read_only: false,
                path_type: "DirectoryOrCreate",
            });
        }
        (args, volumes)
    }

    /// Returns the controller manager's part of it.
    pub(crate) fn controller_manager(&self) -> Component {
        Component { extra_args: arguments(&self.controller_manager) }
    }

    /// Returns the scheduler's part of it.
    pub(crate) fn scheduler(&self) -> Component {
        Component { extra_args: arguments(&self.scheduler) }
    }
}

/// The audit policy's file.
pub(crate) const AUDIT_POLICY: &str = "audit-policy.yaml";
/// The file with the admission plugins' settings.
pub(crate) const ADMISSION: &str = "admission.yaml";
/// The file with the OpenID Connect provider.
pub(crate) const AUTHENTICATION: &str = "authentication.yaml";

fn arguments(all: &[Argument]) -> Vec<Arg> {
    all.iter().map(|(name, value)| Arg { name: name.clone(), value: value.clone() }).collect()
}
