//! Cloud DNS.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Harness, assert_paths};

async fn zone(h: &Harness) -> Value {
    let body = json!({
        "name": "z", "dnsName": "example.test.", "description": "d", "visibility": "public",
        "labels": {"infra-owner": "u"},
    });
    h.post(&h.dns("managedZones"), body).await.ok()
}

fn a(name: &str, ip: &str) -> Value {
    json!({"name": name, "type": "A", "ttl": 300, "rrdatas": [ip]})
}

async fn resolve(h: &Harness, name: &str, kind: &str) -> Value {
    let path = format!("/sim/resolve?name={name}&type={kind}");
    h.control(Method::GET, &path, None).await["answers"].clone()
}

#[tokio::test]
async fn a_zone_lives_as_at_google() {
    let h = Harness::new().await;
    let path = h.dns("managedZones/z");
    let error = h.get(&path).await.refused(404, "notFound");
    assert_eq!(error["status"], "NOT_FOUND");
    assert_eq!(
        error["message"],
        format!("managedZone \"projects/{}/managedZones/z\" not found", h.project())
    );
    let made = zone(&h).await;
    assert_paths(
        &made,
        "cloudLoggingConfig cloudLoggingConfig.kind creationTime description dnsName id kind labels \
         labels.infra-owner name nameServers visibility",
    );
    assert_eq!(made["nameServers"].as_array().unwrap().len(), 4);
    assert_eq!(h.get(&path).await.ok(), made);
    let by_number = h.dns(&format!("managedZones/{}", made["id"].as_str().unwrap()));
    assert_eq!(h.get(&by_number).await.ok(), made);
    let list = h.get(&h.dns("managedZones?dnsName=example.test.")).await.ok();
    assert_eq!(list["managedZones"], json!([made]));
    let again = json!({"name": "z", "dnsName": "other.test.", "description": "d"});
    h.post(&h.dns("managedZones"), again).await.refused(409, "alreadyExists");
    for (field, value) in [("dnsName", "example.test"), ("name", "Z"), ("dnsName", "*.a.test.")] {
        let mut bad = json!({"name": "y", "dnsName": "y.test.", "description": "d"});
        bad[field] = json!(value);
        h.post(&h.dns("managedZones"), bad).await.refused(400, "invalid");
    }
    let bare = json!({"name": "y", "dnsName": "y.test."});
    h.post(&h.dns("managedZones"), bare).await.refused(400, "required");
    let operation = h.patch(&path, json!({"labels": {"x": "y"}})).await.ok();
    assert_eq!(
        (&operation["kind"], &operation["type"]),
        (&json!("dns#operation"), &json!("UPDATE"))
    );
    assert_eq!(operation["zoneContext"]["newValue"]["labels"], json!({"x": "y"}));
    assert_eq!(h.get(&path).await.ok()["labels"], json!({"x": "y"}));
    h.patch(&path, json!({"dnsName": "b.test."})).await.refused(400, "invalid");
    assert_eq!(h.delete(&path).await.ok(), json!({}));
    h.get(&path).await.refused(404, "notFound");
}

