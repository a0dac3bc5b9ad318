//! Applying to the embedded Kubernetes.

use std::time::Duration;

use infra_apps::{
    ApplyOptions, AppsEvent, Change, DeleteOptions, Events, Force, Inventory, Protection, apply,
    delete, status,
};

use crate::lab::{Heard, Lab, deployment, on_each_server, scaled_by_another, small};

const DEPLOYMENTS: (&str, &str, &str) = ("apps", "v1", "deployments");
const CONFIG_MAPS: (&str, &str, &str) = ("", "v1", "configmaps");
const CLAIM: &str = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: { name: data, namespace: shop }\n\
                     spec: { accessModes: [ReadWriteOnce], storageClassName: '', resources: { requests: { storage: 1Gi } } }\n";

on_each_server! {
    async fn the_second_apply_changes_nothing_and_status_agrees(lab: &Lab) {
        let folder = small();
        let suite = folder.load();
        let first = lab.apply(&suite).await;
        assert_eq!(first.count(Change::Created), 5);
        let heard = Heard::default();
        let second =
            apply(&lab.client, &suite, &ApplyOptions::default(), &heard.events()).await.unwrap();
        assert_eq!(second.count(Change::Unchanged), 5, "{second:?}");
        assert!(matches!(
            heard.all().last(),
            Some(AppsEvent::Finished { unchanged: 5, failed: 0, .. })
        ));

        let seen = status(&lab.client, &suite).await.unwrap();
        assert!(seen.is_ready() && seen.up_to_date && seen.left.is_empty(), "{seen:?}");
        let inventory = Inventory::read(&lab.client, "shop").await.unwrap().unwrap();
        assert_eq!((inventory.objects.len(), inventory.digest), (5, suite.digest()));
    }
}

on_each_server! {
    async fn what_is_depended_on_is_ready_first(lab: &Lab) {
        let folder = small();
        folder.file(
            "base/api.yaml",
            &deployment("api", "api:1.0.0", "{ infra.dev/depends-on: Deployment/web }"),
        );
        let heard = Heard::default();
        let outcome = apply(&lab.client, &folder.load(), &ApplyOptions::default(), &heard.events())
            .await
            .unwrap();
        outcome.into_result().unwrap();
        let named = |object: &infra_apps::ObjectId, id: &str| object.to_string() == id;
        let ready = heard.at(
            |e| matches!(e, AppsEvent::Ready { object, .. } if named(object, "Deployment/shop/web")),
        );
        let sent = heard.at(
            |e| matches!(e, AppsEvent::Applying { object } if named(object, "Deployment/shop/api")),
        );
        assert!(ready.unwrap() < sent.unwrap());
        let waited = heard.at(
            |e| matches!(e, AppsEvent::Waiting { object, .. } if named(object, "Deployment/shop/web")),
        );
        assert!(waited.is_some(), "{:?}", heard.all());
    }
}

on_each_server! {
    async fn what_left_is_pruned_and_data_is_kept(lab: &Lab) {
        let folder = small();
        folder
            .file(
                "base/extra.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: extra, namespace: shop }\n",
            )
            .file("base/claim.yaml", CLAIM);
        let options = ApplyOptions { wait: false, ..ApplyOptions::default() };
        apply(&lab.client, &folder.load(), &options, &Events::quiet())
            .await
            .unwrap()
            .into_result()
            .unwrap();

        folder.remove("base/extra.yaml");
        folder.remove("base/claim.yaml");
        let suite = folder.load();
        let planned = lab.plan(&suite).await;
        assert_eq!((planned.counts().delete, planned.counts().keep), (1, 1), "{planned:?}");
        let outcome = lab.apply(&suite).await;
        assert_eq!(
            outcome.deleted.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["ConfigMap/shop/extra"]
        );
        assert_eq!(outcome.kept.len(), 1);
        assert!(!lab.exists(CONFIG_MAPS, Some("shop"), "extra").await);
        assert!(lab.exists(("", "v1", "persistentvolumeclaims"), Some("shop"), "data").await);
        // What is kept is not forgotten.
        let inventory = Inventory::read(&lab.client, "shop").await.unwrap().unwrap();
        assert!(inventory.objects.iter().any(|id| id.kind == "PersistentVolumeClaim"));

        let named = Protection::DeleteNamed(vec!["PersistentVolumeClaim/shop/data".to_owned()]);
        let options = ApplyOptions { protection: named, ..ApplyOptions::default() };
        let outcome = apply(&lab.client, &suite, &options, &Events::quiet())
            .await
            .unwrap()
            .into_result()
            .unwrap();
        assert_eq!(outcome.deleted.len(), 1);
        assert!(lab.plan(&suite).await.is_empty());
    }
}

