//! What a create and a full update of a load balancer say, and the rules that need no world.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::IpNet;
use serde::Deserialize;

use crate::api::Refusal;
use crate::api::names::only;
use crate::world::{ForwardingRule, HealthCheck, LbFirewall, StickySessions};

/// The body of `POST` and `PUT /v2/load_balancers`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Spec {
    /// Name.
    pub name: Option<String>,
    /// Region slug.
    pub region: Option<String>,
    /// Nodes.
    pub size_unit: Option<u32>,
    /// The older word for `size_unit`.
    pub size: Option<String>,
    /// At least one.
    pub forwarding_rules: Option<Vec<ForwardingRule>>,
    /// Probe.
    pub health_check: Option<HealthCheck>,
    /// Stickiness.
    pub sticky_sessions: Option<StickySessions>,
    /// Droplets by id.
    pub droplet_ids: Option<Vec<u64>>,
    /// Droplets by tag.
    pub tag: Option<String>,
    /// Tags of its own, made where they do not exist.
    pub tags: Option<Vec<String>>,
    /// VPC.
    pub vpc_uuid: Option<String>,
    /// Project.
    pub project_id: Option<String>,
    /// `EXTERNAL`, `INTERNAL`.
    pub network: Option<String>,
    /// `IPV4`, `DUALSTACK`.
    pub network_stack: Option<String>,
    /// `REGIONAL`, `REGIONAL_NETWORK`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Switch.
    pub redirect_http_to_https: Option<bool>,
    /// Switch.
    pub enable_proxy_protocol: Option<bool>,
    /// Switch.
    pub enable_backend_keepalive: Option<bool>,
    /// Switch.
    pub disable_lets_encrypt_dns_records: Option<bool>,
    /// 30–600.
    pub http_idle_timeout_seconds: Option<u32>,
    /// Who may connect.
    pub firewall: Option<LbFirewall>,
    /// `DEFAULT`, `STRONG`.
    pub tls_cipher_policy: Option<String>,
}

fn refuse<T>(text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::unprocessable(text))
}

impl Spec {
    /// Checks everything that needs no world.
    ///
    /// # Errors
    /// Returns 422 if something is not valid.
    pub fn check(&self) -> Result<(), Refusal> {
        let name = self.name.as_deref().unwrap_or_default();
        if !only(name, ".-") || name.len() > 255 || name.starts_with('-') || name.ends_with('-') {
            return refuse(
                "name is required and may only contain letters, numbers, dots and dashes",
            );
        }
        self.check_choices()?;
        self.check_targets()?;
        check_rules(self.forwarding_rules.as_deref().unwrap_or_default())?;
        check_health(self.health_check.as_ref())?;
        check_sticky(self.sticky_sessions.as_ref())?;
        check_firewall(self.firewall.as_ref())
    }

    fn check_choices(&self) -> Result<(), Refusal> {
        for (field, value, choices) in [
            ("network", &self.network, &["EXTERNAL", "INTERNAL"][..]),
            ("network_stack", &self.network_stack, &["IPV4", "DUALSTACK"][..]),
            ("type", &self.kind, &["REGIONAL", "REGIONAL_NETWORK"][..]),
            ("tls_cipher_policy", &self.tls_cipher_policy, &["DEFAULT", "STRONG"][..]),
            ("size", &self.size, &["lb-small", "lb-medium", "lb-large"][..]),
        ] {
            if let Some(v) = value
                && !choices.contains(&v.as_str())
            {
                return refuse(format!("{field} must be one of {}", choices.join(", ")));
            }
        }
        if self.size.is_some() && self.size_unit.is_some() {
            return refuse("size and size_unit cannot be used together");
        }
        if self.size_unit.is_some_and(|u| !(1..=100).contains(&u)) {
            return refuse("size_unit must be between 1 and 100");
        }
        if self.http_idle_timeout_seconds.is_some_and(|s| !(30..=600).contains(&s)) {
            return refuse("http_idle_timeout_seconds must be between 30 and 600");
        }
        Ok(())
    }

    fn check_targets(&self) -> Result<(), Refusal> {
        let by_tag = self.tag.as_ref().is_some_and(|t| !t.is_empty());
        let by_id = self.droplet_ids.as_ref().is_some_and(|d| !d.is_empty());
        if by_tag && by_id {
            return refuse("tag and droplet_ids cannot be used together");
        }
        Ok(())
    }

