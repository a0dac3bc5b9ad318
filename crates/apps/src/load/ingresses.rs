//! Ingresses for Services with a subdomain.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{manifest::Manifest, source::IngressDefaults};
use crate::{Object, ObjectId, Problem, ProblemKind, SUBDOMAIN_ANNOTATION};

/// The variable with the domain.
const DOMAIN: &str = "DOMAIN";

/// Makes one Ingress for each Service that has the annotation, with a host for each subdomain. Each
/// host has TLS.
pub(super) fn of_subdomains(
    manifests: &[Manifest],
    variables: &BTreeMap<String, String>,
    defaults: &IngressDefaults,
    problems: &mut Vec<Problem>,
) -> Vec<Object> {
    let mut made = Vec::new();
    for Manifest { object, .. } in manifests {
        let Some(subdomains) = object.annotation(SUBDOMAIN_ANNOTATION) else { continue };
        let mut wrong = |message: &str, hint: &str| {
            let message = format!("{}: {message}", object.id);
            let problem = Problem::new(ProblemKind::Subdomain, object.origin.clone(), message);
            problems.push(problem.hint(hint));
        };
        if object.id.kind != "Service" || !object.id.group.is_empty() {
            wrong("only a Service can have a subdomain", "put the annotation on the Service");
            continue;
        }
        let Some(domain) = variables.get(DOMAIN) else {
            wrong(
                "a subdomain needs a domain",
                "add [dns] domain to infra.toml, or give --set DOMAIN=example.com",
            );
            continue;
        };
        let hosts: Vec<String> = subdomains
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(|name| if name == "@" { domain.clone() } else { format!("{name}.{domain}") })
            .collect();
        if let Some(bad) = hosts.iter().find(|host| !is_host(host)) {
            wrong(&format!("{bad} is no host name"), "write letters, digits and - only");
            continue;
        }
        let Some(port) = object.value.pointer("/spec/ports/0") else {
            wrong("a Service with a subdomain needs a port", "add spec.ports");
            continue;
        };
        let port = match (port.get("name"), port.get("port")) {
            (Some(name), _) => json!({ "name": name }),
            (None, number) => json!({ "number": number }),
        };
        made.push(ingress(object, &hosts, &port, defaults));
    }
    made
}

fn is_host(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

fn ingress(service: &Object, hosts: &[String], port: &Value, defaults: &IngressDefaults) -> Object {
    let name = &service.id.name;
    let path = json!({
        "path": "/", "pathType": "Prefix",
        "backend": { "service": { "name": name, "port": port } },
    });
    let rule = |host: &String| json!({ "host": host, "http": { "paths": [path] } });
    let mut metadata = json!({ "name": name, "namespace": service.id.namespace });
    if let Some(labels) = service.value.pointer("/metadata/labels") {
        metadata["labels"] = labels.clone();
    }
    if let Some(issuer) = &defaults.issuer {
        metadata["annotations"] = json!({ "cert-manager.io/cluster-issuer": issuer });
    }
    let mut spec = json!({
        "ingressClassName": defaults.class,
        "rules": hosts.iter().map(rule).collect::<Vec<_>>(),
    });
    if defaults.tls {
        spec["tls"] = json!([{ "hosts": hosts, "secretName": format!("{name}-tls") }]);
    }
    Object {
        id: ObjectId {
            group: "networking.k8s.io".to_owned(),
            kind: "Ingress".to_owned(),
            namespace: service.id.namespace.clone(),
            name: name.clone(),
        },
        api_version: "networking.k8s.io/v1".to_owned(),
        value: json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": metadata, "spec": spec,
        }),
        origin: service.origin.clone(),
    }
}
