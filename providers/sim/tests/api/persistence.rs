//! What survives a restart.

use serde_json::{Value, json};

use crate::harness::Harness;

async fn everything(h: &Harness) -> Value {
    let mut all = json!({});
    for kind in [
        "droplets",
        "vpcs",
        "firewalls",
        "load_balancers",
        "domains",
        "volumes",
        "tags",
        "account/keys",
        "actions",
        "projects",
        "spaces/keys",
    ] {
        all[kind] = h.get(&format!("/v2/{kind}?per_page=200")).await.ok(200);
    }
    all
}

#[tokio::test]
async fn a_restart_changes_nothing() {
    let h = Harness::new().await;
    let droplet = |n: usize| {
        json!({ "names": (0..n).map(|i| format!("n-{i}")).collect::<Vec<_>>(), "region": "nyc3",
                "size": "s-1vcpu-1gb", "image": "debian-13-x64", "tags": ["t"], "user_data": "#!/bin/sh\n" })
    };
    h.post("/v2/droplets", droplet(10)).await.ok(202);
    let all = |b: &Value| b["droplets"].as_array().unwrap().iter().all(|d| d["status"] == "active");
    h.until("/v2/droplets?per_page=200", all).await;
    h.post("/v2/domains", json!({ "name": "example.com" })).await.ok(201);
    h.post("/v2/volumes", json!({ "name": "v", "region": "nyc3", "size_gigabytes": 1 }))
        .await
        .ok(201);
    let lb = json!({ "name": "lb", "region": "nyc3", "tag": "t", "forwarding_rules": [
        { "entry_protocol": "tcp", "entry_port": 7443, "target_protocol": "tcp", "target_port": 1 }] });
    h.post("/v2/load_balancers", lb).await.ok(202);
    h.until("/v2/load_balancers", |b| b["load_balancers"][0]["status"] == "active").await;
    let before = everything(&h).await;
    let (token, url, ca) = (
        h.endpoint.token.clone(),
        h.endpoint.digitalocean.clone(),
        std::fs::read(&h.endpoint.ca_file).unwrap(),
    );
    let (_dir, data) = h.stop().await;
    // A killed server leaves half a line.
    let log = data.join("world.jsonl");
    let mut torn = std::fs::read(&log).unwrap();
    torn.extend_from_slice(b"[{\"k\":\"droplet\",\"s\":1,\"r\":{\"id\":1");
    std::fs::write(&log, torn).unwrap();

    let h = Harness::over(data).await;
    assert_eq!(h.endpoint.token, token);
    assert_eq!(h.endpoint.digitalocean, url, "ports are kept");
    assert_eq!(std::fs::read(&h.endpoint.ca_file).unwrap(), ca);
    assert_eq!(everything(&h).await, before);
    let ip = before["load_balancers"]["load_balancers"][0]["ip"].as_str().unwrap();
    h.until("/sim/status", |b| b["load_balancers"][0]["listens_on"] == format!("{ip}:7443")).await;
    let id = h.post("/v2/tags", json!({ "name": "new" })).await;
    id.ok(201);
    h.stop().await;
}

#[tokio::test]
async fn a_second_server_is_refused() {
    let h = Harness::new().await;
    let again = infra_sim::ServeOptions {
        data: h.data.clone(),
        seed: 1,
        speed: 1.0,
        exe: "/bin/false".into(),
    };
    let error =
        infra_sim::serve(again, tokio_util::sync::CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("already serves"), "{error}");
}

#[tokio::test]
async fn files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let h = Harness::new().await;
    for file in ["endpoint.json", "identity.json", "ca.key", "world.jsonl"] {
        let mode = std::fs::metadata(h.data.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert!(!format!("{:?}", h.endpoint).contains(&h.endpoint.token));
}
