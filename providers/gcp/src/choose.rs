//! What infra.toml leaves open and the cloud decides: the zones.

use infra_provider_api::{Address, CloudError, Cluster, Context, ControlPlaneReach, RawJson};

use crate::{
    model::zone_counts,
    offer::{Zone, zones_of},
    resources::Api,
};

/// So many zones are taken where the counts of the pools allow it.
const ZONES_MAX: usize = 3;

/// Sets the zones where infra.toml names none: those of the cluster, or else up to three of the region.
pub(crate) async fn choose(
    api: &Api,
    cx: &Context,
    cluster: &mut Cluster,
    existing: &[(Address, RawJson)],
) -> Result<(), CloudError> {
    // A control plane in one zone is in the first that infra.toml names.
    let zonal = cluster.managed.reach == Some(ControlPlaneReach::Zonal);
    if zonal || !cluster.placement.zones.is_empty() {
        return Ok(());
    }
    let used = used(&cluster.region, existing);
    if !used.is_empty() {
        cluster.placement.zones = used;
        return Ok(());
    }
    let zones = api.zones_offered(cx, "choose zones").await?;
    cluster.placement.zones = first(&cluster.region, &zones, &zone_counts(cluster));
    Ok(())
}

/// Returns the zones of the cluster that exists or is recorded.
fn used(region: &str, existing: &[(Address, RawJson)]) -> Vec<String> {
    let cluster = existing.iter().find(|(address, _)| address.kind() == "gke_cluster");
    let Some((_, spec)) = cluster else { return Vec::new() };
    let zones = spec.get("node_locations").unwrap_or_default();
    let mut zones: Vec<String> = serde_json::from_value(zones).unwrap_or_default();
    // A record may be of another region.
    zones.retain(|zone| zone.strip_prefix(region).is_some_and(|rest| rest.starts_with('-')));
    zones.sort();
    zones
}

/// Returns the first zones of a region: as many as all `counts` can be divided by.
fn first(region: &str, zones: &[Zone], counts: &[u32]) -> Vec<String> {
    let up: Vec<Zone> = zones.iter().filter(|zone| zone.status != "DOWN").cloned().collect();
    let mut names = zones_of(region, &up);
    let divides =
        |number: &usize| counts.iter().all(|count| (*count as usize).is_multiple_of(*number));
    let number = (1..=ZONES_MAX.min(names.len())).rev().find(divides).unwrap_or(0);
    names.truncate(number);
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn zones() -> Vec<Zone> {
        let zone = |name: &str, region: &str| Zone {
            name: name.to_owned(),
            region: format!("https://www.googleapis.com/compute/v1/projects/p/regions/{region}"),
            status: "UP".to_owned(),
        };
        vec![
            zone("europe-west3-c", "europe-west3"),
            zone("europe-west3-a", "europe-west3"),
            zone("europe-west3-b", "europe-west3"),
            zone("europe-west30-a", "europe-west30"),
        ]
    }

    #[test]
    fn as_many_zones_as_the_counts_can_be_divided_by() {
        let region = "europe-west3";
        for (counts, wanted) in [(&[][..], 3), (&[3, 6], 3), (&[3, 2], 1), (&[4, 2], 2), (&[5], 1)]
        {
            let chosen = first(region, &zones(), counts);
            assert_eq!(chosen.len(), wanted, "{counts:?}");
            assert_eq!(chosen[0], "europe-west3-a");
        }
        assert!(first("mars-1", &zones(), &[3]).is_empty());
    }

    #[test]
    fn a_cluster_keeps_its_zones() {
        let spec = json!({"location": "r", "node_locations": ["r-b", "r-a"]});
        let existing = [(Address::new("gke_cluster", "main"), RawJson::from(spec))];
        assert_eq!(used("r", &existing), ["r-a", "r-b"]);
        assert!(used("other", &existing).is_empty());
    }
}
