//! What Google Cloud does wrong, and what GKE does of its own accord.

use infra_sim::{Fault, FaultApi::Gcp, FaultEffect as Effect, Limits};

use super::{
    Disturbance,
    cloud::{fault, machine},
    fault::{each, method, of, times},
};

/// The nodes of the pool, and the groups that they are in.
const NODES: &str = "gke-lab-worker-*";
/// The cluster, and its pool, as GKE's own operations name them.
const CLUSTER: &str = "lab";
const POOL: &str = "lab/worker";

fn path(glob: &str, fault: Fault) -> Fault {
    Fault { path_glob: Some(glob.to_owned()), ..fault }
}

/// Of machines: what is waited for does not come as long as it lasts.
fn never(name: &'static str, effect: Effect) -> Disturbance {
    Disturbance { machines: vec![machine(NODES, effect)], never: true, ..of(name, vec![]) }
}

/// Once, whatever infra does meanwhile.
fn by_itself(name: &'static str, glob: &str, effect: Effect) -> Disturbance {
    Disturbance { machines: vec![times(1, machine(glob, effect))], ..of(name, vec![]) }
}

/// Lists every disturbance of Google's, besides those of any cloud.
pub(super) fn disturbances() -> Vec<Disturbance> {
    let missing = || method("GET", fault(Gcp, Effect::MissingZones));
    vec![
        of("lists that lack a zone for a while", vec![times(12, each(2, missing()))]),
        of("lists that always lack a zone", vec![missing()]),
        of(
            "operations that fail",
            vec![times(2, each(3, path("/compute/*", fault(Gcp, Effect::OperationFails))))],
        ),
        of("an account that is not there yet", vec![times(3, fault(Gcp, Effect::NotYet))]),
        never("a zone without machines", Effect::Stockout),
        never("a machine that never runs", Effect::NeverActive),
        never("a machine that never joins", Effect::NeverJoins),
        by_itself("a machine that dies", NODES, Effect::Dies),
        by_itself("GKE moves the control plane", CLUSTER, Effect::MovesMaster),
        by_itself("GKE replaces the nodes", POOL, Effect::UpgradesPool),
        Disturbance {
            limit: Some(|limits, machines| Limits {
                // Each has two.
                gcp_cpus: u32::try_from(2 * machines.max(1)).unwrap_or(2),
                ..limits.clone()
            }),
            ..of("the quota of CPUs is reached", vec![])
        },
        Disturbance {
            limit: Some(|limits, _| Limits { gke_operations: 1, ..limits.clone() }),
            ..of("one operation of GKE at a time", vec![])
        },
    ]
}
