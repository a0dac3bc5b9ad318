//! The kinds that belong to no cloud, where the cloud runs the control plane.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use infra_cloud::ManagedPlane;
use infra_provider_api::{Kind, Pool, Provider, erase};

use crate::rotate::DrainOptions;

use super::{
    ApiServers, Certificates, KubeAccess, Kubeconfigs, NodeSets, Traffic, pool_drain::PoolDrain,
    pool_node::PoolNodes,
};

/// What these kinds work with.
pub struct ManagedKinds<'a> {
    /// The cloud.
    pub provider: &'a Arc<dyn Provider>,
    /// Who runs the control plane.
    pub plane: &'a ManagedPlane,
    /// The way to the API server.
    pub kube: Arc<KubeAccess>,
    /// The certificates: an authority for sites, if there is one.
    pub certificates: Certificates,
    /// The kubeconfig.
    pub kubeconfig: Kubeconfigs,
    /// The pools.
    pub pools: &'a [Pool],
    /// The names of the pools that exist and are the cluster's.
    pub own_pools: BTreeSet<String>,
    /// Machines that each machine takes the place of.
    pub older: BTreeMap<String, Vec<String>>,
    /// How nodes are drained.
    pub drain: DrainOptions,
    /// The kinds of suites, and of the certificates of their sites.
    pub apps: [Arc<dyn Kind>; 2],
}

impl ManagedKinds<'_> {
    /// Makes the kinds, in the order of their first use.
    pub fn make(self) -> Vec<Arc<dyn Kind>> {
        let kube = || Arc::clone(&self.kube);
        let plane = self.plane;
        let kinds = self.provider.kinds().into_iter();
        let machine = kinds.into_iter().find(|kind| kind.name() == plane.machine_kind);
        let traffic = Traffic::new(Arc::clone(self.provider), machine.clone(), self.older);
        let size = |pool: &Pool| u32::try_from(pool.nodes.len()).unwrap_or(u32::MAX);
        let sizes = self.pools.iter().map(|pool| (pool.generation_name(), size(pool)));
        let nodes =
            PoolNodes::new(kube(), traffic, machine, plane.pool_kind, plane.pool_label, self.drain);
        let mut all = vec![
            erase(self.certificates),
            erase(self.kubeconfig),
            erase(ApiServers::managed(kube())),
            erase(NodeSets::new(
                kube(),
                PoolDrain::new(
                    kube(),
                    Arc::clone(self.provider),
                    plane.pool_kind,
                    plane.pool_label,
                    self.drain,
                ),
                sizes.collect(),
                self.own_pools,
            )),
            erase(nodes),
        ];
        all.extend(self.apps);
        all
    }
}
