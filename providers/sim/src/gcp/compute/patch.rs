//! Changing resources.

use std::sync::Arc;

use serde_json::Value;

use super::kinds::{Fields, Kind, Site};
use super::operations::{self, Work};
use super::{checks, shape, view};
use crate::faults::Effect;
use crate::gcp::Gcp;
use crate::gcp::http::{Call, Refusal, Reply, Shape};
use crate::world::{GcpEffect, GcpResource, GcpState, State as World};

/// Finds what a path names.
///
/// # Errors
/// Returns 404 in compute's words.
pub fn find(w: &World, call: &Call, kind: &Kind) -> Result<Arc<GcpResource>, Refusal> {
    let scope = operations::scope(call);
    checks::scope(call.project(), &scope)?;
    let name = call.value("name");
    let path = format!("projects/{}/{scope}/{}/{name}", call.project(), kind.collection);
    w.gcp_resources.by_id(&path).cloned().ok_or_else(|| Refusal::no_resource(&path))
}

/// Answers a patch: fields that are given replace those of the resource, `null` takes one away.
pub async fn patch(gcp: Arc<Gcp>, call: Call, kind: &'static Kind) -> Reply {
    let Some(rule) = kind.patch else {
        return Err(Refusal::server_error(::http::StatusCode::NOT_IMPLEMENTED));
    };
    let given = call.body(shape(kind.message))?;
    let removed: Vec<String> = match serde_json::from_slice(&call.bytes) {
        Ok(Value::Object(all)) => {
            all.into_iter().filter(|(_, v)| v.is_null()).map(|(k, _)| k).collect()
        }
        _ => Vec::new(),
    };
    operations::perform(&gcp, &call, kind.collection, |w| {
        let row = find(w, &call, kind)?;
        checks::ready(&row)?;
        let mut fields = given.as_object().cloned().unwrap_or_default();
        let site = Site { project: call.project(), scope: &row.scope, path: &row.path };
        check_fingerprint(&view(w, &row), &mut fields)?;
        for name in ["id", "kind", "creationTimestamp", "selfLink", "region", "zone"] {
            fields.remove(name);
        }
        if fields.remove("name").is_some_and(|name| name != row.name.as_str()) {
            return Err(Refusal::field("resource.name", "", "The name cannot be changed."));
        }
        rule(w, &site, &row.body, &mut fields)?;
        let kind = match kind.collection {
            "firewalls" => "compute.firewalls.patch",
            _ => "patch",
        };
        Ok(change(w, &call, row, kind, |body| {
            for name in &removed {
                body.remove(name);
            }
            body.extend(fields);
        }))
    })
}

/// Changes a resource, unless the operation is going to fail.
fn change(
    w: &mut World,
    call: &Call,
    row: Arc<GcpResource>,
    kind: &'static str,
    apply: impl FnOnce(&mut Fields),
) -> Work {
    w.gcp_resources.modify(row.seq, |r| {
        r.state = GcpState::Making;
        if !call.meets(Effect::OperationFails)
            && let Some(body) = r.body.as_object_mut()
        {
            apply(body);
        }
    });
    let effect = GcpEffect::Ready(row.path.clone());
    Work { row, kind, effect }
}

/// Answers the call that lets machines without public addresses reach Google, or no longer.
pub async fn private_access(gcp: Arc<Gcp>, call: Call) -> Reply {
    let given = call.body(&Shape::new("privateIpGoogleAccess:b"))?;
    let Some(kind) = Kind::of("subnetworks") else {
        return Err(Refusal::server_error(::http::StatusCode::NOT_IMPLEMENTED));
    };
    operations::perform(&gcp, &call, kind.collection, |w| {
        let row = find(w, &call, kind)?;
        checks::ready(&row)?;
        Ok(change(w, &call, row, "setPrivateIpGoogleAccess", |body| {
            let wanted = given["privateIpGoogleAccess"] == true;
            body.insert("privateIpGoogleAccess".to_owned(), Value::Bool(wanted));
        }))
    })
}

/// Checks that the caller knows the resource as it is now, where it has a fingerprint.
fn check_fingerprint(now: &Value, fields: &mut Fields) -> Result<(), Refusal> {
    let given = fields.remove("fingerprint");
    match now.get("fingerprint") {
        Some(wanted) if given.as_ref() != Some(wanted) => Err(Refusal::condition_not_met(
            "Supplied fingerprint does not match current metadata fingerprint.",
        )),
        _ => Ok(()),
    }
}
