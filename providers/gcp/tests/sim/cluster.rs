//! A cluster as infra.toml would have it.

use std::collections::BTreeMap;

use infra_provider_api::{
    Access, Address, Cluster, Declared, DnsConfig, FirewallRule, LoadBalancerConfig, Network,
    NodeSlot, Placement, Pool, PoolBounds, Protocol, RawJson, Role, SizeRequest, SourceRange,
    Versions, resolve,
};
use serde_json::{Value, json};

/// Outputs of what exists.
pub type Known = BTreeMap<Address, RawJson>;

fn pool(name: &str, machine_type: &str, count: u32) -> Pool {
    let slot = |number| NodeSlot {
        slot: format!("{name}-{number}"),
        generation: 1,
        revision: String::new(),
    };
    Pool {
        name: name.to_owned(),
        role: Role::Worker,
        size: SizeRequest::Type(machine_type.to_owned()),
        image: "cos_containerd".to_owned(),
        labels: BTreeMap::from([("tier".to_owned(), name.to_owned())]),
        taints: Vec::new(),
        nodes: (1..=count).map(slot).collect(),
        generation: 1,
        bounds: None,
        spot: false,
        size_source: None,
        source: None,
    }
}

/// A cluster with two pools, one of which grows by itself.
pub fn cluster() -> Cluster {
    let mut batch = pool("batch", "e2-standard-2", 2);
    batch.bounds = Some(PoolBounds { min: 2, max: 4 });
    batch.taints = vec!["only=batch:NoSchedule".to_owned()];
    Cluster {
        name: "shop".to_owned(),
        environment: None,
        protected: false,
        provider: "gcp".to_owned(),
        region: "europe-west3".to_owned(),
        region_source: None,
        account: None,
        placement: Placement {
            zones: vec!["a".into(), "b".into()],
            private: true,
            disk_gib: Some(20),
            ..Placement::default()
        },
        managed: Default::default(),
        versions: Versions { kubernetes: "1.35.3".to_owned(), source: None },
        network: Network {
            machines: "10.20.0.0/20".parse().unwrap(),
            machines_source: None,
            pods: "10.64.0.0/16".parse().unwrap(),
            services: "10.96.0.0/16".parse().unwrap(),
            cluster_domain: "cluster.local".to_owned(),
        },
        ssh_keys: Vec::new(),
        pools: vec![batch, pool("worker", "e2-medium", 2)],
        firewall: vec![FirewallRule {
            to: Access::All,
            protocol: Protocol::Tcp,
            ports: Some((22, 22)),
            from: vec![SourceRange::Cidr("203.0.113.0/24".to_owned())],
        }],
        api_load_balancer: LoadBalancerConfig::open(443),
        dns: Some(DnsConfig {
            domain: "shop.example.com".to_owned(),
            ttl_s: 300,
            manage_zone: true,
            api_name: "api".to_owned(),
            is_endpoint: true,
            source: None,
        }),
        bucket: None,
        tags: vec!["team=shop".to_owned()],
    }
}

/// What others make: the app suite's address.
pub fn known_elsewhere() -> Known {
    let outputs = json!({"ingress_address": "203.0.113.50"});
    Known::from([(Address::new("suite", "ingress"), RawJson::from(outputs))])
}

/// Fills in the outputs that a spec refers to.
pub fn resolved(declared: &Declared, known: &Known) -> Value {
    let output = |reference: &infra_provider_api::Reference| {
        known.get(&reference.address)?.get(&reference.field)
    };
    let (spec, unknown) = resolve(&declared.spec.value(), &output);
    assert!(unknown.is_empty(), "{}: {unknown:?}", declared.address);
    spec
}

/// Sorts resources so that each comes after what it needs.
pub fn in_order(mut left: Vec<Declared>) -> Vec<Declared> {
    let mut done: Vec<Declared> = Vec::new();
    while !left.is_empty() {
        let is_ready = |one: &Declared| {
            let mut needs = one.needs().into_iter();
            needs.all(|need| {
                need.kind() == "suite" || done.iter().any(|other| other.address == need)
            })
        };
        let place = left.iter().position(is_ready).expect("there is no circle");
        done.push(left.remove(place));
    }
    done
}
