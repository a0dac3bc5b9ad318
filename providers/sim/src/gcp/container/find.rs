//! Finding what a path names.

use std::sync::Arc;

use super::view::place;
use crate::gcp::Gcp;
use crate::gcp::http::{Call, Refusal};
use crate::gcp::places;
use crate::world::{GkeCluster, GkePool, State};

/// Checks that a location is a region or a zone, or `-` for all where that may be.
///
/// # Errors
/// Returns 400 in GKE's words.
pub fn location(call: &Call, all: bool) -> Result<&str, Refusal> {
    let name = call.value("location");
    if (all && name == "-") || places::is_region(name) || places::is_zone(name) {
        return Ok(name);
    }
    Err(Refusal::invalid(format!("Location \"{name}\" does not exist.")))
}

/// Finds the cluster of a path.
///
/// # Errors
/// Returns 404 in GKE's words.
pub fn cluster(gcp: &Gcp, w: &State, call: &Call) -> Result<Arc<GkeCluster>, Refusal> {
    let (location, name) = (location(call, false)?, call.value("cluster"));
    let found = w.gke_clusters.by_id(&format!("{location}/{name}")).cloned();
    found.ok_or_else(|| {
        let project = &gcp.account().project;
        let message = format!("Not found: projects/{project}/{}/clusters/{name}.", place(location));
        Refusal::not_found(message)
    })
}

/// Finds the cluster and the pool of a path.
///
/// # Errors
/// Returns 404 in GKE's words.
pub fn pool(gcp: &Gcp, w: &State, call: &Call) -> Result<(Arc<GkeCluster>, Arc<GkePool>), Refusal> {
    let cluster = cluster(gcp, w, call)?;
    let name = call.value("pool");
    let found = w.gke_pools.by_id(&format!("{}/{name}", cluster.seq)).cloned();
    let found = found.ok_or_else(|| {
        let (project, location) = (&gcp.account().project, &cluster.location);
        Refusal::not_found(format!(
            "nodePool \"projects/{project}/locations/{location}/clusters/{}/nodePools/{name}\" not found",
            cluster.name
        ))
    })?;
    Ok((cluster, found))
}

/// Returns true if a name is one that clusters and pools can have.
pub fn is_name(name: &str) -> bool {
    name.len() <= 40 && crate::gcp::groups::names::is_valid(name)
}
