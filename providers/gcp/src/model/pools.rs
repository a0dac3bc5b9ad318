//! Pools: from what infra.toml says of them to what GKE is asked for.

use infra_provider_api::{Cluster, Diagnostic, Input, Owner, Pool, SizeRequest, Source};

use super::nodes_account;
use crate::{
    Scope, ownership,
    resources::PoolShape,
    sizes::{DISK_GIB, Sizes, disk_type},
};

/// A pool as GKE is asked for it.
pub(super) struct PlannedPool {
    /// Its name, with its generation.
    pub(super) name: String,
    pub(super) shape: PoolShape,
    pub(super) source: Option<Source>,
}

/// Returns how many nodes a pool has at least.
fn least(pool: &Pool) -> u32 {
    u32::try_from(pool.nodes.len()).unwrap_or(u32::MAX)
}

/// Returns how many nodes each pool has that has a fixed number.
pub(crate) fn zone_counts(cluster: &Cluster) -> Vec<u32> {
    cluster.pools.iter().filter(|pool| pool.bounds.is_none()).map(least).collect()
}

/// Returns the pools in GKE's words.
///
/// # Errors
/// Returns a diagnostic for each pool that no machine type is large enough for.
pub(super) fn planned(
    cluster: &Cluster,
    owner: &Owner,
) -> Result<Vec<PlannedPool>, Vec<Diagnostic>> {
    let sizes = Sizes::known().map_err(|error| {
        vec![Diagnostic::new(format!("the list of machine types is broken: {error}"))]
    })?;
    let (mut all, mut problems) = (Vec::new(), Vec::new());
    for pool in &cluster.pools {
        match sizes.name(&pool.size) {
            Some(machine_type) => all.push(planned_pool(cluster, owner, pool, machine_type)),
            None => problems.push(too_large(pool, &sizes)),
        }
    }
    if problems.is_empty() { Ok(all) } else { Err(problems) }
}

fn planned_pool(
    cluster: &Cluster,
    owner: &Owner,
    pool: &Pool,
    machine_type: String,
) -> PlannedPool {
    let shape = PoolShape {
        count: pool.bounds.is_none().then(|| least(pool)),
        bounds: pool.bounds,
        first: pool
            .bounds
            .map(|_| least(pool))
            .filter(|first| pool.bounds.is_some_and(|bounds| *first > bounds.min)),
        disk_gib: cluster.placement.disk_gib.unwrap_or(DISK_GIB),
        disk_type: disk_type(&machine_type).to_owned(),
        machine_type,
        image_type: pool.image.clone(),
        spot: pool.spot,
        labels: pool.labels.clone(),
        taints: pool.taints.clone(),
        tags: vec![ownership::node_tag(owner)],
        service_account: match &cluster.managed.service_account {
            Some(email) => email.clone().into(),
            None => Input::reference(nodes_account(), "email"),
        },
        locations: Scope::of(cluster).zones,
    };
    PlannedPool { name: pool.generation_name(), shape: shape.normal(), source: pool.source.clone() }
}

fn too_large(pool: &Pool, sizes: &Sizes) -> Diagnostic {
    let wanted = match &pool.size {
        SizeRequest::Type(name) => name.clone(),
        SizeRequest::Fit { vcpus, memory_mib } => format!("{vcpus} vCPUs and {memory_mib} MiB"),
    };
    let message = format!("no machine type has {wanted}, as the pool {} asks for", pool.name);
    let found = Diagnostic::new(message).in_source(pool.size_place());
    match sizes.largest() {
        Some(size) => found.help(format!(
            "the largest in the list of {} is {} with {} vCPUs and {} MiB; a type can also be named",
            sizes.as_of, size.name, size.vcpus, size.memory_mib
        )),
        None => found,
    }
}
