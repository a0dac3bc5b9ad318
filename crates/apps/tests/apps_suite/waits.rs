//! Objects whose readiness only their controller knows.

use std::time::Duration;

use infra_apps::{
    ApplyOptions, AppsEvent, ConditionIs, Events, Health, ObjectId, Outcome, Suite, SuiteSource,
    Until, WaitRule, apply, status,
};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
    core::GroupVersionKind,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::lab::{Folder, Heard, Lab, on_each_server, small};

/// A definition with a status of its own, and a boat; `sail` needs the boat.
fn harbour() -> Folder {
    let folder = small();
    folder
        .file(
            "base/definition.yaml",
            r"apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: boats.example.com }
spec:
  group: example.com
  scope: Namespaced
  names: { kind: Boat, plural: boats, singular: boat }
  versions:
    - name: v1
      served: true
      storage: true
      subresources: { status: {} }
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: { type: object, properties: { length: { type: integer } } }
            status: { type: object, x-kubernetes-preserve-unknown-fields: true }
",
        )
        .file(
            "base/boat.yaml",
            "apiVersion: example.com/v1\nkind: Boat\nmetadata: { name: a, namespace: shop }\nspec: { length: 7 }\n",
        )
        .file(
            "base/sail.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: { name: sail, namespace: shop, annotations: { infra.dev/depends-on: Boat/a } }\nspec: { ports: [{ port: 80 }] }\n",
        );
    folder
}

fn boats(lab: &Lab) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("example.com", "v1", "Boat");
    let resource = ApiResource::from_gvk_with_plural(&kind, "boats");
    Api::namespaced_with(lab.client.raw().clone(), "shop", &resource)
}

async fn report(lab: &Lab, status: Value) {
    let patch = Patch::Merge(json!({ "status": status }));
    boats(lab).patch_status("a", &PatchParams::default(), &patch).await.unwrap();
}

fn is_boat(object: &ObjectId) -> bool {
    object.kind == "Boat"
}

fn short() -> ApplyOptions {
    ApplyOptions { timeout: Duration::from_secs(20), ..ApplyOptions::default() }
}

