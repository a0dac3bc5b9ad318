//! What holds for every endpoint: token, content type, rate limit, faults, lists that lag.

use reqwest::Method;
use serde_json::json;

use crate::harness::{Harness, got};

#[tokio::test]
async fn token() {
    let h = Harness::new().await;
    let url = format!("{}/v2/account", h.endpoint.digitalocean);
    for request in [h.client.get(&url), h.client.get(&url).bearer_auth("wrong")] {
        let got = got(request.send().await.unwrap()).await;
        assert_eq!(got.refused(401), "Unable to authenticate you");
        assert_eq!(got.body["id"], "Unauthorized");
    }
    let sim = format!("{}/sim/status", h.endpoint.control);
    assert_eq!(h.client.get(&sim).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn bodies_are_json() {
    let h = Harness::new().await;
    let url = format!("{}/v2/tags", h.endpoint.digitalocean);
    let send = |kind: &'static str, body: &'static str| {
        let request = h
            .client
            .post(&url)
            .bearer_auth(&h.endpoint.token)
            .header("content-type", kind)
            .body(body);
        async move { got(request.send().await.unwrap()).await }
    };
    send("text/plain", "{}").await.refused(415);
    send("application/json", "{").await.refused(400);
    send("application/json", r#"{"name":1}"#).await.refused(422);
    send("application/json; charset=utf-8", r#"{"name":"a"}"#).await.ok(201);
    h.get("/v2/nowhere").await.refused(404);
    h.call(Method::PATCH, "/v2/account", None).await.refused(405);
    h.get("/v2/droplets/abc").await.refused(404);
}

#[tokio::test]
async fn rate_limit() {
    let h = Harness::new().await;
    let limits = json!({ "requests_minute": 5 });
    h.post("/sim/clock", json!({ "speed": 1.0 })).await.ok(200);
    h.post("/sim/limits", limits).await.ok(200);
    for left in (4995..5000).rev() {
        let got = h.get("/v2/account").await;
        assert_eq!(got.status, 200);
        assert_eq!(got.headers["ratelimit-remaining"], left.to_string());
        assert_eq!(got.headers["ratelimit-limit"], "5000");
        assert!(got.headers.contains_key("ratelimit-reset"));
    }
    let over = h.get("/v2/account").await;
    over.refused(429);
    assert_eq!(over.body["id"], "too_many_requests");
    let wait: u64 = over.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((50..=60).contains(&wait), "{wait}");
    // Half an hour of the simulated clock passes in a moment.
    h.post("/sim/clock", json!({ "speed": 50_000.0 })).await.ok(200);
    h.until("/v2/account", |b| b["account"].is_object()).await;
}

#[tokio::test]
async fn faults() {
    let h = Harness::new().await;
    let set = |fault: serde_json::Value| {
        let h = &h;
        async move { h.post("/sim/faults", fault).await.ok(201) }
    };
    set(json!({ "api": "digitalocean", "method": "POST", "path_glob": "/v2/tags", "effect": "503",
                "count": 1, "retry_after_s": 3 }))
    .await;
    let first = h.post("/v2/tags", json!({ "name": "a" })).await;
    first.refused(503);
    assert_eq!(first.headers["retry-after"], "3");
    h.post("/v2/tags", json!({ "name": "a" })).await.ok(201);

    set(json!({ "api": "digitalocean", "method": "POST", "effect": "reset_after", "count": 1 }))
        .await;
    let url = format!("{}/v2/tags", h.endpoint.digitalocean);
    let lost = h
        .client
        .post(&url)
        .bearer_auth(&h.endpoint.token)
        .json(&json!({ "name": "lost" }))
        .send()
        .await;
    assert!(lost.is_err());
    h.get("/v2/tags/lost").await.ok(200);

    set(json!({ "api": "digitalocean", "method": "POST", "effect": "reset_before", "count": 1 }))
        .await;
    let never = h
        .client
        .post(&url)
        .bearer_auth(&h.endpoint.token)
        .json(&json!({ "name": "never" }))
        .send()
        .await;
    assert!(never.is_err());
    h.get("/v2/tags/never").await.refused(404);

    set(json!({ "api": "digitalocean", "path_glob": "/v2/regions", "effect": "truncate", "count": 1 }))
        .await;
    let cut = h
        .client
        .get(format!("{}/v2/regions", h.endpoint.digitalocean))
        .bearer_auth(&h.endpoint.token)
        .send()
        .await;
    assert!(match cut {
        Ok(cut) => cut.bytes().await.is_err(),
        Err(_) => true,
    });

    set(json!({ "api": "digitalocean", "effect": "not_json", "count": 1 })).await;
    let html = h.get("/v2/account").await;
    assert_eq!(html.headers["content-type"], "text/html");

    let bad = h.post("/sim/faults", json!({ "effect": "500" })).await;
    assert_eq!(bad.status, 422);
    let listed = h.get("/sim/faults").await.ok(200);
    assert_eq!(listed["faults"].as_array().unwrap().len(), 5);
    assert_eq!(listed["faults"][0]["fired"], 1);
    h.delete("/sim/faults").await.ok(204);
}

#[tokio::test]
async fn a_list_that_lags() {
    let h = Harness::new().await;
    h.post(
        "/sim/faults",
        json!({ "api": "digitalocean", "method": "GET", "path_glob": "/v2/droplets", "effect": "stale_list",
                "delay_ms": 600_000, "count": 1 }),
    )
    .await
    .ok(201);
    let body =
        json!({ "name": "a", "region": "nyc3", "size": "s-1vcpu-1gb", "image": "debian-13-x64" });
    h.post("/v2/droplets", body).await.ok(202);
    assert_eq!(h.get("/v2/droplets").await.body["meta"]["total"], 0);
    assert_eq!(h.get("/v2/droplets").await.body["meta"]["total"], 1);
}
