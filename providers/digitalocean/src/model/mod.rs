//! From a cluster to the resources it needs here. Pure.

mod dns;
mod firewalls;
mod network;
mod nodes;
mod validate;

use infra_provider_api::{Address, Cluster, Declared, Diagnostic, Owner};
use serde::Serialize;

/// Declares the cloud resources of a cluster, in the order a person would name them.
pub(crate) fn model(cluster: &Cluster, owner: &Owner) -> Result<Vec<Declared>, Vec<Diagnostic>> {
    let mut problems = validate::problems(cluster, owner);
    let mut declared = Vec::new();
    for part in [
        network::declared(cluster, owner),
        firewalls::declared(cluster, owner),
        nodes::declared(cluster, owner),
        dns::declared(cluster),
    ] {
        match part {
            Ok(part) => declared.extend(part),
            Err(more) => problems.extend(more),
        }
    }
    if problems.is_empty() { Ok(declared) } else { Err(problems) }
}

type Part = Result<Vec<Declared>, Vec<Diagnostic>>;

fn declare<S: Serialize>(address: Address, spec: &S) -> Result<Declared, Vec<Diagnostic>> {
    Declared::new(address, spec).map_err(|error| {
        let message = format!("a spec could not be written: {error}");
        vec![Diagnostic::new(message)]
    })
}

fn vpc() -> Address {
    Address::new("vpc", "main")
}

fn api_load_balancer() -> Address {
    Address::new("load_balancer", "api")
}

#[cfg(test)]
mod tests;