/// Applies while a controller answers each new reason to wait with a status.
async fn controlled(
    lab: &Lab,
    suite: &Suite,
    options: &ApplyOptions,
    heard: &Heard,
    answer: impl Fn(&str) -> Option<Value>,
) -> Outcome {
    let (said, mut reasons) = mpsc::unbounded_channel();
    let keep = heard.events();
    let events = Events::new(move |event| {
        if let AppsEvent::Waiting { object, reason } = &event
            && is_boat(object)
        {
            let _ = said.send(reason.clone());
        }
        keep.send(event);
    });
    let controller = async {
        while let Some(reason) = reasons.recv().await {
            if let Some(status) = answer(&reason) {
                report(lab, status).await;
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        outcome = apply(&lab.client, suite, options, &events) => outcome.unwrap(),
        () = controller => unreachable!("it runs until the apply is over"),
    }
}

fn ready(status: &str) -> Value {
    json!({ "conditions": [{ "type": "Ready", "status": status, "reason": "Hull", "message": "there is a leak" }] })
}

on_each_server! {
    async fn a_custom_resource_that_is_not_ready_holds_back_what_needs_it(lab: &Lab) {
        let heard = Heard::default();
        let outcome = controlled(lab, &harbour().load(), &short(), &heard, |reason| {
            if reason.contains("has not reported") {
                Some(ready("False"))
            } else if reason == "Ready is False: Hull: there is a leak" {
                Some(ready("Unknown"))
            } else if reason.starts_with("Ready is Unknown") {
                Some(ready("True"))
            } else {
                None
            }
        })
        .await;
        outcome.into_result().unwrap();
        let unknown = heard.at(|e| matches!(e, AppsEvent::Waiting { reason, .. } if reason.starts_with("Ready is Unknown")));
        let done = heard.at(|e| matches!(e, AppsEvent::Ready { object, .. } if is_boat(object)));
        let next = heard.at(|e| matches!(e, AppsEvent::Applying { object } if object.name == "sail"));
        assert!(unknown.unwrap() < done.unwrap() && done < next, "{:?}", heard.all());
    }
}

on_each_server! {
    async fn what_is_stalled_fails_at_once_and_what_is_outdated_is_waited_for(lab: &Lab) {
        let folder = harbour();
        let stalled = json!({ "conditions": [{ "type": "Stalled", "status": "True", "message": "no water" }] });
        let first = controlled(lab, &folder.load(), &short(), &Heard::default(), |reason| {
            reason.contains("has not reported").then(|| stalled.clone())
        })
        .await;
        let failed: Vec<String> = first.failed.iter().map(|(id, why)| format!("{id}: {why}")).collect();
        assert_eq!(failed, ["Boat/shop/a: it is stalled: no water"]);
        assert_eq!(first.skipped.len(), 1, "{first:?}");
        let seen = status(&lab.client, &folder.load()).await.unwrap();
        assert!(!seen.is_ready());

        // It gets well again; but the controller has to look at the change.
        report(lab, json!({ "observedGeneration": 1, "conditions": [{ "type": "Ready", "status": "True" }] })).await;
        report(lab, json!({ "conditions": [{ "type": "Ready", "status": "True" }] })).await;
        folder.file(
            "base/boat.yaml",
            "apiVersion: example.com/v1\nkind: Boat\nmetadata: { name: a, namespace: shop }\nspec: { length: 8 }\n",
        );
        let heard = Heard::default();
        let second = controlled(lab, &folder.load(), &short(), &heard, |reason| {
            reason.contains("has not looked").then(|| json!({ "observedGeneration": 2 }))
        })
        .await;
        second.into_result().unwrap();
        let waited = heard.at(|e| matches!(e, AppsEvent::Waiting { object, .. } if is_boat(object)));
        assert!(waited.is_some(), "{:?}", heard.all());
    }
}

on_each_server! {
    async fn what_no_controller_reports_on_is_ready_after_a_while_and_status_says_so(lab: &Lab) {
        let suite = harbour().load();
        let grace = Duration::from_millis(50);
        let options = ApplyOptions { unreported_grace: grace, ..ApplyOptions::default() };
        let heard = Heard::default();
        apply(&lab.client, &suite, &options, &heard.events()).await.unwrap().into_result().unwrap();
        let waited = heard.at(|e| matches!(e, AppsEvent::Waiting { object, .. } if is_boat(object)));
        assert!(waited.is_some(), "{:?}", heard.all());
        let seen = status(&lab.client, &suite).await.unwrap();
        let boat = seen.objects.iter().find(|one| is_boat(&one.object)).unwrap();
        assert!(seen.is_ready() && boat.unreported, "{seen:?}");
        assert!(seen.objects.iter().filter(|one| one.unreported).count() == 1, "{seen:?}");
    }
}

fn with_rule(folder: &Folder, until: Until) -> Suite {
    let rule = WaitRule { kind: "Boat.example.com".to_owned(), until, failed: None };
    let other = WaitRule { kind: "Boat.elsewhere.org".to_owned(), ..rule.clone() };
    let source = SuiteSource { wait_rules: vec![rule, other], ..folder.source() };
    let suite = Suite::load(&source).unwrap();
    assert_eq!(suite.unused_wait_rules(), ["Boat.elsewhere.org"]);
    suite
}

on_each_server! {
    async fn a_rule_says_what_no_convention_does(lab: &Lab) {
        let folder = harbour();
        let values = vec!["Afloat".to_owned(), "Moored".to_owned()];
        let field = with_rule(&folder, Until::Field { path: "status.phase".to_owned(), values });
        let heard = Heard::default();
        let outcome = controlled(lab, &field, &short(), &heard, |reason| {
            if reason == "it has no status.phase yet" {
                Some(json!({ "phase": "Launching" }))
            } else if reason == "status.phase is Launching, not Afloat or Moored" {
                Some(json!({ "phase": "Moored" }))
            } else {
                None
            }
        })
        .await;
        outcome.into_result().unwrap();

        let leak = ConditionIs::parse("Leaking=False").unwrap();
        let condition = with_rule(&folder, Until::Condition(leak));
        let seen = status(&lab.client, &condition).await.unwrap();
        let boat = seen.objects.iter().find(|one| is_boat(&one.object)).unwrap();
        assert_eq!(boat.health, Some(Health::Waiting("it has no condition Leaking yet".to_owned())));
        report(lab, json!({ "conditions": [{ "type": "Leaking", "status": "False" }, { "type": "Ready", "status": "False" }] })).await;
        assert!(status(&lab.client, &condition).await.unwrap().is_ready());

        let skip = with_rule(&folder, Until::Applied);
        report(lab, ready("False")).await;
        lab.apply(&skip).await;
        assert!(status(&lab.client, &skip).await.unwrap().is_ready());
        assert!(!status(&lab.client, &folder.load()).await.unwrap().is_ready());
    }
}
