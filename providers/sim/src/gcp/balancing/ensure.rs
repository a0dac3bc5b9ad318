//! The load balancer of a Service in its parts, as the controller of GKE makes it.

use std::net::{IpAddr, Ipv4Addr};

use infra_sim_kube::{CloudError, LoadBalancer, LoadBalancerRequest};
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::descriptions::{self as words, HEALTH_PORT, PROBES};
use super::make::{ensure, link};
use crate::world::{
    ForwardingRule, HealthCheck, LbFirewall, LbStatus, LoadBalancer as Row, State as World,
    StickySessions,
};

/// Makes or updates all parts; gives the address once it is in force.
///
/// # Errors
/// Returns an error if the cloud refuses a part. What is made by then is found again.
pub fn balancer(
    w: &mut World,
    cluster: &Cluster,
    request: &LoadBalancerRequest,
) -> Result<LoadBalancer, CloudError> {
    let ports: Vec<u16> = request.ports.iter().map(|p| p.port).collect();
    let (Some(first), Some(last)) = (ports.iter().min(), ports.iter().max()) else {
        return Err(CloudError::Refused("the Service has no ports".to_owned()));
    };
    let is_udp = request.ports.iter().any(|p| p.protocol == "udp");
    if is_udp && request.ports.iter().any(|p| p.protocol != "udp") {
        return Err(CloudError::Refused(
            "mixed protocol is not supported for load balancer".into(),
        ));
    }
    let protocol = if is_udp { "UDP" } else { "TCP" };
    let name = &request.name;
    let described = words::of_service(&request.service);
    let ip = address(w, cluster, name, &ports)?;
    let sources: Vec<String> = match request.source_ranges.is_empty() {
        true => vec!["0.0.0.0/0".to_owned()],
        false => request.source_ranges.clone(),
    };
    let traffic = json!({
        "name": words::firewall(name),
        "description": words::of_firewall(&request.service, &ip.to_string()),
        "network": link(&cluster.network),
        "allowed": words::rules(&protocol.to_ascii_lowercase(), &ports),
        "sourceRanges": sources,
        "destinationRanges": [ip.to_string()],
        "targetTags": [cluster.tag],
    });
    ensure(w, cluster, "global", "firewalls", traffic)?;
    let check = health_check(w, cluster, request, &described)?;
    let pool = json!({
        "name": name,
        "description": described,
        "sessionAffinity": "NONE",
        "instances": instances(w, cluster, &request.nodes),
        "healthChecks": [link(&check)],
    });
    let pool = ensure(w, cluster, &cluster.scope(), "targetPools", pool)?;
    let rule = json!({
        "name": name,
        "description": described,
        "IPAddress": ip.to_string(),
        "IPProtocol": protocol,
        "portRange": format!("{first}-{last}"),
        "target": link(&pool),
        "networkTier": "PREMIUM",
    });
    let rule = ensure(w, cluster, &cluster.scope(), "forwardingRules", rule)?;
    Ok(listen(w, cluster, request, &rule, ip))
}

/// Makes what probes the nodes, and the firewall that lets the probes in; gives the path of the check.
fn health_check(
    w: &mut World,
    cluster: &Cluster,
    request: &LoadBalancerRequest,
    described: &str,
) -> Result<String, CloudError> {
    let (name, port, described) = match request.health_check_node_port {
        Some(port) => (request.name.clone(), port, described.to_owned()),
        None => (words::nodes_check(&cluster.id), HEALTH_PORT, words::of_cluster(&cluster.id)),
    };
    let probes = json!({
        "name": words::check_firewall(&name),
        "description": described,
        "network": link(&cluster.network),
        "allowed": words::rules("tcp", &[port]),
        "sourceRanges": PROBES,
        "targetTags": [cluster.tag],
    });
    ensure(w, cluster, "global", "firewalls", probes)?;
    let check = json!({
        "name": name,
        "description": described,
        "port": port,
        "requestPath": "/healthz",
        "checkIntervalSec": 8,
        "timeoutSec": 1,
        "healthyThreshold": 1,
        "unhealthyThreshold": 3,
    });
    ensure(w, cluster, "global", "httpHealthChecks", check)
}

