use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::page::Continue;
use super::show;
use crate::api::call::{Call, Listing};
use crate::api::context::Server;
use crate::api::error::{ApiError, ApiResult};
use crate::api::media::{self, Form};
use crate::api::request::Target;
use crate::api::table;
use crate::selector::Selector;
use crate::store::{name_of, namespace_of};
use crate::{EventKind, Store};

/// How many changes a stale list is behind.
const STALE: usize = 5;

/// How many objects a small page holds.
const SMALL_PAGE: usize = 2;

/// Parses the selector of a request.
pub(super) fn selector(call: &Call, target: &Target) -> ApiResult<Selector> {
    Selector::parse(
        call.query.get("labelSelector"),
        call.query.get("fieldSelector"),
        &target.kind.plural,
        target.kind.custom.is_some(),
    )
    .map_err(ApiError::bad_request)
}

/// Handles GET of a collection.
pub(crate) fn list(
    server: &Arc<Server>,
    call: &Call,
    target: &Target,
) -> ApiResult<Response<Body>> {
    let kind = &target.kind;
    let form = media::form_of(&call.headers)?;
    let selector = selector(call, target)?;
    let store = server.cluster.store();
    let (mut objects, mut rv) = store.list(&kind.stored(), target.ns());
    if call.listing == Listing::Stale {
        objects = stale(store, target, objects, rv);
    }
    if let Some(wanted) = call.query.number("resourceVersion")?
        && wanted > rv
    {
        return Err(ApiError::new(
            StatusCode::GATEWAY_TIMEOUT,
            "Timeout",
            format!("Timeout: Too large resource version: {wanted}, current: {rv}"),
        )
        .with_details(json!({"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}], "retryAfterSeconds": 1})));
    }
    if let Some(token) = call.query.get("continue").filter(|token| !token.is_empty()) {
        let token = Continue::decode(token)?;
        rv = token.rv;
        objects.retain(|object| {
            (namespace_of(object), name_of(object))
                > (token.after.0.as_str(), token.after.1.as_str())
        });
    }
    objects.retain(|object| selector.matches(object));
    let mut meta = json!({"resourceVersion": rv.to_string()});
    if let Some(limit) = call.query.number("limit")?.filter(|limit| *limit > 0) {
        let asked = usize::try_from(limit).unwrap_or(usize::MAX);
        let limit = if call.listing == Listing::SmallPages { asked.min(SMALL_PAGE) } else { asked };
        if objects.len() > limit {
            let left = objects.len() - limit;
            objects.truncate(limit);
            if let Some(last) = objects.last() {
                let after = (namespace_of(last).to_owned(), name_of(last).to_owned());
                meta["continue"] = json!(Continue { rv, after }.encode());
            }
            if selector.is_empty() {
                meta["remainingItemCount"] = json!(left);
            }
        }
    }
    let mut items: Vec<Value> = objects.iter().map(|object| show::present(kind, object)).collect();
    let value = match form {
        Form::Table => {
            let mut table = table::of(kind, &items, call.query.get("includeObject"), true);
            table["metadata"] = meta;
            table
        }
        Form::Metadata => {
            let items: Vec<Value> = items.iter().map(show::metadata_only).collect();
            json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": meta, "items": items})
        }
        Form::Full => {
            // Items of a built-in list carry no type of their own.
            if kind.custom.is_none() {
                for item in items.iter_mut().filter_map(Value::as_object_mut) {
                    item.remove("apiVersion");
                    item.remove("kind");
                }
            }
            json!({"kind": format!("{}List", kind.kind), "apiVersion": kind.api_version(), "metadata": meta, "items": items})
        }
    };
    Ok(media::json(StatusCode::OK, &value))
}

/// Returns what was there some changes ago: it undoes the last changes of the kind.
fn stale(store: &Store, target: &Target, objects: Vec<Arc<Value>>, rv: u64) -> Vec<Arc<Value>> {
    let resource = target.kind.stored();
    let mut known: BTreeMap<(String, String), Arc<Value>> = objects
        .into_iter()
        .map(|object| ((namespace_of(&object).to_owned(), name_of(&object).to_owned()), object))
        .collect();
    let oldest = store.oldest_known();
    let Ok((events, _)) = store.events_after(oldest, Some(&resource.key())) else {
        return known.into_values().collect();
    };
    let recent = events.iter().rev().filter(|event| {
        event.rv <= rv && target.ns().is_none_or(|ns| namespace_of(&event.object) == ns)
    });
    for event in recent.take(STALE) {
        let key = (namespace_of(&event.object).to_owned(), name_of(&event.object).to_owned());
        match (&event.previous, event.kind) {
            (Some(previous), _) => known.insert(key, previous.clone()),
            (None, EventKind::Added | EventKind::Modified | EventKind::Deleted) => {
                known.remove(&key)
            }
        };
    }
    known.into_values().collect()
}
