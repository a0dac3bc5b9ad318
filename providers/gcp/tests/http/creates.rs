//! Creates, changes and deletions of what Compute has: operations, request ids, names that are taken.

use std::{collections::BTreeSet, sync::Mutex};

use infra_provider_api::{ErrorKind, Observed};
use serde_json::{Value, json};

use crate::mock::{
    Asked, Mock, context, done, link, mark, network, not_found, operation, other, owner, refuse,
    reply, request, update,
};

fn spec() -> Value {
    json!({"routing": "REGIONAL"})
}

fn is_create(asked: &Asked) -> bool {
    asked.what() == "POST global/networks"
}

#[tokio::test]
async fn a_create_waits_for_its_operation_and_carries_name_mark_and_request_id() {
    let mock = Mock::start(|asked, _| match asked.what().as_str() {
        "POST global/networks" => reply(200, &operation("op-1", "RUNNING")),
        "POST global/operations/op-1/wait" => reply(200, &operation("op-1", "DONE")),
        _ => reply(200, &network(&owner())),
    })
    .await;
    let kind = mock.kind("network").await;
    let request = request("network.main", spec());
    let made = kind.create(&context(), std::slice::from_ref(&request)).await.remove(0).unwrap();
    let name = owner().exact_name("main");
    assert_eq!(made.id, format!("projects/shop-1/global/networks/{name}"));
    assert_eq!(made.address.to_string(), "network.main");
    assert_eq!(made.outputs.text("link").as_deref(), Some(made.id.as_str()));
    let asked = mock.asked();
    assert_eq!(
        mock.calls()[1..],
        ["POST global/operations/op-1/wait".to_owned(), format!("GET global/networks/{name}")]
    );
    assert_eq!(asked[0].body["name"], name);
    assert_eq!(asked[0].body["autoCreateSubnetworks"], false);
    let mark = format!("infra {} {}", owner().uuid, request.intent_key);
    assert_eq!(asked[0].body["description"], mark);
    assert!(asked[0].query("requestId").is_some());
    // Google refuses a POST that does not tell its length.
    assert_eq!(asked[1].header("content-length"), Some("0"));
}

#[tokio::test]
async fn a_create_that_is_repeated_has_the_same_request_id() {
    let mock = Mock::start(
        |asked, _| if is_create(asked) { done() } else { reply(200, &network(&owner())) },
    )
    .await;
    // Of two runs, which share nothing.
    for _ in 0..2 {
        let kind = mock.kind("network").await;
        assert!(kind.create(&context(), &[request("network.main", spec())]).await[0].is_ok());
    }
    let mut later = request("network.main", spec());
    later.intent_key = owner().intent_key(&later.address, 2);
    assert!(mock.kind("network").await.create(&context(), &[later]).await[0].is_ok());
    let ids: Vec<String> = mock
        .asked()
        .iter()
        .filter(|one| is_create(one))
        .filter_map(|one| one.query("requestId"))
        .collect();
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2], "another create is another call");
}

#[tokio::test]
async fn the_failure_of_an_earlier_call_is_not_taken_for_that_of_this_one() {
    // Google repeats the operation of a request's id, also one that failed.
    let seen: Mutex<BTreeSet<String>> = Mutex::default();
    let mock = Mock::start(move |asked, _| {
        if !is_create(asked) {
            return reply(200, &network(&owner()));
        }
        let first = seen.lock().unwrap().insert(asked.query("requestId").unwrap());
        assert!(first, "each try has an id of its own");
        if seen.lock().unwrap().len() > 1 {
            return done();
        }
        let mut failed = operation("op-0", "DONE");
        failed["error"] = json!({"errors": [{"code": "QUOTA_EXCEEDED", "message": "NETWORKS"}]});
        failed["httpErrorStatusCode"] = json!(403);
        reply(200, &failed)
    })
    .await;
    let made =
        mock.kind("network").await.create(&context(), &[request("network.main", spec())]).await;
    assert!(made[0].is_ok(), "{made:?}");
}

#[tokio::test]
async fn an_operation_that_fails_is_the_error_of_the_call() {
    let mock = Mock::start(|asked, _| {
        if is_create(asked) {
            return reply(200, &operation("op-1", "PENDING"));
        }
        let mut failed = operation("op-1", "DONE");
        failed["error"] = json!({"errors": [{"code": "QUOTA_EXCEEDED", "message": "Quota 'NETWORKS' exceeded."}]});
        reply(200, &failed)
    })
    .await;
    let made =
        mock.kind("network").await.create(&context(), &[request("network.main", spec())]).await;
    let error = made[0].as_ref().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Quota);
    assert_eq!(error.to_string(), "create network.main: Quota 'NETWORKS' exceeded.");
}

#[tokio::test]
async fn a_name_that_is_taken_was_made_before_or_is_another_cluster_s() {
    for (there, taken) in [(owner(), false), (other(), true)] {
        let mock = Mock::start(move |asked, _| match is_create(asked) {
            true => refuse(409, "alreadyExists", "The resource already exists"),
            false => reply(200, &network(&there)),
        })
        .await;
        let kind = mock.kind("network").await;
        let made = kind.create(&context(), &[request("network.main", spec())]).await.remove(0);
        match taken {
            false => assert!(made.unwrap().id.ends_with("shop-12345678-main")),
            true => assert_eq!(made.unwrap_err().kind, ErrorKind::NameTaken),
        }
    }
}

