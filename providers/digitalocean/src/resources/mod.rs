//! One file a kind of resource.

mod api;
mod bucket;
mod bucket_errors;
mod bucket_objects;
mod by_id;
mod decoded;
mod domain;
mod droplet;
mod droplet_create;
mod droplet_power;
mod droplet_spec;
mod firewall;
mod firewall_spec;
mod kubernetes_load_balancer;
mod load_balancer;
mod load_balancer_spec;
mod made;
mod record;
mod ssh_key;
mod tags;
mod volume;
mod vpc;
mod zones;

pub use bucket::BucketSpec;
pub use domain::DomainSpec;
pub use droplet_spec::DropletSpec;
pub use firewall_spec::{FirewallSpec, RuleSpec};
pub use kubernetes_load_balancer::MadeLoadBalancerSpec;
pub use load_balancer_spec::{ForwardingRule, HealthCheck, LoadBalancerSpec};
pub use record::RecordSpec;
pub use ssh_key::SshKeySpec;
pub use volume::VolumeSpec;
pub use vpc::VpcSpec;

pub(crate) use api::Api;
pub(crate) use bucket::{Buckets, derived_name};
pub(crate) use decoded::lists as decode_lists;
pub(crate) use domain::{Domains, zone_problem};
pub(crate) use droplet::Droplets;
pub(crate) use firewall::Firewalls;
pub(crate) use kubernetes_load_balancer::{KubernetesLoadBalancers, memberships};
pub(crate) use load_balancer::LoadBalancers;
pub(crate) use record::{Records, full_name};
pub(crate) use ssh_key::{SshKeys, without_comment};
pub(crate) use volume::Volumes;
pub(crate) use vpc::Vpcs;
