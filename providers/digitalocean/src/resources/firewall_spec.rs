//! A firewall's spec and its normal form.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::wire;

/// Who may reach the machines with a tag, and whom they may reach. Everything else is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallSpec {
    /// Machines with any of these tags, sorted.
    pub tags: Vec<String>,
    /// Into the machines, sorted.
    pub inbound: Vec<RuleSpec>,
    /// Out of the machines, sorted.
    pub outbound: Vec<RuleSpec>,
}

/// One kind of traffic, and from or to where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleSpec {
    /// `tcp`, `udp` or `icmp`.
    pub protocol: String,
    /// `22`, `8000-9000`, or `0` for all (always for `icmp`), as the vendor writes them.
    pub ports: String,
    /// Address ranges, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Machines with any of these tags, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Peers of a sort that this tool never writes, put there by someone else; sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
}

impl RuleSpec {
    /// Makes a rule for a protocol and its ports, used in both directions with `addresses` and
    /// `tags`.
    pub fn new(protocol: &str, ports: &str) -> Self {
        Self {
            protocol: protocol.to_owned(),
            ports: ports.to_owned(),
            addresses: Vec::new(),
            tags: Vec::new(),
            others: Vec::new(),
        }
    }

    fn from_wire(protocol: &str, ports: &str, peers: &wire::Sources) -> Self {
        Self {
            addresses: peers.addresses.clone(),
            tags: peers.tags.clone(),
            others: peers.others(),
            ..Self::new(protocol, ports)
        }
    }

    fn peers(&self) -> wire::Sources {
        wire::Sources {
            addresses: self.addresses.clone(),
            tags: self.tags.clone(),
            ..wire::Sources::default()
        }
    }
}

impl FirewallSpec {
    /// Merges rules about one kind of traffic, sorts everything, and writes all ports in one
    /// spelling.
    #[must_use]
    pub fn normal(mut self) -> Self {
        sort(&mut self.tags);
        self.inbound = merge(self.inbound);
        self.outbound = merge(self.outbound);
        self
    }

    pub(super) fn from_wire(firewall: &wire::Firewall) -> Self {
        let inbound = firewall
            .inbound_rules
            .iter()
            .map(|rule| RuleSpec::from_wire(&rule.protocol, &rule.ports, &rule.sources))
            .collect();
        let outbound = firewall
            .outbound_rules
            .iter()
            .map(|rule| RuleSpec::from_wire(&rule.protocol, &rule.ports, &rule.destinations))
            .collect();
        Self { tags: firewall.tags.clone(), inbound, outbound }.normal()
    }

    pub(super) fn inbound_wire(&self) -> Vec<wire::Inbound> {
        self.inbound
            .iter()
            .map(|rule| wire::Inbound {
                protocol: rule.protocol.clone(),
                ports: rule.ports.clone(),
                sources: rule.peers(),
            })
            .collect()
    }

    pub(super) fn outbound_wire(&self) -> Vec<wire::Outbound> {
        self.outbound
            .iter()
            .map(|rule| wire::Outbound {
                protocol: rule.protocol.clone(),
                ports: rule.ports.clone(),
                destinations: rule.peers(),
            })
            .collect()
    }
}

/// Writes all ports in one way: they have four spellings in the vendor's answers and documents.
fn ports(rule: &RuleSpec) -> String {
    let all = matches!(rule.ports.as_str(), "" | "0" | "all" | "1-65535");
    if all || rule.protocol == "icmp" { "0".to_owned() } else { rule.ports.clone() }
}

fn sort(list: &mut Vec<String>) {
    list.sort();
    list.dedup();
}

fn merge(rules: Vec<RuleSpec>) -> Vec<RuleSpec> {
    let mut merged: BTreeMap<(String, String), RuleSpec> = BTreeMap::new();
    for rule in rules {
        let ports = ports(&rule);
        let known = merged
            .entry((rule.protocol.clone(), ports.clone()))
            .or_insert_with(|| RuleSpec::new(&rule.protocol, &ports));
        known.addresses.extend(rule.addresses);
        known.tags.extend(rule.tags);
        known.others.extend(rule.others);
    }
    let mut rules: Vec<RuleSpec> = merged.into_values().collect();
    for rule in &mut rules {
        sort(&mut rule.addresses);
        sort(&mut rule.tags);
        sort(&mut rule.others);
    }
    rules
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_sent_is_read_back_as_it_was_declared() {
        let rule = |protocol: &str, ports: &str, address: &str| RuleSpec {
            addresses: vec![address.to_owned()],
            ..RuleSpec::new(protocol, ports)
        };
        let declared = FirewallSpec {
            tags: vec!["b".into(), "a".into()],
            inbound: vec![
                rule("tcp", "443", "::/0"),
                rule("tcp", "443", "0.0.0.0/0"),
                rule("udp", "all", "10.0.0.0/8"),
                rule("icmp", "", "0.0.0.0/0"),
            ],
            outbound: vec![rule("tcp", "1-65535", "0.0.0.0/0")],
        }
        .normal();
        assert_eq!(declared.inbound.len(), 3);
        let mut answer = json!({
            "id": "f", "name": "n", "tags": ["b", "a"], "status": "waiting",
            "inbound_rules": declared.inbound_wire(),
            "outbound_rules": declared.outbound_wire(),
        });
        answer["outbound_rules"][0]["ports"] = json!("all");
        let wire: wire::Firewall = serde_json::from_value(answer).unwrap();
        assert_eq!(FirewallSpec::from_wire(&wire), declared);
    }

    #[test]
    fn a_peer_that_someone_added_is_drift() {
        let wire: wire::Firewall = serde_json::from_value(json!({
            "id": "f", "name": "n", "tags": null,
            "inbound_rules": [{"protocol": "tcp", "ports": "22", "sources": {"droplet_ids": [7]}}],
            "outbound_rules": null,
        }))
        .unwrap();
        assert_eq!(FirewallSpec::from_wire(&wire).inbound[0].others, ["droplet 7"]);
    }
}
