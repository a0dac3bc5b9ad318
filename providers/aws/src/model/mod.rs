//! From a cluster to the resources it needs here. Pure.

mod access;
mod balancer;
mod dns;
mod groups;
mod network;
mod nodes;
mod validate;

use infra_provider_api::{Address, Cluster, Declared, Diagnostic, Owner, declare, model_of};

/// Declares the cloud resources of a cluster, in the order a person would name them.
pub(crate) fn model(cluster: &Cluster, owner: &Owner) -> Result<Vec<Declared>, Vec<Diagnostic>> {
    let problems = validate::problems(cluster);
    if !problems.is_empty() {
        return Err(problems);
    }
    model_of([
        network::declared(cluster),
        groups::declared(cluster),
        access::declared(cluster, owner),
        balancer::declared(cluster),
        nodes::declared(cluster),
        dns::declared(cluster),
    ])
}

type Part = Result<Vec<Declared>, Vec<Diagnostic>>;

fn vpc() -> Address {
    Address::new("vpc", "main")
}

#[cfg(test)]
mod tests;