    /// Returns how many nodes it has.
    pub fn units(&self) -> u32 {
        match (self.size_unit, self.size.as_deref()) {
            (Some(units), _) => units,
            (None, Some("lb-medium")) => 3,
            (None, Some("lb-large")) => 6,
            _ => 1,
        }
    }
}

/// Checks forwarding rules.
///
/// # Errors
/// Returns 422 for the first that is not valid.
pub fn check_rules(rules: &[ForwardingRule]) -> Result<(), Refusal> {
    if rules.is_empty() {
        return refuse("forwarding_rules must have at least one rule");
    }
    let mut entries = BTreeSet::new();
    for rule in rules {
        if rule.entry_port == 0 || rule.target_port == 0 {
            return refuse("ports of forwarding_rules must be between 1 and 65535");
        }
        let udp = rule.entry_protocol == "udp";
        if !entries.insert((udp || rule.entry_protocol == "http3", rule.entry_port)) {
            return refuse(format!(
                "entry_port {} is used by more than one forwarding rule",
                rule.entry_port
            ));
        }
        check_protocols(rule)?;
    }
    Ok(())
}

fn check_protocols(rule: &ForwardingRule) -> Result<(), Refusal> {
    let (entry, target) = (rule.entry_protocol.as_str(), rule.target_protocol.as_str());
    let pair = match entry {
        "tcp" => target == "tcp",
        "udp" => target == "udp",
        "http" => target == "http",
        "https" | "http2" | "http3" => ["http", "https", "http2"].contains(&target),
        _ => false,
    };
    if !pair {
        return refuse(format!(
            "entry_protocol '{entry}' with target_protocol '{target}' is not supported"
        ));
    }
    let tls = ["https", "http2", "http3"].contains(&entry);
    if rule.tls_passthrough && (!tls || target == "http") {
        return refuse("tls_passthrough needs https or http2 on both sides");
    }
    if tls && !rule.tls_passthrough && rule.certificate_id.is_empty() {
        return refuse(format!("{entry} needs a certificate_id or tls_passthrough"));
    }
    if !rule.certificate_id.is_empty() {
        return refuse(format!("certificate {} was not found", rule.certificate_id));
    }
    Ok(())
}

fn check_health(health: Option<&HealthCheck>) -> Result<(), Refusal> {
    let Some(h) = health else { return Ok(()) };
    if !["http", "https", "tcp"].contains(&h.protocol.as_str()) {
        return refuse("health_check protocol must be http, https or tcp");
    }
    if h.port == 0 {
        return refuse("health_check port must be between 1 and 65535");
    }
    for (field, value, range) in [
        ("check_interval_seconds", h.check_interval_seconds, 3..=300),
        ("response_timeout_seconds", h.response_timeout_seconds, 3..=300),
        ("unhealthy_threshold", h.unhealthy_threshold, 2..=10),
        ("healthy_threshold", h.healthy_threshold, 2..=10),
    ] {
        if !range.contains(&value) {
            return refuse(format!(
                "health_check {field} must be between {} and {}",
                range.start(),
                range.end()
            ));
        }
    }
    if h.protocol != "tcp" && !h.path.starts_with('/') {
        return refuse("health_check path must begin with /");
    }
    Ok(())
}

fn check_sticky(sticky: Option<&StickySessions>) -> Result<(), Refusal> {
    match sticky {
        Some(s) if s.kind == "cookies" => {
            if s.cookie_name.as_ref().is_none_or(String::is_empty) || s.cookie_ttl_seconds.is_none()
            {
                return refuse(
                    "sticky_sessions of type cookies need cookie_name and cookie_ttl_seconds",
                );
            }
            Ok(())
        }
        Some(s) if s.kind != "none" => refuse("sticky_sessions type must be cookies or none"),
        _ => Ok(()),
    }
}

fn check_firewall(firewall: Option<&LbFirewall>) -> Result<(), Refusal> {
    let rules = firewall.into_iter().flat_map(|f| f.allow.iter().chain(&f.deny));
    for rule in rules {
        let valid = match rule.split_once(':') {
            Some(("ip", ip)) => ip.parse::<Ipv4Addr>().is_ok(),
            Some(("cidr", net)) => net.parse::<IpNet>().is_ok(),
            _ => false,
        };
        if !valid {
            return refuse(format!("firewall rule '{rule}' must be ip:… or cidr:…"));
        }
    }
    Ok(())
}
