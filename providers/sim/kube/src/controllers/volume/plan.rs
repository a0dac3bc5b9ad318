//! Which volume fits a claim: pure.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::controllers::object::ObjectExt;
use crate::quantity::Quantity;
use crate::selector;

/// Finds the smallest free volume that fits the claim, or the one bound to it beforehand.
pub fn best_volume(claim: &Value, volumes: &[Arc<Value>]) -> Option<Arc<Value>> {
    let asked =
        Quantity::read(claim.at("/spec/resources/requests/storage")).map_or(0, Quantity::whole);
    let named = claim.str_at("/spec/volumeName");
    volumes
        .iter()
        .filter(|v| !v.is_deleting())
        .filter(|v| match v.at("/spec/claimRef") {
            Value::Object(r) => {
                let same = r.get("name").and_then(Value::as_str) == Some(claim.name())
                    && r.get("namespace").and_then(Value::as_str) == Some(claim.ns());
                let uid = r.get("uid").and_then(Value::as_str).unwrap_or("");
                same && (uid.is_empty() || uid == claim.uid())
            }
            _ => true,
        })
        .filter(|v| named.is_empty() || named == v.name())
        .filter(|v| fits(claim, v, asked))
        .min_by_key(|v| {
            let bound = v.at("/spec/claimRef").is_object();
            (!bound, capacity(v), v.name().to_owned())
        })
        .cloned()
}

fn capacity(v: &Value) -> i64 {
    Quantity::read(v.at("/spec/capacity/storage")).map_or(0, Quantity::whole)
}

fn fits(claim: &Value, v: &Value, asked: i64) -> bool {
    let modes = v.list_at("/spec/accessModes");
    let chosen = &claim.at("/spec")["selector"];
    let mode = |o: &Value| match o.str_at("/spec/volumeMode") {
        "" => "Filesystem".to_owned(),
        m => m.to_owned(),
    };
    capacity(v) >= asked
        && claim.str_at("/spec/storageClassName") == v.str_at("/spec/storageClassName")
        && claim.list_at("/spec/accessModes").iter().all(|m| modes.contains(m))
        && mode(claim) == mode(v)
        && (chosen.is_null() || selector::matches(chosen, v.at("/metadata/labels")))
}

/// Returns the size of a new volume in GiB: what is asked for, rounded up, at least 1.
pub fn size_gib(claim: &Value) -> u64 {
    let bytes =
        Quantity::read(claim.at("/spec/resources/requests/storage")).map_or(0, Quantity::whole);
    u64::try_from(bytes).unwrap_or(0).div_ceil(1 << 30).max(1)
}

/// A volume that a driver made.
pub struct Made<'a> {
    /// The driver's name.
    pub driver: &'a str,
    /// The cloud's id.
    pub id: &'a str,
    /// The label and its value that nodes have which reach it, if not all do.
    pub place: Option<(&'a str, &'a str)>,
}

/// Makes a PersistentVolume for a volume that was made for a claim.
pub fn new_volume(claim: &Value, class: &Value, made: &Made<'_>) -> Value {
    let gib = size_gib(claim);
    let policy = match class.str_at("/reclaimPolicy") {
        "" => "Delete",
        p => p,
    };
    let mode = match claim.str_at("/spec/volumeMode") {
        "" => "Filesystem",
        m => m,
    };
    let mut csi = json!({"driver": made.driver, "volumeHandle": made.id,
        "volumeAttributes": {"storage.kubernetes.io/csiProvisionerIdentity": made.driver}});
    if mode == "Filesystem" {
        csi["fsType"] = json!("ext4");
    }
    let mut v = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": volume_name(claim),
            "annotations": {"pv.kubernetes.io/provisioned-by": made.driver},
            "finalizers": ["external-provisioner.volume.kubernetes.io/finalizer", "kubernetes.io/pv-protection"]},
        "spec": {
            "capacity": {"storage": format!("{gib}Gi")}, "accessModes": claim.at("/spec/accessModes"),
            "claimRef": claim_ref(claim), "csi": csi,
            "persistentVolumeReclaimPolicy": policy, "storageClassName": class.name(), "volumeMode": mode,
        },
        "status": {"phase": "Available"},
    });
    if let Some((label, value)) = made.place {
        v["spec"]["nodeAffinity"] = json!({"required": {"nodeSelectorTerms": [{"matchExpressions": [
            {"key": label, "operator": "In", "values": [value]}]}]}});
    }
    v
}

/// Returns `pvc-<uid>`, also the name of the volume in the cloud.
pub fn volume_name(claim: &Value) -> String {
    format!("pvc-{}", claim.uid())
}

/// Makes the reference from a volume to its claim.
pub fn claim_ref(claim: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": claim.name(),
        "namespace": claim.ns(), "uid": claim.uid(), "resourceVersion": claim["metadata"]["resourceVersion"]})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim() -> Value {
        json!({"metadata": {"name": "c", "namespace": "d", "uid": "u"},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "s",
                "resources": {"requests": {"storage": "1500Mi"}}}})
    }

    fn volume(name: &str, size: &str, claim_of: Value) -> Arc<Value> {
        Arc::new(
            json!({"metadata": {"name": name}, "spec": {"storageClassName": "s", "claimRef": claim_of,
            "accessModes": ["ReadWriteOnce"], "capacity": {"storage": size}}}),
        )
    }

    #[test]
    fn the_smallest_that_fits() {
        let all = [
            volume("big", "10Gi", Value::Null),
            volume("fit", "2Gi", Value::Null),
            volume("small", "1Gi", Value::Null),
        ];
        assert_eq!(best_volume(&claim(), &all).unwrap().name(), "fit");
        let taken = [volume("fit", "2Gi", json!({"name": "other", "namespace": "d"}))];
        assert!(best_volume(&claim(), &taken).is_none());
        let mine = [
            volume("mine", "9Gi", json!({"name": "c", "namespace": "d", "uid": "u"})),
            all[1].clone(),
        ];
        assert_eq!(best_volume(&claim(), &mine).unwrap().name(), "mine");
    }

    #[test]
    fn sizes_are_whole_gib() {
        assert_eq!(size_gib(&claim()), 2);
        let made = Made { driver: "d", id: "id", place: None };
        let v = new_volume(&claim(), &json!({"metadata": {"name": "s"}}), &made);
        assert_eq!(v["spec"]["persistentVolumeReclaimPolicy"], "Delete");
        assert_eq!(v["metadata"]["name"], "pvc-u");
    }
}
