//! Machines.

use infra_provider_api::{
    API_ACCESS, Address, Cluster, Declared, Diagnostic, Input, NodeSlot, Owner, Pool,
};

use super::{Part, api_load_balancer, declare, firewalls, vpc};
use crate::{ApiAccessSpec, DropletSpec, ownership, sizes::Sizes};

pub(super) fn declared(cluster: &Cluster, owner: &Owner) -> Part {
    let sizes = Sizes::known().map_err(|error| {
        let message = format!("the list of sizes is broken: {error}");
        vec![Diagnostic::new(message)]
    })?;
    let (mut all, mut problems) = (Vec::new(), Vec::new());
    for (pool, node) in cluster.nodes() {
        match sizes.slug(&pool.size) {
            Some(size) => {
                all.push(droplet(cluster, owner, pool, node, size)?);
                all.extend(access(cluster, node)?);
            }
            // Once a pool, not once a node.
            None if pool.nodes.first() == Some(node) => problems.push(too_large(pool, &sizes)),
            None => {}
        }
    }
    if problems.is_empty() { Ok(all) } else { Err(problems) }
}

/// A machine reaches the API server by the load balancer, from its public address.
fn access(cluster: &Cluster, node: &NodeSlot) -> Result<Option<Declared>, Vec<Diagnostic>> {
    if !cluster.api_load_balancer.is_narrow() {
        return Ok(None);
    }
    let name = node.name();
    let spec = ApiAccessSpec {
        load_balancer: Input::reference(api_load_balancer(), "id"),
        address: Input::reference(Address::new("droplet", &name), "public_ip"),
    };
    let mut declared = declare(Address::new(API_ACCESS, name), &spec)?;
    declared.source.clone_from(&cluster.api_load_balancer.allow_source);
    Ok(Some(declared))
}

fn droplet(
    cluster: &Cluster,
    owner: &Owner,
    pool: &Pool,
    node: &NodeSlot,
    size: String,
) -> Result<Declared, Vec<Diagnostic>> {
    let name = node.name();
    let mut tags =
        vec![ownership::role_tag(owner, pool.role), ownership::pool_tag(owner, &pool.name)];
    tags.extend(cluster.tags.iter().cloned());
    let keys = cluster
        .ssh_keys
        .iter()
        .map(|key| Input::reference(Address::new("ssh_key", &key.name), "fingerprint"));
    let spec = DropletSpec {
        region: cluster.region.clone(),
        size,
        image: pool.image.clone(),
        vpc: Input::reference(vpc(), "id"),
        ssh_keys: Some(keys.collect::<Vec<_>>()).filter(|keys| !keys.is_empty()),
        revision: node.revision.clone(),
        powered_off: false,
        tags,
    }
    .normal();
    let mut declared = declare(Address::new("droplet", &name), &spec)?.after(api_load_balancer());
    // A machine is never on the network without them.
    for (_, firewall) in firewalls::names(cluster) {
        declared = declared.after(Address::new("firewall", firewall));
    }
    // What it boots with has to be there; a cluster without boots has no revisions.
    if !node.revision.is_empty() {
        declared = declared.after(Address::new("node_bundle", &name));
    }
    if node.generation > 1 {
        let before = NodeSlot { generation: node.generation - 1, ..node.clone() };
        declared.supersedes.push(Address::new("droplet", before.name()));
    }
    declared.source = pool.source.clone();
    Ok(declared)
}

fn too_large(pool: &Pool, sizes: &Sizes) -> Diagnostic {
    let wanted = match &pool.size {
        infra_provider_api::SizeRequest::Type(slug) => slug.clone(),
        infra_provider_api::SizeRequest::Fit { vcpus, memory_mib } => {
            format!("{vcpus} vCPUs and {memory_mib} MiB")
        }
    };
    let message = format!("no size of DigitalOcean has {wanted}, as pool {} asks for", pool.name);
    let found = Diagnostic::new(message).in_source(pool.size_place());
    match sizes.largest() {
        Some(size) => found.help(format!(
            "the largest in the list of {} is {} with {} vCPUs and {} MiB; a size can also be named",
            sizes.as_of, size.slug, size.vcpus, size.memory_mib
        )),
        None => found,
    }
}
