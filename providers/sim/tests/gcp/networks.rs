//! The life of a network, with the facts of the recordings of real traffic.

use serde_json::json;

use crate::harness::{Harness, assert_paths};

const RUNNING: &str = "id insertTime kind name operationType progress selfLink startTime status \
                       targetId targetLink user";

#[tokio::test]
async fn a_network_lives_as_at_google() {
    let h = Harness::new().await;
    let path = h.compute("global/networks/n");
    let error = h.get(&path).await.refused(404, "notFound");
    assert_paths(&error, "code errors errors[].domain errors[].message errors[].reason message");
    let message =
        format!("The resource 'projects/{}/global/networks/n' was not found", h.project());
    assert_eq!(error["message"], message);
    let body = json!({
        "name": "n", "autoCreateSubnetworks": false, "routingConfig": {"routingMode": "REGIONAL"},
    });
    let operation = h.post(&h.compute("global/networks"), body.clone()).await.ok();
    if operation["status"] == "RUNNING" {
        assert_paths(&operation, RUNNING);
    }
    assert_eq!(operation["kind"], "compute#operation");
    assert_eq!(operation["operationType"], "insert");
    assert_eq!(operation["progress"], 0);
    assert_eq!(operation["targetLink"], h.link("global/networks/n"));
    // It is there at once, but nothing can be made of it yet.
    let subnet = json!({"name": "s", "network": "global/networks/n", "ipCidrRange": "10.0.0.0/20"});
    let subnets = h.compute("regions/europe-west3/subnetworks");
    h.post(&subnets, subnet.clone()).await.refused(400, "resourceNotReady");
    h.delete(&path).await.refused(400, "resourceNotReady");
    h.post(&h.compute("global/networks"), body).await.refused(409, "alreadyExists");
    let done = h.wait(&operation).await;
    assert_paths(&done, &format!("{RUNNING} endTime"));
    assert_eq!((&done["progress"], &done["name"]), (&json!(100), &operation["name"]));
    let network = h.get(&path).await.ok();
    assert_paths(
        &network,
        "autoCreateSubnetworks creationTimestamp id kind name networkFirewallPolicyEnforcementOrder \
         routingConfig routingConfig.bgpBestPathSelectionMode routingConfig.routingMode selfLink \
         selfLinkWithId",
    );
    assert_eq!(network["id"], done["targetId"]);
    assert_eq!(network["selfLink"], h.link("global/networks/n"));
    let subnet = h.make("regions/europe-west3/subnetworks", subnet).await;
    let network = h.get(&path).await.ok();
    assert_eq!(network["subnetworks"], json!([h.link("regions/europe-west3/subnetworks/s")]));
    let error = h.delete(&path).await.refused(400, "resourceInUseByAnotherResource");
    assert_eq!(
        error["message"],
        format!(
            "The network resource 'projects/{0}/global/networks/n' is already being used by 'projects/{0}/regions/europe-west3/subnetworks/s'",
            h.project()
        )
    );
    h.remove(&subnet).await;
    let operation = h.delete(&path).await.ok();
    assert_eq!(operation["operationType"], "delete");
    h.delete(&path).await.refused(400, "resourceNotReady");
    h.wait(&operation).await;
    h.delete(&path).await.refused(404, "notFound");
    assert_eq!(h.inventory().await, json!({}));
}

#[tokio::test]
async fn everything_in_a_network_keeps_it() {
    let h = Harness::new().await;
    let network = h.network("n").await;
    let link = h.link("global/networks/n");
    let allowed = json!([{"IPProtocol": "tcp", "ports": ["22"]}]);
    let users = [
        ("global/firewalls", json!({"name": "f", "network": link, "allowed": allowed})),
        ("regions/europe-west3/routers", json!({"name": "r", "network": link})),
        ("zones/europe-west3-a/networkEndpointGroups", json!({"name": "e", "network": link})),
        (
            "global/addresses",
            json!({"name": "a", "network": link, "addressType": "INTERNAL", "address": "10.9.0.1"}),
        ),
    ];
    for (collection, body) in users {
        let user = h.make(collection, body).await;
        let error = h.delete(&network).await.refused(400, "resourceInUseByAnotherResource");
        let named = user.strip_prefix("/compute/v1/").unwrap();
        assert!(error["message"].as_str().unwrap().ends_with(&format!("'{named}'")), "{error}");
        h.remove(&user).await;
    }
    h.remove(&network).await;
}

#[tokio::test]
async fn names_and_modes_are_checked() {
    let h = Harness::new().await;
    let path = h.compute("global/networks");
    for name in ["N", "1n", "n_", "n-"] {
        let body = json!({"name": name, "autoCreateSubnetworks": false});
        h.post(&path, body).await.refused(400, "invalid");
    }
    let body = json!({"autoCreateSubnetworks": false});
    h.post(&path, body).await.refused(400, "required");
    h.post(&path, json!({"name": "n"})).await.refused(400, "invalid");
}