on_each_server! {
    async fn deleting_keeps_what_is_protected_and_takes_the_rest(lab: &Lab) {
        let folder = small();
        lab.apply(&folder.load()).await;
        let inventory = Inventory::read(&lab.client, "shop").await.unwrap().unwrap();
        let options = DeleteOptions::default();
        let outcome = delete(&lab.client, &inventory, &options, &Events::quiet())
            .await
            .unwrap()
            .into_result()
            .unwrap();
        assert_eq!((outcome.deleted.len(), outcome.kept.len()), (4, 1));
        assert!(!lab.exists(DEPLOYMENTS, Some("shop"), "web").await);
        assert!(lab.exists(("", "v1", "namespaces"), None, "shop").await);

        let rest = Inventory::read(&lab.client, "shop").await.unwrap().unwrap();
        assert_eq!(rest.objects.len(), 1);
        let options = DeleteOptions { protection: Protection::DeleteAll, ..DeleteOptions::default() };
        delete(&lab.client, &rest, &options, &Events::quiet()).await.unwrap().into_result().unwrap();
        assert!(!lab.exists(("", "v1", "namespaces"), None, "shop").await);
        assert_eq!(Inventory::read(&lab.client, "shop").await.unwrap(), None);
    }
}

#[tokio::test]
async fn an_image_that_is_not_there_is_named_and_what_waits_for_it_is_not_sent() {
    let (lab, folder) = (Lab::new().await, small());
    folder
        .file("base/web.yaml", &deployment("web", "nginx:does-not-exist", "{}"))
        .file(
            "base/api.yaml",
            &deployment("api", "api:1.0.0", "{ infra.dev/depends-on: Deployment/web }"),
        )
        .file("base/other.yaml", &deployment("other", "other:1.0.0", "{}"));
    let options =
        ApplyOptions { image_grace: Duration::from_millis(200), ..ApplyOptions::default() };
    let outcome = apply(&lab.client, &folder.load(), &options, &Events::quiet()).await.unwrap();
    assert_eq!(outcome.failed.len(), 1, "{outcome:?}");
    let (id, reason) = &outcome.failed[0];
    assert_eq!(id.to_string(), "Deployment/shop/web");
    assert!(reason.contains("ImagePull") && reason.contains("web-"), "{reason}");
    assert_eq!(outcome.skipped.len(), 1);
    assert_eq!(outcome.skipped[0].0.to_string(), "Deployment/shop/api");
    assert!(!lab.exists(DEPLOYMENTS, Some("shop"), "api").await);
    assert!(lab.exists(DEPLOYMENTS, Some("shop"), "other").await, "the rest goes on");
    assert!(
        outcome
            .into_result()
            .unwrap_err()
            .to_string()
            .contains("not sent: Deployment/shop/web failed")
    );
}

#[tokio::test]
async fn a_crash_is_told_with_the_last_line_and_the_deadline_ends_it() {
    let (lab, folder) = (Lab::new().await, small());
    let crashing = deployment("web", "nginx:1.2.3", "{ infra.dev/timeout: 4s }")
        .replace(
            "labels: { app: web }",
            "labels: { app: web }\n      annotations: { sim.infra/crash: 'true' }",
        )
        // Without a probe a pod counts as ready from its start to its crash.
        .replace("replicas: 2", "replicas: 2\n  minReadySeconds: 60");
    folder.file("base/web.yaml", &crashing);
    let mut source = folder.source();
    source.variables.clear();
    let suite = infra_apps::Suite::load(&source).unwrap();
    let heard = Heard::default();
    let outcome =
        apply(&lab.client, &suite, &ApplyOptions::default(), &heard.events()).await.unwrap();
    let reason = &outcome.failed[0].1;
    assert!(reason.starts_with("not ready after 4s: ") && reason.contains("crashes"), "{reason}");
    assert!(reason.contains("simulates container"), "the log line is missing: {reason}");

    // It may be secret: the file or the command line keeps it out.
    let hidden = ApplyOptions { container_logs: false, ..ApplyOptions::default() };
    source.hide_container_logs = true;
    let quiet = infra_apps::Suite::load(&source).unwrap();
    for (suite, options) in [(&suite, &hidden), (&quiet, &ApplyOptions::default())] {
        let heard = Heard::default();
        let outcome = apply(&lab.client, suite, options, &heard.events()).await.unwrap();
        assert!(outcome.failed[0].1.contains("crashes"), "{outcome:?}");
        let all = format!("{:?}", heard.all());
        assert!(!all.contains("simulates container"), "{all}");
    }
}

