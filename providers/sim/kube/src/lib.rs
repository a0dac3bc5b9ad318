//! The embedded cloud's Kubernetes: an API server over TLS that the real `kubectl` works with, and
//! the small controllers behind it. Depends on no other crate of the project.

mod api;
mod bootstrap;
mod clock;
mod cloud;
mod cluster;
pub mod controllers;
mod encryption;
mod error;
mod faults;
pub mod ingress;
mod managed;
mod pod_security;
mod quantity;
mod run;
mod schema;
mod selector;
mod store;

pub use clock::Clock;
pub use cloud::{
    Cloud, CloudError, Instance, LoadBalancer, LoadBalancerPort, LoadBalancerRequest, VolumeRequest,
};
pub use cluster::{Cluster, ClusterOptions};
pub use encryption::SecretKeys;
pub use error::KubeError;
pub use faults::{FaultEffect, Faults, NoFaults};
pub use managed::{Account, Accounts, Managed};
pub use pod_security::PodSecurity;
pub use store::{Event, EventKind, Gone, Resource, Store, StoreError, WatchStream};
