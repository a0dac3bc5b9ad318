//! A pool's spec, how it is written in GKE's words, and how one is read.

use std::collections::{BTreeMap, HashMap};

use google_cloud_container_v1::model::{
    NodeConfig, NodeManagement, NodePool, NodePoolAutoscaling, NodeTaint, ShieldedInstanceConfig,
    WorkloadMetadataConfig,
    node_pool::{NodeDrainConfig, UpgradeSettings},
    node_pool_autoscaling::LocationPolicy,
    node_taint::Effect,
    workload_metadata_config::Mode,
};
use infra_provider_api::{CloudError, ErrorKind, Input, PoolBounds};
use serde::{Deserialize, Serialize};

use crate::resources::api::known;

/// What nodes may ask Google for is decided by their service account, and not by scopes as well.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// A pool of nodes. Its address is its name: `node_pool.worker`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePoolSpec {
    /// The cluster, by its path.
    pub cluster: Input<String>,
    /// Everything else.
    #[serde(flatten)]
    pub shape: PoolShape,
}

/// What a pool is, wherever it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolShape {
    /// How many nodes it has in all its zones together; none where GKE chooses.
    pub count: Option<u32>,
    /// Between which numbers GKE chooses how many nodes it has, all zones together.
    pub bounds: Option<PoolBounds>,
    /// With how many nodes it begins, where GKE chooses and that is more than the fewest: it takes the place of a
    /// pool that has so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u32>,
    /// The machines' type.
    pub machine_type: String,
    /// Gibibytes of the boot disk.
    pub disk_gib: u32,
    /// The boot disk's type.
    pub disk_type: String,
    /// The image, in capitals.
    pub image_type: String,
    /// Its machines may be taken away at any time.
    pub spot: bool,
    /// Labels of the Nodes.
    pub labels: BTreeMap<String, String>,
    /// Taints of the Nodes, as kubectl writes them, sorted.
    pub taints: Vec<String>,
    /// Tags of the machines in the network, by which firewalls find them, sorted.
    pub tags: Vec<String>,
    /// The service account that the machines run as.
    pub service_account: Input<String>,
    /// The zones, by full name, sorted.
    pub locations: Vec<String>,
}

impl PoolShape {
    /// Sorts what has no order.
    #[must_use]
    pub fn normal(mut self) -> Self {
        for list in [&mut self.taints, &mut self.tags, &mut self.locations] {
            list.sort();
            list.dedup();
        }
        self.image_type.make_ascii_uppercase();
        self
    }

    /// Returns how many nodes each zone begins with. GKE begins with the same number in each, and its
    /// autoscaler does not raise a pool to its minimum.
    pub(crate) fn initial_each_zone(&self) -> u32 {
        let zones = u32::try_from(self.locations.len().max(1)).unwrap_or(1);
        match (self.count, self.bounds) {
            (Some(count), _) => count.div_ceil(zones),
            // A cluster without any node does not get ready.
            (None, bounds) => {
                let least = bounds.map_or(1, |bounds| bounds.min).max(1);
                self.first.unwrap_or(least).max(least).div_ceil(zones)
            }
        }
    }
}

/// Writes a taint in GKE's words.
pub(crate) fn taint(text: &str) -> Option<NodeTaint> {
    let (pair, effect) = text.rsplit_once(':')?;
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    let effect = match effect {
        "NoSchedule" => Effect::NoSchedule,
        "PreferNoSchedule" => Effect::PreferNoSchedule,
        "NoExecute" => Effect::NoExecute,
        _ => return None,
    };
    Some(NodeTaint::new().set_key(key).set_value(value).set_effect(effect))
}

/// Reads a taint as kubectl writes it.
fn taint_text(taint: &NodeTaint) -> String {
    let effect = match &taint.effect {
        Effect::NoSchedule => "NoSchedule",
        Effect::PreferNoSchedule => "PreferNoSchedule",
        Effect::NoExecute => "NoExecute",
        other => other.name().unwrap_or_default(),
    };
    let value = Some(&taint.value).filter(|value| !value.is_empty());
    let value = value.map(|value| format!("={value}")).unwrap_or_default();
    format!("{}{value}:{effect}", taint.key)
}

/// Reports whether GKE keeps the key of a label or taint for itself, and sets some of that sort.
pub(crate) fn is_reserved(key: &str) -> bool {
    let Some((domain, _)) = key.split_once('/') else { return key.starts_with("goog-") };
    ["kubernetes.io", "k8s.io", "google.com", "gke.io", "googleapis.com"].iter().any(|own| {
        domain == *own || domain.strip_suffix(own).is_some_and(|before| before.ends_with('.'))
    })
}

