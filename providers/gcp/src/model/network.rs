//! Network, subnet, the way out of private nodes, and the account that nodes run as.

use infra_provider_api::{Cluster, Input, Owner};

use super::{Part, declare, network, nodes_account, nodes_binding, router, subnet};
use crate::{
    ownership,
    resources::{
        IamBindingSpec, NODE_ROLE, NatSpec, NetworkSpec, RouterSpec, ServiceAccountSpec, SubnetSpec,
    },
};

/// Declares the network and what is in it.
pub(super) fn declared(cluster: &Cluster) -> Part {
    let link = || Input::reference(network(), "link");
    let ranges = &cluster.network;
    let machines = SubnetSpec {
        network: link(),
        region: cluster.region.clone(),
        range: ranges.machines.trunc().to_string(),
        pods: ranges.pods.trunc().to_string(),
        services: ranges.services.trunc().to_string(),
        google_access: true,
    };
    let mut all = vec![
        declare(network(), &NetworkSpec { routing: "REGIONAL".to_owned() })?,
        declare(subnet(), &machines)?,
    ];
    if cluster.placement.private {
        let spec = RouterSpec {
            network: link(),
            region: cluster.region.clone(),
            nat: Some(NatSpec::default()),
        };
        all.push(declare(router(), &spec)?);
    }
    for declared in &mut all {
        declared.source.clone_from(&cluster.region_source);
    }
    Ok(all)
}

/// Declares the account that the nodes run as, unless infra.toml names one.
pub(super) fn access(cluster: &Cluster, owner: &Owner) -> Part {
    if cluster.managed.service_account.is_some() {
        return Ok(Vec::new());
    }
    let account = ServiceAccountSpec {
        account_id: ownership::node_account_id(owner),
        display_name: format!("nodes of the cluster {}", cluster.name),
    };
    let binding = IamBindingSpec {
        role: NODE_ROLE.to_owned(),
        member: Input::reference(nodes_account(), "member"),
    };
    Ok(vec![declare(nodes_account(), &account)?, declare(nodes_binding(), &binding)?])
}
