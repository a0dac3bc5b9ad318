//! Machines and their images.

use std::collections::BTreeMap;

use infra_provider_api::{
    API_ACCESS, Address, Cluster, Declared, Diagnostic, Input, NodeSlot, Pool, SizeRequest,
};

use super::{Part, access, balancer::load_balancer, declare, groups, network, vpc};
use crate::{
    images,
    ownership::tag_text,
    resources::{ApiAccessSpec, ImageSpec, InstanceSpec, METADATA},
    scope::{lets_nodes_in, user_tag},
    sizes::Sizes,
};

pub(super) fn declared(cluster: &Cluster) -> Part {
    let sizes = Sizes::known().map_err(|error| {
        let message = format!("the list of types is broken: {error}");
        vec![Diagnostic::new(message)]
    })?;
    let (mut all, mut problems) = (Vec::new(), Vec::new());
    let images = image_addresses(cluster);
    for (image, address) in &images {
        let Some((owner, pattern)) = images::lookup(image) else { continue };
        let spec = ImageSpec {
            vpc: Input::reference(vpc(), "id"),
            owner: owner.to_owned(),
            pattern: pattern.to_owned(),
        };
        all.push(declare(address.clone(), &spec)?);
    }
    for pool in &cluster.pools {
        let Some(size) = sizes.name(&pool.size) else {
            problems.push(too_large(pool, &sizes));
            continue;
        };
        let Some(image) = images.get(&pool.image) else { continue };
        for (at, node) in pool.nodes.iter().enumerate() {
            all.push(instance(cluster, pool, node, at, &size, image)?);
            all.extend(reach(cluster, node)?);
        }
    }
    if problems.is_empty() { Ok(all) } else { Err(problems) }
}

/// Makes one image for all pools that name the same: `image.nodes`, then `image.nodes-2`.
fn image_addresses(cluster: &Cluster) -> BTreeMap<String, Address> {
    let mut addresses = BTreeMap::new();
    for pool in &cluster.pools {
        let number = addresses.len() + 1;
        addresses.entry(pool.image.clone()).or_insert_with(|| {
            let name = if number == 1 { "nodes".to_owned() } else { format!("nodes-{number}") };
            Address::new("image", name)
        });
    }
    addresses
}

/// A machine with a public address reaches the API server from there.
fn reach(cluster: &Cluster, node: &NodeSlot) -> Result<Option<Declared>, Vec<Diagnostic>> {
    if !lets_nodes_in(cluster) {
        return Ok(None);
    }
    let name = node.name();
    let spec = ApiAccessSpec {
        security_group: Input::reference(groups::api(), "id"),
        port: cluster.api_load_balancer.port,
        address: Input::reference(Address::new("instance", &name), "public_ip"),
    };
    let mut declared = declare(Address::new(API_ACCESS, name), &spec)?;
    declared.source.clone_from(&cluster.api_load_balancer.allow_source);
    Ok(Some(declared))
}

fn instance(
    cluster: &Cluster,
    pool: &Pool,
    node: &NodeSlot,
    at: usize,
    size: &str,
    image: &Address,
) -> Result<Declared, Vec<Diagnostic>> {
    let name = node.name();
    let id = |address: Address| Input::reference(address, "id");
    let role = pool.role.as_str();
    let subnet = network::node_subnet(cluster, at).map_or_else(|| String::new().into(), id);
    let mut tags: Vec<String> = cluster
        .tags
        .iter()
        .map(|tag| {
            let (key, value) = user_tag(tag);
            tag_text(&key, &value)
        })
        .collect();
    tags.sort();
    tags.dedup();
    let spec = InstanceSpec {
        machine_type: size.to_owned(),
        image: id(image.clone()),
        root_device: Some(Input::reference(image.clone(), "root_device")),
        disk_gib: cluster.placement.disk_gib,
        subnet,
        security_groups: groups::of_role(role).map(id).to_vec(),
        profile: Input::reference(Address::new("instance_profile", role), "name"),
        key: access::key(cluster).map(|key| Input::reference(key, "name")),
        metadata: METADATA.to_owned(),
        role: role.to_owned(),
        pool: pool.name.clone(),
        revision: node.revision.clone(),
        powered_off: false,
        tags,
    };
    // The way out, and the way to the API server, have to be there when it boots.
    let table = if cluster.placement.private { "nodes" } else { "public" };
    let mut declared = declare(Address::new("instance", &name), &spec)?
        .after(load_balancer())
        .after(Address::new("route_table", table));
    // What it boots with has to be there; a cluster without boots has no revisions.
    if !node.revision.is_empty() {
        declared = declared.after(Address::new("node_bundle", &name));
    }
    if node.generation > 1 {
        let before = NodeSlot { generation: node.generation - 1, ..node.clone() };
        declared.supersedes.push(Address::new("instance", before.name()));
    }
    declared.source = pool.source.clone();
    Ok(declared)
}

fn too_large(pool: &Pool, sizes: &Sizes) -> Diagnostic {
    let wanted = match &pool.size {
        SizeRequest::Type(name) => name.clone(),
        SizeRequest::Fit { vcpus, memory_mib } => format!("{vcpus} vCPUs and {memory_mib} MiB"),
    };
    let message = format!("no type in the list has {wanted}, as pool {} asks for", pool.name);
    let found = Diagnostic::new(message).in_source(pool.size_place());
    match sizes.largest() {
        Some(size) => found.help(format!(
            "the largest in the list of {} is {} with {} vCPUs and {} MiB; a type can also be named",
            sizes.as_of, size.name, size.vcpus, size.memory_mib
        )),
        None => found,
    }
}