/// Writes bounds in GKE's words; none switch the autoscaler off.
pub(crate) fn autoscaling(bounds: Option<PoolBounds>) -> NodePoolAutoscaling {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    match bounds {
        None => NodePoolAutoscaling::new(),
        Some(bounds) => NodePoolAutoscaling::new()
            .set_enabled(true)
            .set_total_min_node_count(number(bounds.min))
            .set_total_max_node_count(number(bounds.max))
            .set_location_policy(LocationPolicy::Balanced),
    }
}

/// Writes a pool in GKE's words, with the marks of its owner.
pub(crate) fn wire(
    operation: &str,
    name: &str,
    shape: &PoolShape,
    marks: HashMap<String, String>,
) -> Result<NodePool, CloudError> {
    let account = known(operation, "service_account", &shape.service_account)?;
    let mut taints = Vec::new();
    for text in &shape.taints {
        taints.push(taint(text).ok_or_else(|| {
            CloudError::new(ErrorKind::Invalid, operation, format!("`{text}` is not a taint"))
        })?);
    }
    let disk = i32::try_from(shape.disk_gib).unwrap_or(i32::MAX);
    let shielded = ShieldedInstanceConfig::new()
        .set_enable_secure_boot(true)
        .set_enable_integrity_monitoring(true);
    let config = NodeConfig::new()
        .set_machine_type(&shape.machine_type)
        .set_disk_size_gb(disk)
        .set_disk_type(&shape.disk_type)
        .set_image_type(&shape.image_type)
        .set_spot(shape.spot)
        .set_labels(shape.labels.clone())
        .set_taints(taints)
        .set_tags(shape.tags.clone())
        .set_service_account(account)
        .set_oauth_scopes([SCOPE])
        .set_metadata([("disable-legacy-endpoints", "true")])
        .set_workload_metadata_config(WorkloadMetadataConfig::new().set_mode(Mode::GkeMetadata))
        .set_shielded_instance_config(shielded)
        .set_resource_labels(marks);
    let pool = NodePool::new()
        .set_name(name)
        .set_config(config)
        .set_initial_node_count(i32::try_from(shape.initial_each_zone()).unwrap_or(i32::MAX))
        .set_locations(shape.locations.clone())
        .set_management(NodeManagement::new().set_auto_upgrade(true).set_auto_repair(true))
        .set_upgrade_settings(UpgradeSettings::new().set_max_surge(1).set_max_unavailable(0))
        .set_node_drain_config(
            NodeDrainConfig::new().set_respect_pdb_during_node_pool_deletion(true),
        );
    Ok(match shape.bounds {
        Some(bounds) => pool.set_autoscaling(autoscaling(Some(bounds))),
        None => pool,
    })
}

/// Reads a pool in normal form: what GKE adds by itself is left out. `size` is how many machines its groups
/// shall have, where that is known.
pub(crate) fn shape_of(pool: &NodePool, size: Option<u32>) -> PoolShape {
    let number = |number: i32| u32::try_from(number).unwrap_or_default();
    let config = pool.config.clone().unwrap_or_default();
    let zones = u32::try_from(pool.locations.len()).unwrap_or_default();
    let bounds = pool.autoscaling.as_ref().filter(|one| one.enabled).map(|one| PoolBounds {
        // By hand they may be set for each zone.
        min: number(one.total_min_node_count).max(number(one.min_node_count) * zones),
        max: number(one.total_max_node_count).max(number(one.max_node_count) * zones),
    });
    let initial = || number(pool.initial_node_count) * zones.max(1);
    let disk = config.boot_disk.clone().unwrap_or_default();
    let disk_type =
        [&disk.disk_type, &config.disk_type].into_iter().find(|text| !text.is_empty()).cloned();
    let size_gb = [disk.size_gb, i64::from(config.disk_size_gb)].into_iter().find(|size| *size > 0);
    PoolShape {
        count: bounds.is_none().then(|| size.unwrap_or_else(initial)),
        bounds,
        first: None,
        machine_type: config.machine_type.clone(),
        disk_gib: size_gb.and_then(|size| u32::try_from(size).ok()).unwrap_or_default(),
        disk_type: disk_type.unwrap_or_default(),
        image_type: config.image_type.clone(),
        spot: config.spot,
        labels: config.labels.into_iter().filter(|(key, _)| !is_reserved(key)).collect(),
        taints: config
            .taints
            .iter()
            .filter(|taint| !is_reserved(&taint.key))
            .map(taint_text)
            .collect(),
        tags: config.tags,
        service_account: config.service_account.into(),
        locations: pool.locations.clone(),
    }
    .normal()
}

#[cfg(test)]
mod tests;
