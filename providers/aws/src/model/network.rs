//! The network: subnets over the zones, and the ways out.

use infra_provider_api::{Address, Cluster, Input};
use ipnet::Ipv4Net;

use super::{Part, declare, vpc};
use crate::{
    regions,
    resources::{
        ElasticIpSpec, InternetGatewaySpec, NatGatewaySpec, RouteTableSpec, SubnetSpec, VpcSpec,
    },
};

/// The network is cut into so many parts, used or not: a zone more later moves nobody.
const PARTS_BITS: u8 = 3;
/// At most so many zones: machines' subnets take the first half, public ones the second.
pub(super) const ZONES_MAX: usize = 4;

/// Returns the part of the network that a subnet gets.
pub(super) fn part(machines: Ipv4Net, at: usize) -> Option<Ipv4Net> {
    machines.trunc().subnets(machines.prefix_len() + PARTS_BITS).ok()?.nth(at)
}

/// Makes a subnet's address. Machines are in `nodes`; load balancers and gateways are in `public`
/// where machines have no public addresses.
fn subnet(kind: &str, region: &str, zone: &str) -> Address {
    Address::new("subnet", format!("{kind}-{}", regions::letter(region, zone).trim_matches('-')))
}

/// Returns the subnet of the machine that is the `at`-th of its pool.
pub(super) fn node_subnet(cluster: &Cluster, at: usize) -> Option<Address> {
    let zones = regions::zones(&cluster.region, &cluster.placement.zones);
    let zone = zones.get(at % zones.len().max(1))?;
    Some(subnet("nodes", &cluster.region, zone))
}

/// Lists the subnets that can be reached from outside.
pub(super) fn public_subnets(cluster: &Cluster) -> Vec<Address> {
    let kind = if cluster.placement.private { "public" } else { "nodes" };
    let zones = regions::zones(&cluster.region, &cluster.placement.zones);
    zones.iter().map(|zone| subnet(kind, &cluster.region, zone)).collect()
}

pub(super) fn declared(cluster: &Cluster) -> Part {
    let machines = cluster.network.machines.trunc();
    let private = cluster.placement.private;
    let id = |address: Address| Input::reference(address, "id");
    let network = VpcSpec { cidr: machines.to_string(), dns_support: true, dns_hostnames: true };
    let mut all = vec![declare(vpc(), &network)?];
    let gateway = Address::new("internet_gateway", "main");
    all.push(declare(gateway.clone(), &InternetGatewaySpec { vpc: id(vpc()) })?);
    let zones = regions::zones(&cluster.region, &cluster.placement.zones);
    let mut add_subnets = |kind: &str, first: usize, public: bool| -> Result<Vec<Address>, _> {
        let mut made = Vec::new();
        for (at, zone) in zones.iter().enumerate() {
            let Some(cidr) = part(machines, first + at) else { continue };
            let spec = SubnetSpec {
                vpc: id(vpc()),
                zone: zone.clone(),
                cidr: cidr.to_string(),
                public_addresses: public,
            };
            let address = subnet(kind, &cluster.region, zone);
            all.push(declare(address.clone(), &spec)?);
            made.push(address);
        }
        Ok::<_, Vec<infra_provider_api::Diagnostic>>(made)
    };
    let nodes = add_subnets("nodes", 0, !private)?;
    let public = if private { add_subnets("public", ZONES_MAX, false)? } else { nodes.clone() };
    let table = |default_route: Address, subnets: &[Address]| RouteTableSpec {
        vpc: id(vpc()),
        default_route: id(default_route),
        subnets: subnets.iter().cloned().map(id).collect(),
    };
    let public_table = Address::new("route_table", "public");
    all.push(declare(public_table.clone(), &table(gateway, &public))?);
    if let (true, Some(first)) = (private, public.first()) {
        let (ip, nat) = (Address::new("elastic_ip", "nat"), Address::new("nat_gateway", "main"));
        all.push(declare(ip.clone(), &ElasticIpSpec { domain: "vpc".to_owned() })?);
        let spec = NatGatewaySpec { subnet: id(first.clone()), allocation: id(ip) };
        // Its own way out has to be there, or it fails.
        all.push(declare(nat.clone(), &spec)?.after(public_table));
        all.push(declare(Address::new("route_table", "nodes"), &table(nat, &nodes))?);
    }
    Ok(all)
}
