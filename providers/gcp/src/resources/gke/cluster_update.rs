//! Changing a cluster in place. GKE takes one field a call and does one thing at a time, so each step looks
//! first and is waited for. Wherever it is broken off, the next run goes on from there.

use google_cloud_container_v1::model::{Cluster, ClusterUpdate};
use infra_provider_api::{CloudError, Context, ErrorKind, Found, OWNERSHIP, UpdateRequest};

use super::{
    cluster::{GkeClusters, path_of_id, to_map},
    cluster_spec::{self, GkeClusterSpec, endpoints, other_labels, spec_of},
    version::Version,
};
use crate::{container::ClusterPath, ownership, resources::api::operation};

impl GkeClusters {
    /// Changes what differs, step by step, and returns the cluster as it is then.
    pub(super) async fn change(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: &GkeClusterSpec,
    ) -> Result<Found<GkeClusterSpec>, CloudError> {
        let address = &request.observed.address;
        let operation = operation("update", address);
        let path = path_of_id(&operation, &request.observed.id)?;
        let container = &self.0.container;
        for step in ["version", "channel", "authorized_networks", "node_locations"] {
            if !request.changed.iter().any(|field| field == step) {
                continue;
            }
            let cluster = self.look(cx, &operation, &path).await?;
            let Some(update) = update(&operation, step, &cluster, spec)? else { continue };
            let begun = container.update_cluster(cx, address, &path, &update).await?;
            container.wait(cx, address, &operation, &path, begun).await?;
        }
        let labelled = ["version", "tags", OWNERSHIP];
        if request.changed.iter().any(|field| labelled.contains(&field.as_str())) {
            self.label(cx, request, &path, spec).await?;
        }
        let cluster = self.look(cx, &operation, &path).await?;
        let running = self.0.running(cx, &operation, std::slice::from_ref(&cluster)).await?;
        Ok(self.found(address.clone(), &cluster, &running))
    }

    /// Sets the labels: last, because the one with the version says that the upgrade is done.
    async fn label(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        path: &ClusterPath,
        spec: &GkeClusterSpec,
    ) -> Result<(), CloudError> {
        let address = &request.observed.address;
        let operation = operation("update", address);
        let cluster = self.look(cx, &operation, path).await?;
        let mut marks = ownership::ownership(&cx.owner, address);
        if let Some(intent) = cluster.resource_labels.get(ownership::INTENT) {
            marks.insert(ownership::INTENT.to_owned(), intent.clone());
        }
        let mut labels = spec.labels(to_map(marks));
        for (label, value) in other_labels(&cluster) {
            labels.entry(label).or_insert(value);
        }
        let is_set = |(label, value): (&String, &String)| {
            cluster.resource_labels.get(label).is_some_and(|is| is == value)
        };
        let unwanted = cluster
            .resource_labels
            .keys()
            .any(|label| label.starts_with(ownership::USER_TAG) && !labels.contains_key(label));
        if labels.iter().all(is_set) && !unwanted {
            return Ok(());
        }
        let fingerprint = &cluster.label_fingerprint;
        let container = &self.0.container;
        let begun = container.set_labels(cx, address, path, &labels, fingerprint).await?;
        container.wait(cx, address, &operation, path, begun).await
    }
}

/// Returns the call that makes one field of a cluster as it shall be, unless it is so.
fn update(
    operation: &str,
    field: &str,
    cluster: &Cluster,
    spec: &GkeClusterSpec,
) -> Result<Option<ClusterUpdate>, CloudError> {
    let is = spec_of(cluster);
    let update = ClusterUpdate::new();
    Ok(match field {
        "version" => upgrade(operation, cluster, &spec.version)?
            .then(|| update.set_desired_master_version(&spec.version)),
        "channel" => (is.channel != spec.channel)
            .then(|| update.set_desired_release_channel(cluster_spec::channel(&spec.channel))),
        "authorized_networks" => (is.authorized_networks != spec.authorized_networks).then(|| {
            update.set_desired_control_plane_endpoints_config(endpoints(&spec.authorized_networks))
        }),
        _ => (is.node_locations != spec.node_locations)
            .then(|| update.set_desired_locations(spec.node_locations.clone())),
    })
}

/// Reports whether the control plane must be upgraded to be of the version `wanted`.
///
/// # Errors
/// Returns `Invalid` if a lower version is wanted than was before.
fn upgrade(operation: &str, cluster: &Cluster, wanted: &str) -> Result<bool, CloudError> {
    if let Some(problem) = downgrade(cluster, wanted) {
        let hint = format!("write kubernetes = \"{}\" under [cluster]", problem.asked);
        return Err(CloudError::new(ErrorKind::Invalid, operation, problem.message).with_hint(hint));
    }
    let current = Version::parse(&cluster.current_master_version);
    Ok(current.zip(Version::parse(wanted)).is_none_or(|(current, wanted)| current < wanted))
}

