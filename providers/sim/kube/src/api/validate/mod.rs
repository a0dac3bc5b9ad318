//! What the API server refuses.

pub(crate) mod certificate;
mod config;
mod custom;
mod immutable;
mod meta;
mod names;
mod network;
mod pod;
mod quota;
mod required;
mod service;
mod storage;
mod workload;

use serde_json::Value;

pub(crate) use quota::counted;

use super::context::Server;
use super::error::{ApiError, ApiResult};
use super::field_error::Errors;
use super::kind::Kind;
use crate::{Resource, pod_security};

/// Lists what is wrong with an object that is being created.
pub(crate) fn created(server: &Server, kind: &Kind, object: &Value) -> Errors {
    let mut errors = Errors::new();
    meta::check(kind, object, &mut errors);
    body(server, kind, object, &mut errors);
    errors
}

/// Lists what is wrong with a change.
pub(crate) fn updated(
    server: &Server,
    kind: &Kind,
    subresource: Option<&str>,
    old: &Value,
    new: &Value,
) -> Errors {
    let mut errors = Errors::new();
    meta::check_update(kind, old, new, &mut errors);
    if certificate::is_request(kind) {
        certificate::check(old, new, &mut errors);
    }
    if matches!(subresource, None | Some("ephemeralcontainers" | "resize")) {
        immutable::check(kind, old, new, &mut errors);
        if errors.is_empty() {
            body(server, kind, new, &mut errors);
        }
    }
    errors
}

/// Refuses for reasons that are not about the object alone: a quota, a priority class that is
/// missing.
pub(crate) fn admit(server: &Server, kind: &Kind, object: &Value) -> ApiResult<()> {
    quota::check(server, kind, object)?;
    if !kind.is("", "pods") {
        return Ok(());
    }
    let settings = &server.cluster.options().pod_security;
    if let Some(why) = pod_security::refusal(server.cluster.store(), settings, object) {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        return Err(ApiError::forbidden(kind, name, &why));
    }
    let Some(class) = object["spec"]["priorityClassName"].as_str().filter(|name| !name.is_empty())
    else {
        return Ok(());
    };
    let classes = Resource::new("scheduling.k8s.io", "v1", "priorityclasses");
    if server.cluster.store().get(&classes, None, class).is_some() || class.starts_with("system-") {
        return Ok(());
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    Err(ApiError::forbidden(kind, name, &format!("no PriorityClass with name {class} was found")))
}

fn body(server: &Server, kind: &Kind, object: &Value, errors: &mut Errors) {
    if kind.custom.is_some() {
        custom::object(kind, object, errors);
        return;
    }
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => pod::spec(&object["spec"], "spec", errors),
        ("", "services") => service::check(object, errors),
        ("", "configmaps" | "secrets") => config::check(kind, object, errors),
        ("", "persistentvolumeclaims") => storage::claim(&object["spec"], "spec", errors),
        ("", "persistentvolumes") => storage::volume(object, errors),
        ("", "replicationcontrollers") => workload::controller(kind, object, errors),
        ("apps", "controllerrevisions") => {}
        ("apps", _) => workload::controller(kind, object, errors),
        ("batch", _) => workload::batch(kind, object, errors),
        ("networking.k8s.io", "ingresses") => network::ingress(object, errors),
        ("networking.k8s.io", "networkpolicies") => network::policy(object, errors),
        ("policy", _) => workload::disruption_budget(object, errors),
        ("storage.k8s.io", "storageclasses") => storage::class(object, errors),
        ("rbac.authorization.k8s.io", _) => config::rbac(kind, object, errors),
        ("apiextensions.k8s.io", _) => custom::definition(server, object, errors),
        ("autoscaling", _) => workload::autoscaler(object, errors),
        _ => {}
    }
    if errors.is_empty() {
        required::check(kind, object, errors);
    }
}
