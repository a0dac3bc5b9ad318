//! The cluster that the tests ask for, and the order in which it is made.

use std::collections::BTreeMap;

use infra_provider_api::{
    Access, Address, Cluster, Declared, DnsConfig, FirewallRule, LoadBalancerConfig, Network,
    NodeSlot, Pool, Protocol, RawJson, Reference, Role, SizeRequest, SourceRange, SshKey, Versions,
    resolve,
};
use serde_json::{Value, json};

const PUBLIC_KEY: &str = "ssh-ed25519 \
     AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ops@example.com";

fn pool(name: &str, role: Role, count: u32) -> Pool {
    Pool {
        name: name.to_owned(),
        role,
        size: SizeRequest::Fit { vcpus: 2, memory_mib: 4096 },
        image: "ubuntu-24-04-x64".to_owned(),
        labels: BTreeMap::new(),
        taints: Vec::new(),
        nodes: (1..=count)
            .map(|number| NodeSlot {
                slot: format!("{name}-{number}"),
                generation: 1,
                revision: String::new(),
            })
            .collect(),
        generation: 1,
        bounds: None,
        spot: false,
        size_source: None,
        source: None,
    }
}

/// Addresses of so many machines that are still to be created.
pub fn machines(count: usize) -> Vec<Address> {
    (1..=count).map(|number| Address::new("droplet", format!("worker-{number}"))).collect()
}

pub fn cluster() -> Cluster {
    Cluster {
        name: "shop".to_owned(),
        environment: None,
        protected: false,
        provider: "do".to_owned(),
        region: "fra1".to_owned(),
        region_source: None,
        account: None,
        placement: Default::default(),
        managed: Default::default(),
        versions: Versions { kubernetes: "1.36.2".to_owned(), source: None },
        network: Network {
            machines: "10.20.0.0/20".parse().unwrap(),
            machines_source: None,
            pods: "10.64.0.0/16".parse().unwrap(),
            services: "10.96.0.0/16".parse().unwrap(),
            cluster_domain: "cluster.local".to_owned(),
        },
        ssh_keys: vec![SshKey { name: "deploy".to_owned(), public_key: PUBLIC_KEY.to_owned() }],
        pools: vec![pool("cp", Role::ControlPlane, 3), pool("worker", Role::Worker, 4)],
        firewall: vec![
            FirewallRule {
                to: Access::All,
                protocol: Protocol::Tcp,
                ports: Some((22, 22)),
                from: vec![SourceRange::Cidr("203.0.113.0/24".to_owned())],
            },
            FirewallRule {
                to: Access::Worker,
                protocol: Protocol::Tcp,
                ports: Some((30_000, 32_767)),
                from: vec![SourceRange::LoadBalancers],
            },
            FirewallRule {
                to: Access::All,
                protocol: Protocol::Icmp,
                ports: None,
                from: vec![SourceRange::Cidr("0.0.0.0/0".to_owned())],
            },
        ],
        api_load_balancer: LoadBalancerConfig::open(6443),
        dns: Some(DnsConfig {
            domain: "shop.example.com".to_owned(),
            ttl_s: 300,
            manage_zone: true,
            api_name: "api".to_owned(),
            is_endpoint: true,
            source: None,
        }),
        bucket: None,
        tags: vec!["Team-Shop".to_owned()],
    }
}

/// Outputs by address; what other makers than the cloud put out is there from the start.
pub type Known = BTreeMap<Address, RawJson>;

pub fn known_elsewhere() -> Known {
    let suite: Address = "suite.ingress".parse().unwrap();
    let outputs = json!({"ingress_address": "203.0.113.10"}).into();
    Known::from([(suite, outputs)])
}

/// A declared spec with every reference replaced.
pub fn resolved(declared: &Declared, known: &Known) -> Value {
    let output = |reference: &Reference| known.get(&reference.address)?.get(&reference.field);
    let (spec, unknown) = resolve(&declared.spec.value(), &output);
    assert!(unknown.is_empty(), "{}: {unknown:?}", declared.address);
    spec
}

/// Everything that `declared` needs comes before it.
pub fn in_order(mut declared: Vec<Declared>) -> Vec<Declared> {
    let mut ordered: Vec<Declared> = Vec::new();
    while !declared.is_empty() {
        let all: Vec<Address> = declared.iter().map(|d| d.address.clone()).collect();
        let (ready, waiting): (Vec<_>, Vec<_>) =
            declared.into_iter().partition(|d| d.needs().iter().all(|need| !all.contains(need)));
        assert!(!ready.is_empty(), "a circle");
        ordered.extend(ready);
        declared = waiting;
    }
    ordered
}
