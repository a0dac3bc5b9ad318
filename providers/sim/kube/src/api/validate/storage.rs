use serde_json::Value;

use super::pod;
use crate::api::field_error::{Errors, FieldError};
use crate::quantity::Quantity;

const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

fn access_modes(spec: &Value, path: &str, errors: &mut Errors) {
    let modes = spec["accessModes"].as_array().map(Vec::as_slice).unwrap_or_default();
    if modes.is_empty() {
        errors.push(FieldError::required(
            format!("{path}.accessModes"),
            "at least 1 access mode is required",
        ));
    }
    for mode in modes.iter().filter(|mode| !MODES.iter().any(|known| *mode == known)) {
        errors.push(FieldError::not_supported(format!("{path}.accessModes"), mode.clone(), &MODES));
    }
}

pub(super) fn claim(spec: &Value, path: &str, errors: &mut Errors) {
    access_modes(spec, path, errors);
    match spec["resources"]["requests"]["storage"].as_str().and_then(Quantity::parse) {
        None => errors.push(FieldError::required(format!("{path}.resources[storage]"), "")),
        Some(size) if size.whole() <= 0 => errors.push(FieldError::invalid(
            format!("{path}.resources[storage]"),
            size.to_string(),
            "must be greater than zero",
        )),
        Some(_) => {}
    }
    pod::one_of(spec, path, "volumeMode", &["Block", "Filesystem"], errors);
}

pub(super) fn volume(object: &Value, errors: &mut Errors) {
    let spec = &object["spec"];
    access_modes(spec, "spec", errors);
    if spec["capacity"]["storage"].is_null() {
        errors.push(FieldError::required("spec.capacity", ""));
    }
    const PLAIN: [&str; 9] = [
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeMode",
        "volumeAttributesClassName",
    ];
    let sources = spec
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(field, _)| !PLAIN.contains(&field.as_str()))
        .count();
    if sources == 0 {
        errors.push(FieldError::required("spec", "must specify a volume type"));
    }
    pod::one_of(
        spec,
        "spec",
        "persistentVolumeReclaimPolicy",
        &["Delete", "Recycle", "Retain"],
        errors,
    );
}

pub(super) fn class(object: &Value, errors: &mut Errors) {
    if object["provisioner"].as_str().unwrap_or_default().is_empty() {
        errors.push(FieldError::required("provisioner", ""));
    }
    if let Some(mode) = object["volumeBindingMode"].as_str()
        && !matches!(mode, "Immediate" | "WaitForFirstConsumer")
    {
        errors.push(FieldError::not_supported(
            "volumeBindingMode",
            mode,
            &["Immediate", "WaitForFirstConsumer"],
        ));
    }
    if let Some(policy) = object["reclaimPolicy"].as_str()
        && !matches!(policy, "Delete" | "Retain")
    {
        errors.push(FieldError::not_supported("reclaimPolicy", policy, &["Delete", "Retain"]));
    }
}
