//! From a cluster to the resources it needs here. Pure.

mod access;
mod balancer;
mod dns;
mod groups;
mod network;
mod nodes;
mod validate;

use infra_provider_api::{Address, Cluster, Declared, Diagnostic, Owner};
use serde::Serialize;

/// Declares the cloud resources of a cluster, in the order a person would name them.
pub(crate) fn model(cluster: &Cluster, owner: &Owner) -> Result<Vec<Declared>, Vec<Diagnostic>> {
    let problems = validate::problems(cluster);
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut problems = Vec::new();
    let mut declared = Vec::new();
    for part in [
        network::declared(cluster),
        groups::declared(cluster),
        access::declared(cluster, owner),
        balancer::declared(cluster),
        nodes::declared(cluster),
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

#[cfg(test)]
mod tests;
