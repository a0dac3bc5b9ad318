//! Operations as they are shown.

use serde_json::{Value, json};

use crate::gcp::compute::links::link;
use crate::gcp::compute::time;
use crate::gcp::http::Call;
use crate::world::GcpOperation;

/// Shows an operation.
pub fn view(call: &Call, op: &GcpOperation) -> Value {
    let project = call.project();
    let mut body = json!({
        "id": op.number.to_string(),
        "insertTime": time(op.inserted),
        "kind": "compute#operation",
        "name": op.name,
        "operationType": op.kind,
        "progress": op.progress,
        "selfLink": link(&format!("projects/{project}/{}/operations/{}", op.scope, op.name)),
        "status": op.status,
        "targetId": op.target_number,
        "targetLink": link(&op.target),
        "user": call.user,
    });
    if let Some((kind, _)) = op.scope.split_once('/') {
        let place = link(&format!("projects/{project}/{}", op.scope));
        body[kind.trim_end_matches('s')] = json!(place);
    }
    if let Some(at) = op.started {
        body["startTime"] = json!(time(at));
    }
    if let Some(at) = op.ended {
        body["endTime"] = json!(time(at));
    }
    if !op.request_id.is_empty() {
        body["clientOperationId"] = json!(op.request_id);
    }
    if let (Some((code, message)), "DONE") = (&op.error, op.status.as_str()) {
        body["error"] = json!({ "errors": [{ "code": code, "message": message }] });
        body["httpErrorStatusCode"] = json!(if code == "QUOTA_EXCEEDED" { 403 } else { 400 });
        body["httpErrorMessage"] =
            json!(if code == "QUOTA_EXCEEDED" { "FORBIDDEN" } else { "BAD REQUEST" });
    }
    body
}
