//! The rows: what is recorded of each resource.

mod action;
mod domain;
mod droplet;
mod firewall;
mod gcp_dns;
mod gcp_iam;
mod gcp_resource;
mod gke;
mod instance;
mod load_balancer;
mod misc;
mod object;
mod volume;
mod vpc;

pub use action::{Action, ActionStatus};
pub use domain::{Domain, DomainRecord};
pub use droplet::{Droplet, DropletStatus, UserData};
pub use firewall::{Firewall, FirewallRule, FirewallTarget};
pub use gcp_dns::{GcpChange, GcpRecordSet, GcpZone};
pub use gcp_iam::{GcpPolicy, GcpServiceAccount};
pub use gcp_resource::{GcpEffect, GcpOperation, GcpResource, GcpState};
pub use gke::{GkeCluster, GkeOperation, GkeOperationStatus, GkePool, GkeWork};
pub use instance::{Instance, InstanceStatus};
pub use load_balancer::{
    ForwardingRule, HealthCheck, LbFirewall, LbStatus, LoadBalancer, StickySessions,
};
pub use misc::{Grant, Project, ReservedIp, SpacesKey, SshKey, Tag};
pub use object::{Bucket, Object, Part, Upload};
pub use volume::Volume;
pub use vpc::Vpc;
