//! A cluster's spec, how it is written in GKE's words, and how one is read.

use std::collections::HashMap;

use google_cloud_container_v1::model::{
    ClientCertificateConfig, Cluster, ControlPlaneEndpointsConfig, DatapathProvider,
    IPAllocationPolicy, LegacyAbac, MasterAuth, MasterAuthorizedNetworksConfig, NetworkConfig,
    ReleaseChannel, ShieldedNodes, WorkloadIdentityConfig,
    control_plane_endpoints_config::IPEndpointsConfig,
    master_authorized_networks_config::CidrBlock, release_channel::Channel,
};
use infra_provider_api::{CloudError, Input};
use serde::{Deserialize, Serialize};

use super::{
    pool_spec::PoolShape,
    version::{self, Version},
};
use crate::{
    client::project_path,
    ownership,
    resources::{
        api::known,
        subnet::{PODS, SERVICES},
    },
};

/// A GKE cluster. Its name is the cluster's: `gke_cluster.main`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GkeClusterSpec {
    /// The region or the zone of its control plane.
    pub location: String,
    /// The link of its network: `projects/P/global/networks/N`.
    pub network: Input<String>,
    /// The link of the subnet of its nodes.
    pub subnetwork: Input<String>,
    /// The version of Kubernetes that was asked for. GKE upgrades clusters by itself, and a newer one is
    /// as good.
    pub version: String,
    /// The release channel.
    pub channel: String,
    /// Nodes get no public address.
    pub private_nodes: bool,
    /// Who may connect to the API server, sorted; nobody named: everybody.
    pub authorized_networks: Vec<String>,
    /// The zones of the nodes, sorted.
    pub node_locations: Vec<String>,
    /// Tags of the user's own, sorted: `key`, or `key=value`.
    pub tags: Vec<String>,
    /// The pools that are made with it, in one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_pools: Option<Vec<FirstPool>>,
}

/// A pool that is made with its cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstPool {
    /// Its name.
    pub name: String,
    /// What it is.
    pub shape: PoolShape,
}

impl GkeClusterSpec {
    /// Sorts what has no order.
    #[must_use]
    pub fn normal(mut self) -> Self {
        for list in [&mut self.authorized_networks, &mut self.node_locations, &mut self.tags] {
            list.sort();
            list.dedup();
        }
        self
    }

    /// Returns the labels of the cluster: `marks` of the owner, the version and the user's tags.
    pub(crate) fn labels(&self, marks: HashMap<String, String>) -> HashMap<String, String> {
        let mut labels = marks;
        labels.insert(version::LABEL.to_owned(), version::label_of(&self.version));
        labels.extend(self.tags.iter().map(|tag| tag_label(tag)));
        labels
    }
}

/// Writes who may connect.
pub(crate) fn endpoints(allowed: &[String]) -> ControlPlaneEndpointsConfig {
    let blocks = allowed.iter().map(|range| CidrBlock::new().set_cidr_block(range));
    let networks = match allowed.is_empty() {
        true => MasterAuthorizedNetworksConfig::new(),
        // Otherwise machines of other customers of Google could connect, too.
        false => MasterAuthorizedNetworksConfig::new()
            .set_enabled(true)
            .set_cidr_blocks(blocks)
            .set_gcp_public_cidrs_access_enabled(false),
    };
    let by_address = IPEndpointsConfig::new()
        .set_enabled(true)
        .set_enable_public_endpoint(true)
        .set_authorized_networks_config(networks);
    ControlPlaneEndpointsConfig::new().set_ip_endpoints_config(by_address)
}

/// Writes a release channel.
pub(crate) fn channel(name: &str) -> ReleaseChannel {
    ReleaseChannel::new().set_channel(match name {
        "rapid" => Channel::Rapid,
        "stable" => Channel::Stable,
        "extended" => Channel::Extended,
        _ => Channel::Regular,
    })
}

