//! The load balancer of the API servers.

use infra_provider_api::{Address, Cluster, Input, Role};

use super::{Part, declare, groups, network::public_subnets, vpc};
use crate::resources::{ListenerSpec, LoadBalancerSpec, TargetGroupSpec, TargetSpec};

/// The API server's port on each control plane.
pub(super) const API_PORT: u16 = 6443;

pub(super) fn load_balancer() -> Address {
    Address::new("load_balancer", "api")
}

pub(super) fn declared(cluster: &Cluster) -> Part {
    let id = |address: Address| Input::reference(address, "id");
    let group = Address::new("target_group", "api");
    let balancer = LoadBalancerSpec {
        scheme: "internet-facing".to_owned(),
        subnets: public_subnets(cluster).into_iter().map(id).collect(),
        security_groups: vec![id(groups::api())],
    };
    let targets = TargetGroupSpec {
        vpc: id(vpc()),
        port: API_PORT,
        check_path: "/readyz".to_owned(),
        check_interval_s: 10,
        client_addresses: false,
    };
    let listener = ListenerSpec {
        load_balancer: id(load_balancer()),
        port: cluster.api_load_balancer.port,
        target_group: id(group.clone()),
    };
    let mut all = vec![
        // One that can be reached from outside needs the way out.
        declare(load_balancer(), &balancer)?.after(Address::new("internet_gateway", "main")),
        declare(group.clone(), &targets)?,
        declare(Address::new("listener", "api"), &listener)?,
    ];
    for (pool, node) in cluster.nodes() {
        if pool.role != Role::ControlPlane {
            continue;
        }
        let name = node.name();
        let spec = TargetSpec {
            target_group: id(group.clone()),
            instance: id(Address::new("instance", &name)),
        };
        // A group that nothing forwards to takes no health checks.
        let listener = Address::new("listener", "api");
        all.push(declare(Address::new("target", &name), &spec)?.after(listener));
    }
    Ok(all)
}
