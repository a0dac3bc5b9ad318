use std::{collections::BTreeMap, fmt::Write as _};

use infra_provider_api::{
    Access, Cluster, ControlPlaneReach, DnsConfig, FirewallRule, LoadBalancerConfig, ManagedConfig,
    Network, NodeSlot, Placement, Pool, PoolBounds, Protocol, Role, SizeRequest, Source,
    SourceRange, SshKey, Versions,
};
use serde_json::Value;

use super::*;

fn pool(name: &str, size: SizeRequest, count: usize, generation: u32) -> Pool {
    let nodes = (1..=count).map(|number| NodeSlot {
        slot: format!("{name}-{number}"),
        generation,
        revision: String::new(),
    });
    Pool {
        name: name.to_owned(),
        role: Role::Worker,
        size,
        image: "cos_containerd".to_owned(),
        labels: Default::default(),
        taints: Vec::new(),
        nodes: nodes.collect(),
        generation,
        bounds: None,
        spot: false,
        size_source: None,
        source: Some(Source { file: "infra.toml".to_owned(), line: 12, span: None }),
    }
}

fn cluster() -> Cluster {
    let everybody = || ["0.0.0.0/0", "::/0"].map(|range| SourceRange::Cidr(range.to_owned()));
    let rule = |to, ports, from| FirewallRule { to, protocol: Protocol::Tcp, ports, from };
    Cluster {
        name: "shop".to_owned(),
        environment: None,
        protected: false,
        provider: "gcp".to_owned(),
        region: "europe-west3".to_owned(),
        region_source: None,
        account: None,
        placement: Placement { zones: vec!["b".into(), "a".into()], ..Placement::default() },
        managed: Default::default(),
        versions: Versions { kubernetes: "1.36.2".to_owned(), source: None },
        network: Network {
            machines: "10.20.0.0/20".parse().unwrap(),
            machines_source: None,
            pods: "10.64.0.0/16".parse().unwrap(),
            services: "10.96.0.0/16".parse().unwrap(),
            cluster_domain: "cluster.local".to_owned(),
        },
        ssh_keys: Vec::new(),
        pools: vec![pool("worker", SizeRequest::Fit { vcpus: 2, memory_mib: 4096 }, 2, 1)],
        firewall: vec![
            rule(Access::All, Some((22, 22)), vec![SourceRange::Cidr("203.0.113.0/24".into())]),
            rule(Access::All, None, vec![SourceRange::Nodes]),
            rule(Access::Worker, Some((30_000, 32_767)), vec![SourceRange::LoadBalancers]),
            rule(Access::Worker, Some((8080, 8080)), everybody().to_vec()),
            rule(Access::Worker, Some((22, 22)), vec![SourceRange::Cidr("10.20.1.0/24".into())]),
            rule(Access::ControlPlane, Some((6443, 6443)), everybody().to_vec()),
        ],
        api_load_balancer: LoadBalancerConfig::open(443),
        dns: Some(DnsConfig {
            domain: "example.com".to_owned(),
            ttl_s: 300,
            manage_zone: true,
            api_name: "api".to_owned(),
            is_endpoint: true,
            source: None,
        }),
        bucket: None,
        tags: vec!["team=shop".to_owned(), "web".to_owned()],
    }
}

/// A cluster with one zone's control plane, without public addresses, whose pools grow by themselves.
fn autoscaled() -> Cluster {
    let mut cluster = cluster();
    cluster.placement.private = true;
    cluster.placement.disk_gib = Some(40);
    cluster.managed = ManagedConfig {
        reach: Some(ControlPlaneReach::Zonal),
        channel: Some("stable".to_owned()),
        service_account: Some("nodes@shop.iam.gserviceaccount.com".to_owned()),
    };
    cluster.api_load_balancer.allow =
        ["203.0.113.0/24", "198.51.100.7/32"].map(|range| range.parse().unwrap()).to_vec();
    cluster.firewall.clear();
    cluster.dns = None;
    let mut batch = pool("batch", SizeRequest::Type("n4-standard-4".to_owned()), 0, 1);
    batch.bounds = Some(PoolBounds { min: 0, max: 8 });
    batch.spot = true;
    batch.labels = BTreeMap::from([("tier".to_owned(), "batch".to_owned())]);
    batch.taints = vec!["only=batch:NoSchedule".to_owned(), "a:NoExecute".to_owned()];
    cluster.pools = vec![batch, pool("worker", SizeRequest::Type("e2-medium".into()), 2, 3)];
    cluster
}

fn owner() -> Owner {
    Owner { cluster: "shop".to_owned(), uuid: uuid::Uuid::from_u128(0x1234_5678 << 96) }
}

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

fn text(cluster: &Cluster) -> String {
    let mut text = String::new();
    for declared in model(cluster, &owner()).unwrap() {
        let needs: Vec<String> = declared.needs().iter().map(ToString::to_string).collect();
        writeln!(text, "{} ({:?}) after {}", declared.address, declared.phase, needs.join(", "))
            .unwrap();
        if declared.protect {
            writeln!(text, "  protected").unwrap();
        }
        for older in &declared.supersedes {
            writeln!(text, "  supersedes {older}").unwrap();
        }
        for (field, value) in by_name(&declared.spec.value()) {
            writeln!(text, "  {field} = {}", sorted(value)).unwrap();
        }
    }
    text
}

