//! Rules of a firewall: their form.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

use crate::api::Refusal;
use crate::world::{FirewallRule, FirewallTarget};

/// A rule as it is written; lists may be null.
#[derive(Deserialize)]
pub struct RawRule {
    protocol: Option<String>,
    ports: Option<String>,
    sources: Option<RawTarget>,
    destinations: Option<RawTarget>,
}

#[derive(Deserialize)]
struct RawTarget {
    addresses: Option<Vec<String>>,
    droplet_ids: Option<Vec<u64>>,
    load_balancer_uids: Option<Vec<String>>,
    kubernetes_ids: Option<Vec<String>>,
    tags: Option<Vec<String>>,
}

/// Parses the rules of one direction.
///
/// # Errors
/// Returns 422 for the first rule that is not valid, or stands there twice.
pub fn parse(rules: Vec<RawRule>, inbound: bool) -> Result<Vec<FirewallRule>, Refusal> {
    let mut parsed: Vec<FirewallRule> = Vec::new();
    for raw in rules {
        let rule = one(raw, inbound)?;
        if parsed.contains(&rule) {
            return Err(Refusal::unprocessable("duplicate rules are not allowed"));
        }
        parsed.push(rule);
    }
    Ok(parsed)
}

fn one(raw: RawRule, inbound: bool) -> Result<FirewallRule, Refusal> {
    let bad = |text: String| Err(Refusal::unprocessable(text));
    let protocol = raw.protocol.unwrap_or_default();
    if !["tcp", "udp", "icmp"].contains(&protocol.as_str()) {
        return bad(format!("protocol '{protocol}' must be tcp, udp or icmp"));
    }
    let ports = ports(&protocol, raw.ports.as_deref())?;
    let (target, other, word) = if inbound {
        (raw.sources, raw.destinations, "sources")
    } else {
        (raw.destinations, raw.sources, "destinations")
    };
    let Some(target) = target else {
        return bad(format!("{word} is required for every rule"));
    };
    if other.is_some() {
        return bad(format!("a rule of this direction only has {word}"));
    }
    let target = FirewallTarget {
        addresses: target.addresses.unwrap_or_default(),
        droplet_ids: target.droplet_ids.unwrap_or_default(),
        load_balancer_uids: target.load_balancer_uids.unwrap_or_default(),
        kubernetes_ids: target.kubernetes_ids.unwrap_or_default(),
        tags: target.tags.unwrap_or_default(),
    };
    if target == FirewallTarget::default() {
        return bad(format!("{word} must name at least one target"));
    }
    if let Some(a) = target.addresses.iter().find(|a| !address(a)) {
        return bad(format!("'{a}' is not an address or CIDR"));
    }
    Ok(FirewallRule { protocol, ports, target })
}

fn address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok()
}

/// Reads the ports of a rule; `0` stands for all ports, and ICMP has none.
fn ports(protocol: &str, ports: Option<&str>) -> Result<String, Refusal> {
    let bad = || {
        Refusal::unprocessable(format!(
            "ports '{}' must be a port, a range such as 8000-9000, or 0 for all",
            ports.unwrap_or_default()
        ))
    };
    if protocol == "icmp" {
        return match ports {
            None | Some("" | "0") => Ok("0".to_owned()),
            Some(_) => Err(Refusal::unprocessable("icmp rules have no ports")),
        };
    }
    let text = match ports {
        Some("0" | "all") => return Ok("0".to_owned()),
        Some(text) => text,
        None => return Err(Refusal::unprocessable("ports is required")),
    };
    let port = |t: &str| t.parse::<u16>().ok().filter(|p| *p > 0);
    let valid = match text.split_once('-') {
        Some((from, to)) => matches!((port(from), port(to)), (Some(f), Some(t)) if f < t),
        None => port(text).is_some(),
    };
    if valid { Ok(text.to_owned()) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_forms() {
        for good in ["22", "8000-9000", "1-65535", "0", "all"] {
            assert!(ports("tcp", Some(good)).is_ok(), "{good}");
        }
        for bad in ["", "65536", "9000-8000", "80,443", "http", "-1", "1-"] {
            assert!(ports("tcp", Some(bad)).is_err(), "{bad}");
        }
        assert_eq!(ports("icmp", None).unwrap(), "0");
        assert!(ports("icmp", Some("22")).is_err());
    }
}
