//! The disks of PersistentVolumes.

use infra_sim_kube::{CloudError, VolumeRequest};
use serde_json::json;

use super::cluster::Cluster;
use super::descriptions as words;
use super::make::ensure;
use crate::gcp::compute::{links, take_away, uses};
use crate::gcp::places::{is_zone, zones_of};
use crate::world::State as World;

/// Versions of GKE that give their disks no labels.
const WITHOUT_LABELS: &str = "1.35.";

/// Makes a disk unless it is there; gives its handle.
///
/// # Errors
/// Returns an error if the cloud refuses it.
pub fn make(
    w: &mut World,
    cluster: &Cluster,
    request: &VolumeRequest,
) -> Result<String, CloudError> {
    let zone = match &request.zone {
        Some(zone) => zone.clone(),
        None if is_zone(&cluster.location) => cluster.location.clone(),
        None => zones_of(&cluster.region).first().cloned().unwrap_or_default(),
    };
    let kind = request.kind.as_deref().unwrap_or("pd-balanced");
    let mut disk = json!({
        "name": request.name,
        "description": words::of_disk(&request.name, &request.claim),
        "sizeGb": request.size_gib.to_string(),
        "type": format!("projects/{}/zones/{zone}/diskTypes/{kind}", cluster.project),
    });
    if !cluster.version.starts_with(WITHOUT_LABELS) {
        disk["labels"] = json!({
            "goog-gke-volume": "",
            "goog-k8s-cluster-location": cluster.location,
            "goog-k8s-cluster-name": cluster.name,
        });
    }
    let scope = format!("zones/{zone}");
    let path = format!("projects/{}/{scope}/disks/{}", cluster.project, request.name);
    if w.gcp_resources.by_id(&path).is_some() {
        return Ok(path);
    }
    ensure(w, cluster, &scope, "disks", disk)
}

/// Deletes a disk; one that is gone is no error.
///
/// # Errors
/// Returns an error if an instance has it.
pub fn delete(w: &mut World, handle: &str) -> Result<(), CloudError> {
    let Some(row) = w.gcp_resources.by_id(handle).cloned() else { return Ok(()) };
    if let Some(user) = uses::user_of(w, &row) {
        return Err(CloudError::Refused(format!(
            "The disk resource '{handle}' is already being used by '{user}'"
        )));
    }
    take_away(w, handle);
    Ok(())
}

/// Attaches a disk to an instance, or detaches it from all.
///
/// # Errors
/// Returns an error if disk or instance are gone, in different zones, or another instance has it.
pub fn attach(
    w: &mut World,
    cluster: u64,
    handle: &str,
    instance: Option<u64>,
) -> Result<(), CloudError> {
    let Some(row) = w.gcp_resources.by_id(handle).cloned() else {
        return match instance {
            Some(_) => Err(CloudError::Refused(format!("The resource '{handle}' was not found"))),
            None => Ok(()),
        };
    };
    let key = format!("{}/{}", links::name_of(&row.scope), row.name);
    let holders: Vec<(u64, u64)> = w
        .instances
        .iter()
        .filter(|one| one.disks.contains(&key))
        .map(|one| (one.seq, one.id))
        .collect();
    let Some(wanted) = instance else {
        for (seq, _) in holders {
            w.instances.modify(seq, |one| one.disks.retain(|disk| *disk != key));
        }
        return Ok(());
    };
    if holders.iter().any(|(_, id)| *id == wanted) {
        return Ok(());
    }
    if !holders.is_empty() {
        return Err(CloudError::Refused(format!(
            "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE: The disk resource '{handle}' is already being used"
        )));
    }
    let found = w
        .instances
        .by_group(cluster)
        .find(|one| one.id == wanted)
        .map(|one| (one.seq, one.zone.clone()));
    match found {
        Some((seq, zone)) if zone == links::name_of(&row.scope) => {
            w.instances.modify(seq, |one| one.disks.push(key));
            Ok(())
        }
        Some((_, zone)) => {
            Err(CloudError::Refused(format!("the disk '{handle}' is not in {zone}")))
        }
        None => Err(CloudError::Unavailable(format!("there is no instance {wanted}"))),
    }
}
