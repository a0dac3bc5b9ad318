use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::Resource;
use crate::api::body;
use crate::api::builtin::built_in;
use crate::api::call::Call;
use crate::api::context::Server;
use crate::api::error::{ApiError, ApiResult};
use crate::api::media;
use crate::api::request::Target;
use crate::store::timestamp;

/// Binds a pod to a node: `pods/<name>/binding`, or a Binding of that name.
pub(super) fn bind(
    server: &Arc<Server>,
    call: &Call,
    target: &Target,
) -> ApiResult<Response<Body>> {
    let binding = body::object(&call.headers, &call.body)?;
    let name =
        target.name.as_deref().or_else(|| binding["metadata"]["name"].as_str()).unwrap_or_default();
    let node = binding["target"]["name"].as_str().unwrap_or_default();
    if node.is_empty() {
        return Err(ApiError::bad_request("target.name: Required value"));
    }
    let pods = Resource::core("pods");
    let mut taken = None;
    let at = timestamp(jiff::Timestamp::now());
    let bound = server.cluster.store().modify(&pods, target.ns(), name, &mut |pod| {
        if let Some(present) = pod["spec"]["nodeName"].as_str().filter(|node| !node.is_empty()) {
            taken = Some(present.to_owned());
            return;
        }
        pod["spec"]["nodeName"] = json!(node);
        let scheduled = json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": at});
        if !pod["status"].is_object() {
            pod["status"] = json!({});
        }
        match pod["status"]["conditions"].as_array_mut() {
            Some(list) => {
                list.retain(|condition: &Value| condition["type"] != "PodScheduled");
                list.push(scheduled);
            }
            None => pod["status"]["conditions"] = json!([scheduled]),
        }
    });
    let kind = built_in().iter().find(|kind| kind.is("", "pods")).unwrap_or(&target.kind);
    let bound = bound.map_err(|error| ApiError::from_store(error, kind))?;
    if bound.is_none() {
        return Err(ApiError::not_found(kind, name));
    }
    if let Some(present) = taken {
        let why = format!("pod {name} is already assigned to node \"{present}\"");
        return Err(ApiError::conflict(kind, name, &why));
    }
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(media::json(StatusCode::CREATED, &status))
}
