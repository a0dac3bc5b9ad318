use serde_json::Value;

use super::{names, pod};
use crate::api::field_error::{Errors, FieldError};

pub(super) fn ingress(object: &Value, errors: &mut Errors) {
    let spec = &object["spec"];
    let rules = spec["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
    if rules.is_empty() && spec["defaultBackend"].is_null() {
        errors.push(FieldError::invalid(
            "spec",
            Value::Array(Vec::new()),
            "either `defaultBackend` or `rules` must be specified",
        ));
    }
    if spec["defaultBackend"].is_object() {
        backend(&spec["defaultBackend"], "spec.defaultBackend", errors);
    }
    for (index, rule) in rules.iter().enumerate() {
        let at = format!("spec.rules[{index}]");
        if let Some(host) = rule["host"].as_str().filter(|host| !host.is_empty()) {
            if host.parse::<std::net::IpAddr>().is_ok() {
                errors.push(FieldError::invalid(
                    format!("{at}.host"),
                    host,
                    "must be a DNS name, not an IP address",
                ));
            } else if let Err(why) = names::subdomain(host.strip_prefix("*.").unwrap_or(host)) {
                errors.push(FieldError::invalid(format!("{at}.host"), host, why));
            }
        }
        if !rule["http"].is_object() {
            continue;
        }
        let paths = rule["http"]["paths"].as_array().map(Vec::as_slice).unwrap_or_default();
        if paths.is_empty() {
            errors.push(FieldError::required(format!("{at}.http.paths"), ""));
        }
        for (index, path) in paths.iter().enumerate() {
            let at = format!("{at}.http.paths[{index}]");
            let text = path["path"].as_str().unwrap_or_default();
            match path["pathType"].as_str() {
                None => errors.push(FieldError::required(
                    format!("{at}.pathType"),
                    "pathType must be specified",
                )),
                Some("ImplementationSpecific") => {}
                Some("Exact" | "Prefix") => {
                    if !text.starts_with('/') {
                        errors.push(FieldError::invalid(
                            format!("{at}.path"),
                            text,
                            "must be an absolute path",
                        ));
                    }
                    if let Some(part) = ["//", "/./", "/../", "%2f", "%2F"]
                        .into_iter()
                        .find(|part| text.contains(part))
                    {
                        errors.push(FieldError::invalid(
                            format!("{at}.path"),
                            text,
                            format!("must not contain '{part}'"),
                        ));
                    }
                }
                Some(other) => errors.push(FieldError::not_supported(
                    format!("{at}.pathType"),
                    other,
                    &["Exact", "ImplementationSpecific", "Prefix"],
                )),
            }
            backend(&path["backend"], &format!("{at}.backend"), errors);
        }
    }
}

fn backend(backend: &Value, at: &str, errors: &mut Errors) {
    match (backend["service"].is_object(), backend["resource"].is_object()) {
        (true, true) => errors.push(FieldError::invalid(
            at,
            "",
            "cannot set both resource and service backends",
        )),
        (false, false) => {
            errors.push(FieldError::required(at, "resource or service backend is required"));
        }
        (false, true) => {}
        (true, false) => {
            let service = &backend["service"];
            let name = service["name"].as_str().unwrap_or_default();
            if name.is_empty() {
                errors.push(FieldError::required(format!("{at}.service.name"), ""));
            } else if let Err(why) = names::label_1035(name) {
                errors.push(FieldError::invalid(format!("{at}.service.name"), name, why));
            }
            let named = service["port"]["name"].as_str().is_some_and(|name| !name.is_empty());
            let number = service["port"]["number"].as_i64();
            match (named, number) {
                (true, Some(_)) => errors.push(FieldError::invalid(
                    at,
                    "",
                    "cannot set both port name & port number",
                )),
                (false, None) => {
                    errors.push(FieldError::required(at, "port name or number is required"));
                }
                (_, Some(number)) if !(1..=65535).contains(&number) => {
                    errors.push(FieldError::invalid(
                        format!("{at}.service.port.number"),
                        number,
                        "must be between 1 and 65535, inclusive",
                    ));
                }
                _ => {}
            }
        }
    }
}

pub(super) fn policy(object: &Value, errors: &mut Errors) {
    let spec = &object["spec"];
    for (index, kind) in spec["policyTypes"].as_array().into_iter().flatten().enumerate() {
        let kind = kind.as_str().unwrap_or_default();
        if !matches!(kind, "Ingress" | "Egress") {
            errors.push(FieldError::not_supported(
                format!("spec.policyTypes[{index}]"),
                kind,
                &["Egress", "Ingress"],
            ));
        }
    }
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for (index, rule) in spec[direction].as_array().into_iter().flatten().enumerate() {
            let at = format!("spec.{direction}[{index}]");
            for (index, port) in rule["ports"].as_array().into_iter().flatten().enumerate() {
                pod::one_of(
                    port,
                    &format!("{at}.ports[{index}]"),
                    "protocol",
                    &["SCTP", "TCP", "UDP"],
                    errors,
                );
            }
            for (index, peer) in rule[peers].as_array().into_iter().flatten().enumerate() {
                let at = format!("{at}.{peers}[{index}]");
                if peer.as_object().is_none_or(serde_json::Map::is_empty) {
                    errors.push(FieldError::required(at.clone(), "must specify a peer"));
                }
                if let Some(cidr) = peer["ipBlock"]["cidr"].as_str()
                    && cidr.parse::<ipnet::IpNet>().is_err()
                {
                    errors.push(FieldError::invalid(
                        format!("{at}.ipBlock.cidr"),
                        cidr,
                        "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
                    ));
                }
            }
        }
    }
}
