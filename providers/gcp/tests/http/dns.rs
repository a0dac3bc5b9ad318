//! Zones and records: whose they are, and changes that come whole.

use std::sync::{Arc, Mutex};

use axum::{body::Body, http::Response};
use infra_provider_api::{Context, ErrorKind, KnownResource, OWNERSHIP, Owner, Presence};
use serde_json::{Value, json};

use crate::mock::{Asked, Mock, context, not_found, other, owner, refuse, reply, request, update};

/// A project with one zone, as Cloud DNS keeps it.
#[derive(Default)]
struct Dns {
    zone: Option<Value>,
    sets: Vec<Value>,
    /// How many changes are refused because somebody else was faster.
    overtaken: usize,
}

type Shared = Arc<Mutex<Dns>>;

fn zone(owner: Option<&Owner>) -> Value {
    let labels = owner.map(|owner| json!({"infra-owner": owner.uuid, "infra-name": "example_com"}));
    json!({
        "name": "zone-1", "dnsName": "example.com.", "visibility": "public", "labels": labels.unwrap_or(json!({})),
        "nameServers": ["ns-cloud-a1.googledomains.com."],
    })
}

fn set(name: &str, kind: &str, data: &str) -> Value {
    json!({"kind": "dns#resourceRecordSet", "name": format!("{name}."), "type": kind, "ttl": 300, "rrdatas": [data], "signatureRrdatas": []})
}

fn mark(name: &str, owner: &Owner) -> Value {
    set(&format!("_infra.{name}"), "TXT", &format!("\"infra:{}\"", owner.uuid))
}

fn is_same(one: &Value, other: &Value) -> bool {
    ["name", "type", "ttl", "rrdatas"].iter().all(|field| one[field] == other[field])
}

impl Dns {
    fn with(zone_owner: Option<&Owner>, sets: Vec<Value>) -> Shared {
        let vendor =
            [set("example.com", "SOA", "ns. x. 1 1 1 1 1"), set("example.com", "NS", "ns.")];
        let sets = vendor.into_iter().chain(sets).collect();
        Arc::new(Mutex::new(Self { zone: Some(zone(zone_owner)), sets, overtaken: 0 }))
    }

    fn answer(&mut self, asked: &Asked) -> Response<Body> {
        match asked.what().as_str() {
            "GET managedZones" => {
                let zones: Vec<&Value> = self.zone.iter().collect();
                reply(200, &json!({ "managedZones": zones }))
            }
            "POST managedZones" => {
                self.zone = Some(asked.body.clone());
                reply(200, &asked.body)
            }
            "GET managedZones/zone-1" => {
                self.zone.as_ref().map_or_else(not_found, |one| reply(200, one))
            }
            "PATCH managedZones/zone-1" => {
                self.zone.as_mut().unwrap()["labels"] = asked.body["labels"].clone();
                reply(200, &json!({"id": "op"}))
            }
            "DELETE managedZones/zone-1" if self.sets.len() > 2 => refuse(
                400,
                "containerNotEmpty",
                "The resource named 'zone-1' cannot be deleted because it contains one or more 'resource records'.",
            ),
            "DELETE managedZones/zone-1" => {
                self.zone = None;
                Response::builder().status(204).body(Body::empty()).unwrap()
            }
            "GET managedZones/zone-1/rrsets" => reply(200, &json!({"rrsets": self.sets})),
            "POST managedZones/zone-1/changes" => self.change(&asked.body),
            what => panic!("{what}"),
        }
    }