/// Returns the address that the forwarding rule has, or takes one.
fn address(
    w: &mut World,
    cluster: &Cluster,
    name: &str,
    ports: &[u16],
) -> Result<Ipv4Addr, CloudError> {
    let path = cluster.regional("forwardingRules", name);
    let has = w.gcp_resources.by_id(&path).and_then(|r| r.body["IPAddress"].as_str()?.parse().ok());
    // A rule that was deleted by hand took the address with it.
    let has = has.or_else(|| w.load_balancers.by_id(&path).map(|l| l.ip));
    has.or_else(|| w.next_public(ports))
        .ok_or_else(|| CloudError::Unavailable("Quota 'IN_USE_ADDRESSES' exceeded.".to_owned()))
}

/// Returns links to the instances of these nodes.
fn instances(w: &World, cluster: &Cluster, nodes: &[String]) -> Value {
    let links: Vec<String> = w
        .instances
        .by_group(cluster.seq)
        .filter(|one| nodes.contains(&one.name))
        .map(|one| {
            let project = &cluster.project;
            link(&format!("projects/{project}/zones/{}/instances/{}", one.zone, one.name))
        })
        .collect();
    json!(links)
}

/// Makes or updates what really listens on the address.
fn listen(
    w: &mut World,
    cluster: &Cluster,
    request: &LoadBalancerRequest,
    rule: &str,
    ip: Ipv4Addr,
) -> LoadBalancer {
    let mut machines: Vec<u64> = w
        .instances
        .by_group(cluster.seq)
        .filter(|one| request.nodes.contains(&one.name))
        .map(|one| one.id)
        .collect();
    machines.sort_unstable();
    let rules: Vec<ForwardingRule> = request
        .ports
        .iter()
        .map(|p| ForwardingRule {
            entry_protocol: p.protocol.clone(),
            entry_port: p.port,
            target_protocol: p.protocol.clone(),
            target_port: p.node_port,
            certificate_id: String::new(),
            tls_passthrough: false,
        })
        .collect();
    let allow = request.source_ranges.iter().filter(|range| *range != "0.0.0.0/0");
    let firewall = LbFirewall {
        deny: Vec::new(),
        allow: allow.map(|range| format!("cidr:{range}")).collect(),
    };
    let row = match w.load_balancers.by_id(rule).cloned() {
        Some(old) => {
            let same = old.forwarding_rules == rules
                && old.droplet_ids == machines
                && old.firewall == firewall;
            if !same {
                w.load_balancers.modify(old.seq, |l| {
                    l.forwarding_rules = rules;
                    l.droplet_ids = machines;
                    l.firewall = firewall;
                });
            }
            old
        }
        None => {
            let seq = w.counters.next_order();
            w.load_balancers.put(new(cluster, seq, rule, ip, rules, machines, firewall))
        }
    };
    let is_active = row.status == LbStatus::Active;
    LoadBalancer { id: request.name.clone(), ip: is_active.then_some(IpAddr::V4(row.ip)) }
}

fn new(
    cluster: &Cluster,
    seq: u64,
    rule: &str,
    ip: Ipv4Addr,
    forwarding_rules: Vec<ForwardingRule>,
    droplet_ids: Vec<u64>,
    firewall: LbFirewall,
) -> Row {
    Row {
        seq,
        id: rule.to_owned(),
        name: rule.to_owned(),
        region: cluster.region.clone(),
        size_unit: 1,
        status: LbStatus::New,
        ip,
        created_at: jiff::Timestamp::now(),
        forwarding_rules,
        health_check: HealthCheck::default(),
        sticky_sessions: StickySessions::default(),
        droplet_ids,
        tag: None,
        tags: Vec::new(),
        vpc_uuid: String::new(),
        project_id: String::new(),
        network: "EXTERNAL".to_owned(),
        network_stack: "IPV4".to_owned(),
        kind: "REGIONAL_NETWORK".to_owned(),
        redirect_http_to_https: false,
        enable_proxy_protocol: false,
        enable_backend_keepalive: false,
        disable_lets_encrypt_dns_records: false,
        http_idle_timeout_seconds: 60,
        firewall,
        tls_cipher_policy: "DEFAULT".to_owned(),
        gke_cluster: Some(cluster.seq),
    }
}
