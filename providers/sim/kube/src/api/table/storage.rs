//! The columns of storage.

use serde_json::{Value, json};

use super::cells::{list, or, text};
use super::column::Cell::*;
use super::column::{AGE, Column, NAME, Table, col, wide};

const CLASS: Column = col("StorageClass", Text("/spec/storageClassName", ""));
const ATTRIBUTES_CLASS: Column =
    col("VolumeAttributesClass", Text("/spec/volumeAttributesClassName", "<unset>"));
const MODE: Column = wide("VolumeMode", Text("/spec/volumeMode", "<unset>"));

pub(super) static TABLES: &[Table] = &[
    Table {
        kinds: &["persistentvolumeclaims"],
        columns: &[
            NAME,
            col("Status", With(phase)),
            col("Volume", Text("/spec/volumeName", "")),
            col("Capacity", With(|o| if_bound(o, |o| or(&o["status"]["capacity"]["storage"], "")))),
            col("Access Modes", With(|o| if_bound(o, |o| modes(&o["status"])))),
            CLASS,
            ATTRIBUTES_CLASS,
            AGE,
            MODE,
        ],
    },
    Table {
        kinds: &["persistentvolumes"],
        columns: &[
            NAME,
            col("Capacity", Text("/spec/capacity/storage", "")),
            col("Access Modes", With(|o| modes(&o["spec"]))),
            col("Reclaim Policy", Plain("/spec/persistentVolumeReclaimPolicy")),
            col("Status", With(phase)),
            col("Claim", With(claim)),
            CLASS,
            ATTRIBUTES_CLASS,
            col("Reason", Text("/status/reason", "")),
            AGE,
            MODE,
        ],
    },
    Table {
        kinds: &["storageclasses.storage.k8s.io"],
        columns: &[
            col("Name", With(class_name)),
            col("Provisioner", Plain("/provisioner")),
            col("ReclaimPolicy", Text("/reclaimPolicy", "Delete")),
            col("VolumeBindingMode", Text("/volumeBindingMode", "Immediate")),
            col("AllowVolumeExpansion", Flag("/allowVolumeExpansion")),
            AGE,
        ],
    },
    Table {
        kinds: &["csidrivers.storage.k8s.io"],
        columns: &[
            NAME,
            col("AttachRequired", With(|o| json!(o["spec"]["attachRequired"] != false))),
            col("PodInfoOnMount", Flag("/spec/podInfoOnMount")),
            col("StorageCapacity", Flag("/spec/storageCapacity")),
            col("TokenRequests", Fixed("<unset>")),
            col("RequiresRepublish", Flag("/spec/requiresRepublish")),
            col("Modes", With(lifecycle_modes)),
            AGE,
        ],
    },
    Table {
        kinds: &["csinodes.storage.k8s.io"],
        columns: &[NAME, col("Drivers", Count("/spec/drivers")), AGE],
    },
    Table {
        kinds: &["volumeattachments.storage.k8s.io"],
        columns: &[
            NAME,
            col("Attacher", Plain("/spec/attacher")),
            col("PV", Text("/spec/source/persistentVolumeName", "")),
            col("Node", Plain("/spec/nodeName")),
            col("Attached", Flag("/status/attached")),
            AGE,
        ],
    },
];

/// Returns a cell that a claim has once it is bound.
fn if_bound(claim: &Value, cell: fn(&Value) -> Value) -> Value {
    if claim["spec"]["volumeName"].is_string() { cell(claim) } else { json!("") }
}

fn modes(object: &Value) -> Value {
    let short = list(&object["accessModes"]).iter().map(|mode| match mode.as_str() {
        Some("ReadWriteOnce") => "RWO",
        Some("ReadOnlyMany") => "ROX",
        Some("ReadWriteMany") => "RWX",
        Some("ReadWriteOncePod") => "RWOP",
        _ => "?",
    });
    json!(short.collect::<Vec<_>>().join(","))
}

fn phase(object: &Value) -> Value {
    if object["metadata"]["deletionTimestamp"].is_string() {
        return json!("Terminating");
    }
    or(&object["status"]["phase"], "Pending")
}

fn claim(volume: &Value) -> Value {
    let claim = &volume["spec"]["claimRef"];
    json!(match claim["name"].as_str() {
        Some(name) => format!("{}/{name}", text(&claim["namespace"])),
        None => String::new(),
    })
}

fn class_name(class: &Value) -> Value {
    let metadata = &class["metadata"];
    let default = metadata["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true";
    json!(format!("{}{}", text(&metadata["name"]), if default { " (default)" } else { "" }))
}

fn lifecycle_modes(driver: &Value) -> Value {
    let all = list(&driver["spec"]["volumeLifecycleModes"]).iter().filter_map(Value::as_str);
    json!(all.collect::<Vec<_>>().join(","))
}
