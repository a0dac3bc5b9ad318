use std::{collections::BTreeMap, fmt::Write as _};

use infra_provider_api::{
    Access, Cluster, DnsConfig, FirewallRule, LoadBalancerConfig, Network, NodeSlot, Pool,
    Protocol, Role, SizeRequest, Source, SourceRange, SshKey, Versions,
};

use serde_json::Value;

use super::*;

fn pool(name: &str, role: Role, size: SizeRequest, generations: &[u32]) -> Pool {
    let nodes = generations.iter().enumerate().map(|(i, generation)| NodeSlot {
        slot: format!("{name}-{}", i + 1),
        generation: *generation,
        revision: "00112233aabbccdd".to_owned(),
    });
    Pool {
        name: name.to_owned(),
        role,
        size,
        image: "ubuntu-24-04-x64".to_owned(),
        labels: Default::default(),
        taints: Vec::new(),
        nodes: nodes.collect(),
        generation: 1,
        bounds: None,
        spot: false,
        size_source: None,
        source: Some(Source { file: "infra.toml".to_owned(), line: 12, span: None }),
    }
}

fn cluster() -> Cluster {
    let everybody = vec![SourceRange::Cidr("0.0.0.0/0".to_owned())];
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
        ssh_keys: vec![SshKey {
            name: "deploy".to_owned(),
            public_key: "ssh-ed25519 AAAAC3Nz ops@example.com".to_owned(),
        }],
        pools: vec![
            pool("worker", Role::Worker, SizeRequest::Fit { vcpus: 2, memory_mib: 4096 }, &[1, 3]),
            pool("cp", Role::ControlPlane, SizeRequest::Type("s-4vcpu-8gb".to_owned()), &[1]),
        ],
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
                to: Access::ControlPlane,
                protocol: Protocol::Icmp,
                ports: None,
                from: everybody,
            },
        ],
        api_load_balancer: LoadBalancerConfig::open(6443),
        dns: Some(DnsConfig {
            domain: "example.com".to_owned(),
            ttl_s: 300,
            manage_zone: true,
            api_name: "api".to_owned(),
            is_endpoint: true,
            source: None,
        }),
        bucket: None,
        tags: vec!["team-shop".to_owned()],
    }
}

fn owner() -> Owner {
    Owner { cluster: "shop".to_owned(), uuid: uuid::Uuid::from_u128(0x1234_5678 << 96) }
}

/// Sorts the fields by name: whether serde_json keeps their order hangs on what else is built.
fn by_name(value: &Value) -> BTreeMap<&String, &Value> {
    value.as_object().into_iter().flatten().collect()
}

fn sorted(value: &Value) -> String {
    let join = |parts: Vec<String>| parts.join(",");
    match value {
        Value::Object(_) => {
            let fields = by_name(value).into_iter().map(|(k, v)| format!("\"{k}\":{}", sorted(v)));
            format!("{{{}}}", join(fields.collect()))
        }
        Value::Array(items) => format!("[{}]", join(items.iter().map(sorted).collect())),
        other => other.to_string(),
    }
}

#[test]
fn a_cluster_becomes_these_resources() {
    let mut text = String::new();
    for declared in model(&cluster(), &owner()).unwrap() {
        let needs: Vec<String> = declared.needs().iter().map(ToString::to_string).collect();
        writeln!(text, "{} ({:?}) after {}", declared.address, declared.phase, needs.join(", "))
            .unwrap();
        for older in &declared.supersedes {
            writeln!(text, "  supersedes {older}").unwrap();
        }
        for (field, value) in by_name(&declared.spec.value()) {
            writeln!(text, "  {field} = {}", sorted(value)).unwrap();
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn references_name_what_is_declared() {
    let all = model(&cluster(), &owner()).unwrap();
    // Of other makers: the boot bundles and the app suite.
    let elsewhere = ["node_bundle", "suite"];
    for declared in &all {
        for need in declared.needs() {
            assert!(
                elsewhere.contains(&need.kind()) || all.iter().any(|other| other.address == need),
                "{} needs {need}",
                declared.address
            );
        }
    }
}

#[test]
fn without_revisions_no_bundle_is_waited_for() {
    let mut cluster = cluster();
    for node in cluster.pools.iter_mut().flat_map(|pool| &mut pool.nodes) {
        node.revision.clear();
    }
    let all = model(&cluster, &owner()).unwrap();
    assert!(all.iter().all(|declared| declared.needs().iter().all(|n| n.kind() != "node_bundle")));
}

#[test]
fn what_this_cloud_cannot_have_is_said_all_at_once() {
    let mut cluster = cluster();
    cluster.network.machines = "203.0.113.0/29".parse().unwrap();
    cluster.tags = vec!["cost center".to_owned(), "infra-x".to_owned()];
    cluster.pools[0].size = SizeRequest::Fit { vcpus: 500, memory_mib: 1 };
    if let Some(dns) = &mut cluster.dns {
        dns.ttl_s = 5;
    }
    let problems = model(&cluster, &owner()).unwrap_err();
    let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    insta::assert_debug_snapshot!(messages);
    assert!(problems.iter().all(|problem| problem.help.is_some()));
}

#[test]
fn no_tag_of_the_user_is_taken_for_an_own_one() {
    for tag in ["infra-x", "INFRA:owner", "Infra-Role"] {
        let mut cluster = cluster();
        cluster.tags = vec![tag.to_owned()];
        let problems = model(&cluster, &owner()).unwrap_err();
        let refused = |text: &str| text.contains("could be mistaken for one of this tool's own");
        assert!(problems.iter().any(|problem| refused(&problem.message)), "{tag}: {problems:?}");
    }
}
