//! The life of a pool.

use infra_provider_api::{ErrorKind, Readiness};
use serde_json::json;

use crate::{
    cluster::{shape, with_cluster},
    world::{CLUSTER, Refusal},
};

fn spec(count: u32) -> serde_json::Value {
    let mut spec = shape(count);
    spec["cluster"] = json!(CLUSTER);
    spec
}

#[tokio::test]
async fn a_pool_is_made_and_deleted_once() {
    let lab = with_cluster(&[("worker", 2)]).await;
    let made = lab.create("node_pool.batch", spec(4)).await.unwrap();
    assert!(matches!(made.readiness, Readiness::Pending { .. }));
    assert_eq!(made.spec.get("count"), Some(json!(4)));
    lab.create("node_pool.batch", spec(4)).await.unwrap();
    assert_eq!(lab.effects(), [format!("POST /v1/{CLUSTER}/nodePools")]);
    let observed = lab.list("node_pool").await;
    let batch = observed.iter().find(|one| one.address.name() == "batch").unwrap();
    assert_eq!(batch.spec.value(), spec(4));
    assert_eq!(batch.intent_key, made.intent_key);

    let kind = lab.kind("node_pool");
    lab.calls();
    assert!(!kind.delete(&lab.cx, batch).await.unwrap());
    assert!(!kind.delete(&lab.cx, batch).await.unwrap());
    assert_eq!(lab.effects(), [format!("DELETE /v1/{CLUSTER}/nodePools/batch")]);
    lab.world().clusters.get_mut(CLUSTER).unwrap()["nodePools"] = json!([]);
    assert!(kind.delete(&lab.cx, batch).await.unwrap());
}

#[tokio::test]
async fn a_pool_of_somebody_else_is_not_taken() {
    let lab = with_cluster(&[("worker", 2)]).await;
    lab.world().clusters.get_mut(CLUSTER).unwrap()["nodePools"][0]["config"]["resourceLabels"] =
        json!({});
    assert!(lab.list("node_pool").await.is_empty());
    let error = lab.create("node_pool.worker", spec(2)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NameTaken);
}

#[tokio::test]
async fn a_pool_grows_by_zones_and_never_shrinks_by_itself() {
    let lab = with_cluster(&[("worker", 2)]).await;
    let observed = lab.list("node_pool").await.remove(0);
    lab.calls();
    let grown = lab.update(&observed, &[("count", json!(6))]).await.unwrap();
    assert_eq!(lab.effects(), [format!("POST /v1/{CLUSTER}/nodePools/worker:setSize")]);
    assert_eq!(lab.world().bodies.last().unwrap(), &json!({"nodeCount": 3}));
    assert_eq!(grown.spec.get("count"), Some(json!(6)));

    // Which nodes go is decided elsewhere.
    let same = lab.update(&grown, &[("count", json!(4))]).await.unwrap();
    assert_eq!(same.spec.get("count"), Some(json!(6)));
    assert_eq!(same.readiness, Readiness::Ready);
    assert!(lab.effects().is_empty());
}

/// Sizes set for all zones would make the larger one smaller.
#[tokio::test]
async fn zones_that_are_not_alike_grow_by_machines() {
    let lab = with_cluster(&[("worker", 4)]).await;
    let keep = |machines: &mut Vec<(String, String)>, count| machines.truncate(count);
    {
        let mut world = lab.world();
        keep(&mut world.groups[0].machines, 2);
        keep(&mut world.groups[1].machines, 0);
        world.groups[0].machines.push(("gke-shop-worker-0000000a-m009".into(), "NONE".into()));
    }
    let observed = lab.list("node_pool").await.remove(0);
    assert_eq!(observed.spec.get("count"), Some(json!(3)));
    lab.calls();
    let grown = lab.update(&observed, &[("count", json!(4))]).await.unwrap();
    assert_eq!(grown.spec.get("count"), Some(json!(4)));
    let create = "POST /compute/v1/projects/shop-1/zones/europe-west3-b/instanceGroupManagers/gke-shop-worker-0000000b-grp/createInstances";
    assert_eq!(lab.effects(), [create]);
    let machines = lab.list("instance").await;
    let new: Vec<_> = machines.iter().filter(|one| one.readiness != Readiness::Ready).collect();
    assert_eq!((machines.len(), new.len()), (4, 1));
    assert_eq!(new[0].outputs.text("zone").as_deref(), Some("europe-west3-b"));
}

