//! What the API server fills in.

mod cluster;
mod custom;
mod fill;
mod network;
mod pod;
mod service;
mod storage;
mod workload;

pub(crate) use fill::Context;
use fill::{below, default, items};
use serde_json::{Value, json};

use super::context::Server;
use super::field_error::FieldError;
use super::kind::Kind;

/// Fills in an object that is being created.
pub(crate) fn created(context: &Context<'_>, kind: &Kind, object: &mut Value) {
    common(kind, object);
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => pod::admitted(context, object),
        ("", "namespaces") => {
            object["spec"] = json!({"finalizers": ["kubernetes"]});
            object["status"] = json!({"phase": "Active"});
        }
        ("", "persistentvolumeclaims") => storage::claim_created(context, object),
        ("", "persistentvolumes") => object["status"] = json!({"phase": "Pending"}),
        ("batch", "jobs") => workload::job_created(object),
        ("networking.k8s.io", "ingresses") => {
            object["status"] = json!({"loadBalancer": {}});
        }
        ("", "services") => object["status"] = json!({"loadBalancer": {}}),
        ("apiextensions.k8s.io", "customresourcedefinitions") => custom::established(object, None),
        ("certificates.k8s.io", "certificatesigningrequests") => {
            let user = context.user.info();
            // Who asks is never what the object says.
            for field in ["username", "groups", "uid", "extra"] {
                let spec = below(object, "spec");
                if user[field].is_null() {
                    spec.as_object_mut().map(|spec| spec.remove(field));
                } else {
                    spec[field] = user[field].clone();
                }
            }
        }
        ("apps" | "policy", _) => object["status"] = json!({}),
        _ => {}
    }
    if kind.group == "apps" && kind.plural != "controllerrevisions" {
        object["status"] = workload::initial_status(&kind.plural);
    } else if kind.group == "apps"
        && let Some(fields) = object.as_object_mut()
    {
        fields.remove("status");
    }
}

/// Fills in an object that is being changed.
pub(crate) fn updated(_context: &Context<'_>, kind: &Kind, old: &Value, new: &mut Value) {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "services") => service::carry_over(old, new),
        ("", "persistentvolumeclaims") => {
            // What the binder and the admission set stays when a manifest does not name it.
            for field in ["volumeName", "storageClassName", "volumeMode"] {
                let value = old["spec"][field].clone();
                if !value.is_null() {
                    default(below(new, "spec"), field, value);
                }
            }
        }
        ("batch", "jobs") => workload::job_updated(old, new),
        ("", "pods") => pod::carry_over(old, new),
        _ => {}
    }
    common(kind, new);
    if kind.is("apiextensions.k8s.io", "customresourcedefinitions") {
        custom::established(new, Some(old));
    }
}

/// Allocates addresses and ports of Services.
pub(crate) fn allocate(
    server: &Server,
    kind: &Kind,
    old: Option<&Value>,
    object: &mut Value,
) -> Vec<FieldError> {
    if kind.is("", "services") { service::allocate(server, old, object) } else { Vec::new() }
}

fn common(kind: &Kind, object: &mut Value) {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => pod::spec(below(object, "spec")),
        ("", "services") => service::defaults(object),
        ("", "secrets") => storage::secret(object),
        ("", "persistentvolumeclaims") => storage::claim(object),
        ("", "persistentvolumes") => {
            let spec = below(object, "spec");
            default(spec, "persistentVolumeReclaimPolicy", json!("Retain"));
            default(spec, "volumeMode", json!("Filesystem"));
        }
        ("", "namespaces") => {
            let name = object["metadata"]["name"].clone();
            below(below(object, "metadata"), "labels")["kubernetes.io/metadata.name"] = name;
        }
        ("", "replicationcontrollers") => workload::replication_controller(object),
        ("", "endpoints") => network::endpoints(object),
        ("apps", plural) => workload::apps(plural, object),
        ("batch", "jobs") => workload::job(object),
        ("batch", "cronjobs") => workload::cron_job(object),
        ("networking.k8s.io", "networkpolicies") => network::policy(object),
        ("discovery.k8s.io", "endpointslices") => {
            for port in items(object, "ports") {
                default(port, "protocol", json!("TCP"));
                if port.get("name").is_none() {
                    port["name"] = json!("");
                }
            }
        }
        ("storage.k8s.io", "storageclasses") => {
            default(object, "reclaimPolicy", json!("Delete"));
            default(object, "volumeBindingMode", json!("Immediate"));
        }
        ("storage.k8s.io", "csidrivers") => storage::csi_driver(object),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            cluster::binding(object);
        }
        ("autoscaling", _) => cluster::autoscaler(&kind.version, object),
        ("scheduling.k8s.io", _) => {
            default(object, "preemptionPolicy", json!("PreemptLowerPriority"));
            if object.get("value").is_none() {
                object["value"] = json!(0);
            }
        }
        ("admissionregistration.k8s.io", plural) if plural.ends_with("webhookconfigurations") => {
            cluster::webhooks(object, plural.starts_with("mutating"));
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => custom::definition(object),
        _ => {}
    }
}