#[tokio::test]
async fn sets_of_records_come_and_go() {
    let h = Harness::new().await;
    zone(&h).await;
    let sets = h.dns("managedZones/z/rrsets");
    let own = h.get(&sets).await.ok();
    assert_eq!(own["kind"], "dns#resourceRecordSetsListResponse");
    assert_paths(
        &own,
        "kind rrsets rrsets[].kind rrsets[].name rrsets[].rrdatas rrsets[].ttl rrsets[].type",
    );
    let kinds: Vec<&str> =
        own["rrsets"].as_array().unwrap().iter().map(|s| s["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["NS", "SOA"]);
    let none = h.get(&format!("{sets}?name=example.test.&type=A")).await.ok();
    assert_eq!(none, json!({"kind": "dns#resourceRecordSetsListResponse"}));
    h.get(&format!("{sets}?type=A")).await.refused(400, "invalid");
    let made = h.post(&sets, a("www.example.test.", "192.0.2.1")).await.ok();
    assert_eq!(made["kind"], "dns#resourceRecordSet");
    let one = format!("{sets}/www.example.test./A");
    let changed = h.patch(&one, json!({"rrdatas": ["192.0.2.2"], "ttl": 600})).await.ok();
    assert_eq!((&changed["ttl"], &changed["rrdatas"]), (&json!(600), &json!(["192.0.2.2"])));
    assert_eq!(h.get(&one).await.ok(), changed);
    h.delete(&h.dns("managedZones/z")).await.refused(400, "containerNotEmpty");
    assert_eq!(h.delete(&one).await.ok(), json!({}));
    h.get(&one).await.refused(404, "notFound");
    h.delete(&h.dns("managedZones/z")).await.ok();
    assert_eq!(h.inventory().await, json!({}));
}

#[tokio::test]
async fn a_change_is_whole_or_nothing() {
    let h = Harness::new().await;
    zone(&h).await;
    let changes = h.dns("managedZones/z/changes");
    let mark =
        json!({"name": "www.example.test.", "type": "TXT", "ttl": 300, "rrdatas": ["\"infra u\""]});
    let both = json!({"additions": [a("www.example.test.", "192.0.2.1"), mark]});
    let made = h.post(&changes, both.clone()).await.ok();
    assert_eq!((&made["kind"], &made["status"]), (&json!("dns#change"), &json!("pending")));
    assert_eq!(made["additions"], both["additions"]);
    let one = format!("{changes}/{}", made["id"].as_str().unwrap());
    let begun = std::time::Instant::now();
    while h.get(&one).await.ok()["status"] != "done" {
        assert!(begun.elapsed().as_secs() < 20);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let set = h.dns("managedZones/z/rrsets");
    let before = h.get(&set).await.ok();
    let refusals = [
        (
            json!({"additions": [a("x.example.test.", "192.0.2.1"), a("www.example.test.", "192.0.2.1")]}),
            409,
            "alreadyExists",
        ),
        (
            json!({"additions": [a("x.example.test.", "192.0.2.1")], "deletions": [a("y.example.test.", "192.0.2.1")]}),
            404,
            "notFound",
        ),
        (
            json!({"additions": [a("x.example.test.", "192.0.2.1")], "deletions": [a("www.example.test.", "192.0.2.9")]}),
            412,
            "conditionNotMet",
        ),
        (json!({"additions": [a("x.example.test.", "300.0.2.1")]}), 400, "invalid"),
        (json!({"additions": [a("x.other.test.", "192.0.2.1")]}), 400, "invalid"),
    ];
    for (change, status, reason) in refusals {
        h.post(&changes, change).await.refused(status, reason);
        assert_eq!(h.get(&set).await.ok(), before);
    }
    let moved = json!({
        "additions": [a("www.example.test.", "192.0.2.2")],
        "deletions": [a("www.example.test.", "192.0.2.1")],
    });
    h.post(&changes, moved).await.ok();
    assert_eq!(resolve(&h, "www.example.test", "A").await, json!(["192.0.2.2"]));
    assert_eq!(resolve(&h, "www.example.test", "TXT").await, json!(["infra u"]));
}

#[tokio::test]
async fn names_of_both_clouds_resolve_alike() {
    let h = Harness::new().await;
    zone(&h).await;
    let alias = json!({"name": "app.example.test.", "type": "CNAME", "ttl": 60, "rrdatas": ["www.example.test."]});
    let change = json!({"additions": [
        a("www.example.test.", "192.0.2.1"), a("*.apps.example.test.", "192.0.2.3"),
        a("example.test.", "192.0.2.4"), alias,
    ]});
    h.post(&h.dns("managedZones/z/changes"), change).await.ok();
    for (name, ip) in [
        ("app.example.test", "192.0.2.1"),
        ("one.apps.example.test", "192.0.2.3"),
        ("example.test", "192.0.2.4"),
    ] {
        assert_eq!(resolve(&h, name, "A").await, json!([ip]), "{name}");
    }
    assert_eq!(resolve(&h, "absent.example.test", "A").await, json!([]));
    let inventory = h.control(Method::GET, "/sim/inventory", None).await;
    assert_eq!(inventory["domains"], json!([]));
    let private = json!({
        "name": "p", "dnsName": "inside.test.", "description": "d", "visibility": "private",
    });
    h.post(&h.dns("managedZones"), private).await.ok();
    let change = json!({"additions": [a("www.inside.test.", "192.0.2.5")]});
    h.post(&h.dns("managedZones/p/changes"), change).await.ok();
    assert_eq!(resolve(&h, "www.inside.test", "A").await, json!([]));
}
