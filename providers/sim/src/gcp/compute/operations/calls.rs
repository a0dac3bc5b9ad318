//! The calls that tell how far operations are.

use std::sync::Arc;
use std::time::Duration;

use super::{scope, view};
use crate::gcp::Gcp;
use crate::gcp::compute::{checks, links};
use crate::gcp::http::{self, Call, Refusal, Reply};
use crate::world::{GcpOperation, State as World};

/// How long `wait` waits at most.
const WAIT_MAX: Duration = Duration::from_secs(120);

fn find(w: &World, call: &Call) -> Result<Arc<GcpOperation>, Refusal> {
    let (scope, name) = (scope(call), call.value("operation"));
    checks::scope(call.project(), &scope)?;
    w.gcp_operations.by_id(name).filter(|op| op.scope == scope).cloned().ok_or_else(|| {
        Refusal::no_resource(&format!("projects/{}/{scope}/operations/{name}", call.project()))
    })
}

/// Answers how far an operation is.
pub async fn get(gcp: Arc<Gcp>, call: Call) -> Reply {
    gcp.sim().world.read(|w| find(w, &call)).map(|op| view(&call, &op))
}

/// Answers when an operation is done, or after two minutes.
pub async fn wait(gcp: Arc<Gcp>, call: Call) -> Reply {
    let sim = gcp.sim();
    let mut changed = sim.world.changed();
    let timeout = sim.clock.sleep(WAIT_MAX);
    tokio::pin!(timeout);
    loop {
        changed.mark_unchanged();
        let op = sim.world.read(|w| find(w, &call))?;
        if op.status == "DONE" {
            return Ok(view(&call, &op));
        }
        tokio::select! {
            () = timeout.as_mut() => return Ok(view(&call, &op)),
            () = sim.stop.cancelled() => return Ok(view(&call, &op)),
            _ = changed.changed() => {}
        }
    }
}

/// Lists the operations of a scope.
pub async fn list(gcp: Arc<Gcp>, call: Call) -> Reply {
    let scope = scope(&call);
    checks::scope(call.project(), &scope)?;
    let items = gcp.sim().world.read(|w| {
        w.gcp_operations.iter().filter(|op| op.scope == scope).map(|op| view(&call, op)).collect()
    });
    http::list(&call, "compute#operationList", links::BASE, items)
}

/// Lists the operations of all scopes.
pub async fn aggregated(gcp: Arc<Gcp>, call: Call) -> Reply {
    let items = gcp
        .sim()
        .world
        .read(|w| w.gcp_operations.iter().map(|op| (op.scope.clone(), view(&call, op))).collect());
    let kind = "compute#operationAggregatedList";
    http::aggregated(&call, kind, links::BASE, "operations", items)
}
