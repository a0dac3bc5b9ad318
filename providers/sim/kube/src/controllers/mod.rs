//! The controllers of the embedded cloud's Kubernetes: small, level-triggered, driven by one watch.

mod budget;
mod cloud;
mod condition;
mod context;
mod cronjob;
mod daemonset;
mod deployment;
mod endpoints;
mod error;
mod events;
mod gc;
mod index;
mod job;
mod kinds;
mod kubelet;
mod manager;
mod names;
mod namespace;
mod node;
mod object;
mod pods;
mod quantity;
mod queue;
mod replicaset;
mod requests;
mod revisions;
mod scheduler;
mod selector;
mod start;
mod statefulset;
mod taints;
mod template;
mod volume;

pub use error::ControllerError;
pub use node::{NodeRegistration, Taint, register_node, set_kubelet_running, unregister};
pub use start::start;
