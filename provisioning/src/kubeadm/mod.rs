//! kubeadm's documents (`kubeadm.k8s.io/v1beta4`) for one node.

mod documents;
mod error;
mod node_boot;
mod render;
mod token_secret;

pub use documents::{
    API_VERSION, ClusterConfiguration, InitConfiguration, JoinConfiguration,
    KubeProxyConfiguration, KubeletConfiguration,
};
pub use error::KubeadmError;
pub use node_boot::{BootToken, NodeBoot, PRIVATE_IP_MARK, PROVIDER_ID_MARK, Role, Taint};
pub use render::{Documents, documents, render, render_masked};
pub use token_secret::bootstrap_token_secret;
