//! A load balancer as the API shows it.

use serde_json::{Value, json};

use super::model::targets;
use crate::api::names::time;
use crate::catalog::catalog;
use crate::world::{LbStatus, LoadBalancer, State as World};

/// Shows a load balancer as the API does. It has no address before it is active.
pub fn view(w: &World, l: &LoadBalancer) -> Value {
    let droplets: Vec<u64> = targets(w, l).iter().map(|d| d.id).collect();
    let ip = match l.status {
        LbStatus::New => String::new(),
        _ => l.ip.to_string(),
    };
    let size = match l.size_unit {
        0..=2 => "lb-small",
        3..=5 => "lb-medium",
        _ => "lb-large",
    };
    let mut body = json!({
        "id": l.id,
        "name": l.name,
        "ip": ip,
        "ipv6": "",
        "size_unit": l.size_unit,
        "size": size,
        "algorithm": "round_robin",
        "status": l.status,
        "created_at": time(l.created_at),
        "forwarding_rules": l.forwarding_rules,
        "health_check": l.health_check,
        "sticky_sessions": l.sticky_sessions,
        "region": catalog().region(&l.region),
        "droplet_ids": droplets,
        "tag": l.tag.clone().unwrap_or_default(),
        "tags": l.tags,
        "vpc_uuid": l.vpc_uuid,
        "project_id": l.project_id,
        "network": l.network,
        "network_stack": l.network_stack,
        "type": l.kind,
        "redirect_http_to_https": l.redirect_http_to_https,
        "enable_proxy_protocol": l.enable_proxy_protocol,
        "enable_backend_keepalive": l.enable_backend_keepalive,
        "disable_lets_encrypt_dns_records": l.disable_lets_encrypt_dns_records,
        "http_idle_timeout_seconds": l.http_idle_timeout_seconds,
        "firewall": l.firewall,
    });
    body["tls_cipher_policy"] = json!(l.tls_cipher_policy);
    body
}
