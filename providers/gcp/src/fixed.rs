//! What never changes once it is there: where a control plane is, and the ranges that are in use. Google moves
//! neither, and to make the cluster anew would lose all that is in it.

use infra_provider_api::{Cluster, ControlPlaneReach, Diagnostic, Observed, Source};

use crate::{
    Scope,
    resources::{CLUSTER_KIND, POOL_KIND},
};

/// Returns what infra.toml asks for otherwise than what exists has it. Pure.
pub(crate) fn fixed(cluster: &Cluster, existing: &[&Observed]) -> Vec<Diagnostic> {
    let of_kind = |kind: &str| existing.iter().find(move |one| one.address.kind() == kind);
    let mut found = Vec::new();
    if let Some(gke) = of_kind(CLUSTER_KIND) {
        found.extend(location(cluster, gke));
        found.extend(private(cluster, gke));
    }
    let pools = existing.iter().filter(|one| one.address.kind() == POOL_KIND);
    found.extend(pools.filter_map(|pool| zones(cluster, pool)));
    if let Some(subnet) = of_kind("subnet") {
        found.extend(ranges(cluster, subnet));
    }
    found
}

fn beside(what: &str) -> String {
    format!(
        "write {what} again, or choose another name under [cluster]: that makes a second cluster beside this one"
    )
}

fn location(cluster: &Cluster, gke: &Observed) -> Option<Diagnostic> {
    let scope = Scope::of(cluster);
    let is = gke.spec.text("location").filter(|is| *is != scope.location)?;
    let message = format!(
        "the control plane of {} is in {is}, and GKE can't move it to {}",
        gke.address, scope.location
    );
    // A zone is the name of its region and a letter.
    let region = is.strip_prefix(&cluster.region);
    let placed = cluster.placement.source.as_ref();
    let (what, source): (String, Option<&Source>) = match (region, cluster.managed.reach) {
        (Some(""), _) => ("control_plane = \"regional\"".to_owned(), placed),
        (Some(zone), Some(ControlPlaneReach::Zonal)) if zone.starts_with('-') => {
            (format!("`{}` as the first of `zones`", &zone[1..]), placed)
        }
        (Some(zone), _) if zone.starts_with('-') => {
            ("control_plane = \"zonal\"".to_owned(), placed)
        }
        _ => (format!("the region of {is}"), cluster.region_source.as_ref()),
    };
    Some(Diagnostic::new(message).help(beside(&what)).in_source(source.or(placed)))
}

/// GKE deletes the nodes of a zone that is taken away from a pool, all at once and without regard to what runs
/// on them.
fn zones(cluster: &Cluster, pool: &Observed) -> Option<Diagnostic> {
    // A pool that is no longer declared goes as a whole, drained before.
    cluster.pools.iter().find(|one| one.generation_name() == pool.address.name())?;
    let wanted = Scope::of(cluster).zones;
    let is = pool.spec.get("locations")?;
    let is = is.as_array()?.iter().filter_map(|zone| zone.as_str());
    let lost: Vec<&str> = is.filter(|zone| !wanted.iter().any(|one| one == zone)).collect();
    (!wanted.is_empty() && !lost.is_empty()).then(|| {
        let lost = lost.join(", ");
        let message = format!(
            "{} has nodes in {lost}, and GKE would delete them at once, without a drain",
            pool.address
        );
        Diagnostic::new(message)
            .help(format!("leave {lost} in `zones` under [providers.gcp]"))
            .in_source(cluster.placement.source.as_ref())
    })
}

fn private(cluster: &Cluster, gke: &Observed) -> Option<Diagnostic> {
    let is = gke.spec.get("private_nodes")?.as_bool()?;
    (is != cluster.placement.private).then(|| {
        let has = if is { "no public addresses" } else { "public addresses" };
        let message = format!("the nodes of {} have {has}, and that can't be changed", gke.address);
        Diagnostic::new(message)
            .help(beside(&format!("private = {is}")))
            .in_source(cluster.placement.source.as_ref())
    })
}

fn ranges(cluster: &Cluster, subnet: &Observed) -> Vec<Diagnostic> {
    let network = &cluster.network;
    let keys = [
        ("machines", "range", network.machines, network.machines_source.as_ref()),
        ("pods", "pods", network.pods, None),
        ("services", "services", network.services, None),
    ];
    let differs = keys.into_iter().filter_map(|(key, field, wanted, source)| {
        let wanted = wanted.trunc().to_string();
        let is = subnet.spec.text(field).filter(|is| !is.is_empty() && *is != wanted)?;
        let message =
            format!("`{key}` of the cluster is {is}, and can't become {wanted} while it is there");
        let help = beside(&format!("{key} = \"{is}\" in [network]"));
        Some(Diagnostic::new(message).help(help).in_source(source))
    });
    differs.collect()
}
