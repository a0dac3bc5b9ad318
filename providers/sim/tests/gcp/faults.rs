//! Faults of Google's APIs.

use serde_json::json;

use crate::harness::Harness;

#[tokio::test]
async fn statuses_come_in_googles_envelope() {
    let h = Harness::new().await;
    for (effect, status, reason) in [
        ("429", 429, "rateLimitExceeded"),
        ("403", 403, "forbidden"),
        ("500", 500, "internalError"),
        ("503", 503, "backendError"),
    ] {
        h.fault(json!({"effect": effect, "count": 1, "retry_after_s": 3})).await;
        let got = h.get(&h.compute("global/networks")).await;
        assert_eq!(got.headers["retry-after"], "3");
        got.refused(status, reason);
    }
    h.get(&h.compute("global/networks")).await.ok();
}

#[tokio::test]
async fn an_answer_is_lost_after_the_effect() {
    let h = Harness::new().await;
    h.fault(json!({"effect": "reset_after", "method": "POST", "count": 1})).await;
    let body = json!({"name": "n", "autoCreateSubnetworks": false});
    let lost = h
        .client
        .post(h.url(&h.compute("global/networks")))
        .bearer_auth(&h.endpoint.gcp.token)
        .json(&body)
        .send()
        .await;
    assert!(lost.is_err());
    assert_eq!(h.get(&h.compute("global/networks/n")).await.ok()["name"], "n");
}

#[tokio::test]
async fn an_operation_fails_and_leaves_nothing() {
    let h = Harness::new().await;
    h.fault(json!({"effect": "operation_fails", "count": 1, "method": "POST"})).await;
    let body = json!({"name": "n", "autoCreateSubnetworks": false});
    let operation = h.post(&h.compute("global/networks"), body).await.ok();
    let done = h.wait(&operation).await;
    assert_eq!(done["error"]["errors"][0]["code"], "QUOTA_EXCEEDED");
    assert_eq!(done["httpErrorStatusCode"], 403);
    h.get(&h.compute("global/networks/n")).await.refused(404, "notFound");
    // A delete that fails leaves what was there.
    let network = h.network("n").await;
    h.fault(json!({"effect": "operation_fails", "count": 1, "method": "DELETE"})).await;
    let operation = h.delete(&network).await.ok();
    let done = h.wait(&operation).await;
    assert_eq!(done["error"]["errors"][0]["code"], "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE");
    assert_eq!(done["httpErrorStatusCode"], 400);
    h.get(&network).await.ok();
    h.remove(&network).await;
}

#[tokio::test]
async fn lists_are_cut_small_or_lag() {
    let h = Harness::new().await;
    for name in ["a", "b", "c"] {
        h.network(name).await;
    }
    let path = h.compute("global/networks");
    h.fault(json!({"effect": "small_pages", "count": 1})).await;
    let page = h.get(&path).await.ok();
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    assert!(page["nextPageToken"].is_string());
    h.fault(json!({"effect": "stale_list", "count": 1, "delay_ms": 100_000_000})).await;
    assert!(h.get(&path).await.ok().get("items").is_none());
}
