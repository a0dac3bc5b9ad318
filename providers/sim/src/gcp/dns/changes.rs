//! Changes: what was asked for, and whether the name servers have it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{apply, zones};
use crate::gcp::Gcp;
use crate::gcp::compute::shape;
use crate::gcp::http::{Call, Refusal, Reply, Routes, page};
use crate::sim::Sim;
use crate::world::{GcpChange, mix};

const ALL: &str = "/dns/v1/projects/{project}/managedZones/{zone}/changes";
const ONE: &str = "/dns/v1/projects/{project}/managedZones/{zone}/changes/{change}";

/// Adds the calls.
pub fn add(routes: &mut Routes) {
    routes.get(ALL, list);
    routes.post(ALL, create);
    routes.get(ONE, get);
}

fn view(change: &GcpChange) -> Value {
    let mut body = json!({
        "kind": "dns#change",
        "id": change.number.to_string(),
        "startTime": change.at.to_string(),
        "status": if change.is_done { "done" } else { "pending" },
    });
    for name in ["additions", "deletions"] {
        if let Some(part) = change.body.get(name) {
            body[name] = part.clone();
        }
    }
    body
}

async fn create(gcp: Arc<Gcp>, call: Call) -> Reply {
    let body = call.body(shape("Change"))?;
    let change = gcp.sim().world.write(|w| {
        let zone = zones::find(w, &call)?;
        apply::apply(w, &zone, &body)?;
        let number = zone.changes + 1;
        w.gcp_zones.modify(zone.seq, |z| z.changes = number);
        let seq = w.counters.next_order();
        Ok::<_, Refusal>(w.gcp_changes.put(GcpChange {
            seq,
            zone: zone.name.clone(),
            number,
            at: jiff::Timestamp::now(),
            is_done: false,
            body: body.clone(),
        }))
    })?;
    settle(gcp.sim().clone(), change.seq);
    Ok(view(&change))
}

/// Marks a change as done a seeded moment later.
fn settle(sim: Arc<Sim>, seq: u64) {
    let fixed = sim.settings.get().gcp_operation_ms;
    let millis = fixed.unwrap_or_else(|| 100 + mix(sim.seed, "gcp-change", seq) % 400);
    tokio::spawn(async move {
        tokio::select! {
            () = sim.stop.cancelled() => return,
            () = sim.clock.sleep(Duration::from_millis(millis)) => {}
        }
        sim.world.write(|w| w.gcp_changes.modify(seq, |change| change.is_done = true));
    });
}

/// Continues the changes that a predecessor left.
pub fn resume(sim: &Arc<Sim>) {
    let open: Vec<u64> =
        sim.world.read(|w| w.gcp_changes.iter().filter(|c| !c.is_done).map(|c| c.seq).collect());
    for seq in open {
        settle(sim.clone(), seq);
    }
}

async fn get(gcp: Arc<Gcp>, call: Call) -> Reply {
    gcp.sim().world.read(|w| {
        let zone = zones::find(w, &call)?;
        let number = call.value("change");
        let found = w
            .gcp_changes
            .by_name(&zone.name)
            .find(|change| change.number.to_string() == number)
            .map(|change| view(change));
        found.ok_or_else(|| {
            Refusal::not_found(format!(
                "The 'parameters.changeId' resource named '{number}' does not exist."
            ))
        })
    })
}

async fn list(gcp: Arc<Gcp>, call: Call) -> Reply {
    let changes = gcp.sim().world.read(|w| {
        let zone = zones::find(w, &call)?;
        let mut all: Vec<Value> = w.gcp_changes.by_name(&zone.name).map(|c| view(c)).collect();
        all.reverse();
        Ok::<_, Refusal>(all)
    })?;
    let (changes, next) = page(&call, "maxResults", changes)?;
    let mut body = json!({ "kind": "dns#changesListResponse", "changes": changes });
    if let Some(next) = next {
        body["nextPageToken"] = json!(next);
    }
    Ok(body)
}
