use std::path::PathBuf;
use std::sync::Arc;

use ipnet::IpNet;
use tokio_util::sync::CancellationToken;

use crate::{Clock, Cloud, Faults, KubeError, Store, api, bootstrap, controllers};

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
}

/// One simulated Kubernetes cluster: its objects, its API server, its controllers. Clones are the
/// same cluster.
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

struct Inner {
    options: ClusterOptions,
    store: Store,
    shared: Arc<api::Shared>,
}

impl Cluster {
    /// Opens the cluster of `options.dir`, or makes it with what every cluster has: the namespaces
    /// default, kube-system, kube-public and kube-node-lease, the `kubernetes` Service, RBAC defaults.
    pub async fn open(options: ClusterOptions) -> Result<Cluster, KubeError> {
        let store = Store::open(&options.dir)?;
        bootstrap::ensure(&store, &options)?;
        let shared = Arc::new(api::Shared::open(&store, &options.dir)?);
        Ok(Cluster { inner: Arc::new(Inner { options, store, shared }) })
    }

    /// Its objects.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// What it was opened with.
    pub fn options(&self) -> &ClusterOptions {
        &self.inner.options
    }

    /// The cloud below it.
    pub fn cloud(&self) -> &Arc<dyn Cloud> {
        &self.inner.options.cloud
    }

    /// How fast time goes by.
    pub fn clock(&self) -> &Arc<Clock> {
        &self.inner.options.clock
    }

    /// Starts the controllers; they end when `stop` is cancelled. To be called within a tokio runtime.
    pub fn start_controllers(&self, stop: CancellationToken) {
        controllers::start(self.clone(), stop);
    }

    /// Serves the API on `listener` until `stop` is cancelled. A cluster may be served on several
    /// listeners at once, as by several control planes.
    pub async fn serve(
        &self,
        listener: tokio::net::TcpListener,
        cert_pem: &str,
        key_pem: &str,
        stop: CancellationToken,
    ) -> Result<(), KubeError> {
        let options = self.options();
        let tls = api::acceptor(cert_pem, key_pem, &options.ca_cert_pem)?;
        let server = api::Server::new(self.clone(), self.inner.shared.clone(), stop);
        api::serve(listener, tls, Arc::new(server)).await;
        Ok(())
    }
}
