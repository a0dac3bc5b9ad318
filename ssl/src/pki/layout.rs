//! Where each file lies.

use std::path::{Path, PathBuf};

/// The three authorities of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthorityName {
    /// Signs the API server, kubelets and administrators.
    Kubernetes,
    /// Signs etcd's members and clients, and nothing else.
    Etcd,
    /// Signs the aggregation layer's client.
    FrontProxy,
}

impl AuthorityName {
    /// All three, in the order they are made and listed.
    pub const ALL: [AuthorityName; 3] =
        [AuthorityName::Kubernetes, AuthorityName::Etcd, AuthorityName::FrontProxy];

    /// File name without extension.
    pub fn stem(self) -> &'static str {
        match self {
            AuthorityName::Kubernetes => "ca",
            AuthorityName::Etcd => "etcd-ca",
            AuthorityName::FrontProxy => "front-proxy-ca",
        }
    }

    /// Where kubeadm looks for it below `/etc/kubernetes/pki`, without extension.
    pub fn node_stem(self) -> &'static str {
        match self {
            AuthorityName::Kubernetes => "ca",
            AuthorityName::Etcd => "etcd/ca",
            AuthorityName::FrontProxy => "front-proxy-ca",
        }
    }

    pub(crate) fn common_name(self, cluster: &str) -> String {
        let what = match self {
            AuthorityName::Kubernetes => "kubernetes-ca",
            AuthorityName::Etcd => "etcd-ca",
            AuthorityName::FrontProxy => "front-proxy-ca",
        };
        format!("{cluster} {what}")
    }
}

/// Paths of a cluster's PKI folder (`ssl/<cluster>/`).
#[derive(Debug, Clone)]
pub struct PkiLayout {
    dir: PathBuf,
}

impl PkiLayout {
    /// The layout in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> PkiLayout {
        PkiLayout { dir: dir.into() }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// `<stem>.crt`.
    pub fn cert(&self, stem: &str) -> PathBuf {
        self.dir.join(format!("{stem}.crt"))
    }

    /// `<stem>.key`.
    pub fn key(&self, stem: &str) -> PathBuf {
        self.dir.join(format!("{stem}.key"))
    }

    /// An authority's key before its certificate is on disk; renamed to `<stem>.key` afterwards,
    /// so that a run killed between the two files can be completed without guessing.
    pub fn pending_key(&self, stem: &str) -> PathBuf {
        self.dir.join(format!("{stem}.key.new"))
    }

    /// Private half of the service-account key.
    pub fn sa_key(&self) -> PathBuf {
        self.dir.join("sa.key")
    }

    /// Public half of the service-account key.
    pub fn sa_pub(&self) -> PathBuf {
        self.dir.join("sa.pub")
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.join("kubeconfig")
    }

    /// The secret that bootstrap tokens are derived from.
    pub fn cluster_secret(&self) -> PathBuf {
        self.dir.join("bootstrap.secret")
    }
}
