use serde_json::Value;

use super::names;
use crate::api::field_error::{Errors, FieldError};
use crate::quantity::Quantity;

/// Checks a pod's spec, also within a template.
pub(super) fn spec(spec: &Value, path: &str, errors: &mut Errors) {
    let mut seen = Vec::new();
    let volumes = volumes(spec, path, errors);
    let list = |name: &str| spec[name].as_array().map(Vec::as_slice).unwrap_or_default();
    if list("containers").is_empty() {
        errors.push(FieldError::required(format!("{path}.containers"), ""));
    }
    for name in ["containers", "initContainers"] {
        for (index, item) in list(name).iter().enumerate() {
            container(item, &format!("{path}.{name}[{index}]"), &mut seen, &volumes, errors);
        }
    }
    one_of(spec, path, "restartPolicy", &["Always", "OnFailure", "Never"], errors);
    one_of(
        spec,
        path,
        "dnsPolicy",
        &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"],
        errors,
    );
    if let Some(seconds) = spec["terminationGracePeriodSeconds"].as_i64().filter(|s| *s < 0) {
        errors.push(FieldError::invalid(
            format!("{path}.terminationGracePeriodSeconds"),
            seconds,
            "must be greater than or equal to 0",
        ));
    }
    super::meta::labels(&spec["nodeSelector"], &format!("{path}.nodeSelector"), errors);
    for (index, toleration) in list("tolerations").iter().enumerate() {
        let at = format!("{path}.tolerations[{index}]");
        one_of(toleration, &at, "operator", &["Equal", "Exists"], errors);
        one_of(toleration, &at, "effect", &["NoSchedule", "PreferNoSchedule", "NoExecute"], errors);
        let text = |field: &str| toleration[field].as_str().unwrap_or_default();
        if text("key").is_empty() && text("operator") != "Exists" {
            errors.push(FieldError::invalid(format!("{at}.operator"), text("operator"), "operator must be Exists when `key` is empty, which means \"match all values and all keys\""));
        }
        if text("operator") == "Exists" && !text("value").is_empty() {
            errors.push(FieldError::invalid(
                format!("{at}.operator"),
                text("value"),
                "value must be empty when `operator` is 'Exists'",
            ));
        }
    }
    for (index, secret) in list("imagePullSecrets").iter().enumerate() {
        if secret["name"].as_str().unwrap_or_default().is_empty()
            && secret.as_object().is_none_or(|s| !s.is_empty())
        {
            errors.push(FieldError::required(format!("{path}.imagePullSecrets[{index}].name"), ""));
        }
    }
}

/// Checks a field that, if set, has one of these values.
pub(super) fn one_of(
    object: &Value,
    path: &str,
    field: &str,
    allowed: &[&str],
    errors: &mut Errors,
) {
    if let Some(value) = object[field].as_str().filter(|value| !value.is_empty())
        && !allowed.contains(&value)
    {
        errors.push(FieldError::not_supported(format!("{path}.{field}"), value, allowed));
    }
}

fn volumes(spec: &Value, path: &str, errors: &mut Errors) -> Vec<String> {
    let mut known: Vec<String> = Vec::new();
    for (index, volume) in spec["volumes"].as_array().into_iter().flatten().enumerate() {
        let at = format!("{path}.volumes[{index}]");
        let name = volume["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            errors.push(FieldError::required(format!("{at}.name"), ""));
        } else if let Err(why) = names::label(name) {
            errors.push(FieldError::invalid(format!("{at}.name"), name, why));
        }
        if known.iter().any(|known| known == name) {
            errors.push(FieldError::duplicate(format!("{at}.name"), name));
        }
        if volume.as_object().is_some_and(|fields| fields.len() > 2) {
            errors
                .push(FieldError::forbidden(at.clone(), "may not specify more than 1 volume type"));
        }
        for (source, field) in [
            ("persistentVolumeClaim", "claimName"),
            ("secret", "secretName"),
            ("configMap", "name"),
            ("hostPath", "path"),
        ] {
            if volume[source].is_object()
                && volume[source][field].as_str().unwrap_or_default().is_empty()
            {
                errors.push(FieldError::required(format!("{at}.{source}.{field}"), ""));
            }
        }
        known.push(name.to_owned());
    }
    known
}

