//! Wire types, from Google's discovery documents. They have the fields that are used.

mod balancing;
mod dns;
mod firewall;
mod iam;
mod network;
mod operation;

pub(crate) use balancing::{
    Address, BackendService, Disk, EndpointGroup, ForwardingRule, TargetPool,
};
pub(crate) use dns::{ManagedZone, RecordSet};
pub(crate) use firewall::{Allowed, Firewall};
pub(crate) use iam::{Binding, Policy, ServiceAccount};
pub(crate) use network::{Nat, Network, Router, SecondaryRange, Subnetwork};
pub(crate) use operation::Operation;
