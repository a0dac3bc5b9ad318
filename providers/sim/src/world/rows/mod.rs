//! The rows: what is recorded of each resource.

mod action;
mod domain;
mod droplet;
mod firewall;
mod load_balancer;
mod misc;
mod object;
mod volume;
mod vpc;

pub use action::{Action, ActionStatus};
pub use domain::{Domain, DomainRecord};
pub use droplet::{Droplet, DropletStatus, UserData};
pub use firewall::{Firewall, FirewallRule, FirewallTarget};
pub use load_balancer::{
    ForwardingRule, HealthCheck, LbFirewall, LbStatus, LoadBalancer, StickySessions,
};
pub use misc::{Grant, Project, ReservedIp, SpacesKey, SshKey, Tag};
pub use object::{Bucket, Object, Part, Upload};
pub use volume::Volume;
pub use vpc::Vpc;
