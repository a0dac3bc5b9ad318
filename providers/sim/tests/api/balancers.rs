//! Load balancers: the API's rules.

use serde_json::{Value, json};

use crate::harness::Harness;

fn balancer(name: &str) -> Value {
    json!({
        "name": name, "region": "nyc3",
        "forwarding_rules": [{ "entry_protocol": "tcp", "entry_port": 6443,
                               "target_protocol": "tcp", "target_port": 6443 }],
        "health_check": { "protocol": "tcp", "port": 6443, "check_interval_seconds": 3,
                          "response_timeout_seconds": 3, "unhealthy_threshold": 2, "healthy_threshold": 2 },
        "tag": "cp"
    })
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

fn rule(entry: &str, port: u32, target: &str) -> Value {
    json!([{ "entry_protocol": entry, "entry_port": port, "target_protocol": target, "target_port": 80 }])
}

#[tokio::test]
async fn rules() {
    let h = Harness::new().await;
    for (field, value, word) in [
        ("name", json!("a b"), "name"),
        ("name", json!(null), "name"),
        ("region", json!("mars1"), "region"),
        ("region", json!(null), "region"),
        ("forwarding_rules", json!([]), "at least one"),
        ("forwarding_rules", rule("tcp", 0, "tcp"), "1 and 65535"),
        ("forwarding_rules", rule("tcp", 80, "http"), "not supported"),
        ("forwarding_rules", rule("https", 443, "http"), "certificate_id"),
        ("forwarding_rules", rule("ftp", 21, "ftp"), "not supported"),
        ("forwarding_rules", rule("tcp", 70_000, "tcp"), "u16"),
        ("droplet_ids", json!([1]), "together"),
        ("size_unit", json!(0), "size_unit"),
        ("size_unit", json!(101), "size_unit"),
        ("size", json!("lb-huge"), "size"),
        ("health_check", json!({ "protocol": "udp", "port": 1 }), "protocol"),
        (
            "health_check",
            json!({ "protocol": "tcp", "port": 1, "check_interval_seconds": 2 }),
            "check_interval",
        ),
        (
            "health_check",
            json!({ "protocol": "tcp", "port": 1, "healthy_threshold": 1 }),
            "healthy_threshold",
        ),
        ("sticky_sessions", json!({ "type": "cookies" }), "cookie_name"),
        ("vpc_uuid", json!("00000000-0000-4000-8000-000000000000"), "VPC"),
        ("project_id", json!("00000000-0000-4000-8000-000000000000"), "project"),
        ("http_idle_timeout_seconds", json!(10), "http_idle_timeout"),
        ("network", json!("LOCAL"), "network"),
    ] {
        let got = h.post("/v2/load_balancers", with(balancer("lb"), field, value)).await;
        let message = got.refused(422);
        assert!(message.contains(word), "{field}: {message}");
    }
    let twice = json!([
        { "entry_protocol": "tcp", "entry_port": 80, "target_protocol": "tcp", "target_port": 1 },
        { "entry_protocol": "http", "entry_port": 80, "target_protocol": "http", "target_port": 2 }
    ]);
    let got = h.post("/v2/load_balancers", with(balancer("lb"), "forwarding_rules", twice)).await;
    assert!(got.refused(422).contains("more than one"));
}

#[tokio::test]
async fn life() {
    let h = Harness::new().await;
    let made = h.post("/v2/load_balancers", balancer("lb")).await.ok(202);
    assert_eq!(made["load_balancer"]["status"], "new");
    assert_eq!(made["load_balancer"]["ip"], "");
    assert_eq!(
        h.post("/v2/load_balancers", balancer("lb")).await.refused(422),
        "name is not unique"
    );
    let id = made["load_balancer"]["id"].as_str().unwrap();
    let path = format!("/v2/load_balancers/{id}");
    let now = h.until(&path, |b| b["load_balancer"]["status"] == "active").await;
    let ip = now["load_balancer"]["ip"].as_str().unwrap().to_owned();
    assert!(ip.starts_with("127."));
    let droplet = json!({ "name": "a", "region": "nyc3", "size": "s-1vcpu-1gb", "image": "debian-13-x64",
                          "tags": ["cp"] });
    let droplet = h.post("/v2/droplets", droplet).await.ok(202)["droplet"]["id"].clone();
    let now = h.get(&path).await.ok(200);
    assert_eq!(now["load_balancer"]["droplet_ids"], json!([droplet]));
    h.post(&format!("{path}/droplets"), json!({ "droplet_ids": [droplet] })).await.refused(422);
    let moved = with(balancer("lb"), "region", json!("fra1"));
    assert!(h.put(&path, moved).await.refused(422).contains("cannot be changed"));
    let mut by_id = with(balancer("lb-2"), "droplet_ids", json!([droplet]));
    by_id.as_object_mut().unwrap().remove("tag");
    let more = json!({ "http_idle_timeout_seconds": 120, "size_unit": 3, "tags": ["team"] });
    let mut with_more = by_id.clone();
    with_more.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let changed = h.put(&path, with_more).await.ok(200);
    for (field, value) in more.as_object().unwrap() {
        assert_eq!(changed["load_balancer"][field], *value, "{field}");
    }
    // What a full update leaves out is at its default again.
    let changed = h.put(&path, by_id).await.ok(200);
    assert_eq!(changed["load_balancer"]["name"], "lb-2");
    assert_eq!(changed["load_balancer"]["http_idle_timeout_seconds"], 60);
    assert_eq!(changed["load_balancer"]["size_unit"], 1);
    assert_eq!(changed["load_balancer"]["tags"], json!([]));
    assert_eq!(changed["load_balancer"]["ip"], ip);
    let more = json!({ "forwarding_rules": rule("http", 8080, "http") });
    h.post(&format!("{path}/forwarding_rules"), more.clone()).await.ok(204);
    h.post(&format!("{path}/forwarding_rules"), more).await.refused(422);
    let status = h
        .until("/sim/status", |b| b["load_balancers"].as_array().is_some_and(|l| l.len() == 2))
        .await;
    assert_eq!(status["load_balancers"][0]["entry"], format!("{ip}:6443"));
    // It really listens; nothing is behind it, so connections end at once.
    let mut stream = tokio::net::TcpStream::connect(format!("{ip}:6443")).await.unwrap();
    let mut buffer = [0u8; 1];
    let read = tokio::io::AsyncReadExt::read(&mut stream, &mut buffer).await;
    assert!(matches!(read, Ok(0) | Err(_)));
    h.delete(&path).await.ok(204);
    h.get(&path).await.refused(404);
    h.until("/sim/status", |b| b["load_balancers"] == json!([])).await;
    assert!(tokio::net::TcpStream::connect(format!("{ip}:6443")).await.is_err());
}
