//! A cluster's whole life.

use infra_provider_api::{Address, CreateRequest, ErrorKind, Provider};
use serde_json::json;

use crate::{
    cloud::{Cloud, context, owner},
    cluster::{cluster, in_order},
    steps::{assert_clean, create_all, delete, delete_all, kinds, list_all, ready, update},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_made_read_changed_and_deleted() {
    let cloud = Cloud::start().await;
    let wanted = cluster();
    let provider = cloud.provider(&wanted).await;
    let owner = owner();
    let cx = context(&owner);
    let declared = in_order(provider.model(&wanted, &owner).unwrap());
    let account = provider.account(&cx).await.unwrap();
    assert_eq!(account.id, cloud.endpoint.gcp.project);
    let addresses: Vec<Address> = declared.iter().map(|one| one.address.clone()).collect();
    assert_eq!(provider.preflight(&cx, &wanted, &addresses).await.unwrap(), []);

    let all = kinds(&provider);
    let known = create_all(&cx, &all, &declared).await;
    let observed = list_all(&cx, &all).await;
    assert_clean(&all, &declared, &observed, &known);
    let machines: Vec<_> = observed.iter().filter(|one| one.address.kind() == "instance").collect();
    assert_eq!(machines.len(), 4);
    assert_eq!(observed.len(), declared.len() + machines.len());

    // Another process, that knows nothing of the first.
    let other = kinds(&cloud.provider(&wanted).await);
    assert_clean(&other, &declared, &list_all(&cx, &other).await, &known);

    let find = async |kind: &str, name: &str| {
        let found = all[kind].list_owned(&cx).await.unwrap();
        found.into_iter().find(|one| one.address.name() == name).unwrap()
    };
    let gke = all["gke_cluster"].as_ref();
    for (field, value) in [
        ("version", json!("1.35.4")),
        ("channel", json!("rapid")),
        ("authorized_networks", json!(["203.0.113.0/24"])),
        ("authorized_networks", json!([])),
        ("tags", json!(["team=shop", "web"])),
    ] {
        let observed = find("gke_cluster", "main").await;
        update(&cx, gke, &observed, field, value).await;
    }
    let pools = all["node_pool"].as_ref();
    for (pool, field, value) in [
        ("worker", "labels", json!({"tier": "web"})),
        ("worker", "taints", json!(["only=web:PreferNoSchedule"])),
        ("worker", "count", json!(4)),
        ("batch", "bounds", json!({"min": 2, "max": 6})),
    ] {
        let observed = find("node_pool", pool).await;
        update(&cx, pools, &observed, field, value).await;
    }

    // One machine takes another's place.
    let instances = all["instance"].as_ref();
    let machines = instances.list_owned(&cx).await.unwrap();
    let old = machines.iter().find(|one| one.outputs.text("pool").unwrap() == "worker").unwrap();
    let (base, _) = old.id.rsplit_once('-').unwrap();
    let request = CreateRequest {
        address: Address::new("instance", format!("{base}-0a1b")),
        spec: old.spec.value(),
        intent_key: "0a1b".to_owned(),
    };
    for _ in 0..2 {
        let made = instances.create(&cx, std::slice::from_ref(&request)).await.remove(0).unwrap();
        let seen = ready(&cx, instances, made).await;
        assert_eq!(seen.spec, old.spec);
    }
    assert_eq!(find("node_pool", "worker").await.spec.get("count"), Some(json!(5)));
    delete(&cx, instances, old).await;
    assert_eq!(find("node_pool", "worker").await.spec.get("count"), Some(json!(4)));
    // Zones that are not alike: no zone gets smaller.
    let machines = instances.list_owned(&cx).await.unwrap();
    let other = machines.iter().find(|one| {
        one.outputs.text("pool").unwrap() == "worker"
            && one.outputs.text("zone") != old.outputs.text("zone")
    });
    delete(&cx, instances, other.unwrap()).await;
    let observed = find("node_pool", "worker").await;
    update(&cx, pools, &observed, "count", json!(6)).await;

    let error = provider.preflight(&cx, &wanted, &[]).await.unwrap();
    assert!(error[0].message.contains("can't go back"), "{error:?}");
    let observed = find("gke_cluster", "main").await;
    let stranger = infra_provider_api::Owner { uuid: uuid::Uuid::from_u128(9), ..owner.clone() };
    let request = CreateRequest {
        address: observed.address.clone(),
        spec: observed.spec.value(),
        intent_key: "k".to_owned(),
    };
    let refused = gke.create(&context(&stranger), &[request]).await.remove(0).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::NameTaken);

    delete_all(&cx, &all).await;
    assert!(list_all(&cx, &all).await.is_empty());
    cloud.stop().await;
}
