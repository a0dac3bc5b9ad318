use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::create::save_new;
use super::save::{Saved, save_update};
use super::update::must_be_current;
use super::{intake, show};
use crate::api::apply::{self, Tracking};
use crate::api::call::Call;
use crate::api::context::Server;
use crate::api::error::{ApiError, ApiResult};
use crate::api::field_error::FieldError;
use crate::api::request::Target;
use crate::api::{body, media, patch as patches};
use crate::store::meta_mut;

const JSON: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// Handles PATCH of an object or of a part of it, in one of the four kinds of patch.
pub(crate) async fn patch(
    server: &Arc<Server>,
    call: &Call,
    target: &Target,
) -> ApiResult<Response<Body>> {
    let kind = &target.kind;
    let media_type = body::media_type(&call.headers);
    let known = match media_type {
        JSON | MERGE | APPLY => true,
        STRATEGIC => kind.custom.is_none(),
        _ => false,
    };
    if !known {
        let accepted = format!(
            "{JSON}, {MERGE}, {APPLY}{}",
            if kind.custom.is_none() { format!(", {STRATEGIC}") } else { String::new() }
        );
        return Err(body::unsupported(media_type, &accepted));
    }
    if media_type == APPLY {
        return server_side_apply(server, call, target).await;
    }
    if call.query.get("force").is_some() {
        return Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid",
            "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch",
        ));
    }
    let by = Tracking {
        manager: call.manager(),
        subresource: target.subresource.clone().unwrap_or_default(),
    };
    let _turn = server.shared.allocation.lock().await;
    loop {
        let old = server
            .cluster
            .store()
            .get(&kind.stored(), target.ns(), target.name())
            .ok_or_else(|| ApiError::not_found(kind, target.name()))?;
        let old = Arc::new(show::present(kind, &old));
        let mut new = patched(call, target, media_type, &old)?;
        let warnings = intake::intake(kind, &mut new, &call.query)?;
        // In a patch the UID is a field like others; only an update takes it for a precondition.
        let (was, is) = (&old["metadata"]["uid"], &new["metadata"]["uid"]);
        if is.is_string() && was != is {
            let error = FieldError::invalid("metadata.uid", is.clone(), "field is immutable");
            return Err(ApiError::invalid(kind, target.name(), &[error]));
        }
        must_be_current(target, &old, &new)?;
        if new["metadata"]["name"] != old["metadata"]["name"]
            || new["metadata"]["namespace"] != old["metadata"]["namespace"]
        {
            return Err(ApiError::bad_request("metadata.name: Invalid value: field is immutable"));
        }
        match save_update(server, target, &call.user, &old, new, Some(&by), call.query.dry_run()?)?
        {
            Saved::Done(saved) => {
                let mut response = show::one(call, kind, StatusCode::OK, &saved)?;
                media::warn(&mut response, &warnings);
                return Ok(response);
            }
            Saved::Raced => tokio::task::yield_now().await,
        }
    }
}

fn patched(call: &Call, target: &Target, media_type: &str, old: &Value) -> ApiResult<Value> {
    if media_type == JSON {
        return patches::json_patch(old, &call.body);
    }
    let patch: Value = serde_json::from_slice(&call.body)
        .map_err(|error| ApiError::bad_request(format!("error decoding patch: {error}")))?;
    if !patch.is_object() {
        return Err(ApiError::bad_request(
            "error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}",
        ));
    }
    if media_type == MERGE {
        return Ok(patches::merge_patch(old, &patch));
    }
    patches::strategic_merge(old, &patch, &target.kind.schema)
}

/// Handles server-side apply, which creates what does not exist.
async fn server_side_apply(
    server: &Arc<Server>,
    call: &Call,
    target: &Target,
) -> ApiResult<Response<Body>> {
    let kind = &target.kind;
    let Some(manager) = call.query.get("fieldManager").filter(|name| !name.is_empty()) else {
        return Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid",
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
        ));
    };
    let mut config = body::yaml(&call.body)?;
    if !config.is_object() {
        return Err(ApiError::bad_request("error decoding YAML: the body is no object"));
    }
    if !config["metadata"]["managedFields"].is_null() {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    let mut warnings = Vec::new();
    let unknown = {
        // Unknown fields have no owner: apply refuses them whatever the client asked.
        let before = config.clone();
        warnings.extend(intake::intake(kind, &mut config, &Default::default())?);
        crate::schema::decode(&mut before.clone(), &kind.schema).unknown
    };
    if let Some(path) = unknown.first() {
        return Err(ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "",
            format!(
                "failed to create typed patch object ({}/{}; {}, Kind={}): .{path}: field not declared in schema",
                target.ns().unwrap_or_default(),
                target.name(),
                kind.api_version(),
                kind.kind
            ),
        ));
    }
    intake::check_identity(target, &mut config)?;
    let force = call.query.flag("force");
    let by = Tracking {
        manager: manager.to_owned(),
        subresource: target.subresource.clone().unwrap_or_default(),
    };
    let dry_run = call.query.dry_run()?;
    loop {
        let found = server.cluster.store().get(&kind.stored(), target.ns(), target.name());
        let (code, saved) = match found {
            None if target.subresource.is_some() => {
                return Err(ApiError::not_found(kind, target.name()));
            }
            None => {
                if !config["metadata"]["uid"].is_null() {
                    return Err(ApiError::conflict(
                        kind,
                        target.name(),
                        "uid mismatch: the provided object specified uid, and no existing object was found",
                    ));
                }
                let new = apply::apply(kind, None, &config, &by, force)?;
                match save_new(server, call, target, new, None).await {
                    Ok(saved) => (StatusCode::CREATED, Saved::Done(saved)),
                    // Created by another meanwhile: apply to that.
                    Err(error) if error.reason == "AlreadyExists" => (StatusCode::OK, Saved::Raced),
                    Err(error) => return Err(error),
                }
            }
            Some(old) => {
                let old = Arc::new(show::present(kind, &old));
                must_be_current(target, &old, &config)?;
                let mut new = apply::apply(kind, Some(&old), &config, &by, force)?;
                crate::schema::decode(&mut new, &kind.schema);
                let meta = meta_mut(&mut new);
                meta.insert("resourceVersion".into(), json!(old["metadata"]["resourceVersion"]));
                let _turn = server.shared.allocation.lock().await;
                (StatusCode::OK, save_update(server, target, &call.user, &old, new, None, dry_run)?)
            }
        };
        match saved {
            Saved::Done(saved) => {
                let mut response = show::one(call, kind, code, &saved)?;
                media::warn(&mut response, &warnings);
                return Ok(response);
            }
            Saved::Raced => tokio::task::yield_now().await,
        }
    }
}
