//! From a cluster to the resources it needs here. Pure.

mod dns;
mod firewalls;
mod gke;
mod network;
mod pools;
mod validate;
mod validate_pools;

use infra_provider_api::{Address, Cluster, Declared, Diagnostic, Owner, declare, model_of};

pub(crate) use pools::zone_counts;

/// Declares the cloud resources of a cluster, in the order a person would name them.
pub(crate) fn model(cluster: &Cluster, owner: &Owner) -> Result<Vec<Declared>, Vec<Diagnostic>> {
    let problems = validate::problems(cluster, owner);
    let checked = if problems.is_empty() { Ok(Vec::new()) } else { Err(problems) };
    model_of([
        checked,
        network::declared(cluster),
        firewalls::declared(cluster, owner),
        network::access(cluster, owner),
        gke::declared(cluster, owner),
        dns::declared(cluster),
    ])
}

type Part = Result<Vec<Declared>, Vec<Diagnostic>>;

fn network() -> Address {
    Address::new("network", "main")
}

fn subnet() -> Address {
    Address::new("subnet", "main")
}

fn router() -> Address {
    Address::new("router", "main")
}

fn nodes_account() -> Address {
    Address::new("service_account", "nodes")
}

fn nodes_binding() -> Address {
    Address::new("iam_binding", "nodes")
}

fn gke_cluster() -> Address {
    Address::new("gke_cluster", "main")
}

#[cfg(test)]
mod tests;
