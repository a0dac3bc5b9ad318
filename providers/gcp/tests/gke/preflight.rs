//! What is checked before anything is made.

use infra_provider_api::{
    Address, Cluster, ErrorKind, LoadBalancerConfig, Network, NodeSlot, Placement, Pool,
    PoolBounds, Provider, Role, SizeRequest, Versions,
};
use serde_json::json;

use crate::{
    cluster::with_cluster,
    server::Lab,
    world::{CLUSTER, Refusal},
};

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
        labels: Default::default(),
        taints: Vec::new(),
        nodes: (1..=count).map(slot).collect(),
        generation: 1,
        bounds: None,
        spot: false,
        size_source: None,
        source: None,
    }
}

fn cluster(pools: Vec<Pool>) -> Cluster {
    Cluster {
        name: "shop".to_owned(),
        environment: None,
        protected: false,
        provider: "gcp".to_owned(),
        region: "europe-west3".to_owned(),
        region_source: None,
        account: None,
        placement: Placement { zones: vec!["a".into(), "b".into()], ..Placement::default() },
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
        pools,
        firewall: Vec::new(),
        api_load_balancer: LoadBalancerConfig::open(443),
        dns: None,
        bucket: None,
        tags: Vec::new(),
    }
}

async fn findings(lab: &Lab, cluster: &Cluster) -> Vec<String> {
    let mut created = vec![Address::new("gke_cluster", "main")];
    created.extend(cluster.pools.iter().map(|pool| Address::new("node_pool", &pool.name)));
    let found = lab.provider.preflight(&lab.cx, cluster, &created).await.unwrap();
    assert!(found.iter().all(|one| one.help.is_some()));
    found.iter().map(|one| format!("{}: {}", one.message, one.help.clone().unwrap())).collect()
}

#[tokio::test]
async fn what_fits_is_not_found_fault_with() {
    let lab = Lab::start().await;
    let cluster = cluster(vec![pool("worker", "e2-medium", 2)]);
    assert_eq!(findings(&lab, &cluster).await, Vec::<String>::new());
    assert_eq!(lab.calls().len(), 5);
}

#[tokio::test]
async fn what_google_does_not_have_is_named_with_what_is_near() {
    let lab = Lab::start().await;
    let mut wrong = cluster(vec![pool("worker", "e2-mediun", 2), pool("new", "n4-standard-4", 3)]);
    wrong.versions.kubernetes = "1.36.3".to_owned();
    wrong.placement.zones = vec!["a".into(), "c".into(), "d".into()];
    wrong.pools[0].image = "cos_containred".to_owned();
    insta::assert_debug_snapshot!(findings(&lab, &wrong).await);

    let mut nowhere = cluster(vec![pool("worker", "e2-medium", 2)]);
    nowhere.region = "europe-west33".to_owned();
    assert_eq!(
        findings(&lab, &nowhere).await,
        ["region `europe-west33` does not exist on Google Cloud: did you mean `europe-west3`?"]
    );
    let mut old = cluster(vec![pool("worker", "e2-medium", 2)]);
    old.versions.kubernetes = "1.34.1".to_owned();
    let found = findings(&lab, &old).await;
    assert!(found[0].contains("it offers 1.37.1, 1.36.5, 1.35.9"), "{found:?}");
}

/// With one node more for upgrades: two of two processors fit into twenty that are left, ten do not.
#[tokio::test]
async fn quotas_are_counted_with_what_upgrades_need() {
    let lab = Lab::start().await;
    let short = |found: Vec<String>| {
        found
            .iter()
            .filter_map(|text| Some(text.split("quota ").nth(1)?.split(',').next()?.to_owned()))
            .collect::<Vec<_>>()
    };
    let e2 = |count| cluster(vec![pool("worker", "e2-standard-4", count)]);
    assert_eq!(short(findings(&lab, &e2(4)).await), Vec::<String>::new());
    assert_eq!(
        short(findings(&lab, &e2(6)).await),
        ["CPUS which is 24", "SSD_TOTAL_GB which is 500"].map(|text| text
            .split(" which")
            .next()
            .unwrap()
            .to_owned())
    );
    // A family with a quota of its own, and disks that count elsewhere.
    let n4 = cluster(vec![pool("worker", "n4-standard-4", 2)]);
    assert_eq!(short(findings(&lab, &n4).await), ["N4_CPUS"]);
    // What pools may grow to is a remark.
    let mut grows = e2(2);
    grows.pools[0].bounds = Some(PoolBounds { min: 2, max: 40 });
    assert_eq!(short(findings(&lab, &grows).await), Vec::<String>::new());
    let remarks = lab.provider.remarks(&lab.cx, &grows).await.unwrap();
    assert!(remarks.iter().any(|note| note.contains("can't grow to their `max`")), "{remarks:?}");
}

#[tokio::test]
async fn a_cluster_that_is_there_is_not_checked_again() {
    let lab = with_cluster(&[("worker", 2)]).await;
    let mut same = cluster(vec![pool("worker", "e2-medium", 2)]);
    let found = lab.provider.preflight(&lab.cx, &same, &[]).await.unwrap();
    assert!(found.is_empty());
    let sizes = "GET /compute/v1/projects/shop-1/aggregated/instanceGroupManagers";
    assert_eq!(lab.calls(), ["GET /v1/projects/shop-1/locations/-/clusters", sizes]);

    same.versions.kubernetes = "1.35.9".to_owned();
    let found = lab.provider.preflight(&lab.cx, &same, &[]).await.unwrap();
    assert!(found[0].message.contains("can't go back from Kubernetes 1.36.2 to 1.35.9"));

    lab.world().clusters.get_mut(CLUSTER).unwrap()["resourceLabels"]["infra-owner"] = json!("u2");
    let other = Lab::start().await;
    other.world().clusters = lab.world().clusters.clone();
    let found = findings(&other, &cluster(vec![pool("worker", "e2-medium", 2)])).await;
    assert!(found[0].contains("there is a GKE cluster shop in europe-west3 already"), "{found:?}");
}

#[tokio::test]
async fn the_account_is_the_project() {
    let lab = Lab::start().await;
    let account = lab.provider.account(&lab.cx).await.unwrap();
    assert_eq!(account.id, "shop-1");
    assert!(account.name.starts_with("shop-1 ("), "{}", account.name);
    lab.world().refusals.push_back(Refusal {
        call: "projects/shop-1".to_owned(),
        status: 403,
        body: json!({"error": {
            "code": 403, "status": "PERMISSION_DENIED", "message": "disabled",
            "details": [{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED",
                "metadata": {"service": "compute.googleapis.com"},
            }],
        }}),
    });
    let error = lab.provider.account(&lab.cx).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(error.hint.unwrap().contains("compute.googleapis.com container.googleapis.com"));
}

#[tokio::test]
async fn zones_are_chosen_by_the_counts() {
    let lab = Lab::start().await;
    for (count, zones) in [(3, 3), (4, 2), (5, 1)] {
        let mut open = cluster(vec![pool("worker", "e2-medium", count)]);
        open.placement.zones.clear();
        lab.provider.choose(&lab.cx, &mut open, &[]).await.unwrap();
        assert_eq!(open.placement.zones.len(), zones, "{count}");
        assert!(lab.provider.model(&open, &lab.cx.owner).is_ok());
    }
}
