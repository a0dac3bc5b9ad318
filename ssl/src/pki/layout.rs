//! Where each file lies.

use std::path::{Path, PathBuf};

use crate::encryption::ENCRYPTION_KEYS;

/// What the name of a key ends with until nothing can go wrong with its authority any more.
pub const PENDING: &str = ".new";

/// File stem of the sites' authority.
pub(crate) const SITE: &str = "site-ca";

/// The authorities of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthorityName {
    /// Signs the API server, kubelets and administrators.
    Kubernetes,
    /// Signs etcd's members and clients, and nothing else.
    Etcd,
    /// Signs the aggregation layer's client.
    FrontProxy,
    /// Signs the certificates of sites behind the ingress, and nothing that Kubernetes trusts. Only
    /// clusters that ask for it have one.
    Site,
}

impl AuthorityName {
    /// All of them, in the order they are made and listed.
    pub const ALL: [AuthorityName; 4] = [
        AuthorityName::Kubernetes,
        AuthorityName::Etcd,
        AuthorityName::FrontProxy,
        AuthorityName::Site,
    ];
    /// Those that control planes need the keys of.
    pub const OF_NODES: [AuthorityName; 3] =
        [AuthorityName::Kubernetes, AuthorityName::Etcd, AuthorityName::FrontProxy];

    /// Returns the file name without extension.
    pub fn stem(self) -> &'static str {
        match self {
            AuthorityName::Kubernetes => "ca",
            AuthorityName::Etcd => "etcd-ca",
            AuthorityName::FrontProxy => "front-proxy-ca",
            AuthorityName::Site => SITE,
        }
    }

    pub(crate) fn common_name(self, cluster: &str) -> String {
        let what = match self {
            AuthorityName::Kubernetes => "kubernetes-ca",
            AuthorityName::Etcd => "etcd-ca",
            AuthorityName::FrontProxy => "front-proxy-ca",
            AuthorityName::Site => SITE,
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
    /// Makes the layout of the folder `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> PkiLayout {
        PkiLayout { dir: dir.into() }
    }

    /// Returns the folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the path of `<stem>.crt`.
    pub fn cert(&self, stem: &str) -> PathBuf {
        self.dir.join(format!("{stem}.crt"))
    }

    /// Returns the path of `<stem>.key`.
    pub fn key(&self, stem: &str) -> PathBuf {
        self.dir.join(format!("{stem}.key"))
    }

    /// Returns the path of an authority's key before its certificate is on disk. The key is renamed
    /// to `<stem>.key` afterwards, so a run killed between the two files can be completed without
    /// guessing.
    pub fn pending_key(&self, stem: &str) -> PathBuf {
        self.dir.join(format!("{stem}.key{PENDING}"))
    }

    /// Returns the path of the private half of the service-account key.
    pub fn sa_key(&self) -> PathBuf {
        self.dir.join("sa.key")
    }

    /// Returns the path of the public half of the service-account key.
    pub fn sa_pub(&self) -> PathBuf {
        self.dir.join("sa.pub")
    }

    /// Returns the path of the administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.join("kubeconfig")
    }

    /// The keys that Secrets are encrypted with.
    pub fn encryption_keys(&self) -> PathBuf {
        self.dir.join(ENCRYPTION_KEYS)
    }

    /// Returns the path of the secret that bootstrap tokens are derived from.
    pub fn cluster_secret(&self) -> PathBuf {
        self.dir.join("bootstrap.secret")
    }
}
