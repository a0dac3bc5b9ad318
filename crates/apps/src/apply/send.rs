//! Sending one object.

use std::time::Duration;

use kube::core::params::{Patch, PatchParams};
use serde_json::Value;
use tokio::time::Instant;

use super::{Change, Force, remove};
use crate::{
    AppsError, Conflict, FIELD_MANAGER, KubeClient, Object, Target,
    client::{conflicts, is_immutable, refusal},
};

/// How long to try again what the API server will take as soon as it has caught up with itself.
const CATCH_UP: Duration = Duration::from_secs(30);

/// What to send, and what is known of it.
pub(super) struct ApplyRequest {
    pub(super) object: Object,
    pub(super) target: Target,
    /// The resourceVersion of what is there; `None` when nothing is.
    pub(super) version: Option<String>,
    pub(super) force: Force,
    /// Whether it may be deleted and recreated.
    pub(super) replace: bool,
    pub(super) timeout: Duration,
}

/// Applies it; gives what that changed, and the object as the API server has it now.
pub(super) async fn send(
    client: KubeClient,
    request: ApplyRequest,
) -> Result<(Change, Value), AppsError> {
    let object = &request.object;
    let operation = format!("apply {}", object.id);
    let begun = Instant::now();
    let mut pause = Duration::from_millis(50);
    let mut force = request.force == Force::Always;
    loop {
        let error = match patch(&client, &request, force).await {
            Ok(after) => return Ok((change(&request, &after), after)),
            Err(error) => error,
        };
        if is_catching_up(&error, &request) && begun.elapsed() < CATCH_UP {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
            continue;
        }
        if let Some(status) = refusal(&error) {
            let conflicts = conflicts(status);
            if !force && !conflicts.is_empty() && request.force.covers_all(&object.id, &conflicts) {
                force = true;
                continue;
            }
            if !conflicts.is_empty() {
                return Err(AppsError::Conflict { object: object.id.clone(), conflicts });
            }
            if request.replace && is_immutable(status) {
                remove::remove(&client, &object.id, &request.target, request.timeout).await?;
                let after = patch(&client, &request, force)
                    .await
                    .map_err(|e| client.explained(&operation, e))?;
                return Ok((Change::Replaced, after));
            }
        }
        return Err(client.explained(&operation, error));
    }
}

async fn patch(client: &KubeClient, request: &ApplyRequest, force: bool) -> kube::Result<Value> {
    let id = &request.object.id;
    let api = client.api(&request.target, id.namespace.as_deref());
    let mut params = PatchParams::apply(FIELD_MANAGER).validation_strict();
    params.force = force;
    let patch = Patch::Apply(&request.object.value);
    let (api, params, patch, name) = (&api, &params, &patch, id.name.as_str());
    let after = client.try_call(|| async move { api.patch(name, params, patch).await }).await?;
    Ok(serde_json::to_value(after).unwrap_or(Value::Null))
}

fn change(request: &ApplyRequest, after: &Value) -> Change {
    let now = after.pointer("/metadata/resourceVersion").and_then(Value::as_str);
    match &request.version {
        None => Change::Created,
        Some(version) if Some(version.as_str()) == now => Change::Unchanged,
        Some(_) => Change::Updated,
    }
}

/// Returns true if the API server only needs time: the kind was just defined, or the pod's
/// ServiceAccount is still being made.
fn is_catching_up(error: &kube::Error, request: &ApplyRequest) -> bool {
    match error {
        kube::Error::Api(status) if status.code == 404 => request.target.to_come,
        kube::Error::Api(status) => {
            status.code == 403 && status.message.contains("error looking up service account")
        }
        _ => false,
    }
}

/// Returns the conflict of an object that another suite put there.
pub(super) fn foreign(suite: &str) -> Conflict {
    Conflict {
        manager: format!("suite {suite}"),
        field: format!(".metadata.annotations[{}]", crate::SUITE_ANNOTATION),
    }
}
