//! Subnets and their secondary ranges.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::{Value, json};

use super::checks::{self, text};
use super::kinds::{Fields, Site};
use super::links;
use crate::gcp::http::Refusal;
use crate::world::State as World;

/// A range is no smaller than this.
const PREFIX_MAX: u8 = 29;
/// A range is no larger than this.
const PREFIX_MIN: u8 = 4;

/// Checks a new subnet.
pub fn prepare(w: &mut World, site: &Site<'_>, fields: &mut Fields) -> Result<(), Refusal> {
    let network = checks::reference(w, site, fields, "network", "networks")?;
    let range = range("resource.ipCidrRange", text(fields, "ipCidrRange"))?;
    let secondary = secondary(fields)?;
    check_overlaps(w, site, &network, range, &secondary)?;
    let gateway = Ipv4Addr::from(u32::from(range.network()) + 1);
    fields.insert("gatewayAddress".to_owned(), json!(gateway));
    fields.remove("fingerprint");
    checks::default(fields, "privateIpGoogleAccess", json!(false));
    checks::default(fields, "privateIpv6GoogleAccess", json!("DISABLE_GOOGLE_ACCESS"));
    checks::default(fields, "purpose", json!("PRIVATE"));
    checks::default(fields, "stackType", json!("IPV4_ONLY"));
    fields.insert("state".to_owned(), json!("READY"));
    Ok(())
}

/// Checks a change: the primary range and the network stay.
pub fn patch(w: &World, site: &Site<'_>, old: &Value, fields: &mut Fields) -> Result<(), Refusal> {
    for name in ["ipCidrRange", "network", "gatewayAddress", "purpose"] {
        let same = fields.get(name).is_none_or(|new| *new == old[name]);
        let is_link = name == "network"
            && links::read(site.project, text(fields, name)).as_deref()
                == old[name].as_str().map(links::path_of);
        if !same && !is_link {
            let given = text(fields, name);
            return Err(Refusal::field(
                &format!("resource.{name}"),
                given,
                "It cannot be changed.",
            ));
        }
        fields.remove(name);
    }
    if !fields.contains_key("secondaryIpRanges") {
        return Ok(());
    }
    let ranges = secondary(fields)?;
    let before = of(old);
    let kept = |name: &str, net: &Ipv4Net| ranges.iter().any(|(n, r)| n == name && r == net);
    let gone = before.iter().find(|(name, net)| !kept(name, net));
    if let Some((name, _)) = gone
        && let Some(user) = super::uses::range_user(w, site.path, name)
    {
        return Err(Refusal::bad(
            "resourceInUseByAnotherResource",
            format!(
                "The secondary range '{name}' of '{}' is already being used by '{user}'",
                site.path
            ),
        ));
    }
    let network = old["network"].as_str().map(links::path_of).unwrap_or_default();
    let primary = range("resource.ipCidrRange", old["ipCidrRange"].as_str().unwrap_or_default())?;
    check_overlaps(w, site, network, primary, &ranges)
}

/// Reads a range: a network's own address, of an allowed size.
fn range(field: &str, given: &str) -> Result<Ipv4Net, Refusal> {
    let Ok(net) = given.parse::<Ipv4Net>() else {
        return Err(Refusal::field(field, given, "Must be a CIDR address range."));
    };
    if net.trunc() != net {
        let why =
            format!("The address of the range must be that of its network ({}).", net.trunc());
        return Err(Refusal::field(field, given, &why));
    }
    if !(PREFIX_MIN..=PREFIX_MAX).contains(&net.prefix_len()) {
        let why = format!("The prefix must be between /{PREFIX_MIN} and /{PREFIX_MAX}.");
        return Err(Refusal::field(field, given, &why));
    }
    let ip = net.network();
    if ip.is_loopback() || ip.is_multicast() || ip.is_link_local() || ip.octets()[0] == 0 {
        return Err(Refusal::field(field, given, "The range is reserved."));
    }
    Ok(net)
}

/// Reads the secondary ranges of a request.
fn secondary(fields: &Fields) -> Result<Vec<(String, Ipv4Net)>, Refusal> {
    let mut ranges: Vec<(String, Ipv4Net)> = Vec::new();
    let list = fields.get("secondaryIpRanges").and_then(Value::as_array);
    for (i, item) in list.into_iter().flatten().enumerate() {
        let field = format!("resource.secondaryIpRanges[{i}]");
        let name = item["rangeName"].as_str().unwrap_or_default();
        if !checks::is_name(name) {
            let why = "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'";
            return Err(Refusal::field(&format!("{field}.rangeName"), name, why));
        }
        if ranges.iter().any(|(other, _)| other == name) {
            let why = "The name of a secondary range must be unique in the subnetwork.";
            return Err(Refusal::field(&format!("{field}.rangeName"), name, why));
        }
        let given = item["ipCidrRange"].as_str().unwrap_or_default();
        ranges.push((name.to_owned(), range(&format!("{field}.ipCidrRange"), given)?));
    }
    Ok(ranges)
}

/// Returns the secondary ranges of a subnet.
fn of(body: &Value) -> Vec<(String, Ipv4Net)> {
    let list = body["secondaryIpRanges"].as_array();
    list.into_iter()
        .flatten()
        .filter_map(|item| {
            let net = item["ipCidrRange"].as_str()?.parse().ok()?;
            Some((item["rangeName"].as_str()?.to_owned(), net))
        })
        .collect()
}

fn overlap(a: &Ipv4Net, b: &Ipv4Net) -> bool {
    a.contains(&b.network()) || b.contains(&a.network())
}

/// Refuses ranges that share addresses with each other or with others of the network.
fn check_overlaps(
    w: &World,
    site: &Site<'_>,
    network: &str,
    primary: Ipv4Net,
    secondary: &[(String, Ipv4Net)],
) -> Result<(), Refusal> {
    let mut own = vec![("resource.ipCidrRange".to_owned(), primary)];
    for (i, (_, net)) in secondary.iter().enumerate() {
        own.push((format!("resource.secondaryIpRanges[{i}].ipCidrRange"), *net));
    }
    for (i, (field, net)) in own.iter().enumerate() {
        if let Some((_, other)) = own[..i].iter().find(|(_, other)| overlap(net, other)) {
            let why =
                format!("Invalid IPCidrRange: {net} conflicts with {other} of the subnetwork.");
            return Err(Refusal::field(field, &net.to_string(), &why));
        }
    }
    let link = links::link(network);
    let others = w
        .gcp_resources
        .by_name("subnetworks")
        .filter(|s| s.path != site.path && s.body["network"] == link.as_str());
    for other in others {
        let primary = other.body["ipCidrRange"].as_str().and_then(|r| r.parse::<Ipv4Net>().ok());
        let ranges = primary.into_iter().chain(of(&other.body).into_iter().map(|(_, net)| net));
        for range in ranges {
            if let Some((field, net)) = own.iter().find(|(_, net)| overlap(net, &range)) {
                let region = links::name_of(&other.scope);
                let why = format!(
                    "Invalid IPCidrRange: {net} conflicts with existing subnetwork '{}' in region '{region}'.",
                    other.name
                );
                return Err(Refusal::field(field, &net.to_string(), &why));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_networks_of_an_allowed_size() {
        assert!(range("f", "10.0.0.0/20").is_ok());
        for bad in ["10.0.0.1/20", "10.0.0.0/30", "10.0.0.0", "127.0.0.0/8", "224.0.0.0/8", "x"] {
            assert!(range("f", bad).is_err(), "{bad}");
        }
    }
}