/// A lower version is wanted than was before.
pub(crate) struct Downgrade {
    pub(crate) message: String,
    /// The version that was asked for before.
    pub(crate) asked: Version,
}

/// Returns what is wrong if a lower version is wanted than was before. GKE never goes back.
pub(crate) fn downgrade(cluster: &Cluster, wanted: &str) -> Option<Downgrade> {
    let asked = cluster_spec::asked_version(cluster)?;
    let wanted = Version::parse(wanted)?;
    (wanted < asked).then(|| Downgrade {
        message: format!(
            "the cluster can't go back from Kubernetes {asked} to {wanted}; its control plane has {}",
            cluster.current_master_version
        ),
        asked,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cluster(current: &str, asked: Option<&str>) -> Cluster {
        let mut all = json!({"name": "shop", "currentMasterVersion": current});
        if let Some(asked) = asked {
            all["resourceLabels"] = json!({"infra-kubernetes": asked});
        }
        serde_json::from_value(all).unwrap()
    }

    /// What the channel does is no difference, and what was asked for is reached once.
    #[test]
    fn an_upgrade_is_made_only_where_the_channel_has_not_made_it() {
        for (current, asked, wanted, observed, upgrades) in [
            ("1.36.2-gke.100", Some("1-36-2"), "1.36.2", "1.36.2", false),
            ("1.36.5-gke.100", Some("1-36-2"), "1.36.2", "1.36.2", false),
            ("1.37.1-gke.100", Some("1-36-2"), "1.37.0", "1.36.2", false),
            ("1.36.2-gke.100", Some("1-36-2"), "1.37.0", "1.36.2", true),
            // The upgrade was broken off before the label was set, or the other way round.
            ("1.36.2-gke.100", Some("1-37-0"), "1.37.0", "1.36.2", true),
            // The label is lost.
            ("1.36.5-gke.100", None, "1.36.2", "1.36.5", false),
        ] {
            let cluster = cluster(current, asked);
            assert_eq!(spec_of(&cluster).version, observed, "{current} {asked:?}");
            assert_eq!(upgrade("x", &cluster, wanted).ok(), Some(upgrades), "{current} {wanted}");
        }
    }

    #[test]
    fn nobody_goes_back() {
        let error = upgrade("x", &cluster("1.36.5-gke.1", Some("1-36-2")), "1.35.9").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.message.contains("from Kubernetes 1.36.2 to 1.35.9"), "{}", error.message);
        assert!(error.hint.is_some_and(|hint| hint.contains("\"1.36.2\"")));
    }

    #[test]
    fn each_call_changes_one_field() {
        let mut spec = spec_of(&cluster("1.36.2-gke.1", Some("1-36-2")));
        let of = |field: &str, spec: &GkeClusterSpec| {
            let update =
                update("x", field, &cluster("1.36.2-gke.1", Some("1-36-2")), spec).unwrap();
            update.map(|one| serde_json::to_value(one).unwrap())
        };
        for field in ["version", "authorized_networks", "node_locations"] {
            assert_eq!(of(field, &spec), None, "{field}");
        }
        spec.version = "1.37.0".to_owned();
        spec.channel = "stable".to_owned();
        spec.authorized_networks = vec!["203.0.113.0/24".to_owned()];
        spec.node_locations = vec!["r-a".to_owned()];
        for field in ["version", "channel", "authorized_networks", "node_locations"] {
            let update = of(field, &spec).unwrap();
            assert_eq!(update.as_object().unwrap().len(), 1, "{update}");
        }
        spec.authorized_networks.clear();
        let narrow = json!({
            "name": "shop",
            "controlPlaneEndpointsConfig": {"ipEndpointsConfig": {"authorizedNetworksConfig": {
                "enabled": true, "cidrBlocks": [{"cidrBlock": "203.0.113.0/24"}],
            }}},
        });
        let narrow: Cluster = serde_json::from_value(narrow).unwrap();
        assert_eq!(spec_of(&narrow).authorized_networks, ["203.0.113.0/24"]);
        let open = update("x", "authorized_networks", &narrow, &spec).unwrap().unwrap();
        let open = serde_json::to_value(open).unwrap();
        let inner = &open["desiredControlPlaneEndpointsConfig"]["ipEndpointsConfig"];
        // An empty message switches it off.
        assert_eq!(inner["authorizedNetworksConfig"], json!({}));
    }
}
