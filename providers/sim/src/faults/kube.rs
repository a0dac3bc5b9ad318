//! The faults of the Kubernetes API servers, in the words of their crate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use infra_sim_kube::{FaultEffect, Faults};

use super::{Api, Effect, Fault, FaultTable, client};

/// Hands the faults with `api: kube` to an API server.
pub struct KubeFaults(pub Arc<FaultTable>);

impl Faults for KubeFaults {
    fn next(&self, method: &str, path: &str, peer: Option<SocketAddr>) -> Option<FaultEffect> {
        let fault = self.0.request(Api::Kube, method, path, peer)?;
        client::strike(&fault, Effect::KillClientBefore);
        effect(&fault)
    }

    fn kill(&self, pid: u32) {
        client::kill(pid);
    }
}

fn effect(fault: &Fault) -> Option<FaultEffect> {
    let status = |code| FaultEffect::Status { code, retry_after_s: fault.retry_after_s };
    Some(match fault.effect {
        Effect::TooManyRequests => status(429),
        Effect::Forbidden => status(403),
        Effect::ServerError => status(500),
        Effect::BadGateway => status(502),
        Effect::Unavailable => status(503),
        Effect::Slow => FaultEffect::Slow(Duration::from_millis(fault.delay_ms.unwrap_or(1000))),
        Effect::ResetBefore | Effect::KillClientBefore => FaultEffect::ResetBefore,
        Effect::KillClientAfter => FaultEffect::KillAfter(fault.client_pid?),
        Effect::ResetAfter => FaultEffect::ResetAfter,
        Effect::Truncate => FaultEffect::Truncate,
        Effect::NotJson => FaultEffect::NotJson,
        Effect::StaleList => FaultEffect::StaleList,
        Effect::SmallPages => FaultEffect::SmallPages,
        Effect::Conflict
        | Effect::IgnoresConditions
        | Effect::ShiftPage
        | Effect::MissingZones
        | Effect::ServiceDisabled
        | Effect::OperationFails
        | Effect::NotYet
        | Effect::NeverActive
        | Effect::BootFails
        | Effect::NeverJoins
        | Effect::Dies
        | Effect::Stockout
        | Effect::MovesMaster
        | Effect::UpgradesPool
        | Effect::ScalesUp
        | Effect::ScalesDown
        | Effect::EtcdHangs => return None,
    })
}
