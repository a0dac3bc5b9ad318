//! Firewall rules.

use infra_provider_api::{Access, FirewallRule, Network, Protocol, SourceRange};

use super::Resolver;
use crate::config::{
    raw::{RawAccess, RawProtocol},
    values,
};

impl Resolver<'_> {
    /// Returns the rules of the file, and those without which no cluster works. Nodes reach each
    /// other, and load balancers reach the API server and node ports.
    pub(super) fn firewall(&mut self, network: &Network) -> Vec<FirewallRule> {
        let within = || vec![SourceRange::Nodes];
        let mut rules = vec![
            FirewallRule {
                to: Access::All,
                protocol: Protocol::Tcp,
                ports: Some((1, 65535)),
                from: within(),
            },
            FirewallRule {
                to: Access::All,
                protocol: Protocol::Udp,
                ports: Some((1, 65535)),
                from: within(),
            },
            FirewallRule { to: Access::All, protocol: Protocol::Icmp, ports: None, from: within() },
            FirewallRule {
                to: Access::ControlPlane,
                protocol: Protocol::Tcp,
                ports: Some((6443, 6443)),
                from: vec![SourceRange::LoadBalancers],
            },
            FirewallRule {
                to: Access::Worker,
                protocol: Protocol::Tcp,
                ports: Some((30000, 32767)),
                // Load balancers made by Kubernetes are not known here; they reach the nodes from
                // inside the machines' network.
                from: vec![SourceRange::Cidr(network.machines.to_string())],
            },
        ];
        for (at, raw) in self.raw.firewall.iter().enumerate() {
            if raw.to == Some(RawAccess::Api) {
                continue;
            }
            let at = at.to_string();
            let protocol = match raw.protocol {
                None | Some(RawProtocol::Tcp) => Protocol::Tcp,
                Some(RawProtocol::Udp) => Protocol::Udp,
                Some(RawProtocol::Icmp) => Protocol::Icmp,
            };
            let ports = match (&raw.ports, protocol) {
                (None, Protocol::Icmp) => None,
                (Some(_), Protocol::Icmp) => {
                    self.wrong(&["firewall", &at, "ports"], "icmp has no ports");
                    None
                }
                (Some(text), _) => {
                    Some(self.take(&["firewall", &at, "ports"], values::ports(text), (1, 1)))
                }
                (None, _) => {
                    self.wrong(&["firewall", &at], "`ports` is missing");
                    None
                }
            };
            let mut from = Vec::new();
            for (position, text) in raw.from.iter().enumerate() {
                match text.as_str() {
                    "nodes" => from.push(SourceRange::Nodes),
                    "load-balancers" => from.push(SourceRange::LoadBalancers),
                    text if text.parse::<ipnet::IpNet>().is_ok() => {
                        from.push(SourceRange::Cidr(text.to_owned()));
                    }
                    text => self.wrong_hint(
                        &["firewall", &at, "from", &position.to_string()],
                        format!("`{text}` is not an address range"),
                        "write a CIDR (203.0.113.0/24; 0.0.0.0/0 is everybody), or nodes, or load-balancers",
                    ),
                }
            }
            let to = match raw.to {
                None | Some(RawAccess::All | RawAccess::Api) => Access::All,
                Some(RawAccess::ControlPlane) => Access::ControlPlane,
                Some(RawAccess::Worker) => Access::Worker,
            };
            rules.push(FirewallRule { to, protocol, ports, from });
        }
        rules
    }
}
