use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::list::selector;
use super::{intake, show};
use crate::api::call::Call;
use crate::api::context::Server;
use crate::api::error::{ApiError, ApiResult};
use crate::api::kind::Kind;
use crate::api::media;
use crate::api::request::Target;
use crate::store::{is_terminating, mark_terminating, meta_mut, name_of, namespace_of};

/// Grace of a pod that names none.
const POD_GRACE: u64 = 30;

/// Handles DELETE of one object.
pub(crate) fn delete(
    server: &Arc<Server>,
    call: &Call,
    target: &Target,
) -> ApiResult<Response<Body>> {
    let options = intake::options_body(call)?;
    let kind = &target.kind;
    let object = server
        .cluster
        .store()
        .get(&kind.stored(), target.ns(), target.name())
        .ok_or_else(|| ApiError::not_found(kind, target.name()))?;
    match remove(server, kind, &object, &options)? {
        // Still there, on its way out.
        Some(left) => show::one(call, kind, StatusCode::OK, &left),
        None if kind.is("", "pods") || kind.is("", "services") => {
            show::one(call, kind, StatusCode::OK, &object)
        }
        None => {
            let mut details = json!({"name": target.name(), "kind": kind.plural, "uid": object["metadata"]["uid"]});
            if !kind.group.is_empty() {
                details["group"] = json!(kind.group);
            }
            let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
            Ok(media::json(StatusCode::OK, &status))
        }
    }
}

/// Handles DELETE of a collection: of all that the selectors match.
pub(crate) fn delete_collection(
    server: &Arc<Server>,
    call: &Call,
    target: &Target,
) -> ApiResult<Response<Body>> {
    let options = intake::options_body(call)?;
    let kind = &target.kind;
    if !kind.verbs().contains(&"deletecollection") {
        return Err(ApiError::method_not_supported());
    }
    let selector = selector(call, target)?;
    let (objects, rv) = server.cluster.store().list(&kind.stored(), target.ns());
    let mut items = Vec::new();
    for object in objects.iter().filter(|object| selector.matches(object)) {
        let left = remove(server, kind, object, &options)?;
        items.push(show::present(kind, left.as_ref().unwrap_or(object)));
    }
    let value = json!({"kind": format!("{}List", kind.kind), "apiVersion": kind.api_version(),
        "metadata": {"resourceVersion": rv.to_string()}, "items": items});
    Ok(media::json(StatusCode::OK, &value))
}

/// Deletes as the options say. It returns the object's last form if the object has to wait for its
/// kubelet, its finalizers, or its dependents.
pub(crate) fn remove(
    server: &Server,
    kind: &Kind,
    object: &Arc<Value>,
    options: &Value,
) -> ApiResult<Option<Arc<Value>>> {
    let store = server.cluster.store();
    let name = name_of(object);
    let ns = Some(namespace_of(object)).filter(|ns| !ns.is_empty());
    preconditions(kind, object, options)?;
    if kind.is("", "namespaces") && matches!(name, "default" | "kube-system" | "kube-public") {
        return Err(ApiError::forbidden(kind, name, "this namespace may not be deleted"));
    }
    let policy = policy(kind, object, options)?;
    if options["dryRun"].as_array().is_some_and(|list| !list.is_empty()) {
        return Ok(None);
    }
    let grace = grace(kind, object, options);
    let resource = kind.stored();
    let waits = policy.is_some() || grace > 0;
    let left = if waits {
        store.modify(&resource, ns, name, &mut |object| {
            if let Some(finalizer) = policy
                && !is_terminating(object)
            {
                add_finalizer(object, finalizer);
            }
            shorten_or_mark(object, grace);
        })
    } else {
        store.delete(&resource, ns, name)
    };
    let left = left.map_err(|error| ApiError::from_store(error, kind))?;
    let still = store
        .get(&resource, ns, name)
        .is_some_and(|now| now["metadata"]["uid"] == object["metadata"]["uid"]);
    Ok(left.filter(|_| still))
}

fn preconditions(kind: &Kind, object: &Value, options: &Value) -> ApiResult<()> {
    for (field, spoken) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
        let wanted = &options["preconditions"][field];
        let actual = &object["metadata"][field];
        if wanted.is_string() && wanted != actual {
            return Err(ApiError::conflict(
                kind,
                name_of(object),
                &format!(
                    "Precondition failed: {spoken} in precondition: {}, {spoken} in object meta: {}",
                    wanted.as_str().unwrap_or_default(),
                    actual.as_str().unwrap_or_default()
                ),
            ));
        }
    }
    Ok(())
}

/// Returns the finalizer a propagation policy asks for: dependents go first, or stay.
fn policy(kind: &Kind, object: &Value, options: &Value) -> ApiResult<Option<&'static str>> {
    if options["orphanDependents"] == true {
        return Ok(Some("orphan"));
    }
    match options["propagationPolicy"].as_str() {
        Some("Foreground") if !kind.is("", "pods") => Ok(Some("foregroundDeletion")),
        Some("Orphan") => Ok(Some("orphan")),
        None | Some("Background" | "Foreground") => Ok(None),
        Some(other) => Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid",
            format!(
                "DeleteOptions.meta.k8s.io \"{}\" is invalid: propagationPolicy: Unsupported value: \"{other}\": supported values: \"Foreground\", \"Background\", \"Orphan\"",
                name_of(object)
            ),
        )),
    }
}

/// Returns the seconds a pod's kubelet has; there are none for what no kubelet runs.
fn grace(kind: &Kind, object: &Value, options: &Value) -> u64 {
    if !kind.is("", "pods") {
        return 0;
    }
    let bound = object["spec"]["nodeName"].as_str().is_some_and(|node| !node.is_empty());
    let over = matches!(object["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    if !bound || over {
        return 0;
    }
    let own = object["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap_or(POD_GRACE);
    options["gracePeriodSeconds"].as_u64().unwrap_or(own)
}

fn add_finalizer(object: &mut Value, finalizer: &str) {
    let meta = meta_mut(object);
    let list = meta.entry("finalizers").or_insert_with(|| json!([]));
    if let Some(list) = list.as_array_mut()
        && !list.iter().any(|present| present == finalizer)
    {
        list.push(json!(finalizer));
    }
}

/// Marks it for deletion; a second delete may only shorten the grace.
fn shorten_or_mark(object: &mut Value, grace: u64) {
    let shorter = object["metadata"]["deletionGracePeriodSeconds"]
        .as_u64()
        .is_some_and(|present| grace < present);
    if shorter {
        meta_mut(object).remove("deletionTimestamp");
    }
    mark_terminating(object, grace);
}
