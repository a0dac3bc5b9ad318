use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::Resource;
use crate::api::body;
use crate::api::call::Call;
use crate::api::context::Server;
use crate::api::error::{ApiError, ApiResult};
use crate::api::media;
use crate::api::request::Target;
use crate::api::verbs::remove;
use crate::selector;

fn budgets() -> Resource {
    Resource::new("policy", "v1", "poddisruptionbudgets")
}

/// Evicts a pod: deletes it unless a PodDisruptionBudget says that too few would be left.
pub(super) async fn evict(
    server: &Arc<Server>,
    call: &Call,
    target: &Target,
) -> ApiResult<Response<Body>> {
    let kind = &target.kind;
    let eviction =
        if call.body.is_empty() { json!({}) } else { body::object(&call.headers, &call.body)? };
    let store = server.cluster.store();
    let _turn = server.shared.allocation.lock().await;
    let pod = store
        .get(&kind.resource(), target.ns(), target.name())
        .ok_or_else(|| ApiError::not_found(kind, target.name()))?;
    let mut options = eviction.get("deleteOptions").cloned().unwrap_or_else(|| json!({}));
    if call.query.dry_run()? {
        options["dryRun"] = json!(["All"]);
    }
    let dry_run = options["dryRun"].as_array().is_some_and(|list| !list.is_empty());
    // Pods that are over, not begun, or already on their way out disturb nothing.
    let phase = pod["status"]["phase"].as_str().unwrap_or_default();
    let free = matches!(phase, "Succeeded" | "Failed" | "Pending")
        || pod["metadata"]["deletionTimestamp"].is_string();
    if !free {
        let matching: Vec<Arc<Value>> = store
            .list(&budgets(), target.ns())
            .0
            .into_iter()
            .filter(|budget| covers(budget, &pod))
            .collect();
        match matching.as_slice() {
            [] => {}
            [budget] => disturb(server, target, budget, &pod, dry_run)?,
            _ => {
                return Err(ApiError::internal(
                    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
                ));
            }
        }
    }
    remove(server, kind, &pod, &options)?;
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(media::json(StatusCode::CREATED, &status))
}

fn covers(budget: &Value, pod: &Value) -> bool {
    selector::matches(&budget["spec"]["selector"], &pod["metadata"]["labels"])
}

fn is_ready(pod: &Value) -> bool {
    pod["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// Takes one of the disruptions a budget allows, or refuses.
fn disturb(
    server: &Server,
    target: &Target,
    budget: &Arc<Value>,
    pod: &Value,
    dry_run: bool,
) -> ApiResult<()> {
    let store = server.cluster.store();
    let name = budget["metadata"]["name"].as_str().unwrap_or_default();
    let status = &budget["status"];
    let number = |field: &str| status[field].as_i64().unwrap_or(0);
    let enough =
        number("currentHealthy") >= number("desiredHealthy") && number("desiredHealthy") > 0;
    // A pod that is not ready does not count: it may go while enough others do, or always if the
    // budget says so.
    if !is_ready(pod) && (enough || budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow") {
        return Ok(());
    }
    let seen = status["observedGeneration"].as_i64().unwrap_or(0);
    if seen < budget["metadata"]["generation"].as_i64().unwrap_or(0) {
        let why = format!("The disruption budget {name} is still being processed by the server.");
        return Err(refused(&why, Some(10)));
    }
    if number("disruptionsAllowed") <= 0 {
        let why = format!(
            "The disruption budget {name} needs {} healthy pods and has {} currently",
            number("desiredHealthy"),
            number("currentHealthy")
        );
        return Err(refused(&why, None));
    }
    if dry_run {
        return Ok(());
    }
    let at = crate::store::timestamp(jiff::Timestamp::now());
    let taken = store.modify(&budgets(), target.ns(), name, &mut |budget| {
        let left = budget["status"]["disruptionsAllowed"].as_i64().unwrap_or(0) - 1;
        budget["status"]["disruptionsAllowed"] = json!(left.max(0));
        budget["status"]["disruptedPods"][target.name()] = json!(at);
    });
    taken.map(|_| ()).map_err(|error| ApiError::from_store(error, &target.kind))
}

fn refused(why: &str, retry_after: Option<u64>) -> ApiError {
    let mut details = json!({"causes": [{"reason": "DisruptionBudget", "message": why}]});
    if let Some(seconds) = retry_after {
        details["retryAfterSeconds"] = json!(seconds);
    }
    ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "TooManyRequests",
        "Cannot evict pod as it would violate the pod's disruption budget.",
    )
    .with_details(details)
}