#[tokio::test]
async fn a_create_without_an_answer_is_not_repeated_by_the_kind() {
    let mock = Mock::start(|_, _| refuse(502, "", "bad gateway")).await;
    let kind = mock.kind("network").await;
    let made = kind.create(&context(), &[request("network.main", spec())]).await.remove(0);
    assert_eq!(made.unwrap_err().kind, ErrorKind::Unanswered);
    assert_eq!(mock.asked().len(), 1);
}

/// Lists the only network.
async fn the_network(mock: &Mock) -> Observed {
    mock.kind("network").await.list_owned(&context()).await.unwrap().remove(0)
}

#[tokio::test]
async fn deleting_what_is_gone_is_a_success() {
    let mock = Mock::start(|asked, _| match asked.method.as_str() {
        "DELETE" => not_found(),
        _ => reply(200, &json!({"items": [network(&owner())]})),
    })
    .await;
    let observed = the_network(&mock).await;
    assert!(mock.kind("network").await.delete(&context(), &observed).await.unwrap());
}

/// Answers for a network that can't be deleted, with `firewall` in it.
async fn full(firewall: &'static str) -> Mock {
    Mock::start(move |asked, _| {
        let rule = json!({"id": "1", "name": firewall, "network": network(&owner())["selfLink"]});
        match asked.what().as_str() {
            "GET global/networks" => reply(200, &json!({"items": [network(&owner())]})),
            "GET global/firewalls" => reply(200, &json!({"items": [rule]})),
            what if what.starts_with("DELETE") => refuse(
                400,
                "resourceInUseByAnotherResource",
                "The network resource is already being used",
            ),
            _ => reply(200, &json!({})),
        }
    })
    .await
}

#[tokio::test]
async fn a_network_waits_for_what_leaves_it_and_not_for_what_stays() {
    for (firewall, kind) in [
        ("k8s-fw-a0b1", ErrorKind::Busy),
        ("gke-shop-0a1b-all", ErrorKind::Busy),
        ("janes-rule", ErrorKind::Blocked),
        ("gke-shopping-0a1b-all", ErrorKind::Blocked),
    ] {
        let mock = full(firewall).await;
        let observed = the_network(&mock).await;
        let error = mock.kind("network").await.delete(&context(), &observed).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(firewall), "{error}");
    }
}

fn subnet() -> Value {
    json!({
        "id": "1", "name": owner().exact_name("main"), "description": mark(&owner()),
        "network": link("global/networks/n"), "region": link("regions/europe-west3"),
        "ipCidrRange": "10.0.0.0/22", "privateIpGoogleAccess": false,
        "secondaryIpRanges": [
            {"rangeName": "services", "ipCidrRange": "10.2.0.0/20"},
            {"rangeName": "pods", "ipCidrRange": "10.1.0.0/16"},
        ],
    })
}

#[tokio::test]
async fn a_subnet_s_ranges_stay_and_all_else_is_changed_in_place() {
    let mock = Mock::start(|asked, _| match asked.method.as_str() {
        "POST" => done(),
        _ if asked.what().ends_with("subnetworks") => reply(200, &json!({"items": [subnet()]})),
        _ => reply(200, &subnet()),
    })
    .await;
    let kind = mock.kind("subnet").await;
    let observed = kind.list_owned(&context()).await.unwrap().remove(0);
    let spec = json!({
        "network": "projects/shop-1/global/networks/n", "region": "europe-west3", "range": "10.0.0.0/22",
        "pods": "10.1.0.0/16", "services": "10.2.0.0/20", "google_access": false,
    });
    assert_eq!(observed.spec.value(), spec);
    let with = |field: &str, value: Value| {
        let mut spec = spec.clone();
        spec[field] = value;
        update(observed.clone(), spec, &[field])
    };
    let error = kind.update(&context(), &with("pods", json!("10.8.0.0/14"))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("`pods` is 10.1.0.0/16") && error.hint.is_some(), "{error}");
    kind.update(&context(), &with("google_access", json!(true))).await.unwrap();
    let posts: Vec<Asked> = mock.asked().into_iter().filter(|one| one.method == "POST").collect();
    assert_eq!(posts.len(), 1);
    assert!(posts[0].what().ends_with("-main/setPrivateIpGoogleAccess"));
    assert_eq!(posts[0].body, json!({"privateIpGoogleAccess": true}));
}

#[tokio::test]
async fn a_wait_ends_when_the_user_winds_down() {
    let cx = context();
    let stop = cx.wind_down.clone();
    let mock = Mock::start(move |asked, _| {
        // The user stops while the operation runs.
        if asked.what().ends_with("/wait") {
            stop.cancel();
        }
        reply(200, &operation("op-1", "RUNNING"))
    })
    .await;
    let kind = mock.kind("network").await;
    let made = kind.create(&cx, &[request("network.main", spec())]).await.remove(0);
    assert_eq!(made.unwrap_err().kind, ErrorKind::Cancelled);
    assert!(mock.asked().iter().all(|one| one.method == "POST"), "{:?}", mock.calls());
}