/// Writes a cluster in GKE's words, without its pools.
pub(crate) fn wire(
    operation: &str,
    project: &str,
    name: &str,
    spec: &GkeClusterSpec,
    marks: HashMap<String, String>,
) -> Result<Cluster, CloudError> {
    let network = known(operation, "network", &spec.network)?;
    let subnetwork = known(operation, "subnetwork", &spec.subnetwork)?;
    let addresses = IPAllocationPolicy::new()
        .set_use_ip_aliases(true)
        .set_cluster_secondary_range_name(PODS)
        .set_services_secondary_range_name(SERVICES);
    let mut networking =
        NetworkConfig::new().set_datapath_provider(DatapathProvider::AdvancedDatapath);
    if spec.private_nodes {
        networking = networking.set_default_enable_private_nodes(true);
    }
    let no_certificate = ClientCertificateConfig::new().set_issue_client_certificate(false);
    let pool = format!("{project}.svc.id.goog");
    Ok(Cluster::new()
        .set_name(name)
        .set_network(network)
        .set_subnetwork(subnetwork)
        .set_initial_cluster_version(&spec.version)
        .set_release_channel(channel(&spec.channel))
        .set_locations(spec.node_locations.clone())
        .set_ip_allocation_policy(addresses)
        .set_network_config(networking)
        .set_control_plane_endpoints_config(endpoints(&spec.authorized_networks))
        .set_workload_identity_config(WorkloadIdentityConfig::new().set_workload_pool(pool))
        .set_master_auth(MasterAuth::new().set_client_certificate_config(no_certificate))
        .set_legacy_abac(LegacyAbac::new().set_enabled(false))
        .set_shielded_nodes(ShieldedNodes::new().set_enabled(true))
        .set_resource_labels(spec.labels(marks)))
}

/// Reads a cluster in normal form: what GKE adds by itself is left out.
pub(crate) fn spec_of(cluster: &Cluster) -> GkeClusterSpec {
    let networking = cluster.network_config.clone().unwrap_or_default();
    let channel = match cluster.release_channel.as_ref().map(|one| &one.channel) {
        Some(Channel::Rapid) => "rapid",
        Some(Channel::Regular) => "regular",
        Some(Channel::Stable) => "stable",
        Some(Channel::Extended) => "extended",
        _ => "none",
    };
    GkeClusterSpec {
        location: cluster.location.clone(),
        network: project_path(&networking.network).to_owned().into(),
        subnetwork: project_path(&networking.subnetwork).to_owned().into(),
        version: observed_version(cluster),
        channel: channel.to_owned(),
        private_nodes: networking.default_enable_private_nodes == Some(true),
        authorized_networks: allowed(cluster),
        node_locations: cluster.locations.clone(),
        tags: tags(cluster),
        first_pools: None,
    }
    .normal()
}

/// Returns the version that was asked for, if the control plane is at least of it; else its own.
pub(crate) fn observed_version(cluster: &Cluster) -> String {
    let current = Version::parse(&cluster.current_master_version);
    let asked = asked_version(cluster);
    match (asked, current) {
        (Some(asked), Some(current)) if current >= asked => asked.to_string(),
        // It is being made: the version is what it begins with.
        (Some(asked), None) => asked.to_string(),
        (_, Some(current)) => current.to_string(),
        (None, None) => cluster.initial_cluster_version.clone(),
    }
}

/// Returns the version that was asked for last.
pub(crate) fn asked_version(cluster: &Cluster) -> Option<Version> {
    cluster.resource_labels.get(version::LABEL).and_then(|text| Version::of_label(text))
}

fn allowed(cluster: &Cluster) -> Vec<String> {
    let endpoints = cluster.control_plane_endpoints_config.as_ref();
    let by_address = endpoints.and_then(|one| one.ip_endpoints_config.as_ref());
    let networks = by_address.and_then(|one| one.authorized_networks_config.as_ref());
    // Answers have it twice; older ones only under the name that it had first.
    #[expect(deprecated, reason = "older answers have it under this name only")]
    let networks = networks.or(cluster.master_authorized_networks_config.as_ref());
    let blocks = networks.filter(|one| one.enabled).map(|one| one.cidr_blocks.as_slice());
    blocks.unwrap_or_default().iter().map(|block| block.cidr_block.clone()).collect()
}

fn tags(cluster: &Cluster) -> Vec<String> {
    let labels = cluster.resource_labels.iter();
    labels
        .filter_map(|(label, value)| {
            let key = label.strip_prefix(ownership::USER_TAG)?;
            Some(if value.is_empty() { key.to_owned() } else { format!("{key}={value}") })
        })
        .collect()
}

/// Returns the label for a tag of the user's.
fn tag_label(tag: &str) -> (String, String) {
    let (key, value) = tag.split_once('=').unwrap_or((tag, ""));
    (format!("{}{key}", ownership::USER_TAG), value.to_owned())
}

/// Returns the labels of a cluster that neither this tool nor Google sets.
pub(crate) fn other_labels(cluster: &Cluster) -> HashMap<String, String> {
    const OWN: [&str; 4] = [ownership::OWNER, ownership::NAME, ownership::INTENT, version::LABEL];
    let is_other = |label: &str| {
        !OWN.contains(&label)
            && !label.starts_with(ownership::USER_TAG)
            && !label.starts_with("goog-")
    };
    let others = cluster.resource_labels.iter().filter(|(label, _)| is_other(label));
    others.map(|(label, value)| (label.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests;
