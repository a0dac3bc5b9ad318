//! What kinds must know of infra.toml beyond the owner and the specs.

use infra_provider_api::{Cluster, ControlPlaneReach};

/// The few words of infra.toml that kinds need to list what is the cluster's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The name of the GKE cluster: that of infra.toml.
    pub cluster: String,
    /// The region.
    pub region: String,
    /// The zones of the nodes, by full name; empty: those of the region.
    pub zones: Vec<String>,
    /// Where the GKE cluster is: the region, or for a zonal control plane its zone.
    pub location: String,
    /// The cluster's domain.
    pub domain: Option<String>,
}

impl Scope {
    /// Takes the scope of a cluster.
    pub fn of(cluster: &Cluster) -> Self {
        let zones: Vec<String> =
            cluster.placement.zones.iter().map(|zone| full_zone(&cluster.region, zone)).collect();
        let zonal = cluster.managed.reach == Some(ControlPlaneReach::Zonal);
        let location = zones.first().filter(|_| zonal).unwrap_or(&cluster.region).clone();
        Self {
            cluster: cluster.name.clone(),
            region: cluster.region.clone(),
            zones,
            location,
            domain: cluster.dns.as_ref().map(|dns| dns.domain.clone()),
        }
    }
}

/// Returns the full name of a zone that may be written by its last letter: `a`, `europe-west3-a`.
pub fn full_zone(region: &str, zone: &str) -> String {
    match zone.len() {
        1 => format!("{region}-{zone}"),
        _ => zone.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_may_be_a_letter() {
        assert_eq!(full_zone("europe-west3", "b"), "europe-west3-b");
        assert_eq!(full_zone("europe-west3", "europe-west3-b"), "europe-west3-b");
    }
}
