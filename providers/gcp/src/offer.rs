//! Offer: what Google has in a region, and how much of it the project may take.

use std::collections::{BTreeMap, BTreeSet};

use infra_provider_api::{CloudError, Cluster, Context};
use serde::Deserialize;

use crate::{
    client::last_segment,
    resources::Api,
    sizes::{Sizes, family},
};

/// A region with the project's quotas in it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Region {
    pub(crate) quotas: Vec<Quota>,
}

/// How much of something the project may have, and has.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Quota {
    pub(crate) metric: String,
    pub(crate) limit: f64,
    pub(crate) usage: f64,
}

/// A zone.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Zone {
    pub(crate) name: String,
    /// A link.
    pub(crate) region: String,
    /// `UP` or `DOWN`.
    pub(crate) status: String,
}

/// A machine type in one zone.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MachineType {
    pub(crate) name: String,
    /// The zone's name.
    pub(crate) zone: String,
    pub(crate) guest_cpus: u32,
}

/// The machine types of a region, with the zones that have them.
#[derive(Clone, Debug, Default)]
pub(crate) struct MachineTypes(BTreeMap<String, (u32, BTreeSet<String>)>);

impl MachineTypes {
    /// Takes those of a region.
    pub(crate) fn of(region: &str, all: Vec<MachineType>) -> Self {
        let mut types: BTreeMap<String, (u32, BTreeSet<String>)> = BTreeMap::new();
        for one in all {
            let zone = last_segment(&one.zone);
            if zone.strip_prefix(region).is_some_and(|rest| rest.starts_with('-')) {
                let (_, zones) = types.entry(one.name).or_insert((one.guest_cpus, BTreeSet::new()));
                zones.insert(zone.to_owned());
            }
        }
        Self(types)
    }

    /// Returns how many processors a type has, if the region has the type.
    pub(crate) fn cpus(&self, name: &str) -> Option<u32> {
        self.0.get(name).map(|(cpus, _)| *cpus)
    }

    /// Returns the zones that have a type.
    pub(crate) fn zones(&self, name: &str) -> Option<&BTreeSet<String>> {
        self.0.get(name).map(|(_, zones)| zones)
    }

    /// Lists the names of all types.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Api {
    /// Returns the region, if there is one of that name.
    pub(crate) async fn region(
        &self,
        cx: &Context,
        operation: &str,
        region: &str,
    ) -> Result<Option<Region>, CloudError> {
        let url = self.client.compute(&["regions", region]);
        self.client.get_optional(cx, operation, &url).await
    }

    /// Lists the zones of all regions.
    pub(crate) async fn zones_offered(
        &self,
        cx: &Context,
        operation: &str,
    ) -> Result<Vec<Zone>, CloudError> {
        self.client.list_shared(cx, operation, &self.client.compute(&["zones"]), &[]).await
    }

    /// Lists the machine types of a region, of the families that the pools ask for: those of all families in
    /// all zones of the world are tens of thousands.
    pub(crate) async fn machine_types(
        &self,
        cx: &Context,
        operation: &str,
        cluster: &Cluster,
    ) -> Result<MachineTypes, CloudError> {
        let Some(filter) = families_filter(cluster) else { return Ok(MachineTypes::default()) };
        let field = "machineTypes";
        let url = self.client.compute(&["aggregated", field]);
        let query = [("filter", filter.as_str())];
        let all = self.client.aggregated_shared(cx, operation, &url, &query, field).await?;
        Ok(MachineTypes::of(&cluster.region, all))
    }
}

/// Returns the filter for the families of a cluster's machine types. A name that can't be one of a type has
/// no place in it.
fn families_filter(cluster: &Cluster) -> Option<String> {
    let sizes = Sizes::known().ok()?;
    let names: Vec<String> =
        cluster.pools.iter().filter_map(|pool| sizes.name(&pool.size)).collect();
    let families: BTreeSet<&str> = names
        .iter()
        .map(|name| family(name))
        .filter(|family| !family.is_empty() && family.bytes().all(|b| b.is_ascii_alphanumeric()))
        .collect();
    let families: Vec<&str> = families.into_iter().collect();
    (!families.is_empty()).then(|| format!("name eq \"({})-.*\"", families.join("|")))
}

/// Returns the names of a region's zones, sorted.
pub(crate) fn zones_of(region: &str, zones: &[Zone]) -> Vec<String> {
    let here = zones.iter().filter(|zone| last_segment(&zone.region) == region);
    let mut names: Vec<String> = here.map(|zone| zone.name.clone()).collect();
    names.sort();
    names
}
