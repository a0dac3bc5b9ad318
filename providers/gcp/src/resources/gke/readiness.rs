//! Whether clusters and pools can be used, from what GKE says of them.

use google_cloud_container_v1::model::{
    Cluster, NodePool, Operation, StatusCondition, cluster, node_pool, status_condition::Code,
};
use infra_provider_api::Readiness;

use crate::container::describe;

/// Returns whether a cluster can be used. `running` is what GKE does about it.
pub(crate) fn of_cluster(cluster: &Cluster, running: Option<&Operation>) -> Readiness {
    use cluster::Status;
    let status = cluster.status.name().unwrap_or("in a status that is not known");
    #[expect(deprecated, reason = "it says more than the conditions do, where it is filled")]
    let said = reasons(&cluster.conditions, &cluster.status_message);
    match &cluster.status {
        Status::Running if cluster.endpoint.is_empty() || ca(cluster).is_empty() => {
            Readiness::Pending { reason: "its API server has no address yet".to_owned() }
        }
        Status::Running => Readiness::Ready,
        Status::Stopping => Readiness::Pending { reason: pending("GKE deletes it", running, None) },
        Status::Error | Status::Degraded if !is_passing(&cluster.conditions) => {
            failed(status, said, "see `gcloud container clusters describe`")
        }
        _ => Readiness::Pending { reason: pending(status, running, said) },
    }
}

fn ca(cluster: &Cluster) -> &str {
    cluster.master_auth.as_ref().map_or("", |auth| auth.cluster_ca_certificate.as_str())
}

/// Returns whether a pool can be used. `running` is what GKE does about it.
pub(crate) fn of_pool(pool: &NodePool, running: Option<&Operation>) -> Readiness {
    use node_pool::Status;
    let status = pool.status.name().unwrap_or("in a status that is not known");
    #[expect(deprecated, reason = "it says more than the conditions do, where it is filled")]
    let said = reasons(&pool.conditions, &pool.status_message);
    match &pool.status {
        Status::Running => Readiness::Ready,
        Status::Stopping => Readiness::Pending { reason: pending("GKE deletes it", running, None) },
        Status::Error | Status::RunningWithError if !is_passing(&pool.conditions) => {
            failed(status, said, "see `gcloud container node-pools describe`")
        }
        _ => Readiness::Pending { reason: pending(status, running, said) },
    }
}

/// Reports whether a pool lacks nodes for a reason that passes, and GKE does nothing else about it.
pub(crate) fn is_short(pool: &NodePool) -> bool {
    use node_pool::Status;
    matches!(pool.status, Status::Error | Status::RunningWithError) && is_passing(&pool.conditions)
}

/// Reports whether what is wrong passes: a zone without machines, a quota that is used up.
fn is_passing(conditions: &[StatusCondition]) -> bool {
    conditions.iter().any(|condition| {
        matches!(condition.canonical_code.name(), Some("RESOURCE_EXHAUSTED" | "UNAVAILABLE"))
            || matches!(code(condition), Code::GceStockout | Code::GceQuotaExceeded)
    })
}

#[expect(deprecated, reason = "the canonical code does not tell a stockout from a quota")]
fn code(condition: &StatusCondition) -> &Code {
    &condition.code
}

/// Returns what the conditions say, or else the message of the status.
fn reasons(conditions: &[StatusCondition], message: &str) -> Option<String> {
    let about = |condition: &&StatusCondition| !matches!(code(condition), Code::CaExpiring);
    let texts = conditions.iter().filter(about).map(|condition| {
        let name = match code(condition) {
            Code::Unknown => None,
            code => code.name(),
        };
        match name {
            Some(name) => format!("{name}: {}", condition.message),
            None => condition.message.clone(),
        }
    });
    let text = texts.collect::<Vec<_>>().join("; ");
    let text = if text.is_empty() { message } else { &text };
    (!text.is_empty()).then(|| text.to_owned())
}

fn pending(status: &str, running: Option<&Operation>, said: Option<String>) -> String {
    let mut text = status.to_owned();
    if let Some(operation) = running {
        text = format!("{text}: {}", describe(operation));
    }
    match said {
        Some(said) => format!("{text}; {said}"),
        None => text,
    }
}

fn failed(status: &str, said: Option<String>, help: &str) -> Readiness {
    let reason = match said {
        Some(said) => format!("{status}: {said}"),
        None => status.to_owned(),
    };
    Readiness::Failed { reason, help: Some(help.to_owned()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn cluster(more: Value) -> Cluster {
        let mut all = json!({
            "name": "shop", "endpoint": "203.0.113.9",
            "masterAuth": {"clusterCaCertificate": "QQ=="},
        });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    fn pool(more: Value) -> NodePool {
        serde_json::from_value(more).unwrap()
    }

    fn text(readiness: Readiness) -> String {
        match readiness {
            Readiness::Ready => "ready".to_owned(),
            Readiness::Pending { reason } => format!("pending {reason}"),
            Readiness::Failed { reason, .. } => format!("failed {reason}"),
        }
    }

    #[test]
    fn a_cluster_is_ready_once_it_runs_and_has_an_address() {
        let of = |more| text(of_cluster(&cluster(more), None));
        assert_eq!(of(json!({"status": "RUNNING"})), "ready");
        let no_address = of(json!({"status": "RUNNING", "endpoint": ""}));
        assert_eq!(no_address, "pending its API server has no address yet");
        assert_eq!(of(json!({"status": "PROVISIONING"})), "pending PROVISIONING");
        assert_eq!(of(json!({"status": "STOPPING"})), "pending GKE deletes it");
        assert_eq!(of(json!({"status": 77})), "pending in a status that is not known");
        let operation: Operation = serde_json::from_value(json!({
            "name": "operation-1", "operationType": "CREATE_CLUSTER", "status": "RUNNING",
        }))
        .unwrap();
        let reason =
            text(of_cluster(&cluster(json!({"status": "PROVISIONING"})), Some(&operation)));
        assert_eq!(reason, "pending PROVISIONING: CREATE_CLUSTER (operation-1)");
    }

    #[test]
    fn what_passes_is_waited_for_and_what_does_not_is_a_failure() {
        let stockout = json!([{"code": "GCE_STOCKOUT", "message": "no n2 in europe-west3-a"}]);
        let quota = json!([{"canonicalCode": 8, "message": "CPUS"}]);
        let account = json!([{"code": "GKE_SERVICE_ACCOUNT_DELETED", "message": "gone"}]);
        let of = |status: &str, conditions: &Value| {
            let one = pool(json!({"status": status, "conditions": conditions}));
            text(of_pool(&one, None))
        };
        assert_eq!(
            of("RUNNING_WITH_ERROR", &stockout),
            "pending RUNNING_WITH_ERROR; GCE_STOCKOUT: no n2 in europe-west3-a"
        );
        assert_eq!(of("ERROR", &quota), "pending ERROR; CPUS");
        assert_eq!(of("ERROR", &account), "failed ERROR: GKE_SERVICE_ACCOUNT_DELETED: gone");
        assert_eq!(of("RUNNING_WITH_ERROR", &json!([])), "failed RUNNING_WITH_ERROR");
        assert_eq!(of("RUNNING", &json!([])), "ready");
        let one = cluster(json!({"status": "DEGRADED", "conditions": account}));
        assert!(text(of_cluster(&one, None)).starts_with("failed DEGRADED"));
    }
}
