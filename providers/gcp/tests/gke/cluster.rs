//! The life of a cluster.

use infra_provider_api::{ErrorKind, Readiness};
use serde_json::{Value, json};

use crate::{
    server::Lab,
    world::{CLUSTER, Refusal},
};

pub fn shape(count: u32) -> Value {
    json!({
        "count": count, "bounds": null, "machine_type": "e2-medium", "disk_gib": 100,
        "disk_type": "pd-balanced", "image_type": "COS_CONTAINERD", "spot": false, "labels": {},
        "taints": [], "tags": ["shop-nodes"],
        "service_account": "n@shop-1.iam.gserviceaccount.com",
        "locations": ["europe-west3-a", "europe-west3-b"],
    })
}

pub fn spec(pools: &[(&str, u32)]) -> Value {
    let first = |(name, count): &(&str, u32)| json!({"name": name, "shape": shape(*count)});
    json!({
        "location": "europe-west3", "network": "projects/shop-1/global/networks/n",
        "subnetwork": "projects/shop-1/regions/europe-west3/subnetworks/s",
        "version": "1.36.2", "channel": "regular", "private_nodes": false,
        "authorized_networks": [], "node_locations": ["europe-west3-a", "europe-west3-b"],
        "tags": ["team=shop"], "first_pools": pools.iter().map(first).collect::<Vec<_>>(),
    })
}

/// A project with a cluster that is ready.
pub async fn with_cluster(pools: &[(&str, u32)]) -> Lab {
    let lab = Lab::start().await;
    lab.create("gke_cluster.main", spec(pools)).await.unwrap();
    lab.world().ready(CLUSTER);
    lab.calls();
    lab
}

#[tokio::test]
async fn a_cluster_is_made_with_its_pools_and_found_again() {
    let lab = Lab::start().await;
    let made = lab.create("gke_cluster.main", spec(&[("worker", 2)])).await.unwrap();
    let Readiness::Pending { reason } = &made.readiness else { panic!("{made:?}") };
    assert!(reason.starts_with("PROVISIONING"), "{reason}");
    assert_eq!(lab.effects(), ["POST /v1/projects/shop-1/locations/europe-west3/clusters"]);

    // While it is made, its operation is named.
    let listed = lab.list("gke_cluster").await;
    assert!(format!("{:?}", listed[0].readiness).contains("CREATE_CLUSTER (operation-1)"));

    // The call made once more finds it, and so does the create of the pool.
    let again = lab.create("gke_cluster.main", spec(&[("worker", 2)])).await.unwrap();
    assert_eq!((again.id.as_str(), &again.intent_key), (CLUSTER, &made.intent_key));
    lab.world().ready(CLUSTER);
    lab.calls();
    let mut pool = shape(2);
    pool["cluster"] = json!(CLUSTER);
    let pool = lab.create("node_pool.worker", pool).await.unwrap();
    assert_eq!(pool.readiness, Readiness::Ready);
    assert_eq!(pool.spec.get("count"), Some(json!(2)));
    assert!(lab.effects().is_empty());

    let ready = &lab.list("gke_cluster").await[0];
    assert_eq!(ready.readiness, Readiness::Ready);
    assert_eq!(ready.outputs.text("host").as_deref(), Some("203.0.113.9"));
    assert_eq!(ready.outputs.text("ca_pem").as_deref(), Some("-----BEGIN"));
    let mut expected = spec(&[]);
    expected.as_object_mut().unwrap().remove("first_pools");
    assert_eq!(ready.spec.value(), expected);
}

#[tokio::test]
async fn a_look_at_everything_takes_three_calls() {
    let lab = with_cluster(&[("worker", 4), ("batch", 2)]).await;
    let (clusters, pools, machines) =
        tokio::join!(lab.list("gke_cluster"), lab.list("node_pool"), lab.list("instance"));
    assert_eq!((clusters.len(), pools.len(), machines.len()), (1, 2, 6));
    let mut calls = lab.calls();
    calls.sort();
    assert_eq!(
        calls,
        [
            "GET /compute/v1/projects/shop-1/aggregated/instanceGroupManagers",
            "GET /compute/v1/projects/shop-1/aggregated/instances",
            "GET /v1/projects/shop-1/locations/-/clusters",
        ]
    );
}

