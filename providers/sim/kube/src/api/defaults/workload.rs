use serde_json::{Value, json};

use super::fill::{below, default, items};
use super::{pod, storage};

fn template(spec: &mut Value) {
    let template = below(spec, "template");
    below(template, "metadata");
    pod::spec(below(template, "spec"));
}

/// Fills in the defaults of Deployments, StatefulSets, DaemonSets and ReplicaSets.
pub(super) fn apps(plural: &str, object: &mut Value) {
    if plural == "controllerrevisions" {
        return;
    }
    let spec = below(object, "spec");
    template(spec);
    if plural != "daemonsets" {
        default(spec, "replicas", json!(1));
    }
    if plural != "replicasets" {
        default(spec, "revisionHistoryLimit", json!(10));
    }
    match plural {
        "deployments" => {
            default(spec, "progressDeadlineSeconds", json!(600));
            let strategy = below(spec, "strategy");
            default(strategy, "type", json!("RollingUpdate"));
            if strategy["type"] == "RollingUpdate" {
                let rolling = below(strategy, "rollingUpdate");
                default(rolling, "maxUnavailable", json!("25%"));
                default(rolling, "maxSurge", json!("25%"));
            }
        }
        "statefulsets" => {
            default(spec, "podManagementPolicy", json!("OrderedReady"));
            let strategy = below(spec, "updateStrategy");
            default(strategy, "type", json!("RollingUpdate"));
            if strategy["type"] == "RollingUpdate" {
                default(below(strategy, "rollingUpdate"), "partition", json!(0));
            }
            let retention = below(spec, "persistentVolumeClaimRetentionPolicy");
            default(retention, "whenDeleted", json!("Retain"));
            default(retention, "whenScaled", json!("Retain"));
            for claim in items(spec, "volumeClaimTemplates") {
                claim["apiVersion"] = json!("v1");
                claim["kind"] = json!("PersistentVolumeClaim");
                storage::claim(claim);
                claim["status"] = json!({"phase": "Pending"});
            }
        }
        "daemonsets" => {
            let strategy = below(spec, "updateStrategy");
            default(strategy, "type", json!("RollingUpdate"));
            if strategy["type"] == "RollingUpdate" {
                let rolling = below(strategy, "rollingUpdate");
                default(rolling, "maxUnavailable", json!(1));
                default(rolling, "maxSurge", json!(0));
            }
        }
        _ => {}
    }
}

/// Returns the status before a controller has looked.
pub(super) fn initial_status(plural: &str) -> Value {
    match plural {
        "daemonsets" => {
            json!({"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0})
        }
        "statefulsets" => json!({"replicas": 0, "availableReplicas": 0}),
        "replicasets" => json!({"replicas": 0}),
        _ => json!({}),
    }
}

pub(super) fn replication_controller(object: &mut Value) {
    let spec = below(object, "spec");
    template(spec);
    default(spec, "replicas", json!(1));
    let labels = spec["template"]["metadata"]["labels"].clone();
    if labels.is_object() {
        default(spec, "selector", labels);
    }
}

pub(super) fn job(object: &mut Value) {
    let spec = below(object, "spec");
    if spec.get("completions").is_none() && spec.get("parallelism").is_none() {
        spec["completions"] = json!(1);
    }
    default(spec, "parallelism", json!(1));
    default(spec, "backoffLimit", json!(6));
    default(spec, "completionMode", json!("NonIndexed"));
    default(spec, "suspend", json!(false));
    default(spec, "podReplacementPolicy", json!("TerminatingOrFailed"));
    default(spec, "manualSelector", json!(false));
    template(spec);
}

/// Makes a Job select its pods by its own uid.
pub(super) fn job_created(object: &mut Value) {
    object["status"] = json!({});
    if object["spec"]["manualSelector"] == true {
        return;
    }
    let uid = json!(uuid::Uuid::new_v4().to_string());
    let name = object["metadata"]["name"].clone();
    object["metadata"]["uid"] = uid.clone();
    let spec = below(object, "spec");
    let labels = below(below(below(spec, "template"), "metadata"), "labels");
    labels["batch.kubernetes.io/controller-uid"] = uid.clone();
    labels["batch.kubernetes.io/job-name"] = name.clone();
    labels["controller-uid"] = uid.clone();
    labels["job-name"] = name;
    let selector = below(spec, "selector");
    below(selector, "matchLabels")["batch.kubernetes.io/controller-uid"] = uid;
}

/// Keeps the selector and the labels that came with it, if a manifest does not name them.
pub(super) fn job_updated(old: &Value, new: &mut Value) {
    let selector = old["spec"]["selector"].clone();
    let labels = old["spec"]["template"]["metadata"]["labels"].clone();
    let spec = below(new, "spec");
    default(spec, "selector", selector);
    let present = below(below(below(spec, "template"), "metadata"), "labels");
    for (key, value) in labels.as_object().into_iter().flatten() {
        if key.ends_with("controller-uid") || key.ends_with("job-name") {
            default(present, key, value.clone());
        }
    }
}

pub(super) fn cron_job(object: &mut Value) {
    let spec = below(object, "spec");
    default(spec, "concurrencyPolicy", json!("Allow"));
    default(spec, "suspend", json!(false));
    default(spec, "successfulJobsHistoryLimit", json!(3));
    default(spec, "failedJobsHistoryLimit", json!(1));
    template(below(below(spec, "jobTemplate"), "spec"));
}
