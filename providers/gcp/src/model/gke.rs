//! The GKE cluster and its pools.

use infra_provider_api::{Address, Cluster, Declared, Diagnostic, Input, Owner};

use super::{
    Part, declare, gke_cluster, network, nodes_binding,
    pools::{self, PlannedPool},
    router, subnet,
};
use crate::{
    Scope,
    resources::{FirstPool, GkeClusterSpec, NodePoolSpec},
};

/// The channel that clusters are in where infra.toml names none.
const CHANNEL: &str = "regular";

/// Declares the cluster with its pools.
pub(super) fn declared(cluster: &Cluster, owner: &Owner) -> Part {
    let pools = pools::planned(cluster, owner)?;
    let mut all = vec![control_plane(cluster, &pools)?];
    for pool in &pools {
        all.push(declared_pool(pool)?);
    }
    Ok(all)
}

fn control_plane(cluster: &Cluster, pools: &[PlannedPool]) -> Result<Declared, Vec<Diagnostic>> {
    let scope = Scope::of(cluster);
    let first =
        |pool: &PlannedPool| FirstPool { name: pool.name.clone(), shape: pool.shape.clone() };
    let allowed = cluster.api_load_balancer.allow.iter();
    let spec = GkeClusterSpec {
        location: scope.location,
        network: Input::reference(network(), "link"),
        subnetwork: Input::reference(subnet(), "link"),
        version: cluster.versions.kubernetes.clone(),
        channel: cluster.managed.channel.clone().unwrap_or_else(|| CHANNEL.to_owned()),
        private_nodes: cluster.placement.private,
        authorized_networks: allowed.map(ToString::to_string).collect(),
        node_locations: scope.zones,
        tags: cluster.tags.clone(),
        first_pools: Some(pools.iter().map(first).collect()),
    }
    .normal();
    let mut declared = declare(gke_cluster(), &spec)?;
    // Nodes that can't reach the registries don't get ready, and neither does a cluster with such nodes.
    if cluster.placement.private {
        declared = declared.after(router());
    }
    if cluster.managed.service_account.is_none() {
        declared = declared.after(nodes_binding());
    }
    declared.protect = true;
    declared.source.clone_from(&cluster.versions.source);
    Ok(declared)
}

fn declared_pool(pool: &PlannedPool) -> Result<Declared, Vec<Diagnostic>> {
    let spec =
        NodePoolSpec { cluster: Input::reference(gke_cluster(), "id"), shape: pool.shape.clone() };
    let mut declared = declare(Address::new("node_pool", &pool.name), &spec)?;
    declared.source.clone_from(&pool.source);
    Ok(declared)
}
