//! Creating droplets: in how many calls, and that a repeated call makes no second machine.

use std::sync::{Arc, Mutex};

use crate::mock::{Asked, Boot, Mock, context, kind, owner, request};
use axum::{body::Body, http::Response};
use infra_provider_api::{CreateRequest, ErrorKind, Kind, OnChange, Role};
use serde_json::{Value, json};

/// The least of the vendor's droplets: creates by `name` or `names`, lists.
fn droplets(held: &Mutex<Vec<Value>>, asked: &Asked) -> Response<Body> {
    let mut held = held.lock().unwrap();
    let answer = if asked.method == "POST" {
        let names: Vec<Value> = match (&asked.body["name"], &asked.body["names"]) {
            (Value::String(name), Value::Null) => vec![json!(name)],
            (Value::Null, Value::Array(names)) => names.clone(),
            _ => Vec::new(),
        };
        let made: Vec<Value> = names
            .iter()
            .map(|name| {
                json!({
                    "id": 1000 + held.len(), "name": name, "status": "new",
                    "size_slug": asked.body["size"], "region": {"slug": asked.body["region"]},
                    "image": {"id": 7, "slug": asked.body["image"]},
                    "tags": asked.body["tags"], "vpc_uuid": asked.body["vpc_uuid"],
                    "networks": {"v4": []},
                })
            })
            .collect();
        held.extend(made.clone());
        if asked.body.get("name").is_some() {
            json!({"droplet": made[0]})
        } else {
            json!({"droplets": made})
        }
    } else {
        json!({"droplets": *held, "meta": {"total": held.len()}})
    };
    Response::builder()
        .status(if asked.method == "POST" { 202 } else { 200 })
        .body(Body::from(answer.to_string()))
        .unwrap()
}

async fn cloud() -> (Mock, Arc<Mutex<Vec<Value>>>) {
    let held = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&held);
    (Mock::start(move |asked, _| droplets(&seen, asked)).await, held)
}

fn spec() -> Value {
    json!({
        "region": "fra1", "size": "s-2vcpu-4gb", "image": "ubuntu-24-04-x64", "vpc": "v-1",
        "ssh_keys": ["aa:bb"], "revision": "00ff", "powered_off": false, "tags": ["infra-pool:12345678-worker", "team"],
    })
}

fn requests(count: usize) -> Vec<CreateRequest> {
    (1..=count).map(|number| request(&format!("droplet.worker-{number}"), spec())).collect()
}

fn posts(mock: &Mock) -> Vec<Value> {
    let posts = mock.asked().into_iter().filter(|asked| asked.method == "POST");
    posts.map(|asked| asked.body).collect()
}

async fn listed(droplets: &Arc<dyn Kind>) {
    droplets.list_owned(&context(None)).await.unwrap();
}

#[tokio::test]
async fn ten_names_are_one_call_and_read_back_as_declared() {
    let (mock, _) = cloud().await;
    let droplets = kind(&mock.provider(), "droplet");
    listed(&droplets).await;
    let requests = requests(10);
    assert_eq!(droplets.batch_max(), 10);
    assert_eq!(droplets.batch_key(&requests[0]), droplets.batch_key(&requests[9]));
    let made = droplets.create(&context(None), &requests).await;
    for (made, request) in made.iter().zip(&requests) {
        let made = made.as_ref().unwrap();
        assert_eq!(made.address, request.address);
        assert_eq!(made.intent_key.as_ref(), Some(&request.intent_key));
    }
    assert_eq!(posts(&mock).len(), 1);
    assert_eq!(posts(&mock)[0]["names"].as_array().unwrap().len(), 10);

    let found = droplets.list_owned(&context(None)).await.unwrap();
    assert_eq!(found.len(), 10);
    let mut declared = spec();
    declared.as_object_mut().unwrap().remove("ssh_keys");
    for (found, request) in found.iter().zip(&requests) {
        assert_eq!(found.spec.value(), declared);
        assert_eq!(found.address, request.address);
        assert_eq!(found.intent_key.as_ref(), Some(&request.intent_key));
    }
}

#[tokio::test]
async fn the_same_call_again_makes_nothing_new() {
    let (mock, held) = cloud().await;
    let droplets = kind(&mock.provider(), "droplet");
    listed(&droplets).await;
    let requests = requests(4);
    droplets.create(&context(None), &requests[..3]).await;
    let again = droplets.create(&context(None), &requests).await;
    assert!(again.iter().all(Result::is_ok));
    assert_eq!(held.lock().unwrap().len(), 4);
    assert_eq!(posts(&mock)[1]["name"], json!("worker-4"));

    // Another process, that has listed nothing.
    let other = kind(&mock.provider(), "droplet");
    let again = other.create(&context(None), &requests[..2]).await;
    assert_eq!(again[1].as_ref().unwrap().address.name(), "worker-2");
    assert_eq!(held.lock().unwrap().len(), 4);
}

