use serde_json::Value;

use super::{names, pod};
use crate::api::field_error::{Errors, FieldError};

pub(super) fn check(object: &Value, errors: &mut Errors) {
    let spec = &object["spec"];
    let kind = spec["type"].as_str().unwrap_or_default();
    pod::one_of(
        spec,
        "spec",
        "type",
        &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"],
        errors,
    );
    pod::one_of(spec, "spec", "sessionAffinity", &["ClientIP", "None"], errors);
    pod::one_of(spec, "spec", "internalTrafficPolicy", &["Cluster", "Local"], errors);
    pod::one_of(spec, "spec", "externalTrafficPolicy", &["Cluster", "Local"], errors);
    super::meta::labels(&spec["selector"], "spec.selector", errors);
    if kind == "ExternalName" {
        let name = spec["externalName"].as_str().unwrap_or_default();
        if name.is_empty() {
            errors.push(FieldError::required("spec.externalName", ""));
        } else if let Err(why) = names::subdomain(name.trim_end_matches('.')) {
            errors.push(FieldError::invalid("spec.externalName", name, why));
        }
    }
    let headless = spec["clusterIP"] == "None";
    if headless && matches!(kind, "NodePort" | "LoadBalancer") {
        errors.push(FieldError::invalid(
            "spec.clusterIPs[0]",
            "None",
            format!("may not be set to 'None' for {kind} services"),
        ));
    }
    let ports = spec["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
    if ports.is_empty() && !headless && kind != "ExternalName" {
        errors.push(FieldError::required("spec.ports", ""));
    }
    let (mut known, mut numbers) = (Vec::new(), Vec::new());
    for (index, port) in ports.iter().enumerate() {
        let at = format!("spec.ports[{index}]");
        let name = port["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            if ports.len() > 1 {
                errors.push(FieldError::required(format!("{at}.name"), ""));
            }
        } else {
            if let Err(why) = names::label(name) {
                errors.push(FieldError::invalid(format!("{at}.name"), name, why));
            }
            if known.contains(&name) {
                errors.push(FieldError::duplicate(format!("{at}.name"), name));
            }
            known.push(name);
        }
        let number = port["port"].as_i64().unwrap_or(0);
        if !(1..=65535).contains(&number) {
            errors.push(FieldError::invalid(
                format!("{at}.port"),
                number,
                "must be between 1 and 65535, inclusive",
            ));
        }
        pod::one_of(port, &at, "protocol", &["SCTP", "TCP", "UDP"], errors);
        match &port["targetPort"] {
            Value::String(name) => {
                if let Err(why) = names::port_name(name) {
                    errors.push(FieldError::invalid(
                        format!("{at}.targetPort"),
                        name.as_str(),
                        why,
                    ));
                }
            }
            Value::Number(target) if !(1..=65535).contains(&target.as_i64().unwrap_or(0)) => {
                errors.push(FieldError::invalid(
                    format!("{at}.targetPort"),
                    Value::Number(target.clone()),
                    "must be between 1 and 65535, inclusive",
                ));
            }
            _ => {}
        }
        let key = (number, port["protocol"].clone());
        if numbers.contains(&key) {
            errors.push(FieldError::duplicate(
                at.clone(),
                serde_json::json!({"port": number, "protocol": key.1}),
            ));
        }
        numbers.push(key);
        if port["nodePort"].as_i64().is_some_and(|n| n != 0) && kind == "ClusterIP" {
            errors.push(FieldError::forbidden(
                format!("{at}.nodePort"),
                "may not be used when `type` is 'ClusterIP'",
            ));
        }
    }
}