    /// All of a change, or nothing.
    fn change(&mut self, body: &Value) -> Response<Body> {
        let list = |name: &str| body[name].as_array().cloned().unwrap_or_default();
        let (additions, deletions) = (list("additions"), list("deletions"));
        assert!(!additions.is_empty() || !deletions.is_empty(), "a change of nothing is refused");
        if self.overtaken > 0 {
            self.overtaken -= 1;
            return refuse(
                412,
                "conditionNotMet",
                "Precondition not met for 'entity.change.deletions[0]'",
            );
        }
        let mut sets = self.sets.clone();
        for gone in &deletions {
            let before = sets.len();
            sets.retain(|one| !is_same(one, gone));
            if sets.len() == before {
                return refuse(412, "conditionNotMet", "Precondition not met");
            }
        }
        for new in additions {
            if sets.iter().any(|one| one["name"] == new["name"] && one["type"] == new["type"]) {
                return refuse(409, "alreadyExists", "The resource already exists");
            }
            sets.push(new);
        }
        self.sets = sets;
        reply(200, &json!({"id": "1", "status": "pending"}))
    }
}

async fn serve(dns: &Shared) -> Mock {
    let dns = Arc::clone(dns);
    Mock::start(move |asked, _| dns.lock().unwrap().answer(asked)).await
}

fn spec(target: &str) -> Value {
    json!({"zone": "example.com", "name": "api.example.com", "target": target, "ttl_s": 300})
}

/// Returns the records of the zone but those of the vendor, as `TYPE name data`.
fn records(dns: &Shared) -> Vec<String> {
    let dns = dns.lock().unwrap();
    let text = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
    let line =
        |one: &Value| format!("{} {} {}", text(one, "type"), text(one, "name"), one["rrdatas"][0]);
    dns.sets.iter().skip(2).map(line).collect()
}

#[tokio::test]
async fn a_record_and_its_mark_come_and_go_in_one_change() {
    let dns = Dns::with(None, vec![set("www.example.com", "A", "192.0.2.9")]);
    let mock = serve(&dns).await;
    let kind = mock.kind("record").await;
    let requests = [request("record.api.example.com", spec("192.0.2.1"))];
    for _ in 0..2 {
        let made = kind.create(&context(), &requests).await.remove(0).unwrap();
        assert_eq!(made.id, "zone-1/api.example.com");
    }
    let changes =
        |mock: &Mock| mock.calls().iter().filter(|call| call.ends_with("/changes")).count();
    assert_eq!(changes(&mock), 1, "made twice it is as made once");
    assert_eq!(records(&dns).len(), 3);

    let found = kind.list_owned(&context()).await.unwrap();
    assert_eq!(found.len(), 1, "the record of others is not listed");
    assert_eq!(found[0].spec.value(), spec("192.0.2.1"));
    let changed = update(found[0].clone(), spec("lb.example.net"), &["target"]);
    kind.update(&context(), &changed).await.unwrap();
    assert!(records(&dns).contains(&"CNAME api.example.com. \"lb.example.net.\"".to_owned()));

    let found = kind.list_owned(&context()).await.unwrap().remove(0);
    for _ in 0..2 {
        assert!(kind.delete(&context(), &found).await.unwrap());
    }
    assert_eq!(records(&dns), ["A www.example.com. \"192.0.2.9\""]);
    assert_eq!(changes(&mock), 3);
}

#[tokio::test]
async fn a_record_of_others_is_never_touched() {
    let api = || set("api.example.com", "A", "192.0.2.9");
    for sets in [
        vec![api()],
        vec![set("api.example.com", "CNAME", "x.example.net.")],
        vec![api(), mark("api.example.com", &other())],
        vec![mark("api.example.com", &other())],
    ] {
        let dns = Dns::with(None, sets);
        let before = records(&dns);
        let mock = serve(&dns).await;
        let kind = mock.kind("record").await;
        let requests = [request("record.api.example.com", spec("192.0.2.1"))];
        let made = kind.create(&context(), &requests).await.remove(0);
        assert_eq!(made.unwrap_err().kind, ErrorKind::NameTaken);
        assert!(kind.list_owned(&context()).await.unwrap().is_empty());
        assert_eq!(records(&dns), before);
    }
}

