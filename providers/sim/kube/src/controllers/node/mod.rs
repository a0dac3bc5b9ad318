//! Nodes: how machines join, when they are ready, what happens when they are not.

mod eviction;
mod ipam;
mod lifecycle;
mod pod_gc;
mod readiness;
mod register;

pub use eviction::TaintEviction;
pub use ipam::{NodeIpam, nth_address};
pub use lifecycle::NodeLifecycle;
pub use pod_gc::PodGc;
pub use readiness::NodeStatus;
pub use register::{
    NodeRegistration, Taint, UNINITIALIZED, kubelet_runs, register_node, set_kubelet_running,
    unregister,
};
