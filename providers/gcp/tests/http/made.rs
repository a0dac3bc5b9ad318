//! What controllers in the cluster made, and which machines their load balancers use.

use axum::{body::Body, http::Response};
use infra_provider_api::{ErrorKind, ManagedBy, Provider};
use serde_json::{Value, json};

use crate::mock::{Asked, Mock, context, done, link, network, not_found, owner, refuse, reply};

const SERVICE: &str = r#"{"kubernetes.io/service-name":"shop/web"}"#;

fn own_network() -> String {
    link(&format!("global/networks/{}", owner().exact_name("main")))
}

fn in_region(kind: &str, name: &str) -> Value {
    let place = format!("regions/europe-west3/{kind}/{name}");
    json!({"name": name, "selfLink": link(&place), "description": SERVICE})
}

fn aggregated(field: &str, items: Vec<Value>) -> Response<Body> {
    reply(200, &json!({"items": {"regions/europe-west3": {field: items}}}))
}

/// A project with two clusters, and the load balancer `a1` of ours.
fn cloud(asked: &Asked) -> Response<Body> {
    let rule = |name: &str, network: &str| {
        json!({
            "name": name, "network": network, "description": SERVICE,
            "selfLink": link(&format!("global/firewalls/{name}")),
        })
    };
    let forwarding = |name: &str| {
        let mut one = in_region("forwardingRules", name);
        one["target"] = json!(link(&format!("regions/europe-west3/targetPools/{name}")));
        one["IPAddress"] = json!("192.0.2.1");
        one
    };
    let elsewhere = link("global/networks/other");
    match asked.what().as_str() {
        "GET global/networks" => reply(200, &json!({"items": [network(&owner())]})),
        "GET global/firewalls" => reply(
            200,
            &json!({"items": [
                rule("k8s-fw-a1", &own_network()),
                rule("k8s-fw-a2", &elsewhere),
                rule("janes", &own_network()),
                rule("k8s-0a1b-node-http-hc", &own_network()),
            ]}),
        ),
        "GET aggregated/forwardingRules" => {
            aggregated("forwardingRules", vec![forwarding("a1"), forwarding("a2")])
        }
        "GET aggregated/targetPools" => {
            let mut pool = in_region("targetPools", "a1");
            pool["instances"] = json!([
                link("zones/europe-west3-a/instances/gke-shop-worker-1"),
                link("zones/europe-west3-b/instances/gke-shop-worker-2")
            ]);
            aggregated("targetPools", vec![pool, in_region("targetPools", "a2")])
        }
        "GET aggregated/backendServices" => aggregated("backendServices", vec![]),
        "GET aggregated/addresses" => {
            let mut by_hand = in_region("addresses", "a1x");
            by_hand["description"] = json!("for the shop");
            aggregated(
                "addresses",
                vec![in_region("addresses", "a1"), in_region("addresses", "a2"), by_hand],
            )
        }
        "GET aggregated/networkEndpointGroups" => {
            let group = |name: &str, network: &str| json!({"name": name, "network": network, "selfLink": link(&format!("zones/europe-west3-a/networkEndpointGroups/{name}"))});
            aggregated(
                "networkEndpointGroups",
                vec![
                    group("k8s1-0a-shop-web", &own_network()),
                    group("k8s1-0b-shop-web", &elsewhere),
                    group("janes", &own_network()),
                ],
            )
        }
        "GET regions/europe-west3/targetPools/a1" => {
            let mut pool = in_region("targetPools", "a1");
            pool["healthChecks"] = json!([link("global/httpHealthChecks/k8s-0a1b-node")]);
            reply(200, &pool)
        }
        "DELETE global/httpHealthChecks/k8s-0a1b-node" => {
            refuse(400, "resourceInUseByAnotherResource", "used by a2")
        }
        what if what.starts_with("DELETE") => done(),
        _ => not_found(),
    }
}

async fn names(mock: &Mock, kind: &str) -> Vec<String> {
    let found = mock.kind(kind).await.list_owned(&context()).await.unwrap();
    assert!(found.iter().all(|one| matches!(one.made_by, ManagedBy::Kubernetes { .. })));
    // By its link in their specs the engine sees that the network goes after them.
    let network = format!("projects/shop-1/global/networks/{}", owner().exact_name("main"));
    assert!(found.iter().all(|one| one.spec.text("network").as_ref() == Some(&network)));
    found.iter().map(|one| one.address.name().to_owned()).collect()
}

#[tokio::test]
async fn only_what_is_this_cluster_s_for_certain_is_listed() {
    let mock = Mock::start(|asked, _| cloud(asked)).await;
    assert_eq!(names(&mock, "kubernetes_load_balancer").await, ["a1"]);
    assert_eq!(names(&mock, "kubernetes_firewall").await, ["k8s-fw-a1", "k8s-0a1b-node-http-hc"]);
    assert_eq!(names(&mock, "kubernetes_address").await, ["a1"]);
    assert_eq!(names(&mock, "kubernetes_neg").await, ["k8s1-0a-shop-web.europe-west3-a"]);
}

