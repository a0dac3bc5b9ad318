//! What a machine's resolver and routes would give: the real socket behind a host and a port.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::sim::Sim;

/// How many CNAMEs are followed.
const HOPS: usize = 8;

/// The real socket behind `host:port`, where `host` is an address or a name of a domain in this
/// cloud.
///
/// # Errors
/// In the words of a resolver or a connect that fails.
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

/// An A record, through CNAMEs and wildcards.
fn look_up(sim: &Sim, host: &str) -> Option<Ipv4Addr> {
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
            .filter(|d| name == d.name || name.ends_with(&format!(".{}", d.name)))
            .max_by_key(|d| d.name.len())?;
        let relative = name.strip_suffix(&zone.name)?.trim_end_matches('.');
        let wanted = if relative.is_empty() { "@" } else { relative };
        let wildcard = match relative.split_once('.') {
            Some((_, rest)) => format!("*.{rest}"),
            None => "*".to_owned(),
        };
        let find = |label: &str| {
            s.records.by_name(&zone.name).filter(|r| r.name == label).find_map(|r| {
                match r.kind.as_str() {
                    "A" => r.data.parse().ok().map(Step::Address),
                    "CNAME" if r.data == "@" => Some(Step::Alias(zone.name.clone())),
                    "CNAME" => Some(Step::Alias(r.data.trim_end_matches('.').to_ascii_lowercase())),
                    _ => None,
                }
            })
        };
        find(wanted).or_else(|| find(&wildcard))
    })
}
