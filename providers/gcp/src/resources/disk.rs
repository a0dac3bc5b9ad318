//! `disk`: a disk that the storage driver made for a PersistentVolume. The cluster says which are its own;
//! where it can't be asked, the labels do that GKE puts on them, and a disk without labels is nobody's.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{CloudError, Context, ErrorKind, Found, Observed};
use serde_json::{Value, json};

use super::{
    api::Api,
    kubernetes_made::{Made, MadeSpec, found_made},
};
use crate::{Scope, client::links_to, wire::Disk};

const CLUSTER: &str = "goog-k8s-cluster-name";
const LOCATION: &str = "goog-k8s-cluster-location";

pub(crate) struct Disks(pub(crate) Arc<Api>);

/// Returns the claim that the description of a disk names. The disks of machines have no such description.
fn claim_of(description: &str) -> Option<String> {
    let json: Value = serde_json::from_str(description).ok()?;
    let text = |what: &str| json.get(format!("kubernetes.io/created-for/{what}"))?.as_str();
    let volume = text("pv/name")?;
    Some(match (text("pvc/namespace"), text("pvc/name")) {
        (Some(namespace), Some(name)) => format!("PersistentVolumeClaim {namespace}/{name}"),
        _ => format!("PersistentVolume {volume}"),
    })
}

/// Reports whether a disk is this cluster's.
fn is_own(scope: &Scope, handles: &[String], disk: &Disk) -> bool {
    if handles.iter().any(|handle| links_to(&disk.self_link, handle)) {
        return true;
    }
    let says = |label: &str, value: &str| disk.labels.get(label).is_some_and(|has| has == value);
    claim_of(&disk.description).is_some()
        && says(CLUSTER, &scope.cluster)
        && says(LOCATION, &scope.location)
}

#[async_trait]
impl Made for Disks {
    const KIND: &'static str = "disk";

    fn api(&self) -> &Api {
        &self.0
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<MadeSpec>>, CloudError> {
        let url = self.0.client.compute(&["aggregated", "disks"]);
        let all: Vec<Disk> =
            self.0.client.aggregated_shared(cx, "list disks", &url, &[], "disks").await?;
        let handles = self.0.volumes();
        let ours = all.iter().filter(|disk| is_own(&self.0.scope, &handles, disk));
        let found = |disk: &Disk| {
            let object = claim_of(&disk.description);
            let object = object.unwrap_or_else(|| "a PersistentVolume".to_owned());
            let mut found = found_made(Self::KIND, &disk.name, &disk.self_link, None, object);
            found.spec.size_gib = disk.size_gb.parse().ok();
            found.outputs.set("attached", Some(json!(!disk.users.is_empty())));
            found
        };
        Ok(ours.map(found).collect())
    }

    /// Waits for the machine that has it: it lets go of its disks when it is deleted.
    async fn before(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        let operation = format!("delete {}", observed.address);
        let url = self.0.client.compute_at(&observed.id);
        let disk: Option<Disk> = self.0.client.get_optional(cx, &operation, &url).await?;
        match disk.as_ref().and_then(|disk| disk.users.first()) {
            Some(machine) => {
                let machine = crate::client::last_segment(machine);
                let message = format!("the machine {machine} still has it");
                Err(CloudError::new(ErrorKind::Busy, operation, message))
            }
            None => Ok(()),
        }
    }

    fn warning(&self, observed: &Observed) -> Option<String> {
        let size_gib = observed.spec.get("size_gib")?.as_u64()?;
        Some(format!("its data is lost ({size_gib} GiB)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ownership::Labels;

    #[test]
    fn a_disk_is_this_cluster_s_by_handle_or_by_labels() {
        let scope =
            Scope { cluster: "shop".into(), location: "europe-west3".into(), ..Scope::default() };
        let labels = |cluster: &str, location: &str| -> Labels {
            let pairs = [(CLUSTER, cluster), (LOCATION, location)];
            pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
        };
        let disk = Disk {
            name: "pvc-1".into(),
            self_link: "https://www.googleapis.com/compute/v1/projects/p/zones/z/disks/pvc-1"
                .into(),
            description: r#"{"kubernetes.io/created-for/pv/name":"pvc-1"}"#.into(),
            ..Disk::default()
        };
        let with = |labels: Labels| Disk { labels, ..disk.clone() };
        assert!(is_own(&scope, &[], &with(labels("shop", "europe-west3"))));
        assert!(!is_own(&scope, &[], &with(labels("shop", "europe-west4"))));
        assert!(!is_own(&scope, &[], &with(labels("shop2", "europe-west3"))));
        assert!(!is_own(&scope, &[], &disk));
        assert!(is_own(&scope, &["projects/p/zones/z/disks/pvc-1".into()], &disk));
        // The disk of a machine has the labels, too.
        let boot = Disk { description: String::new(), ..with(labels("shop", "europe-west3")) };
        assert!(!is_own(&scope, &[], &boot));
    }
}