#[tokio::test]
async fn a_name_that_another_cluster_has_is_not_taken() {
    let lab = with_cluster(&[]).await;
    lab.world().clusters.get_mut(CLUSTER).unwrap()["resourceLabels"]["infra-owner"] = json!("u2");
    assert!(lab.list("gke_cluster").await.is_empty());
    let error = lab.create("gke_cluster.main", spec(&[])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NameTaken);
    assert!(error.message.contains("u2"), "{}", error.message);
}

#[tokio::test]
async fn zones_that_did_not_answer_are_no_absence() {
    let lab = with_cluster(&[]).await;
    lab.world().missing_zones = vec!["europe-west3-c".to_owned()];
    let error = lab.kind("gke_cluster").list_owned(&lab.cx).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("europe-west3-c"), "{}", error.message);
}

#[tokio::test]
async fn a_lost_answer_is_found_by_the_name() {
    let lab = Lab::start().await;
    lab.create("gke_cluster.main", spec(&[])).await.unwrap();
    // The same call once more, whose answer is lost.
    lab.world().refusals.push_back(Refusal {
        call: "/clusters".to_owned(),
        status: 500,
        body: json!({}),
    });
    let error = lab.create("gke_cluster.main", spec(&[])).await.unwrap_err();
    assert!(error.is_uncertain(), "{error:?}");
    assert!(lab.create("gke_cluster.main", spec(&[])).await.is_ok());
}

#[tokio::test]
async fn fields_are_changed_one_by_one_and_labels_last() {
    let lab = with_cluster(&[]).await;
    let observed = lab.list("gke_cluster").await.remove(0);
    lab.calls();
    lab.world().bodies.clear();
    let changes =
        [("version", json!("1.37.1")), ("channel", json!("rapid")), ("tags", json!(["web"]))];
    let updated = lab.update(&observed, &changes).await.unwrap();
    let put = format!("PUT /v1/{CLUSTER}");
    let labels = format!("POST /v1/{CLUSTER}:setResourceLabels");
    assert_eq!(lab.effects(), [put.clone(), put, labels]);
    let bodies = std::mem::take(&mut lab.world().bodies);
    for body in &bodies[..2] {
        assert_eq!(body["update"].as_object().unwrap().len(), 1, "{body}");
    }
    assert_eq!(updated.spec.text("version").as_deref(), Some("1.37.1"));
    assert_eq!(updated.spec.get("tags"), Some(json!(["web"])));
    assert_eq!(updated.intent_key, observed.intent_key);

    // Once more: nothing is to be done.
    lab.update(&observed, &changes).await.unwrap();
    assert!(lab.effects().is_empty());
}

#[tokio::test]
async fn what_the_channel_upgraded_is_not_upgraded_again() {
    let lab = with_cluster(&[]).await;
    lab.world().clusters.get_mut(CLUSTER).unwrap()["currentMasterVersion"] = json!("1.36.5-gke.1");
    let observed = lab.list("gke_cluster").await.remove(0);
    assert_eq!(observed.spec.text("version").as_deref(), Some("1.36.2"));
    lab.calls();
    let updated = lab.update(&observed, &[("version", json!("1.36.4"))]).await.unwrap();
    assert_eq!(updated.spec.text("version").as_deref(), Some("1.36.4"));
    assert_eq!(lab.effects(), [format!("POST /v1/{CLUSTER}:setResourceLabels")]);

    let error = lab.update(&updated, &[("version", json!("1.35.9"))]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(lab.effects().is_empty());
}

#[tokio::test]
async fn a_cluster_is_deleted_once() {
    let lab = with_cluster(&[]).await;
    let observed = lab.list("gke_cluster").await.remove(0);
    let kind = lab.kind("gke_cluster");
    lab.calls();
    assert!(!kind.delete(&lab.cx, &observed).await.unwrap());
    assert!(!kind.delete(&lab.cx, &observed).await.unwrap());
    assert_eq!(lab.effects(), [format!("DELETE /v1/{CLUSTER}")]);
    lab.world().clusters.clear();
    assert!(kind.delete(&lab.cx, &observed).await.unwrap());
}
