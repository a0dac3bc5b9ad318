//! What of GKE is this cluster's: its clusters, their pools, and the groups of machines behind these.

use std::collections::BTreeMap;

use google_cloud_container_v1::model::{
    Cluster, NodePool, Operation, cluster::Status as ClusterStatus, node_pool::Status as PoolStatus,
};
use infra_provider_api::{Address, CloudError, Context};
use serde::Deserialize;

use crate::{
    client::last_segment,
    container::{ClusterPath, Fresh, PoolPath},
    ownership::{self, Labels},
    resources::Api,
};

/// The kind of pools.
pub(crate) const POOL_KIND: &str = "node_pool";

/// A pool of a cluster of ours.
#[derive(Clone, Debug)]
pub(crate) struct OwnPool {
    pub(crate) address: Address,
    pub(crate) path: PoolPath,
    pub(crate) pool: NodePool,
}

/// A group of machines, which GKE has one of for each zone of a pool.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// A link.
    pub(crate) zone: String,
    /// What the names of its machines begin with.
    pub(crate) base_instance_name: String,
    /// How many machines it shall have.
    pub(crate) target_size: u32,
    /// How many machines something is done to, by what is done.
    pub(crate) current_actions: BTreeMap<String, u32>,
}

impl Group {
    /// Returns the name of its zone.
    pub(crate) fn zone(&self) -> &str {
        last_segment(&self.zone)
    }

    /// Reports whether nothing is done to its machines.
    pub(crate) fn is_settled(&self) -> bool {
        self.current_actions.iter().all(|(action, count)| action == "none" || *count == 0)
    }
}

/// Returns labels in the form in which marks are read.
pub(crate) fn labels_of<'a>(labels: impl IntoIterator<Item = (&'a String, &'a String)>) -> Labels {
    labels.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Returns the labels of a pool.
pub(crate) fn pool_labels(pool: &NodePool) -> Labels {
    labels_of(pool.config.iter().flat_map(|config| &config.resource_labels))
}

/// Reports whether a group is one of a pool's.
pub(crate) fn is_group_of(pool: &NodePool, group: &Group) -> bool {
    let mut urls = pool.instance_group_urls.iter();
    urls.any(|url| {
        let mut parts = url.rsplit('/');
        let (name, zone) = (parts.next(), parts.nth(1));
        name == Some(group.name.as_str()) && zone == Some(group.zone())
    })
}

/// Returns how many machines the groups of a pool shall have, where it has groups yet.
pub(crate) fn size_of(pool: &NodePool, groups: &[Group]) -> Option<u32> {
    if pool.instance_group_urls.is_empty() {
        return None;
    }
    Some(
        groups.iter().filter(|group| is_group_of(pool, group)).map(|group| group.target_size).sum(),
    )
}

/// Reports whether GKE does nothing about a cluster and its pools that their status shows.
fn is_settled(cluster: &Cluster) -> bool {
    matches!(cluster.status, ClusterStatus::Running)
        && cluster.node_pools.iter().all(|pool| matches!(pool.status, PoolStatus::Running))
}

impl Api {
    /// Returns the clusters with this owner's mark. There is one at most, but for a mistake.
    pub(crate) async fn own_clusters(
        &self,
        cx: &Context,
        fresh: Fresh,
    ) -> Result<Vec<Cluster>, CloudError> {
        let all = self.container.clusters(cx, fresh).await?;
        let is_own =
            |cluster: &&Cluster| ownership::is_own(&cx.owner, &labels_of(&cluster.resource_labels));
        Ok(all.iter().filter(is_own).cloned().collect())
    }

    /// Returns the path of a cluster.
    pub(crate) fn path_of(&self, cluster: &Cluster) -> ClusterPath {
        ClusterPath::of(&self.connection.project, cluster)
    }

    /// Returns what GKE does about `clusters`. It makes no call if their status says that it does nothing.
    pub(crate) async fn running(
        &self,
        cx: &Context,
        operation: &str,
        clusters: &[Cluster],
    ) -> Result<Vec<Operation>, CloudError> {
        let mut all = Vec::new();
        for cluster in clusters.iter().filter(|cluster| !is_settled(cluster)) {
            let path = self.path_of(cluster);
            all.extend(self.container.running_all(cx, operation, &path).await?);
        }
        Ok(all)
    }

    /// Returns the pools of `clusters` that have this owner's mark.
    pub(crate) fn own_pools(&self, cx: &Context, clusters: &[Cluster]) -> Vec<OwnPool> {
        let pools = clusters.iter().flat_map(|cluster| {
            let path = self.path_of(cluster);
            cluster.node_pools.iter().map(move |pool| (path.pool(&pool.name), pool))
        });
        pools
            .filter(|(_, pool)| ownership::is_own(&cx.owner, &pool_labels(pool)))
            .map(|(path, pool)| OwnPool {
                address: Address::new(POOL_KIND, &pool.name),
                path,
                pool: pool.clone(),
            })
            .collect()
    }

    /// Returns all groups of machines of the project.
    pub(crate) async fn groups(
        &self,
        cx: &Context,
        fresh: Fresh,
    ) -> Result<Vec<Group>, CloudError> {
        let (operation, field) = ("list groups of machines", "instanceGroupManagers");
        let url = self.client.compute(&["aggregated", field]);
        match fresh {
            Fresh::Shared => self.client.aggregated_shared(cx, operation, &url, &[], field).await,
            Fresh::Now => self.client.aggregated(cx, operation, &url, &[], field).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn group(zone: &str, name: &str, size: u32) -> Group {
        serde_json::from_value(json!({
            "name": name, "targetSize": size, "currentActions": {"none": size, "creating": 0},
            "zone": format!("https://www.googleapis.com/compute/v1/projects/p/zones/{zone}"),
        }))
        .unwrap()
    }

    #[test]
    fn the_size_of_a_pool_is_the_sum_over_its_zones() {
        let url = |zone: &str| {
            format!(
                "https://www.googleapis.com/compute/v1/projects/p/zones/{zone}/instanceGroupManagers/gke-shop-worker-0a-grp"
            )
        };
        let pool: NodePool = serde_json::from_value(json!({
            "name": "worker", "instanceGroupUrls": [url("r-a"), url("r-b")],
        }))
        .unwrap();
        let groups = [
            group("r-a", "gke-shop-worker-0a-grp", 2),
            group("r-b", "gke-shop-worker-0a-grp", 1),
            // Of another zone, and of another pool.
            group("r-c", "gke-shop-worker-0a-grp", 7),
            group("r-a", "gke-shop-worker-0a-g2-grp", 7),
        ];
        assert_eq!(size_of(&pool, &groups), Some(3));
        assert_eq!(size_of(&NodePool::new(), &groups), None);
        assert!(groups[0].is_settled());
    }
}