on_each_server! {
    async fn another_managers_field_is_theirs_until_forced(lab: &Lab) {
        let folder = small();
        let suite = folder.load();
        lab.apply(&suite).await;
        scaled_by_another(lab).await;

        let planned = lab.plan(&suite).await;
        let web = planned.changes.iter().find(|c| c.object.kind == "Deployment").unwrap();
        assert_eq!(web.conflicts.len(), 1, "{web:?}");
        assert_eq!(
            (web.conflicts[0].manager.as_str(), web.conflicts[0].field.as_str()),
            ("scaler", ".spec.replicas")
        );
        assert_eq!(web.fields[0].path, "spec.replicas");

        let outcome =
            apply(&lab.client, &suite, &ApplyOptions::default(), &Events::quiet()).await.unwrap();
        assert!(outcome.failed[0].1.contains(".spec.replicas belongs to scaler"), "{outcome:?}");
        let forced = ApplyOptions { force: Force::Always, ..ApplyOptions::default() };
        apply(&lab.client, &suite, &forced, &Events::quiet()).await.unwrap().into_result().unwrap();
        assert!(lab.plan(&suite).await.is_empty());
    }
}

on_each_server! {
    async fn another_suites_object_is_theirs(lab: &Lab) {
        let folder = small();
        lab.apply(&folder.load()).await;
        let other = infra_apps::Suite::load(&infra_apps::SuiteSource {
            name: "other".to_owned(),
            ..folder.source()
        })
        .unwrap();
        let outcome =
            apply(&lab.client, &other, &ApplyOptions::default(), &Events::quiet()).await.unwrap();
        assert!(
            outcome.failed.iter().all(|(_, why)| why.contains("belongs to suite shop")),
            "{outcome:?}"
        );
        assert!(!outcome.failed.is_empty());
    }
}

on_each_server! {
    async fn a_definition_comes_with_its_objects(lab: &Lab) {
        let folder = small();
        folder.file(
            "base/all.yaml",
            r"apiVersion: example.com/v1
kind: Boat
metadata: { name: a, namespace: shop }
spec: { length: 7 }
---
apiVersion: apiextensions.k8s.io/v1
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
      schema:
        openAPIV3Schema:
          type: object
          properties: { spec: { type: object, properties: { length: { type: integer } } } }
",
        );
        let suite = folder.load();
        assert_eq!(lab.plan(&suite).await.counts().create, 7);
        lab.apply(&suite).await;
        assert!(lab.exists(("example.com", "v1", "boats"), Some("shop"), "a").await);
        // A new client knows the kind from the cluster.
        let client = infra_apps::KubeClient::from_text(&lab.kubeconfig, None).await.unwrap();
        assert!(infra_apps::plan(&client, &suite, None).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_stopped_apply_forgets_nothing_and_goes_on() {
    let (lab, folder) = (Lab::new().await, small());
    folder.file("base/never.yaml", &deployment("never", "nginx:does-not-exist", "{}"));
    let suite = folder.load();
    let options = ApplyOptions::default();
    let stop = options.stop.clone();
    let events = Events::new(move |event| {
        if matches!(event, AppsEvent::Waiting { ref reason, .. } if reason.contains("ImagePull")) {
            stop.cancel();
        }
    });
    let outcome = apply(&lab.client, &suite, &options, &events).await.unwrap();
    assert!(outcome.stopped && outcome.failed.is_empty());
    let inventory = Inventory::read(&lab.client, "shop").await.unwrap().unwrap();
    assert_eq!((inventory.objects.len(), inventory.digest.as_str()), (6, ""));
    folder.remove("base/never.yaml");
    let outcome = lab.apply(&folder.load()).await;
    assert_eq!(outcome.deleted.len(), 1);
}
