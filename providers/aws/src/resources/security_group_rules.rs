//! The rules of a security group, one source each: AWS groups them by ports.

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, UserIdGroupPair};
use infra_provider_api::{CloudError, Input};
use serde::{Deserialize, Serialize};

use super::api::known;

/// The group itself as a source.
pub(crate) const ITSELF: &str = "self";
/// What the cloud controller writes into the rules that it adds for Services.
const OF_CONTROLLER: &str = "kubernetes.io/rule/";

/// What begins the description of a machine's rule, which is a resource of its own.
pub(super) const OF_NODE: &str = "infra.dev/node/";

/// Traffic that may come in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSpec {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, or `-1` for all.
    pub protocol: String,
    /// First port; -1 where there are none.
    pub from: i32,
    /// Last port; -1 where there are none.
    pub to: i32,
    /// A range, the id of a security group, or `self`.
    pub source: Input<String>,
}

impl RuleSpec {
    fn key(&self) -> (&str, i32, i32, &str) {
        let source = self.source.known().map_or("", String::as_str);
        (&self.protocol, self.from, self.to, source)
    }
}

/// Sorts the rules, each once.
pub(crate) fn normal(mut rules: Vec<RuleSpec>) -> Vec<RuleSpec> {
    rules.sort_by(|a, b| a.key().cmp(&b.key()));
    rules.dedup();
    rules
}

/// Reads the rules of the group `id`, but for those that a controller keeps, and those of machines.
pub(super) fn rules(id: &str, permissions: &[IpPermission]) -> Vec<RuleSpec> {
    let mut rules = Vec::new();
    for one in permissions {
        let protocol = match one.ip_protocol() {
            Some("58") => "icmpv6",
            other => other.unwrap_or("-1"),
        };
        let mut add = |source: Option<&str>, description: Option<&str>| {
            let is_kept = |text: &str| text.starts_with(OF_CONTROLLER) || text.starts_with(OF_NODE);
            if description.is_some_and(is_kept) {
                return;
            }
            let source = source.unwrap_or_default();
            let source = if source == id { ITSELF } else { source };
            rules.push(RuleSpec {
                protocol: protocol.to_owned(),
                from: one.from_port().unwrap_or(-1),
                to: one.to_port().unwrap_or(-1),
                source: source.to_owned().into(),
            });
        };
        for range in one.ip_ranges() {
            add(range.cidr_ip(), range.description());
        }
        for range in one.ipv6_ranges() {
            add(range.cidr_ipv6(), range.description());
        }
        for pair in one.user_id_group_pairs() {
            add(pair.group_id(), pair.description());
        }
    }
    normal(rules)
}

/// Writes a rule as the API takes it.
pub(super) fn permission(id: &str, rule: &RuleSpec) -> Result<IpPermission, CloudError> {
    let source = known("change the rules of a security group", "source", &rule.source)?;
    let permission = IpPermission::builder().ip_protocol(&rule.protocol);
    // All protocols have no ports.
    let permission = match rule.protocol.as_str() {
        "-1" => permission,
        _ => permission.from_port(rule.from).to_port(rule.to),
    };
    let permission = if source == ITSELF || source.starts_with("sg-") {
        let group = if source == ITSELF { id } else { source };
        permission.user_id_group_pairs(UserIdGroupPair::builder().group_id(group).build())
    } else if source.contains(':') {
        permission.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(source).build())
    } else {
        permission.ip_ranges(IpRange::builder().cidr_ip(source).build())
    };
    Ok(permission.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(protocol: &str, ports: (i32, i32), source: &str) -> RuleSpec {
        let (from, to) = ports;
        RuleSpec { protocol: protocol.into(), from, to, source: source.to_owned().into() }
    }

    #[test]
    fn rules_are_read_as_they_were_written() {
        let all = normal(vec![
            rule("tcp", (22, 22), "203.0.113.0/24"),
            rule("tcp", (22, 22), "::/0"),
            rule("udp", (1, 65535), ITSELF),
            rule("icmp", (-1, -1), "sg-2"),
        ]);
        let written: Vec<_> = all.iter().map(|rule| permission("sg-1", rule).unwrap()).collect();
        assert_eq!(rules("sg-1", &written), all);
    }

    #[test]
    fn what_a_controller_keeps_is_not_seen() {
        let range = IpRange::builder()
            .cidr_ip("0.0.0.0/0")
            .description("kubernetes.io/rule/nlb/client=a1b2")
            .build();
        let permission = IpPermission::builder().ip_protocol("tcp").from_port(30000).to_port(30000);
        assert_eq!(rules("sg-1", &[permission.ip_ranges(range).build()]), []);
    }
}