/// What is in user-data lets a machine join: none learns another's.
#[tokio::test]
async fn each_machine_with_user_data_has_a_call_of_its_own() {
    let (mock, _) = cloud().await;
    let droplets = kind(&mock.provider(), "droplet");
    listed(&droplets).await;
    let mut cx = context(None);
    cx.boot = Some(Arc::new(Boot));
    let made = droplets.create(&cx, &requests(3)).await;
    assert!(made.iter().all(Result::is_ok));
    let posts = posts(&mock);
    assert_eq!(posts.len(), 3);
    for post in &posts {
        let (name, user_data) =
            (post["name"].as_str().unwrap(), post["user_data"].as_str().unwrap());
        let known = |other: &&str| user_data.contains(*other);
        let names = ["worker-1", "worker-2", "worker-3"];
        assert_eq!(names.iter().filter(|one| known(one)).collect::<Vec<_>>(), [&name]);
    }
}

#[tokio::test]
async fn workers_of_a_large_cluster_go_out_together_and_control_planes_never() {
    let (mock, _) = cloud().await;
    let droplets = kind(&mock.provider_of(201), "droplet");
    listed(&droplets).await;
    let mut cx = context(None);
    cx.boot = Some(Arc::new(Boot));
    let made = droplets.create(&cx, &requests(3)).await;
    assert!(made.iter().all(Result::is_ok));
    let posts = posts(&mock);
    assert_eq!(posts.len(), 1);
    let names = posts[0]["names"].as_array().unwrap();
    assert_eq!(names.len(), 3);
    for name in names {
        assert!(posts[0]["user_data"].as_str().unwrap().contains(name.as_str().unwrap()));
    }

    // Their user-data leads to the cluster's keys.
    let mut spec = spec();
    let role = infra_digitalocean::role_tag(&owner(), Role::ControlPlane);
    spec["tags"] = json!([role]);
    let requests: Vec<_> = (1..=3)
        .map(|number| request(&format!("droplet.control-plane-{number}"), spec.clone()))
        .collect();
    let made = droplets.create(&cx, &requests).await;
    assert!(made.iter().all(Result::is_ok));
    assert_eq!(self::posts(&mock).len(), 1 + 3);
}

#[tokio::test]
async fn a_droplet_that_the_answer_leaves_out_may_be_there() {
    let mock = Mock::start(|_, _| {
        let answer = json!({"droplets": [], "meta": {"total": 0}});
        Response::new(Body::from(answer.to_string()))
    })
    .await;
    let droplets = kind(&mock.provider(), "droplet");
    let made = droplets.create(&context(None), &requests(2)).await;
    assert_eq!(made.len(), 2);
    assert!(
        made.iter().all(|made| made.as_ref().unwrap_err().kind == ErrorKind::MalformedResponse)
    );
}

#[tokio::test]
async fn only_tags_change_in_place_and_sizes_by_rotation() {
    let (mock, _) = cloud().await;
    let droplets = kind(&mock.provider(), "droplet");
    assert_eq!(droplets.on_change("tags"), OnChange::Update);
    for field in ["size", "image", "revision"] {
        assert_eq!(droplets.on_change(field), OnChange::Rotate);
    }
    for field in ["region", "vpc"] {
        assert_eq!(droplets.on_change(field), OnChange::Replace);
    }
    assert_eq!(droplets.on_change("ssh_keys"), OnChange::CreateOnly);
}

#[tokio::test]
async fn droplets_that_lost_their_tag_are_waited_for_in_pages_of_one_list() {
    let all: Vec<Value> = (1..=30)
        .map(|id| {
            json!({
                "id": id, "name": format!("w-{id}"), "status": "active", "size_slug": "s",
                "region": {"slug": "fra1"}, "image": {"id": 7, "slug": "u"}, "tags": [],
                "vpc_uuid": "v-1", "networks": {"v4": []},
            })
        })
        .collect();
    let mock = Mock::start(move |asked, _| {
        let listed = if asked.query("tag_name").is_some() { vec![] } else { all.clone() };
        let answer = json!({"droplets": listed, "meta": {"total": listed.len()}});
        Response::new(Body::from(answer.to_string()))
    })
    .await;
    let droplets = kind(&mock.provider(), "droplet");
    // Thirty are there, three are gone.
    let ids: Vec<String> = (1..=33).map(|id| id.to_string()).collect();
    let seen = droplets.poll(&context(None), &ids).await.unwrap();
    assert_eq!(seen.len(), 30);
    assert!(mock.asked().len() <= 2, "{:?}", mock.asked());
}

#[tokio::test]
async fn a_load_balancer_that_was_renamed_is_waited_for() {
    let mock = Mock::start(|_, _| {
        let answer = json!({
            "load_balancers": [{
                "id": "lb-1", "name": "renamed", "ip": "192.0.2.1", "status": "active",
                "vpc_uuid": "v-1", "region": {"slug": "fra1"}, "forwarding_rules": [],
                "health_check": {
                    "protocol": "tcp", "port": 6443, "check_interval_seconds": 3,
                    "response_timeout_seconds": 3, "unhealthy_threshold": 3, "healthy_threshold": 2,
                },
            }],
            "meta": {"total": 1},
        });
        Response::new(Body::from(answer.to_string()))
    })
    .await;
    let balancers = kind(&mock.provider(), "load_balancer");
    let seen = balancers.poll(&context(None), &["lb-1".to_owned()]).await.unwrap();
    assert_eq!(seen.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["lb-1"]);
}
