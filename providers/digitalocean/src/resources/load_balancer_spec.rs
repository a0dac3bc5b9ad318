//! A load balancer's spec.

use infra_provider_api::Input;
use serde::{Deserialize, Serialize};

/// Spreads connections over the machines with a tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancerSpec {
    /// The region's slug.
    pub region: String,
    /// The private network over which it reaches the machines.
    pub vpc: Input<String>,
    /// Machines with this tag.
    pub tag: String,
    /// What goes where, sorted.
    pub forwarding_rules: Vec<ForwardingRule>,
    /// How it finds out who can serve.
    pub health_check: HealthCheck,
    /// Who may connect besides the cluster's machines: `cidr:192.0.2.0/24`, sorted. Empty: everybody.
    #[serde(default)]
    pub allow: Vec<String>,
}

/// What goes where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ForwardingRule {
    /// `tcp` passes TLS through untouched.
    pub entry_protocol: String,
    /// The port clients use.
    pub entry_port: u16,
    /// As `entry_protocol`, towards the machine.
    pub target_protocol: String,
    /// The machine's port.
    pub target_port: u16,
}

/// How a machine is found able to serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// `tcp`: the port accepts connections.
    pub protocol: String,
    /// The machine's port.
    pub port: u16,
    /// Seconds from check to check.
    pub check_interval_seconds: u32,
    /// Seconds until a check counts as failed.
    pub response_timeout_seconds: u32,
    /// Failures in a row until the machine gets no more connections.
    pub unhealthy_threshold: u32,
    /// Successes in a row until it gets them again.
    pub healthy_threshold: u32,
}

impl HealthCheck {
    /// Connects to `port` as often as the vendor allows: a replaced API server is then taken in
    /// and out within seconds.
    pub fn tcp(port: u16) -> Self {
        Self {
            protocol: "tcp".to_owned(),
            port,
            check_interval_seconds: 3,
            response_timeout_seconds: 3,
            unhealthy_threshold: 3,
            healthy_threshold: 2,
        }
    }
}