#[tokio::test]
async fn each_family_is_a_call_of_its_own() {
    let lab = with_cluster(&[("worker", 2)]).await;
    let observed = lab.list("node_pool").await.remove(0);
    lab.calls();
    let changes = [("taints", json!(["only=web:NoSchedule"])), ("labels", json!({"tier": "web"}))];
    let updated = lab.update(&observed, &changes).await.unwrap();
    let put = format!("PUT /v1/{CLUSTER}/nodePools/worker");
    assert_eq!(lab.effects(), [put.clone(), put]);
    for (field, value) in &changes {
        assert_eq!(updated.spec.get(field).as_ref(), Some(value));
    }
    lab.update(&observed, &changes).await.unwrap();
    assert!(lab.effects().is_empty());
}

#[tokio::test]
async fn a_pool_comes_to_scale_by_itself_and_back() {
    let lab = with_cluster(&[("worker", 2)]).await;
    let observed = lab.list("node_pool").await.remove(0);
    lab.calls();
    let bounds = json!({"min": 4, "max": 9});
    let scaled =
        lab.update(&observed, &[("count", json!(null)), ("bounds", bounds.clone())]).await.unwrap();
    let pool = format!("POST /v1/{CLUSTER}/nodePools/worker");
    // The autoscaler does not raise a pool to its minimum. A size is not set: it may have scaled meanwhile.
    let create = |zone: &str| {
        format!(
            "POST /compute/v1/projects/shop-1/zones/europe-west3-{zone}/instanceGroupManagers/gke-shop-worker-0000000{zone}-grp/createInstances"
        )
    };
    assert_eq!(lab.effects(), [format!("{pool}:setAutoscaling"), create("a"), create("b")]);
    assert_eq!(scaled.spec.get("bounds"), Some(bounds));
    assert_eq!(scaled.spec.get("count").filter(|count| !count.is_null()), None);

    let fixed = lab.update(&scaled, &[("count", json!(4)), ("bounds", json!(null))]).await.unwrap();
    assert_eq!(lab.effects(), [format!("{pool}:setAutoscaling")]);
    assert_eq!(fixed.spec.get("count"), Some(json!(4)));
}

/// Somebody else makes the pool larger while the call waits for its turn. The size that was right before would
/// make it smaller now, and GKE would choose which nodes go.
#[tokio::test]
async fn a_pool_that_grew_while_gke_was_busy_is_not_made_smaller() {
    let lab = with_cluster(&[("worker", 2)]).await;
    let observed = lab.list("node_pool").await.remove(0);
    lab.world().refusals.push_back(Refusal {
        call: ":setSize".to_owned(),
        status: 400,
        body: json!({"error": {
            "code": 400, "status": "FAILED_PRECONDITION", "message": "busy",
            "details": [{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "CLUSTER_ALREADY_HAS_OPERATION", "domain": "container.googleapis.com",
            }],
        }}),
    });
    lab.calls();
    let meanwhile = async {
        while !lab.world().refusals.is_empty() {
            tokio::task::yield_now().await;
        }
        for (place, group) in lab.world().groups.iter_mut().enumerate() {
            let more =
                ["x001", "x002"].map(|end| (format!("gke-shop-{place}-{end}"), "NONE".into()));
            group.machines.extend(more);
        }
    };
    let changes = [("count", json!(4))];
    let (updated, ()) = tokio::join!(lab.update(&observed, &changes), meanwhile);
    assert_eq!(updated.unwrap().spec.get("count"), Some(json!(6)));
    assert_eq!(lab.effects(), [format!("POST /v1/{CLUSTER}/nodePools/worker:setSize")]);
}
