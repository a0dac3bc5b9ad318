//! What GKE is at, and waiting for it.

use infra_provider_api::{ErrorKind, Readiness};
use serde_json::json;

use crate::{
    cluster::{shape, with_cluster},
    world::{CLUSTER, Refusal, busy},
};

fn refuse(call: &str) -> Refusal {
    Refusal { call: call.to_owned(), status: 400, body: busy() }
}

#[tokio::test]
async fn what_others_do_is_waited_out_and_named() {
    let lab = with_cluster(&[("worker", 2)]).await;
    {
        let mut world = lab.world();
        world.begin("UPGRADE_MASTER", CLUSTER);
        world.refusals.extend([refuse("/nodePools/worker:setSize"), refuse(":setSize")]);
    }
    let observed = lab.list("node_pool").await.remove(0);
    lab.calls();
    lab.update(&observed, &[("count", json!(4))]).await.unwrap();
    assert_eq!(lab.effects().len(), 3);
    assert!(lab.said().contains("GKE is at UPGRADE_MASTER (operation-2)"), "{}", lab.said());
}

/// What GKE refuses although it is at nothing is no matter of waiting.
#[tokio::test]
async fn a_refusal_of_an_idle_cluster_is_given_back() {
    let lab = with_cluster(&[("worker", 2)]).await;
    lab.world().refusals.extend((0..50).map(|_| refuse(":setSize")));
    let observed = lab.list("node_pool").await.remove(0);
    let error = lab.update(&observed, &[("count", json!(4))]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Busy);
}

#[tokio::test]
async fn one_run_keeps_out_of_its_own_way() {
    let lab = with_cluster(&[("worker", 2)]).await;
    lab.world().lasts = 4;
    let mut spec = shape(2);
    spec["cluster"] = json!(CLUSTER);
    lab.create("node_pool.batch", spec).await.unwrap();
    let observed = lab.list("gke_cluster").await.remove(0);
    lab.calls();
    lab.update(&observed, &[("channel", json!("rapid"))]).await.unwrap();
    let calls = lab.calls();
    assert!(lab.said().contains("waiting for its turn: GKE is at CREATE_NODE_POOL"));
    let update = calls.iter().position(|call| call.starts_with("PUT")).unwrap();
    let polls = calls[..update].iter().filter(|call| call.ends_with("operation-2")).count();
    assert_eq!(polls, 5, "until it was done");
}

#[tokio::test]
async fn an_operation_that_fails_says_why() {
    let lab = with_cluster(&[("worker", 2)]).await;
    let observed = lab.list("node_pool").await.remove(0);
    lab.world().refusals.push_back(Refusal {
        call: ":setSize".to_owned(),
        status: 200,
        body: json!({
            "name": "operation-9", "status": "DONE", "operationType": "SET_NODE_POOL_SIZE",
            "error": {"code": 8, "message": "Insufficient regional quota: CPUS"},
        }),
    });
    let error = lab.update(&observed, &[("count", json!(4))]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Quota);
    assert!(error.message.contains("CPUS"));
}

#[tokio::test]
async fn who_wants_to_stop_is_not_kept() {
    let lab = with_cluster(&[("worker", 2)]).await;
    lab.world().lasts = u32::MAX;
    let observed = lab.list("gke_cluster").await.remove(0);
    lab.cx.wind_down.cancel();
    let error = lab.update(&observed, &[("channel", json!("rapid"))]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Cancelled);
    // The next run goes on from there.
    lab.world().lasts = 0;
    let mut lab = lab;
    lab.cx.wind_down = Default::default();
    lab.world().operations.clear();
    let updated = lab.update(&observed, &[("channel", json!("rapid"))]).await.unwrap();
    assert_eq!(updated.spec.text("channel").as_deref(), Some("rapid"));
}

#[tokio::test]
async fn a_stockout_is_a_reason_to_wait() {
    let lab = with_cluster(&[("worker", 2)]).await;
    {
        let mut world = lab.world();
        let pool = &mut world.clusters.get_mut(CLUSTER).unwrap()["nodePools"][0];
        pool["status"] = json!("RUNNING_WITH_ERROR");
        pool["conditions"] =
            json!([{"code": "GCE_STOCKOUT", "message": "no e2 in europe-west3-a"}]);
    }
    let pool = lab.list("node_pool").await.remove(0);
    assert_eq!(
        pool.readiness,
        Readiness::Pending {
            reason: "RUNNING_WITH_ERROR; GCE_STOCKOUT: no e2 in europe-west3-a".to_owned()
        }
    );
}
