//! Each kind with a status that is ready and one that is not.

use serde_json::{Value, json};

use super::{Health, Judge};
use crate::ObjectId;

fn judged(kind: &str, object: Value) -> Health {
    let (kind, group) = kind.split_once('.').unwrap_or((kind, ""));
    let id = ObjectId {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace: Some("a".to_owned()),
        name: "b".to_owned(),
    };
    Judge::default().health(&id, &object)
}

fn conditions(list: &[(&str, &str)]) -> Value {
    list.iter()
        .map(|(name, status)| json!({ "type": name, "status": status, "observedGeneration": 2 }))
        .collect()
}

fn with(list: &[(&str, &str)]) -> Value {
    json!({ "metadata": { "generation": 2 }, "status": { "conditions": conditions(list) } })
}

#[test]
fn unknown_is_not_ready() {
    let cases: [(&str, Value, bool); 26] = [
        ("Boat.example.com", json!({}), true),
        ("Boat.example.com", with(&[("Happy", "False")]), true),
        ("Boat.example.com", with(&[("Ready", "True")]), true),
        ("Boat.example.com", with(&[("Ready", "False")]), false),
        ("Boat.example.com", with(&[("Ready", "Unknown")]), false),
        ("Boat.example.com", with(&[("Ready", "")]), false),
        ("Boat.example.com", with(&[("Available", "False")]), false),
        ("Boat.example.com", with(&[("Available", "False"), ("Ready", "True")]), true),
        ("Boat.example.com", with(&[("Reconciling", "True"), ("Ready", "True")]), false),
        ("Boat.example.com", with(&[("Stalled", "True"), ("Ready", "True")]), false),
        ("ServiceCIDR.networking.k8s.io", with(&[("Ready", "False")]), false),
        ("ConfigMap", json!({}), true),
        ("Ingress.networking.k8s.io", json!({ "status": { "loadBalancer": {} } }), true),
        ("PersistentVolume", json!({ "status": { "phase": "Failed" } }), false),
        ("PersistentVolume", json!({ "status": { "phase": "Available" } }), true),
        ("PodDisruptionBudget.policy", with(&[("DisruptionAllowed", "False")]), true),
        (
            "PodDisruptionBudget.policy",
            json!({ "metadata": { "generation": 2 }, "status": { "observedGeneration": 1 } }),
            false,
        ),
        ("HorizontalPodAutoscaler.autoscaling", with(&[("AbleToScale", "False")]), false),
        ("HorizontalPodAutoscaler.autoscaling", with(&[("ScalingActive", "False")]), true),
        ("VolumeSnapshot.snapshot.storage.k8s.io", json!({}), false),
        ("GatewayClass.gateway.networking.k8s.io", with(&[("Accepted", "Unknown")]), false),
        ("Gateway.gateway.networking.k8s.io", with(&[("Accepted", "True")]), false),
        (
            "Gateway.gateway.networking.k8s.io",
            with(&[("Accepted", "True"), ("Programmed", "True")]),
            true,
        ),
        (
            "HTTPRoute.gateway.networking.k8s.io",
            json!({ "spec": { "parentRefs": [{ "name": "web" }] } }),
            false,
        ),
        (
            "HTTPRoute.gateway.networking.k8s.io",
            json!({ "spec": { "parentRefs": [{ "name": "web" }] }, "status": { "parents": [
                { "conditions": conditions(&[("Accepted", "True"), ("ResolvedRefs", "False")]) },
            ] } }),
            false,
        ),
        (
            "HTTPRoute.gateway.networking.k8s.io",
            json!({ "spec": { "parentRefs": [{ "name": "web" }] }, "status": { "parents": [
                { "conditions": conditions(&[("Accepted", "True"), ("ResolvedRefs", "True")]) },
            ] } }),
            true,
        ),
    ];
    for (kind, object, is_ready) in cases {
        let health = judged(kind, object.clone());
        assert_eq!(health == Health::Ready, is_ready, "{kind} {object}: {health:?}");
    }
}

#[test]
fn what_is_about_an_earlier_generation_says_nothing() {
    let mut boat = with(&[("Ready", "True")]);
    boat["metadata"]["generation"] = json!(3);
    assert!(matches!(judged("Boat.example.com", boat), Health::Waiting(_)));
    let mut stalled = with(&[("Stalled", "True")]);
    stalled["metadata"]["generation"] = json!(3);
    stalled["status"]["observedGeneration"] = json!(2);
    assert!(matches!(judged("Boat.example.com", stalled), Health::Waiting(_)));
    let gone = json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } });
    assert!(matches!(judged("Boat.example.com", gone), Health::Waiting(_)));
}