#[tokio::test]
async fn a_name_that_others_took_meanwhile_is_left_to_them() {
    let dns = Dns::with(
        None,
        vec![set("api.example.com", "A", "192.0.2.1"), mark("api.example.com", &owner())],
    );
    let mock = serve(&dns).await;
    let kind = mock.kind("record").await;
    let found = kind.list_owned(&context()).await.unwrap().remove(0);
    let theirs = vec![set("api.example.com", "A", "192.0.2.7"), mark("api.example.com", &other())];
    dns.lock().unwrap().sets.splice(2.., theirs);
    // Another run, which has not read anything yet.
    let kind = mock.kind("record").await;
    assert!(kind.delete(&context(), &found).await.unwrap());
    let changed = update(found, spec("192.0.2.2"), &["target"]);
    let error = kind.update(&context(), &changed).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NameTaken);
    assert!(records(&dns)[0].contains("192.0.2.7"));
}

#[tokio::test]
async fn a_change_that_others_overtook_is_busy() {
    let dns = Dns::with(None, vec![]);
    dns.lock().unwrap().overtaken = 1;
    let mock = serve(&dns).await;
    let kind = mock.kind("record").await;
    let requests = [request("record.api.example.com", spec("192.0.2.1"))];
    let refused = kind.create(&context(), &requests).await.remove(0);
    assert_eq!(refused.unwrap_err().kind, ErrorKind::Busy);
    assert!(kind.create(&context(), &requests).await[0].is_ok(), "the same call works later");
}

#[tokio::test]
async fn a_record_that_lost_its_mark_is_found_by_its_id_and_gets_it_back() {
    let dns = Dns::with(None, vec![set("api.example.com", "A", "192.0.2.1")]);
    let mock = serve(&dns).await;
    let kind = mock.kind("record").await;
    let known = KnownResource {
        address: "record.api.example.com".parse().unwrap(),
        id: "zone-1/api.example.com".to_owned(),
        spec: spec("192.0.2.1").into(),
    };
    let answers = kind.read(&context(), &[known]).await.unwrap();
    let Presence::Untagged(found) = &answers[0] else { panic!("{answers:?}") };
    let restored = update(found.clone(), spec("192.0.2.1"), &[OWNERSHIP]);
    kind.update(&context(), &restored).await.unwrap();
    assert_eq!(kind.list_owned(&context()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_zone_is_made_once_and_never_beside_another() {
    let dns: Shared = Arc::default();
    let mock = serve(&dns).await;
    let kind = mock.kind("managed_zone").await;
    let requests = [request("managed_zone.example.com", json!({"name": "example.com"}))];
    let made = kind.create(&context(), &requests).await.remove(0).unwrap();
    assert_eq!(made.id, "shop-12345678-example-com");
    assert_eq!(dns.lock().unwrap().zone.as_ref().unwrap()["dnsName"], "example.com.");
    kind.create(&context(), &requests).await.remove(0).unwrap();
    assert_eq!(mock.calls().iter().filter(|call| *call == "POST managedZones").count(), 1);
    for there in [None, Some(&other())] {
        let dns = Dns::with(there, vec![]);
        let mock = serve(&dns).await;
        let kind = mock.kind("managed_zone").await;
        let refused = kind.create(&context(), &requests).await.remove(0).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::NameTaken);
        assert!(refused.hint.unwrap().contains("manage_zone"));
    }
}

#[tokio::test]
async fn a_zone_with_records_of_others_is_kept_unless_it_is_named() {
    let dns = Dns::with(Some(&owner()), vec![set("www.example.com", "A", "192.0.2.9")]);
    let mock = serve(&dns).await;
    let kind = mock.kind("managed_zone").await;
    let found = kind.list_owned(&context()).await.unwrap().remove(0);
    let error = kind.delete(&context(), &found).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Blocked);
    assert!(error.message.contains("A www.example.com"), "{error}");
    let named = Context { delete_zones: Arc::from(["example.com".to_owned()]), ..context() };
    assert!(kind.delete(&named, &found).await.unwrap());
    assert!(dns.lock().unwrap().zone.is_none());
    assert!(kind.delete(&named, &found).await.unwrap(), "gone is gone");
}
