use std::sync::Arc;

use axum::body::Body;
use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::api::apply::Tracking;
use crate::api::call::Call;
use crate::api::context::Server;
use crate::api::error::{ApiError, ApiResult};
use crate::api::field_error::FieldError;
use crate::api::kind::Kind;
use crate::api::request::Target;
use crate::api::verbs::{Saved, present, save_update};
use crate::api::{body, media, patch};
use crate::schema::Type;

/// The paths a kind keeps its replicas in.
struct Paths {
    spec: String,
    status: String,
    selector: String,
}

fn paths(kind: &Kind) -> Paths {
    let own = kind.custom.as_ref().map(|version| &version["subresources"]["scale"]);
    let path = |field: &str, usual: &str| {
        let given = own.and_then(|own| own[field].as_str()).unwrap_or(usual);
        given.replace('.', "/")
    };
    Paths {
        spec: path("specReplicasPath", ".spec.replicas"),
        status: path("statusReplicasPath", ".status.replicas"),
        selector: path("labelSelectorPath", ".status.selector"),
    }
}

fn scale_of(kind: &Kind, object: &Value) -> Value {
    let paths = paths(kind);
    let at = |path: &str| object.pointer(path).cloned().unwrap_or_default();
    let meta = &object["metadata"];
    let selector = match kind.custom {
        Some(_) => at(&paths.selector),
        None => {
            let labels = &object["spec"]["selector"];
            let labels = labels.get("matchLabels").unwrap_or(labels);
            let pairs: Vec<String> = labels
                .as_object()
                .into_iter()
                .flatten()
                .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
                .collect();
            json!(pairs.join(","))
        }
    };
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"], "creationTimestamp": meta["creationTimestamp"]},
        "spec": {"replicas": at(&paths.spec).as_i64().unwrap_or(0)},
        "status": {"replicas": at(&paths.status).as_i64().unwrap_or(0), "selector": selector},
    })
}

/// Answers GET, PUT and PATCH of `scale`.
pub(super) async fn answer(
    server: &Arc<Server>,
    call: &Call,
    target: &Target,
) -> ApiResult<Response<Body>> {
    let kind = &target.kind;
    let find = || {
        let found = server.cluster.store().get(&kind.stored(), target.ns(), target.name());
        found
            .map(|object| Arc::new(present(kind, &object)))
            .ok_or_else(|| ApiError::not_found(kind, target.name()))
    };
    if call.method == Method::GET {
        return Ok(media::json(StatusCode::OK, &scale_of(kind, &*find()?)));
    }
    let by = Tracking { manager: call.manager(), subresource: "scale".into() };
    let _turn = server.shared.allocation.lock().await;
    loop {
        let old = find()?;
        let scale = scale_of(kind, &old);
        let wanted = wanted(call, &scale)?;
        let rv = &wanted["metadata"]["resourceVersion"];
        if rv.as_str().is_some_and(|rv| !rv.is_empty()) && *rv != old["metadata"]["resourceVersion"]
        {
            return Err(ApiError::modified(kind, target.name()));
        }
        let replicas = wanted["spec"]["replicas"].as_i64().unwrap_or(0);
        if replicas < 0 {
            let error = FieldError::invalid(
                "spec.replicas",
                replicas,
                "must be greater than or equal to 0",
            );
            return Err(ApiError::invalid(kind, target.name(), &[error]));
        }
        let mut new = (*old).clone();
        set(&mut new, &paths(kind).spec, json!(replicas));
        let whole = Target { subresource: None, ..target.clone() };
        match save_update(server, &whole, &call.user, &old, new, Some(&by), call.query.dry_run()?)?
        {
            Saved::Done(saved) => return Ok(media::json(StatusCode::OK, &scale_of(kind, &saved))),
            Saved::Raced => tokio::task::yield_now().await,
        }
    }
}

fn wanted(call: &Call, scale: &Value) -> ApiResult<Value> {
    if call.method == Method::PUT {
        return body::object(&call.headers, &call.body);
    }
    if call.method != Method::PATCH {
        return Err(ApiError::method_not_supported());
    }
    match body::media_type(&call.headers) {
        "application/json-patch+json" => patch::json_patch(scale, &call.body),
        media @ ("application/merge-patch+json"
        | "application/strategic-merge-patch+json"
        | "application/apply-patch+yaml") => {
            let given = body::yaml(&call.body)?;
            if media.contains("strategic") {
                patch::strategic_merge(scale, &given, &Type::Any)
            } else {
                Ok(patch::merge_patch(scale, &given))
            }
        }
        other => Err(body::unsupported(
            other,
            "application/json-patch+json, application/merge-patch+json",
        )),
    }
}

fn set(object: &mut Value, path: &str, value: Value) {
    let mut place = object;
    for part in path.split('/').filter(|part| !part.is_empty()) {
        place = &mut place[part];
    }
    *place = value;
}
