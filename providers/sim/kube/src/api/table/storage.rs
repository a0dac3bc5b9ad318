use serde_json::{Value, json};

use super::{View, age_of, name, or};

fn modes(object: &Value) -> Value {
    let list: Vec<&str> = object["accessModes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|mode| match mode.as_str() {
            Some("ReadWriteOnce") => "RWO",
            Some("ReadOnlyMany") => "ROX",
            Some("ReadWriteMany") => "RWX",
            Some("ReadWriteOncePod") => "RWOP",
            _ => "?",
        })
        .collect();
    json!(list.join(","))
}

fn phase(object: &Value) -> Value {
    if object["metadata"]["deletionTimestamp"].is_string() {
        return json!("Terminating");
    }
    or(&object["status"]["phase"], "Pending")
}

pub(super) fn view(plural: &str) -> Option<View> {
    Some(match plural {
        "persistentvolumeclaims" => View {
            columns: &[
                ("Name", false),
                ("Status", false),
                ("Volume", false),
                ("Capacity", false),
                ("Access Modes", false),
                ("StorageClass", false),
                ("VolumeAttributesClass", false),
                ("Age", false),
                ("VolumeMode", true),
            ],
            row: |o| {
                let bound = o["spec"]["volumeName"].is_string();
                let (capacity, access) = if bound {
                    (or(&o["status"]["capacity"]["storage"], ""), modes(&o["status"]))
                } else {
                    (json!(""), json!(""))
                };
                vec![
                    name(o),
                    phase(o),
                    or(&o["spec"]["volumeName"], ""),
                    capacity,
                    access,
                    or(&o["spec"]["storageClassName"], ""),
                    or(&o["spec"]["volumeAttributesClassName"], "<unset>"),
                    age_of(o),
                    or(&o["spec"]["volumeMode"], "<unset>"),
                ]
            },
        },
        "persistentvolumes" => View {
            columns: &[
                ("Name", false),
                ("Capacity", false),
                ("Access Modes", false),
                ("Reclaim Policy", false),
                ("Status", false),
                ("Claim", false),
                ("StorageClass", false),
                ("VolumeAttributesClass", false),
                ("Reason", false),
                ("Age", false),
                ("VolumeMode", true),
            ],
            row: |o| {
                let claim = &o["spec"]["claimRef"];
                let claim = match claim["name"].as_str() {
                    Some(name) => {
                        format!("{}/{name}", claim["namespace"].as_str().unwrap_or_default())
                    }
                    None => String::new(),
                };
                vec![
                    name(o),
                    or(&o["spec"]["capacity"]["storage"], ""),
                    modes(&o["spec"]),
                    o["spec"]["persistentVolumeReclaimPolicy"].clone(),
                    phase(o),
                    json!(claim),
                    or(&o["spec"]["storageClassName"], ""),
                    or(&o["spec"]["volumeAttributesClassName"], "<unset>"),
                    or(&o["status"]["reason"], ""),
                    age_of(o),
                    or(&o["spec"]["volumeMode"], "<unset>"),
                ]
            },
        },
        "storageclasses" => View {
            columns: &[
                ("Name", false),
                ("Provisioner", false),
                ("ReclaimPolicy", false),
                ("VolumeBindingMode", false),
                ("AllowVolumeExpansion", false),
                ("Age", false),
            ],
            row: |o| {
                let default = o["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"]
                    == "true";
                let shown = format!(
                    "{}{}",
                    o["metadata"]["name"].as_str().unwrap_or_default(),
                    if default { " (default)" } else { "" }
                );
                vec![
                    json!(shown),
                    o["provisioner"].clone(),
                    or(&o["reclaimPolicy"], "Delete"),
                    or(&o["volumeBindingMode"], "Immediate"),
                    json!(o["allowVolumeExpansion"] == true),
                    age_of(o),
                ]
            },
        },
        "csidrivers" => View {
            columns: &[
                ("Name", false),
                ("AttachRequired", false),
                ("PodInfoOnMount", false),
                ("StorageCapacity", false),
                ("TokenRequests", false),
                ("RequiresRepublish", false),
                ("Modes", false),
                ("Age", false),
            ],
            row: |o| {
                let spec = &o["spec"];
                let list: Vec<&str> = spec["volumeLifecycleModes"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                vec![
                    name(o),
                    json!(spec["attachRequired"] != false),
                    json!(spec["podInfoOnMount"] == true),
                    json!(spec["storageCapacity"] == true),
                    json!("<unset>"),
                    json!(spec["requiresRepublish"] == true),
                    json!(list.join(",")),
                    age_of(o),
                ]
            },
        },
        "csinodes" => View {
            columns: &[("Name", false), ("Drivers", false), ("Age", false)],
            row: |o| {
                vec![name(o), json!(o["spec"]["drivers"].as_array().map_or(0, Vec::len)), age_of(o)]
            },
        },
        "volumeattachments" => View {
            columns: &[
                ("Name", false),
                ("Attacher", false),
                ("PV", false),
                ("Node", false),
                ("Attached", false),
                ("Age", false),
            ],
            row: |o| {
                vec![
                    name(o),
                    o["spec"]["attacher"].clone(),
                    or(&o["spec"]["source"]["persistentVolumeName"], ""),
                    o["spec"]["nodeName"].clone(),
                    json!(o["status"]["attached"] == true),
                    age_of(o),
                ]
            },
        },
        _ => return None,
    })
}
