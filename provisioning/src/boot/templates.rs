//! Plain files, embedded.

use sha2::{Digest, Sha256};

use crate::bundle::NodeFile;

/// The stub that user-data installs: fetches the bundle and runs [`BOOT_SCRIPT`] in it.
pub const BOOT_STUB: &str = include_str!("../../templates/infra-boot.sh");
/// The boot script.
pub const BOOT_SCRIPT: &str = include_str!("../../templates/boot.sh");

/// What user-data installs on EC2 besides: metadata by session tokens, and URLs of the bucket signed as
/// the machine.
pub const EC2_TOOL: &str = include_str!("../../templates/infra-ec2.py");

/// Stages in order; `pki` on control planes only, `turn` on all of those but the first.
pub const STAGES: [&str; 10] = [
    "metadata",
    "bundle",
    "host",
    "artifacts",
    "containerd",
    "pki",
    "turn",
    "kubeadm",
    "kubelet",
    "done",
];

const HOST: [(&str, &str); 10] = [
    ("host/10-kubeadm.conf", include_str!("../../templates/10-kubeadm.conf")),
    ("host/containerd.service", include_str!("../../templates/containerd.service")),
    ("host/containerd.toml", include_str!("../../templates/containerd.toml")),
    ("host/crictl.yaml", include_str!("../../templates/crictl.yaml")),
    ("host/infra-boot.service", include_str!("../../templates/infra-boot.service")),
    ("host/infra-metadata.service", include_str!("../../templates/infra-metadata.service")),
    ("host/infra-metadata.sh", include_str!("../../templates/infra-metadata.sh")),
    ("host/kubelet.service", include_str!("../../templates/kubelet.service")),
    ("host/modules.conf", include_str!("../../templates/modules.conf")),
    ("host/sysctl.conf", include_str!("../../templates/sysctl.conf")),
];

/// Returns the files of the bundle's `host` folder; `pause` is the tag of the sandbox image.
pub fn host_files(pause: &str) -> Vec<NodeFile> {
    HOST.iter()
        .map(|(path, text)| NodeFile::public(path, 0o644, text.replace("@PAUSE@", pause)))
        .collect()
}

/// Returns the SHA-256 over all templates, a part of a node's revision.
pub fn templates_hash() -> String {
    let mut hasher = Sha256::new();
    let boot = [("stub", BOOT_STUB), ("boot.sh", BOOT_SCRIPT), ("ec2", EC2_TOOL)];
    for (name, text) in boot.iter().chain(HOST.iter()) {
        hasher.update(name.as_bytes());
        hasher.update([0]);
        hasher.update(text.as_bytes());
        hasher.update([0]);
    }
    hex::encode(hasher.finalize())
}