#[tokio::test]
async fn nothing_is_this_cluster_s_where_it_has_no_network() {
    let mock = Mock::start(|asked, _| match asked.what().as_str() {
        "GET global/networks" => reply(200, &json!({})),
        what => panic!("{what}"),
    })
    .await;
    for kind in
        ["kubernetes_load_balancer", "kubernetes_firewall", "kubernetes_address", "kubernetes_neg"]
    {
        assert!(names(&mock, kind).await.is_empty(), "{kind}");
    }
}

#[tokio::test]
async fn a_balancer_goes_with_what_is_behind_it_and_a_shared_check_stays() {
    let mock = Mock::start(|asked, _| cloud(asked)).await;
    let kind = mock.kind("kubernetes_load_balancer").await;
    let found = kind.list_owned(&context()).await.unwrap().remove(0);
    assert_eq!(found.outputs.text("ip").as_deref(), Some("192.0.2.1"));
    assert!(kind.delete(&context(), &found).await.unwrap());
    let deleted: Vec<String> =
        mock.calls().into_iter().filter(|call| call.starts_with("DELETE")).collect();
    assert_eq!(
        deleted,
        [
            "DELETE regions/europe-west3/forwardingRules/a1",
            "DELETE regions/europe-west3/targetPools/a1",
            "DELETE global/httpHealthChecks/k8s-0a1b-node",
        ]
    );
}

#[tokio::test]
async fn a_rule_goes_after_what_only_it_tells_to_be_the_cluster_s() {
    let mock = Mock::start(|asked, _| match asked.what().as_str() {
        "DELETE regions/europe-west3/targetPools/a1" => {
            refuse(400, "resourceInUseByAnotherResource", "used by a forwarding rule")
        }
        _ => cloud(asked),
    })
    .await;
    let kind = mock.kind("kubernetes_firewall").await;
    let found = kind.list_owned(&context()).await.unwrap().remove(0);
    let error = kind.delete(&context(), &found).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Busy);
    assert!(!mock.calls().contains(&"DELETE global/firewalls/k8s-fw-a1".to_owned()));
}

#[tokio::test]
async fn a_part_that_is_not_there_takes_no_delete() {
    let mock = Mock::start(|asked, _| cloud(asked)).await;
    let kind = mock.kind("kubernetes_firewall").await;
    let found = kind.list_owned(&context()).await.unwrap().remove(0);
    assert!(kind.delete(&context(), &found).await.unwrap());
    let deleted: Vec<String> =
        mock.calls().into_iter().filter(|call| call.starts_with("DELETE")).collect();
    // A limit that refuses one call of a few must not meet the same attempt each time.
    assert_eq!(
        deleted,
        ["DELETE regions/europe-west3/targetPools/a1", "DELETE global/firewalls/k8s-fw-a1"]
    );
}

#[tokio::test]
async fn machines_behind_a_balancer_are_known_by_name() {
    let mock = Mock::start(|asked, _| cloud(asked)).await;
    let memberships = mock.provider().await.memberships(&context()).await.unwrap();
    assert_eq!(memberships.len(), 1);
    assert_eq!(memberships[0].balancer, "a1");
    assert_eq!(memberships[0].machines, ["gke-shop-worker-1", "gke-shop-worker-2"]);
}

#[tokio::test]
async fn a_disk_waits_for_the_machine_that_has_it() {
    let disk = |users: Value| {
        json!({
            "name": "pvc-1", "sizeGb": "20", "users": users,
            "selfLink": link("zones/europe-west3-a/disks/pvc-1"),
            "description": r#"{"kubernetes.io/created-for/pv/name":"pvc-1"}"#,
            "labels": {"goog-k8s-cluster-name": "shop", "goog-k8s-cluster-location": "europe-west3"},
        })
    };
    let mock = Mock::start(move |asked, number| {
        let users = if number < 3 {
            json!([link("zones/europe-west3-a/instances/gke-1")])
        } else {
            json!([])
        };
        match asked.what().as_str() {
            "GET aggregated/disks" => {
                let zone = json!({"disks": [disk(users)]});
                reply(200, &json!({"items": {"zones/europe-west3-a": zone}}))
            }
            "GET zones/europe-west3-a/disks/pvc-1" => reply(200, &disk(users)),
            _ => done(),
        }
    })
    .await;
    let kind = mock.kind("disk").await;
    let found = kind.list_owned(&context()).await.unwrap().remove(0);
    assert_eq!(kind.delete_warning(&found).as_deref(), Some("its data is lost (20 GiB)"));
    let error = kind.delete(&context(), &found).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Busy);
    assert!(error.message.contains("gke-1"), "{error}");
    assert!(kind.delete(&context(), &found).await.unwrap());
}
