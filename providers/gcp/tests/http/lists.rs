//! Lists: pages, parts that did not answer, lists of several kinds.

use infra_provider_api::{ErrorKind, KnownResource, Presence, Provider, RawJson};
use serde_json::{Value, json};

use crate::mock::{Mock, context, link, mark, network, not_found, other, owner, refuse, reply};

fn firewall(name: &str) -> Value {
    json!({
        "id": name.len().to_string(), "name": name, "description": mark(&owner()),
        "network": link("global/networks/n"), "direction": "INGRESS",
        "sourceRanges": ["10.0.0.0/8"], "targetTags": ["t"], "allowed": [{"IPProtocol": "tcp", "ports": ["80"]}],
    })
}

#[tokio::test]
async fn a_list_is_read_to_its_last_page() {
    let mock = Mock::start(|asked, _| {
        let page: usize = asked.query("pageToken").map_or(0, |token| token.parse().unwrap());
        let names = (0..2).map(|n| format!("{}-{page}{n}", owner().exact_name("rule")));
        let items: Vec<Value> = names.map(|name| firewall(&name)).collect();
        let next = (page < 2).then(|| (page + 1).to_string());
        reply(200, &json!({"items": items, "nextPageToken": next}))
    })
    .await;
    let found = mock.kind("firewall").await.list_owned(&context()).await.unwrap();
    assert_eq!(found.len(), 6);
    let asked = mock.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|one| one.query("maxResults").as_deref() == Some("500")));
    assert!(asked.iter().all(|one| one.header("authorization") == Some("Bearer secret")));
    assert_eq!(found[0].spec.get("sources"), Some(json!(["10.0.0.0/8"])));
}

#[tokio::test]
async fn a_list_that_leads_back_to_itself_ends() {
    let mock =
        Mock::start(|_, _| reply(200, &json!({"items": [], "nextPageToken": "again"}))).await;
    let error = mock.kind("network").await.list_owned(&context()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::MalformedResponse);
    assert_eq!(mock.asked().len(), 2);
}

/// Answers for the own network, and with `disks` for the list of disks.
async fn with_disks(disks: Value) -> Mock {
    Mock::start(move |asked, _| match asked.what().as_str() {
        "GET aggregated/disks" => reply(200, &disks),
        other => panic!("{other}"),
    })
    .await
}

fn disk(zone: &str) -> Value {
    json!({
        "name": "pvc-1", "sizeGb": "20", "selfLink": link(&format!("zones/{zone}/disks/pvc-1")),
        "description": r#"{"kubernetes.io/created-for/pv/name":"pvc-1","kubernetes.io/created-for/pvc/name":"data","kubernetes.io/created-for/pvc/namespace":"shop"}"#,
        "labels": {"goog-k8s-cluster-name": "shop", "goog-k8s-cluster-location": "europe-west3"},
    })
}

#[tokio::test]
async fn zones_without_anything_are_no_gap() {
    let empty = json!({"warning": {"code": "NO_RESULTS_ON_PAGE", "message": "nothing here"}});
    let mock = with_disks(json!({"items": {
        "zones/europe-west3-a": {"disks": [disk("europe-west3-a")]},
        "zones/europe-west3-b": empty,
        "regions/europe-west3": empty,
    }}))
    .await;
    let found = mock.kind("disk").await.list_owned(&context()).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].id, "zones/europe-west3-a/disks/pvc-1");
    assert_eq!(found[0].spec.get("size_gib"), Some(json!(20)));
}

#[tokio::test]
async fn what_did_not_answer_is_not_taken_for_gone() {
    let gap = json!({"warning": {"code": "UNREACHABLE", "message": "zone europe-west3-b is down"}});
    for (disks, expected) in [
        (json!({"items": {"zones/europe-west3-b": gap}}), "europe-west3-b"),
        (json!({"items": {}, "unreachables": ["zones/europe-west3-c"]}), "europe-west3-c"),
        (json!({"items": {}, "warning": gap["warning"]}), "is down"),
    ] {
        let mock = with_disks(disks).await;
        let error = mock.kind("disk").await.list_owned(&context()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(error.message.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_read_is_made_again_when_it_fails_in_passing() {
    let mock = Mock::start(|_, number| match number {
        1 => refuse(503, "", "try again"),
        2 => refuse(403, "rateLimitExceeded", "slow down"),
        _ => reply(200, &json!({"items": [network(&owner()), network(&other())]})),
    })
    .await;
    let found = mock.kind("network").await.list_owned(&context()).await.unwrap();
    assert_eq!(found.len(), 1, "the other has the name and another UUID");
    assert_eq!(found[0].address.to_string(), "network.main");
    assert_eq!(found[0].intent_key.as_deref(), Some("0a1b"));
    assert_eq!(mock.asked().len(), 3);
}

#[tokio::test]
async fn a_single_one_is_read_by_its_name() {
    for (answer, expected) in
        [(Some(network(&owner())), "owned"), (Some(network(&other())), "foreign"), (None, "absent")]
    {
        let mock = Mock::start(move |asked, _| {
            assert_eq!(asked.what(), format!("GET global/networks/{}", owner().exact_name("main")));
            answer.as_ref().map_or_else(not_found, |network| reply(200, network))
        })
        .await;
        let known = KnownResource {
            address: "network.main".parse().unwrap(),
            id: format!("projects/shop-1/global/networks/{}", owner().exact_name("main")),
            spec: RawJson::default(),
        };
        let answers = mock.kind("network").await.read(&context(), &[known]).await.unwrap();
        let answer = match &answers[0] {
            Presence::Absent => "absent",
            Presence::Owned(_) => "owned",
            Presence::Untagged(_) => "untagged",
            Presence::Foreign { .. } => "foreign",
        };
        assert_eq!(answer, expected);
    }
}

#[tokio::test]
async fn a_look_at_what_is_around_a_cluster_takes_eight_calls() {
    let mock = Mock::start(|asked, _| match asked.what().as_str() {
        "GET managedZones" => {
            let zone = json!({"name": "z", "dnsName": "example.com.", "visibility": "public"});
            reply(200, &json!({"managedZones": [zone]}))
        }
        what if what.starts_with("GET serviceAccounts/") => not_found(),
        _ => reply(200, &json!({})),
    })
    .await;
    let cx = context();
    let provider = mock.provider().await;
    let kinds = provider.kinds();
    let around = [
        "network",
        "subnet",
        "router",
        "firewall",
        "service_account",
        "iam_binding",
        "managed_zone",
        "record",
    ];
    let looks = kinds.iter().filter(|kind| around.contains(&kind.name()));
    let all = futures::future::join_all(looks.map(|kind| kind.list_owned(&cx))).await;
    assert_eq!(all.len(), around.len());
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(mock.asked().len(), 8, "{:?}", mock.calls());
}
