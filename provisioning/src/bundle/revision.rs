//! The revision of what a node is made of.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::artifacts::{Lock, sha256_bytes};
use crate::boot;
use crate::kubeadm::{NodeBoot, Role, Taint, component_settings};

/// The stable inputs of a node: what would make a newly made node differ from the one that runs.
/// Nothing that is made per boot (URLs, tokens), and nothing another resource decides (addresses,
/// the load balancer), is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RevisionInputs {
    /// Format of this structure.
    pub format: u32,
    /// Role.
    pub role: Role,
    /// Kubernetes version.
    pub kubernetes: String,
    /// Label and SHA-256 of each artifact the role needs.
    pub artifacts: Vec<(String, String)>,
    /// Labels, sorted.
    pub labels: Vec<(String, String)>,
    /// Taints in order.
    pub taints: Vec<Taint>,
    /// Extra kubelet arguments in order.
    pub kubelet_args: Vec<(String, String)>,
    /// Pod network.
    pub pod_cidr: String,
    /// Service network.
    pub service_cidr: String,
    /// Cluster domain.
    pub dns_domain: String,
    /// Whether a cloud controller manager is expected.
    pub cloud_provider_external: bool,
    /// SHA-256 over the boot script and its host files.
    pub templates: String,
    /// Settings of a control plane's components.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<SettingsInputs>,
}

/// What a control plane's components are set to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettingsInputs {
    /// Flags and mounts, as kubeadm reads them.
    pub components: serde_json::Value,
    /// Name and SHA-256 of each file that the API server reads.
    pub files: Vec<(String, String)>,
    /// Names of the keys that Secrets are encrypted with, in order.
    pub encryption: Vec<String>,
}

impl SettingsInputs {
    fn of(node: &NodeBoot) -> SettingsInputs {
        let sum = |(name, text): (&str, String)| (name.to_owned(), sha256_bytes(text.as_bytes()));
        let files = node.settings.files(&node.kubernetes_version);
        SettingsInputs {
            components: component_settings(&node.settings),
            files: files.into_iter().map(sum).collect(),
            encryption: node.settings.encryption.clone(),
        }
    }
}

impl RevisionInputs {
    /// Collects the inputs of one node.
    pub fn of(node: &NodeBoot, lock: &Lock) -> RevisionInputs {
        let control_plane = node.role == Role::ControlPlane;
        let artifacts = lock.for_role(control_plane);
        RevisionInputs {
            format: 1,
            role: node.role,
            kubernetes: node.kubernetes_version.trim_start_matches('v').into(),
            artifacts: artifacts.iter().map(|a| (a.label(), a.sha256.clone())).collect(),
            labels: node.labels.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
            taints: node.taints.clone(),
            kubelet_args: node.kubelet_args.clone(),
            pod_cidr: node.pod_cidr.clone(),
            service_cidr: node.service_cidr.clone(),
            dns_domain: node.dns_domain.clone(),
            cloud_provider_external: node.cloud_provider_external,
            templates: boot::templates_hash(),
            settings: control_plane.then(|| SettingsInputs::of(node)),
        }
    }
}

/// Returns 16 hexadecimal digits over the inputs, the tag `infra-rev:<revision>`.
pub fn revision(inputs: &RevisionInputs) -> String {
    // Field order is fixed by the structure, so the text is too.
    let text = serde_json::to_vec(inputs).unwrap_or_default();
    hex::encode(&Sha256::digest(text)[..8])
}
