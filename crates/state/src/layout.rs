//! Layout: where the files of one cluster are on this machine.

use std::path::PathBuf;

use crate::home::Home;

/// Where the files of one cluster are on this machine.
#[derive(Clone, Debug)]
pub struct ClusterLayout {
    /// The folder of its state: `.infra/<cluster>`.
    pub state: PathBuf,
    /// The folder of its certificates and keys: `ssl/<cluster>`.
    pub pki: PathBuf,
}

impl ClusterLayout {
    /// Returns the layout of `cluster` in `home`.
    pub fn of(home: &Home, cluster: &str) -> Self {
        Self { state: home.state(cluster), pki: home.pki(cluster) }
    }

    /// Returns the path of the record of finished rotations.
    pub fn rotations(&self) -> PathBuf {
        self.state.join(crate::remote::ROTATIONS)
    }

    /// Returns the path of the administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.pki.join("kubeconfig")
    }
}
