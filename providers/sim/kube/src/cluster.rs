//! The cluster as data: its options, its objects, and what its API servers share. `run` starts them.

use std::path::PathBuf;
use std::sync::Arc;

use ipnet::IpNet;

use crate::api::Shared;
use crate::{Clock, Cloud, Faults, KubeError, Managed, PodSecurity, SecretKeys, Store, bootstrap};

/// What a cluster is made of.
#[derive(Clone)]
pub struct ClusterOptions {
    /// The folder its objects are kept in.
    pub dir: PathBuf,
    /// The cluster's name, as kubeadm's `clusterName`.
    pub name: String,
    /// Addresses of pods.
    pub pod_cidr: IpNet,
    /// Addresses of Services; the first is that of `kubernetes`.
    pub service_cidr: IpNet,
    /// Such as `v1.34.1`; with or without the `v`.
    pub kubernetes_version: String,
    /// The cluster's certificate authority: client certificates are checked against it.
    pub ca_cert_pem: String,
    /// The cloud below it.
    pub cloud: Arc<dyn Cloud>,
    /// How fast time goes by for the controllers.
    pub clock: Arc<Clock>,
    /// Which calls go wrong.
    pub faults: Arc<dyn Faults>,
    /// What everything random is drawn from.
    pub seed: u64,
    /// What pods may do where their namespace says nothing.
    pub pod_security: PodSecurity,
    /// Whether its API servers check the certificates of kubelets (`--kubelet-certificate-authority`).
    pub checks_kubelets: bool,
    /// What the cloud brings along, if it runs the control plane.
    pub managed: Option<Managed>,
}

/// One simulated Kubernetes cluster: its objects, its API server, its controllers. Clones are the
/// same cluster.
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
    /// The version of the API server that answers, where it is not that which the cluster was made with.
    version: Option<Arc<str>>,
    /// As controllers reach the objects, or one API server does.
    store: Store,
}

struct Inner {
    options: ClusterOptions,
    shared: Arc<Shared>,
}

impl Cluster {
    /// Opens the cluster of `options.dir`, or makes it with what every cluster has: the namespaces
    /// default, kube-system, kube-public and kube-node-lease, the `kubernetes` Service, RBAC defaults.
    pub async fn open(options: ClusterOptions) -> Result<Cluster, KubeError> {
        let store = Store::open(&options.dir)?;
        bootstrap::ensure(&store, &options.service_cidr)?;
        let shared = Arc::new(Shared::open(&store, &options)?);
        Ok(Cluster { inner: Arc::new(Inner { options, shared }), version: None, store })
    }

    /// Returns its objects.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the options it was opened with.
    pub fn options(&self) -> &ClusterOptions {
        &self.inner.options
    }

    /// Returns the cloud below it.
    pub fn cloud(&self) -> &Arc<dyn Cloud> {
        &self.inner.options.cloud
    }

    /// Returns the clock, which sets how fast time passes.
    pub fn clock(&self) -> &Arc<Clock> {
        &self.inner.options.clock
    }

    /// Returns what its API servers share.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }

    /// Returns the same cluster, read and written with these keys for Secrets.
    pub(crate) fn with_keys(&self, keys: &SecretKeys) -> Cluster {
        Cluster { store: self.store.with_keys(keys), ..self.clone() }
    }

    /// Returns the same cluster, with an API server of this version: servers of two versions may run side by side.
    #[must_use]
    pub fn with_version(&self, version: &str) -> Cluster {
        Cluster { version: Some(version.into()), ..self.clone() }
    }

    /// Returns the version of its API server.
    pub(crate) fn version(&self) -> &str {
        self.version.as_deref().unwrap_or(&self.inner.options.kubernetes_version)
    }
}
