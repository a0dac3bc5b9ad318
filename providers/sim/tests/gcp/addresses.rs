//! Addresses and the parts of load balancers, as somebody makes them by hand.

use serde_json::json;

use crate::harness::Harness;

#[tokio::test]
async fn parts_of_a_load_balancer_hold_each_other() {
    let h = Harness::new().await;
    let region = "regions/europe-west3";
    let address = h.make(&format!("{region}/addresses"), json!({"name": "a"})).await;
    let check = h
        .make(
            "global/httpHealthChecks",
            json!({"name": "c", "port": 10256, "requestPath": "/healthz"}),
        )
        .await;
    let pool = h
        .make(
            &format!("{region}/targetPools"),
            json!({"name": "p", "healthChecks": [h.link("global/httpHealthChecks/c")]}),
        )
        .await;
    let reserved = h.get(&address).await.ok();
    assert_eq!(
        (&reserved["status"], &reserved["addressType"]),
        (&json!("RESERVED"), &json!("EXTERNAL"))
    );
    let rule = json!({
        "name": "r", "IPAddress": reserved["address"], "portRange": "80",
        "target": h.link(&format!("{region}/targetPools/p")), "labels": {"a": "b"},
    });
    let rule = h.make(&format!("{region}/forwardingRules"), rule).await;
    let shown = h.get(&rule).await.ok();
    assert_eq!((&shown["portRange"], &shown["IPProtocol"]), (&json!("80-80"), &json!("TCP")));
    assert_eq!(h.get(&address).await.ok()["status"], "IN_USE");
    for used in [&address, &check, &pool] {
        h.delete(used).await.refused(400, "resourceInUseByAnotherResource");
    }
    for part in [&rule, &pool, &check, &address] {
        h.remove(part).await;
    }
    assert_eq!(h.inventory().await, json!({}));
}

#[tokio::test]
async fn disks_have_a_size_and_a_type() {
    let h = Harness::new().await;
    let zone = "zones/europe-west3-a/disks";
    let body = json!({
        "name": "pvc-1", "sizeGb": 10, "labels": {"goog-k8s-cluster-name": "c"},
        "type": format!("projects/{}/zones/europe-west3-a/diskTypes/pd-balanced", h.project()),
    });
    let disk = h.make(zone, body).await;
    let shown = h.get(&disk).await.ok();
    assert_eq!((&shown["sizeGb"], &shown["status"]), (&json!("10"), &json!("READY")));
    assert_eq!(shown["zone"], h.link("zones/europe-west3-a"));
    assert!(shown["labelFingerprint"].is_string());
    let all =
        h.get(&h.compute("aggregated/disks?filter=labels.goog-k8s-cluster-name%3Dc")).await.ok();
    assert_eq!(all["items"]["zones/europe-west3-a"]["disks"][0]["name"], "pvc-1");
    let nowhere = h.compute("zones/europe-west3-z/disks");
    h.post(&nowhere, json!({"name": "d"})).await.refused(404, "notFound");
    h.post(&h.compute(zone), json!({"name": "d", "sizeGb": 0})).await.refused(400, "invalid");
    h.remove(&disk).await;
}
