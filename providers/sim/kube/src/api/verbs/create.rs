use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{convert, intake, show};
use crate::Resource;
use crate::api::apply::{Tracking, track_update};
use crate::api::call::Call;
use crate::api::context::Server;
use crate::api::error::{ApiError, ApiResult};
use crate::api::kind::Kind;
use crate::api::request::Target;
use crate::api::{body, defaults, media, validate};
use crate::store::{is_terminating, meta_mut, timestamp};

/// Handles POST to a collection.
pub(crate) async fn create(
    server: &Arc<Server>,
    call: &Call,
    target: &Target,
) -> ApiResult<Response<Body>> {
    let mut object = body::object(&call.headers, &call.body)?;
    let warnings = intake::intake(&target.kind, &mut object, &call.query)?;
    let by = Tracking { manager: call.manager(), subresource: String::new() };
    let created = save_new(server, call, target, object, Some(&by)).await?;
    let mut response = show::one(call, &target.kind, StatusCode::CREATED, &created)?;
    media::warn(&mut response, &warnings);
    Ok(response)
}

/// Creates an object that was taken in: fills in, checks, keeps. `by` is whose fields it has; `None`
/// when it carries its managedFields already.
pub(super) async fn save_new(
    server: &Arc<Server>,
    call: &Call,
    target: &Target,
    mut object: Value,
    by: Option<&Tracking>,
) -> ApiResult<Arc<Value>> {
    let kind = &target.kind;
    let store = server.cluster.store();
    if kind.namespaced && target.namespace.is_none() {
        return Err(ApiError::bad_request("an empty namespace may not be set during creation"));
    }
    intake::check_identity(target, &mut object)?;
    let meta = meta_mut(&mut object);
    for field in [
        "uid",
        "creationTimestamp",
        "resourceVersion",
        "selfLink",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        let given = meta.remove(field);
        if field == "resourceVersion" && given.is_some_and(|rv| rv != "" && rv != "0") {
            return Err(ApiError::bad_request(
                "resourceVersion should not be set on objects to be created",
            ));
        }
    }
    if by.is_some() {
        meta.remove("managedFields");
    }
    generate_name(meta);
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if let Some(ns) = target.ns() {
        namespace_must_live(server, kind, ns, &name)?;
    }
    if kind.has_status()
        && let Some(fields) = object.as_object_mut()
    {
        fields.remove("status");
    }
    let _turn = server.shared.allocation.lock().await;
    let context = defaults::Context { server, user: &call.user };
    defaults::created(&context, kind, &mut object);
    let mut errors = validate::created(server, kind, &object);
    if errors.is_empty() {
        errors = defaults::allocate(server, kind, None, &mut object);
    }
    if !errors.is_empty() {
        return Err(ApiError::invalid(kind, &name, &errors));
    }
    validate::admit(server, kind, &object)?;
    if let Some(by) = by {
        track_update(kind, None, &mut object, by);
    }
    let stored = convert::kept(kind, object);
    if call.query.dry_run()? {
        if store.get(&kind.stored(), target.ns(), &name).is_some() {
            return Err(ApiError::already_exists(kind, &name));
        }
        let mut object = stored;
        let meta = meta_mut(&mut object);
        meta.insert("uid".into(), json!(uuid::Uuid::new_v4().to_string()));
        meta.insert("creationTimestamp".into(), json!(timestamp(jiff::Timestamp::now())));
        if kind.has_status() && !kind.group.is_empty() {
            meta.insert("generation".into(), json!(1));
        }
        return Ok(Arc::new(object));
    }
    store.create(&kind.stored(), stored).map_err(|error| ApiError::from_store(error, kind))
}

fn generate_name(meta: &mut serde_json::Map<String, Value>) {
    let named = meta.get("name").and_then(Value::as_str).is_some_and(|name| !name.is_empty());
    if named {
        return;
    }
    let Some(prefix) = meta.get("generateName").and_then(Value::as_str) else {
        return;
    };
    // No vowels, so that no words come out (the alphabet of Kubernetes' own names).
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let suffix: String =
        (0..5).map(|_| char::from(ALPHABET[rand::random_range(0..ALPHABET.len())])).collect();
    let prefix: String = prefix.chars().take(58).collect();
    meta.insert("name".into(), json!(format!("{prefix}{suffix}")));
}

/// Refuses with 404 for a namespace that does not exist, with 403 for one that is being deleted.
fn namespace_must_live(server: &Server, kind: &Kind, ns: &str, name: &str) -> ApiResult<()> {
    let namespaces = Resource::core("namespaces");
    let Some(namespace) = server.cluster.store().get(&namespaces, None, ns) else {
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            format!("namespaces \"{ns}\" not found"),
        )
        .with_details(json!({"name": ns, "kind": "namespaces"})));
    };
    if is_terminating(&namespace) && !kind.is("", "events") {
        let why = format!(
            "unable to create new content in namespace {ns} because it is being terminated"
        );
        let mut error = ApiError::forbidden(kind, name, &why);
        error.details["causes"] = json!([{"reason": "NamespaceTerminating",
            "message": format!("namespace {ns} is being terminated"), "field": "metadata.namespace"}]);
        return Err(error);
    }
    Ok(())
}
