//! What survives a restart.

use serde_json::json;

use crate::harness::Harness;

#[tokio::test]
async fn everything_is_there_again_and_goes_on() {
    let h = Harness::new().await;
    h.network("n").await;
    let zone = json!({"name": "z", "dnsName": "example.test.", "description": "d"});
    h.post(&h.dns("managedZones"), zone).await.ok();
    let record =
        json!({"name": "a.example.test.", "type": "A", "ttl": 60, "rrdatas": ["192.0.2.1"]});
    h.post(&h.dns("managedZones/z/changes"), json!({"additions": [record]})).await.ok();
    let accounts = format!("/v1/projects/{}/serviceAccounts", h.project());
    h.post(&accounts, json!({"accountId": "infra-nodes"})).await.ok();
    // An operation that is cut off.
    let slow = json!({"gcp_operation_ms": 3_600_000});
    h.control(reqwest::Method::POST, "/sim/settings", Some(slow)).await;
    let id = "8d5e3a44-6a0c-4c4a-9a08-2f3d1c1b7e55";
    let path = h.compute(&format!("global/networks?requestId={id}"));
    let body = json!({"name": "m", "autoCreateSubnetworks": false});
    let operation = h.post(&path, body.clone()).await.ok();
    let before = h.inventory().await;
    let (port, token, project) =
        (h.endpoint.gcp.port, h.endpoint.gcp.token.clone(), h.project().to_owned());
    let (_dir, data) = h.stop().await;
    let h = Harness::over(data).await;
    assert_eq!((h.endpoint.gcp.port, h.project()), (port, project.as_str()));
    assert_eq!(h.endpoint.gcp.token, token);
    assert_eq!(h.inventory().await, before);
    let again = h.post(&path, body).await.ok();
    assert_eq!(again["name"], operation["name"]);
    assert_ne!(again["status"], "DONE");
    h.control(reqwest::Method::POST, "/sim/clock", Some(json!({"speed": 1e6}))).await;
    let done = h.wait(&operation).await;
    assert_eq!(done["targetId"], operation["targetId"]);
}
