//! Domains and records.

use serde_json::json;

use crate::harness::Harness;

#[tokio::test]
async fn domains_and_records() {
    let h = Harness::new().await;
    for bad in ["com", "exa_mple.com", "", "a..com"] {
        h.post("/v2/domains", json!({ "name": bad })).await.refused(422);
    }
    let domain = json!({ "name": "Example.com", "ip_address": "192.0.2.1" });
    let made = h.post("/v2/domains", domain.clone()).await.ok(201);
    assert_eq!(made["domain"]["name"], "example.com");
    assert!(h.post("/v2/domains", domain).await.refused(422).contains("exists"));
    let records = "/v2/domains/example.com/records";
    let all = h.get(records).await.ok(200);
    assert_eq!(all["meta"]["total"], 5);

    let a = |name: &str| json!({ "type": "A", "name": name, "data": "192.0.2.2", "ttl": 60 });
    for (body, word) in [
        (json!({ "type": "A", "name": "www", "data": "no" }), "IPv4"),
        (json!({ "type": "A", "name": "www", "data": "2001:db8::1" }), "IPv4"),
        (json!({ "type": "AAAA", "name": "www", "data": "192.0.2.1" }), "IPv6"),
        (json!({ "type": "A", "name": "www", "data": "192.0.2.1", "ttl": 29 }), "TTL"),
        (json!({ "type": "A", "name": "", "data": "192.0.2.1" }), "blank"),
        (json!({ "type": "A", "name": "a b", "data": "192.0.2.1" }), "hostname"),
        (json!({ "type": "A", "name": "a*", "data": "192.0.2.1" }), "hostname"),
        (json!({ "type": "CNAME", "name": "x", "data": "example.org" }), "dot"),
        (json!({ "type": "CNAME", "name": "@", "data": "example.org." }), "CNAME"),
        (json!({ "type": "MX", "name": "@", "data": "mail.example.com." }), "Priority"),
        (
            json!({ "type": "SRV", "name": "_s._tcp", "data": "a.example.com.", "priority": 1, "weight": 1 }),
            "Port",
        ),
        (
            json!({ "type": "CAA", "name": "@", "data": "ca.example.", "flags": 0, "tag": "x" }),
            "issue",
        ),
        (json!({ "type": "PTR", "name": "x", "data": "y" }), "Type"),
    ] {
        let got = h.post(records, body.clone()).await;
        let message = got.refused(422);
        assert!(message.contains(word), "{body}: {message}");
    }
    let made = h.post(records, a("www")).await.ok(201);
    let id = made["domain_record"]["id"].as_u64().unwrap();
    h.post(records, a("www")).await.refused(422);
    h.post(records, a("*")).await.ok(201);
    let alias = json!({ "type": "CNAME", "name": "www", "data": "example.org." });
    assert!(h.post(records, alias).await.refused(422).contains("CNAME"));
    let alias = json!({ "type": "CNAME", "name": "app", "data": "www.example.com." });
    let alias = h.post(records, alias).await.ok(201);
    assert_eq!(alias["domain_record"]["data"], "www.example.com");
    h.post(records, a("app")).await.refused(422);
    let by_name = h.get(&format!("{records}?name=www.example.com&type=A")).await.ok(200);
    assert_eq!(by_name["meta"]["total"], 1);
    let one = format!("{records}/{id}");
    let patched = h.put(&one, json!({ "type": "A", "data": "192.0.2.9" })).await.ok(200);
    assert_eq!(patched["domain_record"]["ttl"], 60);

    let resolve = |name: &'static str| {
        let h = &h;
        async move { h.get(&format!("/sim/resolve?name={name}")).await.ok(200)["answers"].clone() }
    };
    assert_eq!(resolve("app.example.com").await, json!(["192.0.2.9"]));
    assert_eq!(resolve("example.com").await, json!(["192.0.2.1"]));
    assert_eq!(resolve("any.thing.example.com").await, json!(["192.0.2.2"]));
    assert_eq!(resolve("example.org").await, json!([]));
    h.delete(&one).await.ok(204);
    h.delete(&one).await.refused(404);
    h.delete("/v2/domains/example.com").await.ok(204);
    h.get(records).await.refused(404);
}
