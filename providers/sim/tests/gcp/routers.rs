//! Routers and the NAT in them.

use serde_json::json;

use crate::harness::{Harness, assert_paths};

#[tokio::test]
async fn a_router_gets_a_nat_as_at_google() {
    let h = Harness::new().await;
    h.network("n").await;
    let network = format!("projects/{}/global/networks/n", h.project());
    let body = json!({"bgp": null, "description": "d", "name": "r", "network": network});
    let path = h.make("regions/us-west1/routers", body).await;
    let router = h.get(&path).await.ok();
    assert_paths(
        &router,
        "creationTimestamp description encryptedInterconnectRouter id kind name network region selfLink",
    );
    let nat = json!({
        "name": "nat", "natIpAllocateOption": "AUTO_ONLY",
        "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES",
    });
    let operation = h.patch(&path, json!({"nats": [nat]})).await.ok();
    assert_eq!(operation["operationType"], "patch");
    h.wait(&operation).await;
    let router = h.get(&path).await.ok();
    assert_paths(
        &router["nats"],
        "[].autoNetworkTier [].effectiveTcpTimeWaitTimeoutSec [].endpointTypes [].name \
         [].natIpAllocateOption [].sourceSubnetworkIpRangesToNat [].type",
    );
    // An empty patch changes nothing.
    let operation = h.patch(&path, json!({})).await.ok();
    h.wait(&operation).await;
    assert_eq!(h.get(&path).await.ok()["nats"], router["nats"]);
    // A region of a network has one NAT for all subnets.
    let second = json!({"name": "r2", "network": network, "nats": [nat]});
    let all = h.compute("regions/us-west1/routers");
    h.post(&all, second).await.refused(400, "invalid");
    for field in ["natIpAllocateOption", "sourceSubnetworkIpRangesToNat"] {
        let mut lacking = nat.clone();
        lacking.as_object_mut().unwrap().remove(field);
        h.patch(&path, json!({"nats": [lacking]})).await.refused(400, "required");
    }
    h.remove(&path).await;
}
