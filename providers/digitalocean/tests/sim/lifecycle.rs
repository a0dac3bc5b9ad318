//! A cluster's whole life.

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sdk_s3::primitives::ByteStream;
use futures::{StreamExt, stream};
use infra_digitalocean::{DigitalOcean, Scope};
use infra_provider_api::{Context, ManagedBy, Provider};
use serde_json::{Value, json};

use crate::{
    cloud::{Cloud, context, owner},
    cluster::{cluster, in_order, machines},
    shared::{Kinds, assert_clean, create_all, delete_all, kinds, list_all, update},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_made_read_changed_and_deleted() {
    let cloud = Cloud::start().await;
    let provider = cloud.provider(&cluster());
    life(&cloud, &provider).await;
    cloud.stop().await;
}

/// Also run through a validator of the vendor's document.
pub async fn life(cloud: &Cloud, provider: &DigitalOcean) {
    let owner = owner(1);
    let cx = context(&owner);
    let declared = in_order(provider.model(&cluster(), &owner).unwrap());
    let account = provider.account(&cx).await.unwrap();
    assert!(account.name.contains(&cloud.endpoint.account.email));
    assert_eq!(provider.preflight(&cx, &cluster(), &machines(7)).await.unwrap(), []);

    let all = kinds(provider);
    let known = create_all(&cx, &all, &declared).await;
    let observed = list_all(&cx, &all).await;
    assert_eq!(observed.len(), declared.len());
    assert_clean(&declared, &observed, &known);

    // Another process, that knows nothing of the first.
    let other = DigitalOcean::new(cloud.connection(None), Scope::of(&cluster())).unwrap();
    let found = list_all(&cx, &kinds(&other)).await;
    assert_clean(&declared, &found, &known);

    change(&cx, &all).await;
    keep_what_is_not_managed(cloud, &cx, &all).await;
    made_by_kubernetes(cloud, &cx, &all).await;
    fill_bucket(cloud, &known[&"bucket.artifacts".parse().unwrap()].text("name").unwrap()).await;

    delete_all(&cx, &all).await;
    assert!(list_all(&cx, &all).await.is_empty());
    let left = cloud.left().await;
    // The user's own tags may be used elsewhere.
    let own = |left: &String| left.contains("team-shop") || left.contains("team-web");
    assert!(left.iter().all(own), "{left:#?}");
}

async fn change(cx: &Context, all: &Kinds) {
    let find = async |kind: &str, name: &str| {
        let found = all[kind].list_owned(cx).await.unwrap();
        found.into_iter().find(|o| o.address.name() == name).unwrap()
    };
    let firewall = find("firewall", "worker").await;
    let rules = json!([{"protocol": "tcp", "ports": "443", "addresses": ["0.0.0.0/0", "::/0"]}]);
    update(cx, all["firewall"].as_ref(), &firewall, "inbound", rules).await;

    let balancer = find("load_balancer", "api").await;
    let mut check = balancer.spec.get("health_check").unwrap();
    check["healthy_threshold"] = json!(4);
    update(cx, all["load_balancer"].as_ref(), &balancer, "health_check", check).await;

    let droplet = find("droplet", "worker-2").await;
    let mut tags: Vec<Value> = droplet.spec.value()["tags"].as_array().unwrap().clone();
    tags.retain(|tag| tag != "team-shop");
    tags.push(json!("team-web"));
    update(cx, all["droplet"].as_ref(), &droplet, "tags", json!(tags)).await;
    let droplet = find("droplet", "worker-2").await;
    tags.retain(|tag| tag != "team-web");
    update(cx, all["droplet"].as_ref(), &droplet, "tags", json!(tags)).await;

    let record = find("record", "*.shop.example.com").await;
    update(cx, all["record"].as_ref(), &record, "ttl_s", json!(60)).await;
    let record = find("record", "*.shop.example.com").await;
    update(cx, all["record"].as_ref(), &record, "data", json!("203.0.113.77")).await;
}

/// A change replaces all of a load balancer or a firewall. What somebody else set there stays.
async fn keep_what_is_not_managed(cloud: &Cloud, cx: &Context, all: &Kinds) {
    let find = async |kind: &str, name: &str| {
        let found = all[kind].list_owned(cx).await.unwrap();
        found.into_iter().find(|o| o.address.name() == name).unwrap()
    };
    let project = json!({"name": "web", "purpose": "Web Application"});
    let project = cloud.raw("POST", "/v2/projects", Some(project)).await;
    let by_hand = json!({
        "size_unit": 3, "http_idle_timeout_seconds": 120, "enable_backend_keepalive": true,
        "tls_cipher_policy": "STRONG", "tags": ["team-web"], "project_id": project["project"]["id"],
        "sticky_sessions": {"type": "cookies", "cookie_name": "c", "cookie_ttl_seconds": 60},
    });
    let balancer = find("load_balancer", "api").await;
    let path = format!("/v2/load_balancers/{}", balancer.id);
    let shown = cloud.raw("GET", &path, None).await["load_balancer"].clone();
    let mut body = shown.as_object().unwrap().clone();
    for read_only in
        ["id", "ip", "ipv6", "status", "created_at", "algorithm", "size", "droplet_ids"]
    {
        body.remove(read_only);
    }
    body["region"] = shown["region"]["slug"].clone();
    body["firewall"]["deny"] = json!(["ip:192.0.2.1"]);
    body.extend(by_hand.as_object().unwrap().clone());
    cloud.raw("PUT", &path, Some(body.into())).await;

    let mut check = balancer.spec.get("health_check").unwrap();
    check["healthy_threshold"] = json!(3);
    update(cx, all["load_balancer"].as_ref(), &balancer, "health_check", check).await;
    let shown = cloud.raw("GET", &path, None).await["load_balancer"].clone();
    for (field, value) in by_hand.as_object().unwrap() {
        assert_eq!(shown[field], *value, "{field}");
    }
    assert_eq!(shown["firewall"]["deny"], json!(["ip:192.0.2.1"]));
    assert_eq!(shown["health_check"]["healthy_threshold"], 3);

    let droplet: u64 = find("droplet", "worker-1").await.id.parse().unwrap();
    let firewall = find("firewall", "worker").await;
    let path = format!("/v2/firewalls/{}", firewall.id);
    let added = json!({"droplet_ids": [droplet]});
    cloud.raw("POST", &format!("{path}/droplets"), Some(added)).await;
    let rules = json!([{"protocol": "tcp", "ports": "8443", "addresses": ["0.0.0.0/0", "::/0"]}]);
    update(cx, all["firewall"].as_ref(), &firewall, "inbound", rules).await;
    let shown = cloud.raw("GET", &path, None).await;
    assert_eq!(shown["firewall"]["droplet_ids"], json!([droplet]));
}

/// A load balancer and a volume as the controllers in a cluster make them, and the same of others.
async fn made_by_kubernetes(cloud: &Cloud, cx: &Context, all: &Kinds) {
    let vpc = all["vpc"].list_owned(cx).await.unwrap().remove(0).id;
    let droplets = all["droplet"].list_owned(cx).await.unwrap();
    let droplet: u64 = droplets[0].id.parse().unwrap();
    let mark = format!("k8s:{}", infra_digitalocean::cluster_id(&cx.owner));
    // Both are in the cluster's own network: only the controller's mark tells them apart.
    for (name, tags) in
        [("a11112222333344445555666677778888", vec![mark]), ("somebody-else", Vec::new())]
    {
        let body = json!({
            "name": name, "region": "fra1", "droplet_ids": [], "vpc_uuid": vpc, "tags": tags,
            "forwarding_rules": [{"entry_protocol": "tcp", "entry_port": 80,
                "target_protocol": "tcp", "target_port": 30080}],
        });
        cloud.raw("POST", "/v2/load_balancers", Some(body)).await;
    }
    let tag = cx.owner.tag();
    for (name, tag) in [("pvc-1", tag.clone()), ("pvc-2", format!("{tag}0"))] {
        let body = json!({"name": name, "region": "fra1", "size_gigabytes": 5, "tags": [tag]});
        cloud.raw("POST", "/v2/volumes", Some(body)).await;
    }
    let attach =
        json!({"type": "attach", "volume_name": "pvc-1", "droplet_id": droplet, "region": "fra1"});
    cloud.raw("POST", "/v2/volumes/actions", Some(attach)).await;

    for (kind, name) in
        [("kubernetes_load_balancer", "a11112222333344445555666677778888"), ("volume", "pvc-1")]
    {
        let found = all[kind].list_owned(cx).await.unwrap();
        assert_eq!(found.len(), 1, "{kind}");
        assert_eq!(found[0].address.name(), name);
        assert!(matches!(found[0].made_by, ManagedBy::Kubernetes { .. }));
    }
    // Of another cluster, whose name begins alike: left alone until here.
    let volumes = cloud.raw("GET", "/v2/volumes?name=pvc-2&region=fra1", None).await;
    let id = volumes["volumes"][0]["id"].as_str().unwrap().to_owned();
    cloud.raw("DELETE", &format!("/v2/volumes/{id}"), None).await;
    cloud.raw("DELETE", &format!("/v2/tags/{tag}0"), None).await;
    let balancers = cloud.raw("GET", "/v2/load_balancers", None).await;
    let all = balancers["load_balancers"].as_array().unwrap();
    let other = all.iter().find(|balancer| balancer["name"] == "somebody-else").unwrap();
    let path = format!("/v2/load_balancers/{}", other["id"].as_str().unwrap());
    cloud.raw("DELETE", &path, None).await;
}

/// More objects than one call removes.
async fn fill_bucket(cloud: &Cloud, bucket: &str) {
    let client = Arc::new(s3(cloud));
    stream::iter(0..1_005)
        .map(|number| {
            let client = Arc::clone(&client);
            async move {
                let key = format!("artifacts/sha256/{number:04}/a&b <c>");
                let put = client.put_object().bucket(bucket).key(key);
                put.body(ByteStream::from_static(b"x")).send().await.unwrap();
            }
        })
        .buffer_unordered(16)
        .collect::<Vec<()>>()
        .await;
}

fn s3(cloud: &Cloud) -> aws_sdk_s3::Client {
    use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider};
    let trust = TrustStore::empty().with_pem_certificate(cloud.ca_pem.as_bytes());
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(rustls_provider::CryptoMode::AwsLc))
        .tls_context(TlsContext::builder().with_trust_store(trust).build().unwrap())
        .build_https();
    let e = &cloud.endpoint;
    let keys =
        Credentials::new(&e.spaces_access_key_id, &e.spaces_secret_access_key, None, None, "t");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_s3::config::Region::new("fra1"))
        .endpoint_url(&e.s3)
        .force_path_style(true)
        .credentials_provider(keys)
        .http_client(http)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}
