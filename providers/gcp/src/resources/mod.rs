//! One file a kind of resource.

mod api;
mod disk;
mod firewall;
mod gke;
mod iam_binding;
mod iam_policy;
mod kubernetes_address;
mod kubernetes_firewall;
mod kubernetes_load_balancer;
mod kubernetes_made;
mod kubernetes_neg;
mod managed_zone;
mod named;
mod network;
mod record;
mod router;
mod service_account;
mod strangers;
mod subnet;
mod zone_problem;
mod zone_records;

use std::sync::Arc;

use infra_provider_api::{Kind, erase};

pub use firewall::{AllowedSpec, FirewallSpec};
pub use gke::{FirstPool, GkeClusterSpec, InstanceSpec, NodePoolSpec, PoolShape};
pub use iam_binding::{IamBindingSpec, NODE_ROLE};
pub use kubernetes_made::MadeSpec;
pub use managed_zone::ManagedZoneSpec;
pub use network::NetworkSpec;
pub use record::RecordSpec;
pub use router::{NatSpec, RouterSpec};
pub use service_account::ServiceAccountSpec;
pub use subnet::SubnetSpec;

pub(crate) use api::Api;
pub(crate) use gke::replacement;
pub(crate) use gke::{
    CLUSTER_KIND, GkeClusters, Instances, NodePools, POOL_KIND, Version, downgrade, is_reserved,
    labels_of, observed_version, pool_labels, size_of,
};
pub(crate) use kubernetes_load_balancer::memberships;
pub(crate) use strangers::obstacles;
pub(crate) use zone_problem::zone_problem;

/// Returns the kinds of what is around a cluster: network, accounts, DNS, and what controllers make.
pub(crate) fn surrounding_kinds(api: &Arc<Api>) -> Vec<Arc<dyn Kind>> {
    let api = || Arc::clone(api);
    vec![
        named::named(network::Networks(api())),
        named::named(subnet::Subnets(api())),
        named::named(router::Routers(api())),
        named::named(firewall::Firewalls(api())),
        erase(service_account::ServiceAccounts(api())),
        erase(iam_binding::IamBindings(api())),
        erase(managed_zone::ManagedZones(api())),
        erase(record::Records(api())),
        kubernetes_made::made(kubernetes_load_balancer::KubernetesLoadBalancers(api())),
        kubernetes_made::made(kubernetes_firewall::KubernetesFirewalls(api())),
        kubernetes_made::made(kubernetes_neg::KubernetesNegs(api())),
        kubernetes_made::made(kubernetes_address::KubernetesAddresses(api())),
        kubernetes_made::made(disk::Disks(api())),
    ]
}
