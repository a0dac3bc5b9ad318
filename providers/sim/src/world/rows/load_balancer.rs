//! Load balancers.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::world::table::Row;

/// A load balancer's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LbStatus {
    /// Being made; has no address yet.
    New,
    /// Serving.
    Active,
    /// Failed.
    Errored,
}

/// From where to where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardingRule {
    /// `http`, `https`, `http2`, `http3`, `tcp`, `udp`.
    pub entry_protocol: String,
    /// Where it listens.
    pub entry_port: u16,
    /// Same values as `entry_protocol`.
    pub target_protocol: String,
    /// Where droplets listen.
    pub target_port: u16,
    /// For TLS termination.
    #[serde(default)]
    pub certificate_id: String,
    /// TLS passes through to the droplets.
    #[serde(default)]
    pub tls_passthrough: bool,
}

/// How droplets are probed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// `http`, `https`, `tcp`.
    #[serde(default = "HealthCheck::protocol")]
    pub protocol: String,
    /// Port.
    #[serde(default = "HealthCheck::port")]
    pub port: u16,
    /// Path, for HTTP.
    #[serde(default = "HealthCheck::path")]
    pub path: String,
    /// Seconds between probes, 3–300.
    #[serde(default = "HealthCheck::interval")]
    pub check_interval_seconds: u32,
    /// Seconds to wait, 3–300.
    #[serde(default = "HealthCheck::timeout")]
    pub response_timeout_seconds: u32,
    /// Failures until unhealthy, 2–10.
    #[serde(default = "HealthCheck::unhealthy")]
    pub unhealthy_threshold: u32,
    /// Successes until healthy, 2–10.
    #[serde(default = "HealthCheck::healthy")]
    pub healthy_threshold: u32,
}

impl HealthCheck {
    fn protocol() -> String {
        "http".to_owned()
    }
    fn port() -> u16 {
        80
    }
    fn path() -> String {
        "/".to_owned()
    }
    fn interval() -> u32 {
        10
    }
    fn timeout() -> u32 {
        5
    }
    fn unhealthy() -> u32 {
        5
    }
    fn healthy() -> u32 {
        3
    }
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            protocol: Self::protocol(),
            port: Self::port(),
            path: Self::path(),
            check_interval_seconds: Self::interval(),
            response_timeout_seconds: Self::timeout(),
            unhealthy_threshold: Self::unhealthy(),
            healthy_threshold: Self::healthy(),
        }
    }
}

/// Whether a client stays with a droplet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StickySessions {
    /// `none` or `cookies`.
    #[serde(rename = "type", default = "StickySessions::none")]
    pub kind: String,
    /// Cookie name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie_name: Option<String>,
    /// Its life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie_ttl_seconds: Option<u32>,
}

impl StickySessions {
    fn none() -> String {
        "none".to_owned()
    }
}

impl Default for StickySessions {
    fn default() -> Self {
        Self { kind: Self::none(), cookie_name: None, cookie_ttl_seconds: None }
    }
}

/// Who may connect.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LbFirewall {
    /// `ip:…` and `cidr:…` that may not.
    #[serde(default)]
    pub deny: Vec<String>,
    /// `ip:…` and `cidr:…` that may.
    #[serde(default)]
    pub allow: Vec<String>,
}

impl LbFirewall {
    /// Reports whether a client at `ip` may connect. What is denied may not; where anything is
    /// allowed, nothing else may.
    pub fn admits(&self, ip: Ipv4Addr) -> bool {
        let matches = |rule: &String| match rule.split_once(':') {
            Some(("ip", one)) => one.parse() == Ok(ip),
            Some(("cidr", range)) => {
                range.parse::<IpNet>().is_ok_and(|range| range.contains(&IpAddr::V4(ip)))
            }
            _ => false,
        };
        !self.deny.iter().any(matches) && (self.allow.is_empty() || self.allow.iter().any(matches))
    }
}

/// A load balancer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Order of creation.
    pub seq: u64,
    /// UUID.
    pub id: String,
    /// Name, unique in the account.
    pub name: String,
    /// Region slug.
    pub region: String,
    /// Nodes, 1–100.
    pub size_unit: u32,
    /// Status.
    pub status: LbStatus,
    /// Its address; shown once active.
    pub ip: Ipv4Addr,
    /// When it was made.
    pub created_at: Timestamp,
    /// Rules, at least one.
    pub forwarding_rules: Vec<ForwardingRule>,
    /// Probe.
    pub health_check: HealthCheck,
    /// Stickiness.
    pub sticky_sessions: StickySessions,
    /// Droplets by id (when there is no tag).
    pub droplet_ids: Vec<u64>,
    /// Droplets by tag.
    pub tag: Option<String>,
    /// Tags of its own.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Its VPC.
    pub vpc_uuid: String,
    /// Project.
    pub project_id: String,
    /// `EXTERNAL` or `INTERNAL`.
    pub network: String,
    /// `IPV4` or `DUALSTACK`.
    pub network_stack: String,
    /// `REGIONAL` or `REGIONAL_NETWORK`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Switch of the same name.
    pub redirect_http_to_https: bool,
    /// Switch of the same name.
    pub enable_proxy_protocol: bool,
    /// Switch of the same name.
    pub enable_backend_keepalive: bool,
    /// Switch of the same name.
    pub disable_lets_encrypt_dns_records: bool,
    /// 30–600.
    pub http_idle_timeout_seconds: u32,
    /// Who may connect.
    pub firewall: LbFirewall,
    /// `DEFAULT` or `STRONG`.
    pub tls_cipher_policy: String,
    /// The GKE cluster whose Service it stands for. Then its droplets are instances, in order of their
    /// number, and the other cloud does not show it.
    #[serde(default)]
    pub gke_cluster: Option<u64>,
}

impl Row for LoadBalancer {
    const KIND: &'static str = "load_balancer";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.id)
    }
    fn lookup(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_connect() {
        let firewall = |deny: &[&str], allow: &[&str]| {
            let texts = |rules: &[&str]| rules.iter().map(|rule| (*rule).to_owned()).collect();
            LbFirewall { deny: texts(deny), allow: texts(allow) }
        };
        let admits = |firewall: LbFirewall, ip: &str| firewall.admits(ip.parse().unwrap());
        assert!(admits(firewall(&[], &[]), "192.0.2.7"));
        assert!(admits(firewall(&[], &["ip:192.0.2.7"]), "192.0.2.7"));
        assert!(!admits(firewall(&[], &["ip:192.0.2.7"]), "192.0.2.8"));
        assert!(admits(firewall(&[], &["ip:192.0.2.7", "cidr:198.51.100.0/24"]), "198.51.100.9"));
        assert!(!admits(firewall(&["ip:198.51.100.9"], &["cidr:198.51.100.0/24"]), "198.51.100.9"));
    }
}