fn container(
    item: &Value,
    at: &str,
    seen: &mut Vec<String>,
    volumes: &[String],
    errors: &mut Errors,
) {
    let name = item["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        errors.push(FieldError::required(format!("{at}.name"), ""));
    } else if let Err(why) = names::label(name) {
        errors.push(FieldError::invalid(format!("{at}.name"), name, why));
    } else if seen.iter().any(|other| other == name) {
        errors.push(FieldError::duplicate(format!("{at}.name"), name));
    }
    seen.push(name.to_owned());
    let image = item["image"].as_str().unwrap_or_default();
    if image.is_empty() {
        errors.push(FieldError::required(format!("{at}.image"), ""));
    } else if image.trim() != image {
        errors.push(FieldError::invalid(
            format!("{at}.image"),
            image,
            "must not have leading or trailing whitespace",
        ));
    }
    one_of(item, at, "imagePullPolicy", &["Always", "IfNotPresent", "Never"], errors);
    one_of(item, at, "terminationMessagePolicy", &["File", "FallbackToLogsOnError"], errors);
    ports(item, at, errors);
    for (index, variable) in item["env"].as_array().into_iter().flatten().enumerate() {
        let path = format!("{at}.env[{index}]");
        let name = variable["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        } else if name.contains('=') || !name.is_ascii() {
            errors.push(FieldError::invalid(format!("{path}.name"), name, "a valid environment variable name must consist only of printable ASCII characters other than '='"));
        }
        if variable["valueFrom"].is_object() {
            if variable["value"].as_str().is_some_and(|value| !value.is_empty()) {
                errors.push(FieldError::invalid(
                    format!("{path}.valueFrom"),
                    "",
                    "may not be specified when `value` is not empty",
                ));
            }
            if variable["valueFrom"].as_object().is_some_and(|from| from.len() != 1) {
                errors.push(FieldError::invalid(format!("{path}.valueFrom"), "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"));
            }
        }
    }
    let mut mounted = Vec::new();
    for (index, mount) in item["volumeMounts"].as_array().into_iter().flatten().enumerate() {
        let path = format!("{at}.volumeMounts[{index}]");
        let name = mount["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        } else if !volumes.iter().any(|volume| volume == name) {
            errors.push(FieldError::not_found(format!("{path}.name"), name));
        }
        let target = mount["mountPath"].as_str().unwrap_or_default();
        if target.is_empty() {
            errors.push(FieldError::required(format!("{path}.mountPath"), ""));
        } else if mounted.contains(&target) {
            errors.push(FieldError::invalid(format!("{path}.mountPath"), target, "must be unique"));
        }
        mounted.push(target);
    }
    resources(&item["resources"], &format!("{at}.resources"), errors);
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if item[probe].is_object() {
            let handlers = ["exec", "httpGet", "tcpSocket", "grpc"];
            let count =
                handlers.iter().filter(|handler| item[probe][**handler].is_object()).count();
            if count == 0 {
                errors.push(FieldError::required(
                    format!("{at}.{probe}"),
                    "must specify a handler type",
                ));
            } else if count > 1 {
                errors.push(FieldError::forbidden(
                    format!("{at}.{probe}"),
                    "may not specify more than 1 handler type",
                ));
            }
            if probe != "readinessProbe"
                && item[probe]["successThreshold"].as_i64().is_some_and(|n| n != 1)
            {
                errors.push(FieldError::invalid(
                    format!("{at}.{probe}.successThreshold"),
                    item[probe]["successThreshold"].clone(),
                    "must be 1",
                ));
            }
        }
    }
}

fn ports(item: &Value, at: &str, errors: &mut Errors) {
    let mut names_seen = Vec::new();
    for (index, port) in item["ports"].as_array().into_iter().flatten().enumerate() {
        let path = format!("{at}.ports[{index}]");
        if let Some(name) = port["name"].as_str().filter(|name| !name.is_empty()) {
            if let Err(why) = names::port_name(name) {
                errors.push(FieldError::invalid(format!("{path}.name"), name, why));
            } else if names_seen.contains(&name) {
                errors.push(FieldError::duplicate(format!("{path}.name"), name));
            }
            names_seen.push(name);
        }
        match port["containerPort"].as_i64().unwrap_or(0) {
            0 => errors.push(FieldError::required(format!("{path}.containerPort"), "")),
            number if !(1..=65535).contains(&number) => errors.push(FieldError::invalid(
                format!("{path}.containerPort"),
                number,
                "must be between 1 and 65535, inclusive",
            )),
            _ => {}
        }
        one_of(port, &path, "protocol", &["SCTP", "TCP", "UDP"], errors);
    }
}

fn resources(resources: &Value, at: &str, errors: &mut Errors) {
    for kind in ["limits", "requests"] {
        for (name, amount) in resources[kind].as_object().into_iter().flatten() {
            let Some(amount) = amount.as_str().and_then(Quantity::parse) else {
                continue;
            };
            if amount.is_negative() {
                errors.push(FieldError::invalid(
                    format!("{at}.{kind}[{name}]"),
                    amount.to_string(),
                    "must be greater than or equal to 0",
                ));
            }
        }
    }
    for (name, request) in resources["requests"].as_object().into_iter().flatten() {
        let request = request.as_str().and_then(Quantity::parse);
        let limit = resources["limits"][name.as_str()].as_str().and_then(Quantity::parse);
        if let (Some(request), Some(limit)) = (request, limit)
            && !limit.at_least(request)
        {
            errors.push(FieldError::invalid(
                format!("{at}.requests"),
                request.to_string(),
                format!("must be less than or equal to {name} limit of {limit}"),
            ));
        }
    }
}
