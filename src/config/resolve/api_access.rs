//! Who may connect to the API server: rules with `to = "api"`.

use infra_provider_api::LoadBalancerConfig;
use ipnet::IpNet;

use super::{Resolver, known_here, pools::is_managed};
use crate::config::{
    raw::{RawAccess, RawProtocol},
    values,
};

/// The port of an API server that the cloud runs.
const MANAGED_PORT: u16 = 443;

impl Resolver<'_> {
    /// Returns the load balancer of the API server. Without a rule everybody may connect.
    pub(super) fn api_load_balancer(&mut self, provider: &str) -> LoadBalancerConfig {
        let raw = self.raw;
        let mut plan = LoadBalancerConfig::open(raw.network.api_port.unwrap_or(6443));
        if is_managed(provider) {
            plan.port = MANAGED_PORT;
            if raw.network.api_port.is_some_and(|port| port != MANAGED_PORT && port != 6443) {
                self.wrong_hint(
                    &["network", "api_port"],
                    format!("the API server of `{provider}` listens on port {MANAGED_PORT} only"),
                    "leave `api_port` out",
                );
            }
        }
        for (at, rule) in raw.firewall.iter().enumerate() {
            if rule.to != Some(RawAccess::Api) {
                continue;
            }
            let at = at.to_string();
            if !matches!(rule.protocol, None | Some(RawProtocol::Tcp)) {
                self.wrong_hint(
                    &["firewall", &at, "protocol"],
                    "the API server speaks tcp only".to_owned(),
                    "leave `protocol` out",
                );
            }
            let is_own = |text: &String| values::ports(text) == Ok((plan.port, plan.port));
            if known_here(provider) && !rule.ports.iter().all(is_own) {
                self.wrong_hint(
                    &["firewall", &at, "ports"],
                    format!("the API server listens on port {} only", plan.port),
                    "leave `ports` out; `api_port` under [network] chooses the port",
                );
            }
            if rule.from.is_empty() {
                self.wrong_hint(
                    &["firewall", &at, "from"],
                    "nobody outside the cluster could reach the API server".to_owned(),
                    "write at least the range of the machine that runs infra",
                );
            }
            for (position, text) in rule.from.iter().enumerate() {
                match text.parse::<IpNet>() {
                    Ok(range) => plan.allow.push(range.trunc()),
                    Err(_) => self.wrong_hint(
                        &["firewall", &at, "from", &position.to_string()],
                        format!("`{text}` is not an address range"),
                        "write CIDRs (203.0.113.0/24); the cluster's own machines always may",
                    ),
                }
            }
            if plan.allow_source.is_none() {
                plan.allow_source = self.source(&["firewall", &at]);
            }
        }
        plan.allow.sort();
        plan.allow.dedup();
        plan
    }
}
