//! Firewall rules.

use serde_json::json;

use crate::harness::{Harness, assert_paths};

#[tokio::test]
async fn a_rule_lives_as_at_google() {
    let h = Harness::new().await;
    h.network("n").await;
    let body = json!({
        "name": "f", "network": format!("projects/{}/global/networks/n", h.project()),
        "disabled": false,
        "allowed": [
            {"IPProtocol": "tcp", "ports": ["80", "1000-2000"]},
            {"IPProtocol": "udp", "ports": ["1184", "2"]},
        ],
    });
    let path = h.make("global/firewalls", body).await;
    let rule = h.get(&path).await.ok();
    assert_paths(
        &rule,
        "allowed allowed[].IPProtocol allowed[].ports creationTimestamp direction disabled id kind \
         logConfig logConfig.enable name network priority selfLink sourceRanges",
    );
    assert_eq!((&rule["priority"], &rule["direction"]), (&json!(1000), &json!("INGRESS")));
    let change = json!({"allowed": [{"IPProtocol": "tcp"}], "disabled": true, "name": "f"});
    let operation = h.patch(&path, change).await.ok();
    assert_eq!(operation["operationType"], "compute.firewalls.patch");
    h.wait(&operation).await;
    let after = h.get(&path).await.ok();
    assert_eq!(after["allowed"], json!([{"IPProtocol": "tcp"}]));
    assert_eq!((&after["disabled"], &after["id"]), (&json!(true), &rule["id"]));
    // Null takes a field away.
    let operation = h.patch(&path, json!({"description": "d"})).await.ok();
    h.wait(&operation).await;
    assert_eq!(h.get(&path).await.ok()["description"], "d");
    let operation = h.patch(&path, json!({"description": null})).await.ok();
    h.wait(&operation).await;
    assert!(h.get(&path).await.ok().get("description").is_none());
    let denied = json!({"denied": [{"IPProtocol": "tcp"}]});
    h.patch(&path, denied).await.refused(400, "badRequest");
    h.patch(&path, json!({"direction": "EGRESS"})).await.refused(400, "invalid");
    h.remove(&path).await;
}
