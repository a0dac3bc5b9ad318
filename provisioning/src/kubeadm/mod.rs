//! kubeadm's documents (`kubeadm.k8s.io/v1beta4`) for one node.

mod documents;
mod error;
mod node_boot;
mod render;
mod settings;
mod settings_files;
mod token_secret;

pub use documents::{
    API_VERSION, ClusterConfiguration, InitConfiguration, JoinConfiguration,
    KubeProxyConfiguration, KubeletConfiguration,
};
pub use error::KubeadmError;
pub use node_boot::{BootToken, NodeBoot, PRIVATE_IP_MARK, PROVIDER_ID_MARK, Role, Taint};
pub use render::{Documents, component_settings, documents, render, render_masked};
pub use settings::{
    AUDIT_FOLDER, Argument, Audit, ENCRYPTION_FILE, Oidc, PodSecurity, PodSecurityLevel,
    SETTINGS_FOLDER, Settings,
};
pub use settings_files::DEFAULT_AUDIT_POLICY;
pub use token_secret::bootstrap_token_secret;
