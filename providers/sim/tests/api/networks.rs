//! VPCs and firewalls.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Harness;

#[tokio::test]
async fn vpcs() {
    let h = Harness::new().await;
    let vpc =
        |name: &str, range: &str| json!({ "name": name, "region": "nyc3", "ip_range": range });
    let made = h.post("/v2/vpcs", vpc("prod", "10.20.0.0/16")).await.ok(201);
    let id = made["vpc"]["id"].as_str().unwrap().to_owned();
    for (name, range, word) in [
        ("prod", "10.30.0.0/16", "already exists"),
        ("other", "10.20.128.0/20", "overlaps"),
        ("other", "10.0.0.0/15", "/16"),
        ("other", "10.40.0.0/29", "/28"),
        ("other", "203.0.113.0/24", "1918"),
        ("other", "10.40.0.1/24", "first"),
        ("under_score", "10.40.0.0/24", "alphanumeric"),
    ] {
        let got = h.post("/v2/vpcs", vpc(name, range)).await;
        let message = got.refused(422);
        assert!(message.contains(word), "{name} {range}: {message}");
    }
    let no_region = json!({ "name": "other", "ip_range": "10.40.0.0/24" });
    h.post("/v2/vpcs", no_region).await.refused(422);
    let droplet = json!({ "name": "a", "region": "nyc3", "size": "s-1vcpu-1gb", "image": "debian-13-x64",
                          "vpc_uuid": id });
    let elsewhere = json!({ "name": "a", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-13-x64",
                            "vpc_uuid": id });
    h.post("/v2/droplets", elsewhere).await.refused(422);
    let made = h.post("/v2/droplets", droplet).await.ok(202);
    let droplet = made["droplet"]["id"].as_u64().unwrap();
    let path = format!("/v2/vpcs/{id}");
    let members = h.get(&format!("{path}/members")).await.ok(200);
    assert_eq!(members["members"][0]["urn"], format!("do:droplet:{droplet}"));
    let busy = h.delete(&path).await;
    assert!(busy.refused(409).contains("members"));
    h.delete(&format!("/v2/droplets/{droplet}")).await.ok(204);
    let patch = json!({ "description": "mine" });
    h.call(Method::PATCH, &path, Some(patch)).await.ok(200);
    h.put(&path, json!({ "description": "x" })).await.refused(422);
    let renamed = h.put(&path, json!({ "name": "prod-2" })).await.ok(200);
    assert_eq!(renamed["vpc"]["description"], "mine");
    h.delete(&path).await.ok(204);
    h.get(&path).await.refused(404);
}

#[tokio::test]
async fn a_default_vpc_stays() {
    let h = Harness::new().await;
    let droplet =
        json!({ "name": "a", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-13-x64" });
    let made = h.post("/v2/droplets", droplet).await.ok(202);
    let vpc = made["droplet"]["vpc_uuid"].as_str().unwrap();
    let shown = h.get(&format!("/v2/vpcs/{vpc}")).await.ok(200);
    assert_eq!(shown["vpc"]["default"], true);
    assert_eq!(shown["vpc"]["name"], "default-fra1");
    let got = h.delete(&format!("/v2/vpcs/{vpc}")).await;
    assert!(got.refused(403).contains("default"));
}

fn rule(ports: &str, sources: Value) -> Value {
    json!({ "protocol": "tcp", "ports": ports, "sources": sources })
}

#[tokio::test]
async fn firewalls() {
    let h = Harness::new().await;
    let any = json!({ "addresses": ["0.0.0.0/0", "::/0"] });
    let firewall = |name: &str, rules: Value| json!({ "name": name, "inbound_rules": rules });
    for (body, word) in [
        (firewall("a b", json!([rule("22", any.clone())])), "name"),
        (firewall("ab", json!([])), "at least one rule"),
        (firewall("ab", json!([rule("99999", any.clone())])), "ports"),
        (firewall("ab", json!([rule("22", json!({}))])), "at least one target"),
        (
            firewall("ab", json!([rule("22", json!({ "addresses": ["nowhere"] }))])),
            "not an address",
        ),
        (firewall("ab", json!([rule("22", json!({ "tags": ["unknown"] }))])), "does not exist"),
        (firewall("ab", json!([rule("22", json!({ "droplet_ids": [1] }))])), "does not exist"),
        (firewall("ab", json!([rule("22", any.clone()), rule("22", any.clone())])), "duplicate"),
        (
            json!({ "name": "ab", "tags": ["unknown"], "inbound_rules": [rule("22", any.clone())] }),
            "does not exist",
        ),
        (
            json!({ "name": "ab", "inbound_rules": [{ "protocol": "gre", "ports": "0", "sources": any }] }),
            "protocol",
        ),
        (
            json!({ "name": "ab", "inbound_rules": [{ "protocol": "tcp", "ports": "22", "destinations": any }] }),
            "sources is required",
        ),
    ] {
        let got = h.post("/v2/firewalls", body.clone()).await;
        let message = got.refused(422);
        assert!(message.contains(word), "{body}: {message}");
    }
    h.post("/v2/tags", json!({ "name": "web" })).await.ok(201);
    let body =
        json!({ "name": "web", "tags": ["web"], "inbound_rules": [rule("22", any.clone())] });
    let made = h.post("/v2/firewalls", body.clone()).await.ok(202);
    let id = made["firewall"]["id"].as_str().unwrap();
    assert_eq!(h.post("/v2/firewalls", body).await.refused(409), "duplicate name");
    let droplet = json!({ "name": "a", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-13-x64",
                          "tags": ["web"] });
    let made = h.post("/v2/droplets", droplet).await.ok(202);
    let droplet = made["droplet"]["id"].as_u64().unwrap();
    let covered = h.get(&format!("/v2/droplets/{droplet}/firewalls")).await.ok(200);
    assert_eq!(covered["firewalls"][0]["id"], id);
    let path = format!("/v2/firewalls/{id}");
    let more =
        json!({ "outbound_rules": [{ "protocol": "icmp", "ports": "0", "destinations": any }] });
    h.post(&format!("{path}/rules"), more).await.ok(204);
    let ids = json!({ "droplet_ids": [droplet] });
    h.post(&format!("{path}/droplets"), ids).await.ok(204);
    let shown = h.get(&path).await.ok(200);
    assert_eq!(shown["firewall"]["outbound_rules"][0]["ports"], "0");
    assert_eq!(shown["firewall"]["droplet_ids"], json!([droplet]));
    h.delete(&format!("/v2/droplets/{droplet}")).await.ok(204);
    let shown = h.get(&path).await.ok(200);
    assert_eq!(shown["firewall"]["droplet_ids"], json!([]));
    h.delete(&path).await.ok(204);
    h.delete(&path).await.refused(404);
}