#[test]
fn a_small_cluster_becomes_these_resources() {
    insta::assert_snapshot!(text(&cluster()));
}

#[test]
fn an_autoscaled_private_cluster_becomes_these_resources() {
    insta::assert_snapshot!(text(&autoscaled()));
}

#[test]
fn references_name_what_is_declared() {
    for cluster in [cluster(), autoscaled()] {
        let all = model(&cluster, &owner()).unwrap();
        for declared in &all {
            for need in declared.needs() {
                assert!(
                    need.kind() == "suite" || all.iter().any(|other| other.address == need),
                    "{} needs {need}",
                    declared.address
                );
            }
        }
    }
}

/// The pools that are made with the cluster are those that are declared.
#[test]
fn the_first_pools_are_the_pools() {
    let all = model(&autoscaled(), &owner()).unwrap();
    let find = |kind: &'static str| all.iter().filter(move |one| one.address.kind() == kind);
    let first = find("gke_cluster").next().unwrap().spec.get("first_pools").unwrap();
    let first = first.as_array().unwrap();
    assert_eq!(first.len(), find("node_pool").count());
    for (first, pool) in first.iter().zip(find("node_pool")) {
        assert_eq!(first["name"], pool.address.name());
        for (field, value) in first["shape"].as_object().unwrap() {
            assert_eq!(pool.spec.get(field).as_ref(), Some(value), "{field}");
        }
    }
}

fn messages(cluster: &Cluster) -> Vec<String> {
    let problems = model(cluster, &owner()).err().unwrap_or_default();
    assert!(problems.iter().all(|problem| problem.help.is_some()));
    problems.into_iter().map(|problem| problem.message).collect()
}

#[test]
fn what_gke_cannot_have_is_said_all_at_once() {
    let mut cluster = cluster();
    cluster.name = "1shop".to_owned();
    cluster.network.machines = "10.20.0.0/30".parse().unwrap();
    cluster.network.services = "10.96.0.0/28".parse().unwrap();
    cluster.network.pods = "10.64.0.0/22".parse().unwrap();
    cluster.network.cluster_domain = "shop.internal".to_owned();
    cluster.api_load_balancer.allow = vec!["2001:db8::/32".parse().unwrap()];
    cluster.placement.zones = vec!["a".into(), "europe-west3-a".into(), "europe-west4-b".into()];
    cluster.placement.disk_gib = Some(8);
    cluster.tags = vec!["Team".to_owned(), "web=1".to_owned(), "web=2".to_owned()];
    let mut wide = pool("w".repeat(37).as_str(), SizeRequest::Type("e2-medium".into()), 3, 1);
    wide.labels = BTreeMap::from([("kubernetes.io/role".to_owned(), "x".to_owned())]);
    wide.taints = vec!["cloud.google.com/x:NoSchedule".to_owned()];
    wide.bounds = Some(PoolBounds { min: 3, max: 2 });
    cluster.pools.push(wide);
    cluster.pools.push(pool("huge", SizeRequest::Fit { vcpus: 900, memory_mib: 1 }, 3, 1));
    insta::assert_debug_snapshot!(messages(&cluster));
}

/// Both sides of the rule that all zones have the same number.
#[test]
fn a_count_that_zones_cannot_share_names_the_near_ones() {
    let help = |count: usize, zones: &[&str]| {
        let mut cluster = cluster();
        cluster.placement.zones = zones.iter().map(|zone| (*zone).to_owned()).collect();
        cluster.pools = vec![pool("worker", SizeRequest::Type("e2-medium".into()), count, 1)];
        let problems = model(&cluster, &owner()).err().unwrap_or_default();
        problems.first().and_then(|problem| problem.help.clone())
    };
    let three = ["a", "b", "c"];
    assert!(help(4, &three).unwrap().starts_with("write count = 3 or 6,"));
    assert!(help(1, &three).unwrap().starts_with("write count = 3,"));
    assert_eq!(help(6, &three), None);
    assert_eq!(help(5, &["a"]), None);
    // The cloud chooses zones that fit.
    assert_eq!(help(5, &[]), None);
}

#[test]
fn an_account_is_named_by_its_e_mail() {
    let mut own = autoscaled();
    own.managed.service_account = Some("nodes".to_owned());
    assert_eq!(messages(&own), ["`nodes` is not the e-mail of a service account"]);
}

#[test]
fn a_control_plane_in_one_zone_is_in_a_zone_of_infra_toml() {
    let mut cluster = autoscaled();
    cluster.placement.zones.clear();
    assert_eq!(messages(&cluster), ["no zone is named for a control plane that runs in one"]);
}

#[test]
fn what_has_no_meaning_on_gke_is_said() {
    let mut cluster = cluster();
    assert_eq!(crate::remarks::unused(&cluster).len(), 1, "a rule to the control plane");
    cluster.ssh_keys.push(SshKey { name: "deploy".into(), public_key: "ssh-ed25519 A".into() });
    cluster.bucket = Some("mine".to_owned());
    assert_eq!(crate::remarks::unused(&cluster).len(), 3);
}
