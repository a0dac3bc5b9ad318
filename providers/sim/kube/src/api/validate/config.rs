use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::names;
use crate::api::field_error::{Errors, FieldError};
use crate::api::kind::Kind;

/// What a ConfigMap or a Secret holds at most, in bytes.
const LARGEST: usize = 1024 * 1024;

/// Checks ConfigMaps and Secrets.
pub(super) fn check(kind: &Kind, object: &Value, errors: &mut Errors) {
    let secret = kind.plural == "secrets";
    let mut total = 0;
    for field in ["data", "binaryData"] {
        for (key, value) in object[field].as_object().into_iter().flatten() {
            if let Err(why) = names::config_key(key) {
                errors.push(FieldError::invalid(format!("{field}[{key}]"), key.as_str(), why));
            }
            if field == "binaryData" && object["data"].get(key).is_some() {
                errors.push(FieldError::invalid(
                    format!("{field}[{key}]"),
                    key.as_str(),
                    "duplicate of key present in data",
                ));
            }
            let text = value.as_str().unwrap_or_default();
            if secret || field == "binaryData" {
                match STANDARD.decode(text) {
                    Ok(bytes) => total += bytes.len(),
                    Err(_) => errors.push(FieldError::invalid(
                        format!("{field}[{key}]"),
                        "",
                        "illegal base64 data",
                    )),
                }
            } else {
                total += text.len();
            }
        }
    }
    if total > LARGEST {
        errors.push(FieldError::too_long(if secret { "data" } else { "" }, LARGEST));
    }
    if secret {
        required_keys(object, errors);
    }
}

/// Checks that a Secret has the keys that its type must have.
fn required_keys(object: &Value, errors: &mut Errors) {
    let needed: &[&str] = match object["type"].as_str().unwrap_or_default() {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        _ => &[],
    };
    for key in needed {
        match object["data"][*key].as_str() {
            None => errors.push(FieldError::required(format!("data[{key}]"), "")),
            Some(text) if key.starts_with(".docker") => {
                let sound = STANDARD
                    .decode(text)
                    .is_ok_and(|bytes| serde_json::from_slice::<Value>(&bytes).is_ok());
                if !sound {
                    errors.push(FieldError::invalid(
                        format!("data[{key}]"),
                        "<secret contents redacted>",
                        "invalid character 'i' looking for beginning of value",
                    ));
                }
            }
            Some(_) => {}
        }
    }
}

/// Checks roles and bindings.
pub(super) fn rbac(kind: &Kind, object: &Value, errors: &mut Errors) {
    if kind.plural.ends_with("bindings") {
        let role = &object["roleRef"];
        let cluster = kind.plural == "clusterrolebindings";
        match role["kind"].as_str() {
            Some("ClusterRole") => {}
            Some("Role") if !cluster => {}
            other => errors.push(FieldError::not_supported(
                "roleRef.kind",
                other.unwrap_or_default(),
                if cluster { &["ClusterRole"] } else { &["ClusterRole", "Role"] },
            )),
        }
        if role["name"].as_str().unwrap_or_default().is_empty() {
            errors.push(FieldError::required("roleRef.name", ""));
        }
        for (index, subject) in object["subjects"].as_array().into_iter().flatten().enumerate() {
            let at = format!("subjects[{index}]");
            if subject["name"].as_str().unwrap_or_default().is_empty() {
                errors.push(FieldError::required(format!("{at}.name"), ""));
            }
            match subject["kind"].as_str() {
                Some("ServiceAccount") => {
                    if subject["namespace"].as_str().unwrap_or_default().is_empty() {
                        errors.push(FieldError::required(format!("{at}.namespace"), ""));
                    }
                }
                Some("User" | "Group") => {}
                other => errors.push(FieldError::not_supported(
                    format!("{at}.kind"),
                    other.unwrap_or_default(),
                    &["ServiceAccount", "User", "Group"],
                )),
            }
        }
        return;
    }
    for (index, rule) in object["rules"].as_array().into_iter().flatten().enumerate() {
        let some = |field: &str| rule[field].as_array().is_some_and(|list| !list.is_empty());
        if !some("verbs") {
            errors.push(FieldError::required(
                format!("rules[{index}].verbs"),
                "verbs must contain at least one value",
            ));
        }
        if some("nonResourceURLs") {
            continue;
        }
        if !some("apiGroups") {
            errors.push(FieldError::required(
                format!("rules[{index}].apiGroups"),
                "resource rules must supply at least one api group",
            ));
        }
        if !some("resources") {
            errors.push(FieldError::required(
                format!("rules[{index}].resources"),
                "resource rules must supply at least one resource",
            ));
        }
    }
}
