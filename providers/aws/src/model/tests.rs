use infra_provider_api::{
    Access, DnsConfig, FirewallRule, LoadBalancerConfig, Network, NodeSlot, Placement, Pool,
    Protocol, Role, SizeRequest, SourceRange, SshKey, Versions,
};

use super::*;

fn pool(name: &str, role: Role, count: u32) -> Pool {
    let nodes = (1..=count).map(|number| NodeSlot {
        slot: format!("{name}-{number}"),
        generation: 1,
        revision: "00112233aabbccdd".to_owned(),
    });
    Pool {
        name: name.to_owned(),
        role,
        size: SizeRequest::Fit { vcpus: 2, memory_mib: 4096 },
        image: "ubuntu-24.04".to_owned(),
        labels: Default::default(),
        taints: Vec::new(),
        nodes: nodes.collect(),
        generation: 1,
        bounds: None,
        spot: false,
        size_source: None,
        source: None,
    }
}

fn cluster() -> Cluster {
    Cluster {
        name: "shop".to_owned(),
        environment: None,
        protected: false,
        provider: "aws".to_owned(),
        region: "eu-central-1".to_owned(),
        region_source: None,
        account: None,
        placement: Placement::default(),
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
        pools: vec![pool("control-plane", Role::ControlPlane, 1), pool("worker", Role::Worker, 4)],
        firewall: vec![FirewallRule {
            to: Access::All,
            protocol: Protocol::Tcp,
            ports: Some((22, 22)),
            from: vec![SourceRange::Cidr("203.0.113.0/24".to_owned())],
        }],
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
        tags: vec!["team=shop".to_owned()],
    }
}

fn owner() -> Owner {
    Owner { cluster: "shop".to_owned(), uuid: uuid::Uuid::from_u128(0x1234_5678 << 96) }
}

fn addresses(cluster: &Cluster) -> Vec<String> {
    let declared = model(cluster, &owner()).unwrap();
    declared.iter().map(|one| one.address.to_string()).collect()
}

#[test]
fn every_reference_leads_somewhere() {
    for private in [false, true] {
        let mut cluster = cluster();
        cluster.placement.private = private;
        let declared = model(&cluster, &owner()).unwrap();
        let there: Vec<_> = declared.iter().map(|one| &one.address).collect();
        for one in &declared {
            for reference in one.spec.references() {
                let elsewhere = ["suite"].contains(&reference.address.kind());
                assert!(elsewhere || there.contains(&&reference.address), "{reference:?}");
            }
            for after in &one.depends_on {
                let elsewhere = ["node_bundle"].contains(&after.kind());
                assert!(elsewhere || there.contains(&after), "{after}");
            }
        }
    }
}

#[test]
fn machines_are_spread_over_zones_and_stay_there() {
    let cluster = cluster();
    let subnet = |of: &Cluster, name: &str| {
        let declared = model(of, &owner()).unwrap();
        let one = declared.iter().find(|one| one.address.name() == name).unwrap();
        one.spec.value()["subnet"]["$ref"].as_str().unwrap().to_owned()
    };
    assert_eq!(subnet(&cluster, "worker-1"), "subnet.nodes-a");
    assert_eq!(subnet(&cluster, "worker-3"), "subnet.nodes-c");
    assert_eq!(subnet(&cluster, "worker-4"), "subnet.nodes-a");
    // A gateway, and subnets of its own for what is reached from outside.
    let mut private = cluster.clone();
    private.placement.private = true;
    let (public, private) = (addresses(&cluster), addresses(&private));
    let more: Vec<_> = private.iter().filter(|one| !public.contains(one)).collect();
    assert_eq!(
        more,
        [
            "subnet.public-a",
            "subnet.public-b",
            "subnet.public-c",
            "elastic_ip.nat",
            "nat_gateway.main",
            "route_table.nodes"
        ]
    );
}

/// Both sides of the limit of 60, counted in the group as it is declared.
#[test]
fn a_security_group_takes_sixty_rules() {
    let ranges = |count: usize, base: &str| -> Vec<ipnet::IpNet> {
        (0..count).map(|n| base.replace('#', &n.to_string()).parse().unwrap()).collect()
    };
    let refused = |cluster: &Cluster| -> Vec<String> {
        model(cluster, &owner()).err().into_iter().flatten().map(|one| one.message).collect()
    };
    // Five machines with addresses of their own, and one rule more while anything changes.
    for (allowed, v6, private, fits) in [
        (54, 0, false, true),
        (55, 0, false, false),
        // Behind a gateway they have its address.
        (58, 0, true, true),
        (59, 0, true, false),
        // IPv6 has a limit of its own.
        (54, 59, false, true),
        (54, 60, false, false),
        (58, 59, true, true),
        (1, 60, true, false),
    ] {
        let mut cluster = cluster();
        cluster.placement.private = private;
        cluster.api_load_balancer.allow = ranges(allowed, "198.51.100.#/32");
        cluster.api_load_balancer.allow.extend(ranges(v6, "2001:db8:#::/48"));
        let problems = refused(&cluster);
        assert_eq!(problems.is_empty(), fits, "{allowed} {v6} {private}: {problems:?}");
        assert!(problems.iter().all(|one| one.contains("API servers")), "{problems:?}");
    }

    // The same for nodes, whose own rule refers to their group and counts as both.
    for (count, fits) in [(59, true), (60, false)] {
        let mut cluster = cluster();
        let from = ranges(count, "198.51.100.#/32").into_iter();
        cluster.firewall[0].from = from.map(|net| SourceRange::Cidr(net.to_string())).collect();
        let problems = refused(&cluster);
        assert_eq!(problems.is_empty(), fits, "{count}: {problems:?}");
        assert!(problems.iter().all(|one| one.contains("all nodes")), "{problems:?}");
    }
}

#[test]
fn what_this_cloud_cannot_have_is_said_all_at_once() {
    let mut cluster = cluster();
    cluster.network.machines = "10.20.0.0/27".parse().unwrap();
    cluster.placement.zones = vec!["a".to_owned(), "a".to_owned(), "eu-west-1b".to_owned()];
    cluster.tags.push("aws:x=y".to_owned());
    cluster.pools[0].image = "ubuntu-24-04-x64".to_owned();
    let problems = model(&cluster, &owner()).unwrap_err();
    let texts: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        texts,
        [
            "a VPC of a cluster can't have the range 10.20.0.0/27",
            "the zone `eu-central-1a` is there twice",
            "the zone `eu-west-1b` is not in the region eu-central-1",
            "`aws:x=y` can't be a tag on AWS",
            "`ubuntu-24-04-x64` does not name an image on AWS",
        ]
    );
}

#[test]
fn no_tag_of_the_user_takes_the_place_of_an_own_one() {
    for tag in ["infra.dev/owner=x", " infra.dev/owner=x", "Name", "Name =x", "kubernetes.io/a=b"] {
        let mut cluster = cluster();
        cluster.tags = vec![tag.to_owned()];
        let problems = model(&cluster, &owner()).unwrap_err();
        let refused = |text: &str| text.contains("could be mistaken for one of this tool's own");
        assert!(problems.iter().any(|problem| refused(&problem.message)), "{tag:?}: {problems:?}");
    }
}
