//! The cluster whose controllers act.

use std::sync::Arc;

use infra_sim_kube::CloudError;
use serde_json::Value;

use crate::gcp::compute::links;
use crate::gcp::groups::node_tag;
use crate::gcp::places::{is_zone, region_of};
use crate::world::{GkeCluster, State as World};

/// What the controllers know of their cluster.
pub struct Cluster {
    /// Its row.
    pub seq: u64,
    /// The project.
    pub project: String,
    /// Its name.
    pub name: String,
    /// Its region or zone.
    pub location: String,
    /// Its region.
    pub region: String,
    /// The path of its network.
    pub network: String,
    /// The tag of its nodes.
    pub tag: String,
    /// The 16 hexadecimal digits in the names of what all its load balancers share.
    pub id: String,
    /// The version of its control plane.
    pub version: String,
    /// The range of its pods.
    pub pods: String,
}

impl Cluster {
    /// Finds the cluster of a row.
    ///
    /// # Errors
    /// Returns an error if there is none any more.
    pub fn find(w: &World, project: &str, seq: u64) -> Result<Self, CloudError> {
        let row = w.gke_clusters.get(seq);
        let row = row.ok_or_else(|| CloudError::Unavailable("the cluster is gone".to_owned()))?;
        Ok(Self::of(project, row))
    }

    /// Reads a row.
    pub fn of(project: &str, row: &Arc<GkeCluster>) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let named = text(&row.config["networkConfig"]["network"]);
        let named = if named.is_empty() { text(&row.config["network"]) } else { named };
        let network = links::read(project, &named).unwrap_or_else(|| {
            format!("projects/{project}/global/networks/{}", links::name_of(&named))
        });
        let region = match is_zone(&row.location) {
            true => region_of(&row.location),
            false => &row.location,
        };
        Self {
            seq: row.seq,
            project: project.to_owned(),
            name: row.name.clone(),
            location: row.location.clone(),
            region: region.to_owned(),
            network,
            tag: node_tag(row),
            id: row.uid.chars().take(16).collect(),
            version: row.version.clone(),
            pods: text(&row.config["ipAllocationPolicy"]["clusterIpv4CidrBlock"]),
        }
    }

    /// Returns the scope of what is in its region.
    pub fn scope(&self) -> String {
        format!("regions/{}", self.region)
    }

    /// Returns the path of a resource in its region.
    pub fn regional(&self, collection: &str, name: &str) -> String {
        format!("projects/{}/{}/{collection}/{name}", self.project, self.scope())
    }

    /// Returns the path of a global resource.
    pub fn global(&self, collection: &str, name: &str) -> String {
        format!("projects/{}/global/{collection}/{name}", self.project)
    }
}
