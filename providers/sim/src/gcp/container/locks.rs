//! Who may begin an operation: one for the whole cluster, or one for each pool, and no more than five.

use http::StatusCode;

use super::view::place;
use crate::gcp::http::Refusal;
use crate::world::{GkeCluster, GkeOperation, GkeOperationStatus, GkeWork, State, mix};

const DOMAIN: &str = "container.googleapis.com";

/// Checks that nothing stands in the way of an operation on a cluster, or on this pool of it.
///
/// # Errors
/// Returns 400 if another operation does, and 429 if there are too many.
pub fn check(
    w: &State,
    project: &str,
    row: &GkeCluster,
    pool: Option<&str>,
    quota: usize,
) -> Result<(), Refusal> {
    let path = format!("projects/{project}/{}/clusters/{}", place(&row.location), row.name);
    let open: Vec<&GkeOperation> =
        w.gke_operations.by_group(row.seq).map(|operation| &**operation).collect();
    let clashes = |one: &&&GkeOperation| match (pool, one.work.pool()) {
        (Some(wanted), Some(other)) => wanted == other,
        _ => true,
    };
    if let Some(other) = open.iter().find(clashes) {
        return Err(busy(&path, &other.name));
    }
    if open.len() >= quota {
        return Err(Refusal::new(
            StatusCode::TOO_MANY_REQUESTS,
            "RESOURCE_EXHAUSTED",
            "rateLimitExceeded",
            format!(
                "Too many operations: {} already has {} operations running; concurrent operations quota {quota}.",
                row.name,
                open.len()
            ),
        ));
    }
    Ok(())
}

fn busy(path: &str, operation: &str) -> Refusal {
    let message = format!("Cluster is running incompatible operation {operation}.");
    Refusal::failed_precondition(message).detail(serde_json::json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "CLUSTER_ALREADY_HAS_OPERATION", "domain": DOMAIN,
        "metadata": {"cluster": path, "operation": operation},
    }))
}

/// Begins an operation; whoever calls has made sure that it may begin.
pub fn begin(w: &mut State, row: &GkeCluster, kind: Option<&str>, work: GkeWork) -> GkeOperation {
    let seq = w.counters.next_order();
    let now = jiff::Timestamp::now();
    let (a, b) = (mix(w.counters.seed, "gke-operation", seq), mix(w.counters.seed, "gke-op", seq));
    let name = format!(
        "operation-{}-{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        now.as_millisecond(),
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xffff,
        b >> 48,
        b & 0xffff_ffff_ffff
    );
    let operation = GkeOperation {
        seq,
        name,
        cluster: row.seq,
        location: row.location.clone(),
        cluster_name: row.name.clone(),
        kind: kind.map(str::to_owned),
        work,
        status: GkeOperationStatus::Pending,
        percent: 0,
        detail: String::new(),
        started_at: now,
        ended_at: None,
        error: None,
    };
    w.gke_operations.put(operation.clone());
    operation
}
