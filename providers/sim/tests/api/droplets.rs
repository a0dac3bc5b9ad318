//! Droplets: creating, refusing, listing, actions.

use serde_json::{Value, json};

use crate::harness::Harness;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@example.com";

fn droplet(name: &str) -> Value {
    json!({ "name": name, "region": "nyc3", "size": "s-2vcpu-4gb", "image": "ubuntu-24-04-x64" })
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

#[tokio::test]
async fn one_becomes_active() {
    let h = Harness::new().await;
    let body = with(droplet("web-1"), "tags", json!(["infra:abc", "Blue"]));
    let made = h.post("/v2/droplets", body).await.ok(202);
    let id = made["droplet"]["id"].as_u64().unwrap();
    assert_eq!(made["droplet"]["status"], "new");
    assert_eq!(made["droplet"]["networks"]["v4"], json!([]));
    assert_eq!(made["links"]["actions"][0]["rel"], "create");
    let path = format!("/v2/droplets/{id}");
    let now = h.until(&path, |b| b["droplet"]["status"] == "active").await;
    let v4 = now["droplet"]["networks"]["v4"].as_array().unwrap();
    let of = |kind: &str| {
        let one = v4.iter().find(|n| n["type"] == kind).unwrap();
        one["ip_address"].as_str().unwrap().to_owned()
    };
    assert!(of("public").starts_with("127."));
    assert!(of("private").starts_with("10."));
    assert_eq!(now["droplet"]["size"]["slug"], "s-2vcpu-4gb");
    let action = made["links"]["actions"][0]["id"].as_u64().unwrap();
    let action = h.get(&format!("/v2/actions/{action}")).await.ok(200);
    assert_eq!(action["action"]["status"], "completed");
    for query in ["tag_name=blue", "tag_name=infra:abc", "name=WEB-1"] {
        let list = h.get(&format!("/v2/droplets?{query}")).await.ok(200);
        assert_eq!(list["meta"]["total"], 1, "{query}");
    }
    let list = h.get("/v2/droplets?tag_name=infra:ab").await.ok(200);
    assert_eq!(list["meta"]["total"], 0);
    let tag = h.get("/v2/tags/Blue").await.ok(200);
    assert_eq!(tag["tag"]["resources"]["droplets"]["count"], 1);
    h.delete(&path).await.ok(204);
    h.get(&path).await.refused(404);
    h.delete(&path).await.refused(404);
}

#[tokio::test]
async fn ten_at_once_not_eleven() {
    let h = Harness::new().await;
    let names = |n: usize| -> Value { (1..=n).map(|i| format!("node-{i}")).collect() };
    let mut body = droplet("x");
    body.as_object_mut().unwrap().remove("name");
    body["names"] = names(11);
    h.post("/v2/droplets", body.clone()).await.refused(422);
    body["names"] = names(10);
    body["tags"] = json!(["pool:a"]);
    let made = h.post("/v2/droplets", body).await.ok(202);
    assert_eq!(made["droplets"].as_array().unwrap().len(), 10);
    assert_eq!(made["links"]["actions"].as_array().unwrap().len(), 10);
    let mut ips: Vec<String> = h
        .until("/v2/droplets?per_page=200", |b| {
            b["droplets"].as_array().unwrap().iter().all(|d| d["status"] == "active")
        })
        .await["droplets"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|d| d["networks"]["v4"].as_array().unwrap().clone())
        .map(|n| n["ip_address"].as_str().unwrap().to_owned())
        .collect();
    ips.sort();
    ips.dedup();
    assert_eq!(ips.len(), 20);
    let page = h.get("/v2/droplets?per_page=4&page=2").await.ok(200);
    assert_eq!(page["droplets"].as_array().unwrap().len(), 4);
    assert_eq!(page["meta"]["total"], 10);
    let pages = &page["links"]["pages"];
    for (link, number) in [("first", 1), ("prev", 1), ("next", 3), ("last", 3)] {
        let url = pages[link].as_str().unwrap();
        assert!(url.contains(&format!("page={number}&")), "{link}: {url}");
        assert!(url.starts_with(&h.endpoint.digitalocean));
    }
    let last = h.get("/v2/droplets?per_page=4&page=3").await.ok(200);
    assert!(last["links"]["pages"].get("next").is_none());
    h.get("/v2/droplets?per_page=201").await.refused(422);
    h.get("/v2/droplets?page=0").await.refused(422);
    let fault = json!({ "api": "digitalocean", "effect": "small_pages" });
    let fault = h.post("/sim/faults", fault).await.ok(201);
    let small = h.get("/v2/droplets?per_page=200&page=5").await.ok(200);
    assert_eq!(small["droplets"].as_array().unwrap().len(), 2);
    assert_eq!(small["meta"]["total"], 10);
    assert!(small["links"]["pages"].get("next").is_none(), "five pages of two");
    h.delete(&format!("/sim/faults/{}", fault["id"])).await.ok(204);
    h.delete("/v2/droplets?tag_name=pool:a").await.ok(204);
    assert_eq!(h.get("/v2/droplets").await.body["meta"]["total"], 0);
    h.delete("/v2/droplets?tag_name=unknown").await.refused(404);
}

#[tokio::test]
async fn refusals() {
    let h = Harness::new().await;
    let long = "x".repeat(64 * 1024 + 1);
    let cases = [
        ("name", json!("under_score"), "hostname"),
        ("name", json!("-"), "hostname"),
        ("name", json!(null), "blank"),
        ("region", json!("mars1"), "invalid region"),
        ("region", json!("sfo1"), "not available"),
        ("size", json!("s-99"), "invalid size"),
        ("size", json!("so-2vcpu-16gb-x"), "invalid size"),
        ("image", json!("dos-6"), "invalid image"),
        ("image", json!(1), "invalid image"),
        ("ssh_keys", json!([1]), "invalid key identifiers"),
        ("ssh_keys", json!(["aa:bb"]), "invalid key identifiers"),
        ("tags", json!(["a b"]), "Tag"),
        ("tags", json!(["a".repeat(256)]), "Tag"),
        ("user_data", json!(long), "64 KiB"),
        ("vpc_uuid", json!("00000000-0000-4000-8000-000000000000"), "VPC"),
        ("volumes", json!(["00000000-0000-4000-8000-000000000000"]), "volume"),
        ("tags", json!("no-list"), "sequence"),
    ];
    for (field, value, word) in cases {
        let got = h.post("/v2/droplets", with(droplet("a"), field, value)).await;
        let message = got.refused(422);
        assert!(message.contains(word), "{field}: {message}");
    }
    let storage_only =
        with(with(droplet("a"), "size", json!("so-2vcpu-16gb")), "region", json!("tor1"));
    let got = h.post("/v2/droplets", storage_only).await;
    assert!(got.refused(422).contains("not available in this region"));
    let both = with(droplet("a"), "names", json!(["b"]));
    h.post("/v2/droplets", both).await.refused(422);
    assert_eq!(h.get("/v2/droplets").await.body["meta"]["total"], 0);
    assert_eq!(h.get("/v2/tags").await.body["meta"]["total"], 0);
}

#[tokio::test]
async fn keys_and_the_limit() {
    let h = Harness::new().await;
    let key = json!({ "name": "me", "public_key": KEY });
    let made = h.post("/v2/account/keys", key.clone()).await.ok(201);
    let print = made["ssh_key"]["fingerprint"].as_str().unwrap();
    let again = h.post("/v2/account/keys", key).await;
    assert!(again.refused(422).contains("already in use"));
    let bad = json!({ "name": "x", "public_key": "hello" });
    h.post("/v2/account/keys", bad).await.refused(422);
    let by_print = h.get(&format!("/v2/account/keys/{print}")).await.ok(200);
    assert_eq!(by_print["ssh_key"]["name"], "me");
    let with_key = with(droplet("a"), "ssh_keys", json!([print]));
    h.post("/v2/droplets", with_key).await.ok(202);
    h.post("/sim/limits", json!({ "droplets": 2 })).await.ok(200);
    h.post("/v2/droplets", droplet("b")).await.ok(202);
    let over = h.post("/v2/droplets", droplet("c")).await;
    assert!(over.refused(422).contains("droplet limit"));
    let account = h.get("/v2/account").await.ok(200);
    assert_eq!(account["account"]["droplet_limit"], 2);
    let id = made["ssh_key"]["id"].as_u64().unwrap();
    h.delete(&format!("/v2/account/keys/{id}")).await.ok(204);
    h.delete(&format!("/v2/account/keys/{id}")).await.refused(404);
}

#[tokio::test]
async fn power() {
    let h = Harness::new().await;
    let made = h.post("/v2/droplets", droplet("a")).await.ok(202);
    let id = made["droplet"]["id"].as_u64().unwrap();
    let (path, actions) = (format!("/v2/droplets/{id}"), format!("/v2/droplets/{id}/actions"));
    let status = |wanted: &'static str| {
        let (h, path) = (&h, &path);
        async move {
            h.until(path, |b| b["droplet"]["status"] == wanted && b["droplet"]["locked"] == false)
                .await
        }
    };
    status("active").await;
    let on = h.post(&actions, json!({ "type": "power_on" })).await;
    assert!(on.refused(422).contains("already powered on"));
    let off = h.post(&actions, json!({ "type": "power_off" })).await.ok(201);
    assert_eq!(off["action"]["status"], "in-progress");
    status("off").await;
    let resize = json!({ "type": "resize", "size": "s-4vcpu-8gb" });
    h.post(&actions, resize).await.ok(201);
    h.post(&actions, json!({ "type": "power_on" })).await.ok(201);
    let now = status("active").await;
    assert_eq!(now["droplet"]["size_slug"], "s-4vcpu-8gb");
    h.post(&actions, json!({ "type": "rename", "name": "b" })).await.ok(201);
    assert_eq!(h.get(&path).await.body["droplet"]["name"], "b");
    h.post(&actions, json!({ "type": "explode" })).await.refused(422);
    let list = h.get(&actions).await.ok(200);
    assert_eq!(list["meta"]["total"], 5);
    let never = json!({ "machine_glob": "stuck", "effect": "never_active" });
    h.post("/sim/faults", never).await.ok(201);
    let made = h.post("/v2/droplets", droplet("stuck")).await.ok(202);
    let stuck = format!("/v2/droplets/{}/actions", made["droplet"]["id"]);
    let busy = h.post(&stuck, json!({ "type": "power_off" })).await;
    assert!(busy.refused(422).contains("pending event"));
}
