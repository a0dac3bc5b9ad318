//! Volumes, tags, reserved addresses, projects, Spaces keys.

use serde_json::json;

use crate::harness::Harness;

async fn droplet(h: &Harness, name: &str, region: &str) -> u64 {
    let body =
        json!({ "name": name, "region": region, "size": "s-1vcpu-1gb", "image": "debian-13-x64" });
    let made = h.post("/v2/droplets", body).await.ok(202);
    made["droplet"]["id"].as_u64().unwrap()
}

#[tokio::test]
async fn volumes() {
    let h = Harness::new().await;
    let volume =
        |name: &str, size: u64| json!({ "name": name, "region": "nyc3", "size_gigabytes": size });
    for (body, word) in [
        (volume("Upper", 1), "lowercase"),
        (volume("1st", 1), "begin with a letter"),
        (volume(&"a".repeat(65), 1), "64"),
        (volume("a", 0), "between 1"),
        (volume("a", 20_000), "between 1"),
        (json!({ "name": "a", "region": "nyc3" }), "size_gigabytes"),
        (json!({ "name": "a", "region": "mars1", "size_gigabytes": 1 }), "region"),
        (
            json!({ "name": "a", "region": "nyc3", "size_gigabytes": 1, "filesystem_type": "ntfs" }),
            "ext4",
        ),
        (
            json!({ "name": "a", "region": "nyc3", "size_gigabytes": 1, "filesystem_type": "xfs",
                    "filesystem_label": "thirteen-char" }),
            "12",
        ),
    ] {
        let got = h.post("/v2/volumes", body.clone()).await;
        let message = got.refused(422);
        assert!(message.contains(word), "{body}: {message}");
    }
    let mut body = volume("data", 10);
    body["tags"] = json!(["db"]);
    let made = h.post("/v2/volumes", body.clone()).await.ok(201);
    let id = made["volume"]["id"].as_str().unwrap().to_owned();
    h.post("/v2/volumes", body).await.refused(409);
    let (a, b, far) = (
        droplet(&h, "a", "nyc3").await,
        droplet(&h, "b", "nyc3").await,
        droplet(&h, "c", "fra1").await,
    );
    let actions = format!("/v2/volumes/{id}/actions");
    let attach = |d: u64| json!({ "type": "attach", "droplet_id": d, "region": "nyc3" });
    let got = h.post(&actions, attach(far)).await;
    assert!(got.refused(422).contains("same region"));
    h.post(&actions, attach(a)).await.ok(202);
    assert!(h.post(&actions, attach(a)).await.refused(422).contains("already attached"));
    assert!(h.post(&actions, attach(b)).await.refused(422).contains("another"));
    let path = format!("/v2/volumes/{id}");
    assert!(h.delete(&path).await.refused(409).contains("attached"));
    let shown = h.get(&format!("/v2/droplets/{a}")).await.ok(200);
    assert_eq!(shown["droplet"]["volume_ids"], json!([id]));
    let detach = |d: u64| json!({ "type": "detach", "droplet_id": d });
    assert_eq!(h.post(&actions, detach(b)).await.refused(422), "Attachment not found");
    h.post(&actions, json!({ "type": "resize", "size_gigabytes": 5 })).await.refused(422);
    h.post(&actions, json!({ "type": "resize", "size_gigabytes": 20 })).await.ok(202);
    // A deleted droplet lets go of its volumes.
    h.delete(&format!("/v2/droplets/{a}")).await.ok(204);
    let shown = h.get(&path).await.ok(200);
    assert_eq!(shown["volume"]["droplet_ids"], json!([]));
    assert_eq!(shown["volume"]["size_gigabytes"], 20);
    h.post(
        "/v2/volumes/actions",
        json!({ "type": "attach", "droplet_id": b, "volume_name": "data", "region": "nyc3" }),
    )
    .await
    .ok(202);
    h.post(&actions, detach(b)).await.ok(202);
    let found = h.get("/v2/volumes?name=data&region=nyc3").await.ok(200);
    assert_eq!(found["meta"]["total"], 1);
    h.delete("/v2/volumes?name=data&region=nyc3").await.ok(204);
    h.get(&path).await.refused(404);
}

