//! What a machine's resolver and routes would give: the real socket behind a host and a port.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::gcp::dns;
use crate::sim::Sim;
use crate::world::{DomainRecord, LbFirewall};

/// How many CNAMEs are followed.
const HOPS: usize = 8;

/// Finds the real socket behind `host:port`, where `host` is an address or a name of a domain in
/// this cloud.
///
/// # Errors
/// Returns an error in the words of a resolver or a connect that fails.
pub fn resolve(sim: &Sim, host: &str, port: u16) -> Result<SocketAddr, String> {
    let ip = match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip,
        Ok(IpAddr::V6(ip)) => return Err(format!("dial tcp [{ip}]:{port}: no route to host")),
        Err(_) => look_up(sim, host).ok_or_else(|| format!("lookup {host}: no such host"))?,
    };
    if let Some(socket) = sim.net.lookup_address(ip, port) {
        return Ok(socket);
    }
    if sim.net.droplet_at(ip).is_some() {
        return Err(format!("dial tcp {ip}:{port}: connect: connection refused"));
    }
    if ip.is_loopback() {
        // A load balancer, which really listens on its address.
        return Ok(SocketAddr::new(ip.into(), port));
    }
    Err(format!("dial tcp {ip}:{port}: no route to host"))
}

/// Resolves it as a machine does: a load balancer may not let it in.
///
/// # Errors
/// Returns an error in the words of a resolver or a connect that fails.
pub fn resolve_from(sim: &Sim, droplet: u64, host: &str, port: u16) -> Result<SocketAddr, String> {
    let socket = resolve(sim, host, port)?;
    match firewall_at(sim, socket.ip()) {
        Some(firewall) if !admits(sim, &firewall, droplet) => {
            Err(format!("dial tcp {socket}: i/o timeout"))
        }
        _ => Ok(socket),
    }
}

/// Returns the firewall of the load balancer at an address, where it has rules.
pub fn firewall_at(sim: &Sim, ip: IpAddr) -> Option<LbFirewall> {
    sim.world.read(|s| {
        let mut all = s.load_balancers.iter();
        let firewall = all.find(|one| IpAddr::V4(one.ip) == ip)?.firewall.clone();
        (firewall != LbFirewall::default()).then_some(firewall)
    })
}

/// Reports whether a firewall lets a machine in: it comes from its public address.
pub fn admits(sim: &Sim, firewall: &LbFirewall, droplet: u64) -> bool {
    let machine = sim.world.droplet(droplet);
    machine.and_then(|machine| machine.public_ip).is_some_and(|ip| firewall.admits(ip))
}

/// Looks up an A record, through CNAMEs and wildcards.
pub fn look_up(sim: &Sim, host: &str) -> Option<Ipv4Addr> {
    let mut name = host.trim_end_matches('.').to_ascii_lowercase();
    for _ in 0..HOPS {
        match step(sim, &name)? {
            Step::Address(ip) => return Some(ip),
            Step::Alias(next) => name = next,
        }
    }
    None
}

enum Step {
    Address(Ipv4Addr),
    Alias(String),
}

fn step(sim: &Sim, name: &str) -> Option<Step> {
    sim.world.read(|s| {
        let zone = s
            .domains
            .iter()
            .map(|d| d.name.as_str())
            .chain(dns::zone_names(s))
            .filter(|zone| name == *zone || name.ends_with(&format!(".{zone}")))
            .max_by_key(|zone| zone.len())?;
        let relative = name.strip_suffix(zone)?.trim_end_matches('.');
        let wanted = if relative.is_empty() { "@" } else { relative };
        let wildcard = match relative.split_once('.') {
            Some((_, rest)) => format!("*.{rest}"),
            None => "*".to_owned(),
        };
        let to_step = |r: &DomainRecord| match r.kind.as_str() {
            "A" => r.data.parse().ok().map(Step::Address),
            "CNAME" if r.data == "@" => Some(Step::Alias(zone.to_owned())),
            "CNAME" => Some(Step::Alias(r.data.trim_end_matches('.').to_ascii_lowercase())),
            _ => None,
        };
        let of_google = dns::records(s, zone);
        let find = |label: &str| {
            let own = s.records.by_name(zone).map(|r| &**r);
            own.chain(&of_google).filter(|r| r.name == label).find_map(to_step)
        };
        find(wanted).or_else(|| find(&wildcard))
    })
}
