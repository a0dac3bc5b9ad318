//! Operations go on by themselves, also after a restart.

use std::sync::Arc;
use std::time::Duration;

use super::operations::finish;
use crate::sim::Sim;
use crate::world::{GcpEffect, GcpState, State as World, mix};

/// Returns how long an operation takes: as the settings say, else a seeded moment.
pub fn takes(sim: &Sim, purpose: &str) -> Duration {
    let fixed = sim.settings.get().gcp_operation_ms;
    let order = sim.world.read(|w| w.counters.order);
    Duration::from_millis(fixed.unwrap_or_else(|| 200 + mix(sim.seed, purpose, order) % 600))
}

/// Runs an operation in the background, unless it is ended by hand.
pub fn start(sim: Arc<Sim>, name: String) {
    tokio::spawn(async move {
        let Some((pending, takes)) = sim.world.read(|w| {
            let op = w.gcp_operations.by_id(&name)?;
            let runs = op.status != "DONE" && op.effect != GcpEffect::ByHand;
            runs.then(|| (op.status == "PENDING", Duration::from_millis(op.takes_ms)))
        }) else {
            return;
        };
        if pending {
            tokio::select! {
                () = sim.stop.cancelled() => return,
                () = sim.clock.sleep(takes / 4) => {}
            }
            sim.world.write(|w| {
                if let Some(seq) = w.gcp_operations.by_id(&name).map(|op| op.seq) {
                    w.gcp_operations.modify(seq, |op| {
                        op.status = "RUNNING".to_owned();
                        op.started = Some(jiff::Timestamp::now());
                    });
                }
            });
        }
        tokio::select! {
            () = sim.stop.cancelled() => return,
            () = sim.clock.sleep(takes) => {}
        }
        sim.world.write(|w| end(w, &name));
    });
}

/// Continues the operations that a predecessor left.
pub fn resume(sim: &Arc<Sim>) {
    let open: Vec<String> = sim.world.read(|w| {
        w.gcp_operations.iter().filter(|op| op.status != "DONE").map(|op| op.name.clone()).collect()
    });
    for name in open {
        start(sim.clone(), name);
    }
}

/// Does what ends with an operation. One that failed leaves what was there before it.
fn end(w: &mut World, name: &str) {
    let Some(op) = w.gcp_operations.by_id(name).cloned() else { return };
    let failed = op.error.is_some();
    match &op.effect {
        GcpEffect::Ready(path) if failed && op.kind == "insert" => remove(w, path),
        GcpEffect::Gone(path) if !failed => remove(w, path),
        GcpEffect::Ready(path) | GcpEffect::Gone(path) => {
            if let Some(seq) = w.gcp_resources.by_id(path).map(|r| r.seq) {
                w.gcp_resources.modify(seq, |r| r.state = GcpState::Ready);
            }
        }
        GcpEffect::ByHand => {}
    }
    finish(w, name, None);
}

/// Takes a resource away, and what listens for a forwarding rule.
pub fn remove(w: &mut World, path: &str) {
    if let Some(seq) = w.gcp_resources.by_id(path).map(|r| r.seq) {
        w.gcp_resources.remove(seq);
    }
    if let Some(seq) = w.load_balancers.by_id(path).map(|l| l.seq) {
        w.load_balancers.remove(seq);
    }
}
