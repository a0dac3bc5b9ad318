//! Operations: what was asked for, how far it is, and the same answer to the same request.

mod calls;
mod view;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

pub use calls::{aggregated, get, list, wait};
pub use view::view;

use super::runner;
use crate::faults::Effect;
use crate::gcp::Gcp;
use crate::gcp::http::{Call, Refusal, Reply};
use crate::world::{GcpEffect, GcpOperation, GcpResource, State as World, mix};

/// Of so many operations one is shown as `PENDING` first.
const PENDING_EVERY: u64 = 4;

/// An operation to begin.
pub struct New<'a> {
    /// `global`, `regions/R` or `zones/Z`.
    pub scope: &'a str,
    /// `insert`, `delete`, `patch`…
    pub kind: &'a str,
    /// The path of the resource, from `projects/` on.
    pub target: &'a str,
    /// The resource's number.
    pub target_number: &'a str,
    /// What ends with it.
    pub effect: GcpEffect,
}

/// Begins an operation. Whoever calls this starts it with [`started`] once the world is written.
pub fn begin(w: &mut World, call: &Call, takes: Duration, new: &New<'_>) -> Arc<GcpOperation> {
    let seq = w.counters.next_order();
    let seed = w.counters.seed;
    let now = jiff::Timestamp::now();
    let is_pending = mix(seed, "gcp-pending", seq).is_multiple_of(PENDING_EVERY);
    let status = if is_pending { "PENDING" } else { "RUNNING" };
    let (a, b) = (mix(seed, "gcp-operation", seq), mix(seed, "gcp-operation-2", seq));
    let name = format!(
        "operation-{}-{:013x}-{:08x}-{:08x}",
        now.as_millisecond(),
        a >> 12,
        b >> 32,
        b & 0xffff_ffff
    );
    w.gcp_operations.put(GcpOperation {
        seq,
        name,
        number: number(seed, seq),
        scope: new.scope.to_owned(),
        kind: new.kind.to_owned(),
        target: new.target.to_owned(),
        target_number: new.target_number.to_owned(),
        status: status.to_owned(),
        progress: 0,
        takes_ms: u64::try_from(takes.as_millis()).unwrap_or(u64::MAX),
        inserted: now,
        started: (!is_pending).then_some(now),
        ended: None,
        effect: new.effect.clone(),
        error: call.meets(Effect::OperationFails).then(|| failure(new)),
        request_id: call.query.get("requestId").unwrap_or_default().to_owned(),
        request: request(call),
    })
}

/// Returns how such an operation fails: with a quota, or with somebody who came in between.
fn failure(new: &New<'_>) -> (String, String) {
    if new.kind == "delete" {
        let message = format!("The resource '{}' is already being used by another one", new.target);
        return ("RESOURCE_IN_USE_BY_ANOTHER_RESOURCE".to_owned(), message);
    }
    let quota = new.target.rsplit('/').nth(1).unwrap_or("RESOURCES").to_ascii_uppercase();
    ("QUOTA_EXCEEDED".to_owned(), format!("Quota '{quota}' exceeded."))
}

/// Makes the number of a resource or an operation.
pub fn number(seed: u64, seq: u64) -> u64 {
    1_000_000_000_000_000_000 + mix(seed, "gcp-number", seq) % 8_000_000_000_000_000_000
}

fn request(call: &Call) -> String {
    // A body is not part of it: whoever sends another one under the same id gets the first answer.
    format!("{} {}", call.method, call.path)
}

/// Returns the answer to a request that was made before under the same `requestId`.
///
/// # Errors
/// Returns 400 if the id is none, or belongs to another request.
pub fn replay(w: &World, call: &Call) -> Result<Option<Value>, Refusal> {
    let Some(id) = call.query.get("requestId") else { return Ok(None) };
    let is_good = uuid::Uuid::try_parse(id).is_ok_and(|id| !id.is_nil());
    if !is_good {
        return Err(Refusal::field("requestId", id, "Must be a valid, non-zero UUID."));
    }
    let found = w.gcp_operations.by_name(id).next();
    match found {
        Some(op) if op.request == request(call) => Ok(Some(view(call, op))),
        Some(_) => {
            let why = "The request id was used for another request.";
            Err(Refusal::field("requestId", id, why))
        }
        None => Ok(None),
    }
}

/// Ends an operation that was begun by hand, well or with a code and a message.
pub fn finish(w: &mut World, name: &str, error: Option<(String, String)>) -> bool {
    let Some(seq) = w.gcp_operations.by_id(name).map(|op| op.seq) else { return false };
    w.gcp_operations.modify(seq, |op| {
        op.status = "DONE".to_owned();
        op.progress = 100;
        let now = jiff::Timestamp::now();
        op.started.get_or_insert(now);
        op.ended = Some(now);
        op.error = error.or_else(|| op.error.take());
    })
}

/// Returns the scope that a path names.
pub fn scope(call: &Call) -> String {
    match (call.values.get("region"), call.values.get("zone")) {
        (Some(region), _) => format!("regions/{region}"),
        (_, Some(zone)) => format!("zones/{zone}"),
        _ => "global".to_owned(),
    }
}

/// What a call does to a resource.
pub struct Work {
    /// The resource.
    pub row: Arc<GcpResource>,
    /// `insert`, `delete`, `patch`…
    pub kind: &'static str,
    /// What ends with the operation.
    pub effect: GcpEffect,
}

/// Does the work of a call, once under each `requestId`, and answers with the operation.
///
/// # Errors
/// Returns the work's refusal, or 400 if the id can't be taken.
pub fn perform(
    gcp: &Arc<Gcp>,
    call: &Call,
    collection: &str,
    work: impl FnOnce(&mut World) -> Result<Work, Refusal>,
) -> Reply {
    let takes = runner::takes(gcp.sim(), collection);
    let begun = gcp.sim().world.write(|w| {
        if let Some(answer) = replay(w, call)? {
            return Ok(Err(answer));
        }
        let Work { row, kind, effect } = work(w)?;
        let new = New {
            scope: &row.scope,
            kind,
            target: &row.path,
            target_number: row.body["id"].as_str().unwrap_or_default(),
            effect,
        };
        Ok(Ok(begin(w, call, takes, &new)))
    })?;
    Ok(match begun {
        Ok(op) => started(gcp, call, &op),
        Err(answer) => answer,
    })
}

/// Starts an operation that was begun, and answers with it.
pub fn started(gcp: &Arc<Gcp>, call: &Call, op: &GcpOperation) -> Value {
    runner::start(gcp.sim().clone(), op.name.clone());
    view(call, op)
}
