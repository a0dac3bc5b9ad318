//! From a cluster to the resources it needs here. Pure.

mod dns;
mod firewalls;
mod network;
mod nodes;
mod validate;

use infra_provider_api::{Address, Cluster, Declared, Diagnostic, Owner, declare, model_of};

/// Declares the cloud resources of a cluster, in the order a person would name them.
pub(crate) fn model(cluster: &Cluster, owner: &Owner) -> Result<Vec<Declared>, Vec<Diagnostic>> {
    let problems = validate::problems(cluster, owner);
    let checked = if problems.is_empty() { Ok(Vec::new()) } else { Err(problems) };
    model_of([
        checked,
        network::declared(cluster, owner),
        firewalls::declared(cluster, owner),
        nodes::declared(cluster, owner),
        dns::declared(cluster),
    ])
}

type Part = Result<Vec<Declared>, Vec<Diagnostic>>;

fn vpc() -> Address {
    Address::new("vpc", "main")
}

fn api_load_balancer() -> Address {
    Address::new("load_balancer", "api")
}

#[cfg(test)]
mod tests;