#[tokio::test]
async fn tags() {
    let h = Harness::new().await;
    h.post("/v2/tags", json!({ "name": "a.b" })).await.refused(422);
    h.post("/v2/tags", json!({ "name": "PROD" })).await.ok(201);
    h.post("/v2/tags", json!({ "name": "prod" })).await.ok(201);
    let all = h.get("/v2/tags").await.ok(200);
    assert_eq!(all["meta"]["total"], 1, "tags differ in more than case");
    let id = droplet(&h, "a", "nyc3").await;
    let resources =
        json!({ "resources": [{ "resource_id": id.to_string(), "resource_type": "droplet" }] });
    h.post("/v2/tags/PROD/resources", resources.clone()).await.ok(204);
    h.post("/v2/tags/none/resources", resources.clone()).await.refused(404);
    let list = h.get("/v2/droplets?tag_name=PROD").await.ok(200);
    assert_eq!(list["droplets"][0]["tags"], json!(["PROD"]));
    h.call(reqwest::Method::DELETE, "/v2/tags/PROD/resources", Some(resources)).await.ok(204);
    let list = h.get("/v2/droplets?tag_name=PROD").await.ok(200);
    assert_eq!(list["meta"]["total"], 0);
    h.delete("/v2/tags/PROD").await.ok(204);
    h.get("/v2/tags/PROD").await.refused(404);
}

#[tokio::test]
async fn the_rest() {
    let h = Harness::new().await;
    let id = droplet(&h, "a", "nyc3").await;
    let made = h.post("/v2/reserved_ips", json!({ "region": "nyc3" })).await.ok(202);
    let ip = made["reserved_ip"]["ip"].as_str().unwrap().to_owned();
    let actions = format!("/v2/reserved_ips/{ip}/actions");
    h.post(&actions, json!({ "type": "assign", "droplet_id": id })).await.ok(201);
    h.post(&actions, json!({ "type": "assign", "droplet_id": 1 })).await.refused(422);
    h.post(&actions, json!({ "type": "unassign" })).await.ok(201);
    h.post(&actions, json!({ "type": "unassign" })).await.refused(422);
    h.delete(&format!("/v2/reserved_ips/{ip}")).await.ok(204);

    let default = h.get("/v2/projects/default").await.ok(200);
    assert_eq!(default["project"]["is_default"], true);
    let resources = h.get("/v2/projects/default/resources").await.ok(200);
    assert_eq!(resources["resources"][0]["urn"], format!("do:droplet:{id}"));
    let body = json!({ "name": "mine", "purpose": "IoT" });
    let made = h.post("/v2/projects", body.clone()).await.ok(201);
    h.post("/v2/projects", body).await.refused(409);
    let path = format!("/v2/projects/{}", made["project"]["id"].as_str().unwrap());
    let urns = json!({ "resources": [format!("do:droplet:{id}")] });
    h.post(&format!("{path}/resources"), urns).await.ok(200);
    h.delete(&path).await.refused(412);
    h.delete("/v2/projects/default").await.refused(405);
    let id = default["project"]["id"].as_str().unwrap();
    h.delete(&format!("/v2/projects/{id}")).await.refused(412);

    let grants = json!({ "name": "k", "grants": [{ "bucket": "b1", "permission": "read" }] });
    let made = h.post("/v2/spaces/keys", grants).await.ok(201);
    assert!(made["key"]["secret_key"].is_string());
    let key = made["key"]["access_key"].as_str().unwrap();
    let shown = h.get(&format!("/v2/spaces/keys/{key}")).await.ok(200);
    assert!(shown["key"].get("secret_key").is_none());
    let bad = json!({ "name": "k", "grants": [{ "bucket": "", "permission": "read" }] });
    h.post("/v2/spaces/keys", bad).await.refused(400);
    h.delete(&format!("/v2/spaces/keys/{key}")).await.ok(204);
}
