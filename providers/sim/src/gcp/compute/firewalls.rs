//! Firewall rules.

use ipnet::IpNet;
use serde_json::{Value, json};

use super::checks;
use super::kinds::{Fields, Site};
use super::links;
use crate::gcp::http::Refusal;
use crate::world::State as World;

/// Protocols by name; any other is a number.
const PROTOCOLS: [&str; 7] = ["all", "tcp", "udp", "icmp", "esp", "ah", "ipip"];
/// The priorities there are.
const PRIORITIES: std::ops::RangeInclusive<i64> = 0..=65_535;

/// Checks a new rule.
pub fn prepare(w: &mut World, site: &Site<'_>, fields: &mut Fields) -> Result<(), Refusal> {
    checks::reference(w, site, fields, "network", "networks")?;
    checks::default(fields, "direction", json!("INGRESS"));
    checks::default(fields, "priority", json!(1000));
    checks::default(fields, "disabled", json!(false));
    checks::default(fields, "logConfig", json!({ "enable": false }));
    rules(fields)?;
    let has = |name: &str| {
        fields.get(name).and_then(Value::as_array).is_some_and(|list| !list.is_empty())
    };
    let any_source = has("sourceRanges") || has("sourceTags") || has("sourceServiceAccounts");
    let any_destination = has("destinationRanges");
    if fields["direction"] == "INGRESS" && !any_source {
        fields.insert("sourceRanges".to_owned(), json!(["0.0.0.0/0"]));
    }
    if fields["direction"] == "EGRESS" && !any_destination {
        fields.insert("destinationRanges".to_owned(), json!(["0.0.0.0/0"]));
    }
    Ok(())
}

/// Checks a change: network and direction stay.
pub fn patch(_: &World, site: &Site<'_>, old: &Value, fields: &mut Fields) -> Result<(), Refusal> {
    if let Some(given) = fields.remove("network") {
        let given = given.as_str().unwrap_or_default();
        let before = old["network"].as_str().map(links::path_of);
        if links::read(site.project, given).as_deref() != before {
            return Err(Refusal::field("resource.network", given, "It cannot be changed."));
        }
    }
    if fields.get("direction").is_some_and(|new| *new != old["direction"]) {
        let given = checks::text(fields, "direction");
        return Err(Refusal::field("resource.direction", given, "It cannot be changed."));
    }
    let mut merged = old.as_object().cloned().unwrap_or_default();
    merged.extend(fields.clone());
    rules(&merged)
}

fn rules(fields: &Fields) -> Result<(), Refusal> {
    let list = |name: &str| fields.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let (allowed, denied) = (list("allowed"), list("denied"));
    if allowed.is_empty() == denied.is_empty() {
        return Err(Refusal::invalid(
            "A firewall must have either 'allowed' or 'denied' specified, and not both.",
        ));
    }
    for (name, rules) in [("allowed", &allowed), ("denied", &denied)] {
        for (i, rule) in rules.iter().enumerate() {
            check_rule(&format!("resource.{name}[{i}]"), rule)?;
        }
    }
    for name in ["sourceRanges", "destinationRanges"] {
        for range in list(name) {
            let text = range.as_str().unwrap_or_default();
            let is_range = text.parse::<IpNet>().is_ok_and(|net| net.trunc() == net)
                || text.parse::<std::net::IpAddr>().is_ok();
            if !is_range {
                let field = format!("resource.{name}");
                return Err(Refusal::field(&field, text, "Must be a CIDR address range."));
            }
        }
    }
    for name in ["sourceTags", "targetTags"] {
        for tag in list(name) {
            let text = tag.as_str().unwrap_or_default();
            if !checks::is_name(text) {
                let field = format!("resource.{name}");
                return Err(Refusal::field(&field, text, "Must be a name as RFC 1035 has it."));
            }
        }
    }
    let is_ingress = fields.get("direction").is_none_or(|d| d == "INGRESS");
    let has_source = !list("sourceRanges").is_empty() || !list("sourceTags").is_empty();
    if !is_ingress && has_source {
        return Err(Refusal::invalid("Sources cannot be specified for EGRESS traffic."));
    }
    if is_ingress && !list("destinationRanges").is_empty() && list("sourceRanges").is_empty() {
        return Err(Refusal::invalid("Destinations need source ranges for INGRESS traffic."));
    }
    if let Some(priority) = fields.get("priority").and_then(Value::as_i64)
        && !PRIORITIES.contains(&priority)
    {
        let why = "Must be between 0 and 65535, inclusive";
        return Err(Refusal::field("resource.priority", &priority.to_string(), why));
    }
    Ok(())
}

fn check_rule(field: &str, rule: &Value) -> Result<(), Refusal> {
    let protocol = rule["IPProtocol"].as_str().unwrap_or_default();
    let is_known =
        PROTOCOLS.contains(&protocol) || protocol == "sctp" || protocol.parse::<u8>().is_ok();
    if !is_known {
        let field = format!("{field}.IPProtocol");
        return Err(Refusal::field(&field, protocol, "Must be a protocol's name or number."));
    }
    let ports = rule["ports"].as_array().cloned().unwrap_or_default();
    if !ports.is_empty() && !["tcp", "udp", "sctp", "6", "17", "132"].contains(&protocol) {
        let field = format!("{field}.ports");
        return Err(Refusal::field(
            &field,
            "",
            "Ports may only be specified for TCP, UDP or SCTP.",
        ));
    }
    for port in ports {
        let text = port.as_str().unwrap_or_default();
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let is_range = matches!((from.parse::<u16>(), to.parse::<u16>()), (Ok(a), Ok(b)) if a <= b);
        if !is_range {
            let field = format!("{field}.ports");
            return Err(Refusal::field(&field, text, "Must be a port or a range of ports."));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fields: Value) -> Result<(), Refusal> {
        rules(fields.as_object().unwrap())
    }

    #[test]
    fn rules_are_checked() {
        let allow = json!([{"IPProtocol": "tcp", "ports": ["22", "8000-9000"]}]);
        assert!(check(json!({"allowed": allow})).is_ok());
        for bad in [
            json!({}),
            json!({"allowed": allow, "denied": allow}),
            json!({"allowed": [{"IPProtocol": "TCP"}]}),
            json!({"allowed": [{"IPProtocol": "icmp", "ports": ["1"]}]}),
            json!({"allowed": [{"IPProtocol": "tcp", "ports": ["9-8"]}]}),
            json!({"allowed": allow, "sourceRanges": ["10.0.0.1/8"]}),
            json!({"allowed": allow, "targetTags": ["A"]}),
            json!({"allowed": allow, "direction": "EGRESS", "sourceRanges": ["10.0.0.0/8"]}),
            json!({"allowed": allow, "priority": 70000}),
        ] {
            assert!(check(bad.clone()).is_err(), "{bad}");
        }
    }
}
