//! Plans against the embedded Kubernetes.

use infra_apps::{Action, AppsError, Counts, Inventory, plan, status};

use crate::lab::{Lab, deployment, on_each_server, small};

on_each_server! {
    async fn a_plan_changes_nothing_and_an_apply_empties_it(lab: &Lab) {
        let folder = small();
        let suite = folder.load();
        let before = lab.plan(&suite).await;
        assert_eq!(before.counts(), Counts { create: 5, ..Counts::default() });
        assert!(!lab.exists(("", "v1", "namespaces"), None, "shop").await);

        lab.apply(&suite).await;
        let after = lab.plan(&suite).await;
        assert!(after.is_empty(), "{after:?}");
        assert_eq!(after.counts().no_op, 5);

        folder
            .file("base/web.yaml", &deployment("web", "nginx:1.2.4", "{}"))
            .file("base/more.yaml", "apiVersion: v1\nkind: Secret\nmetadata: { name: keys2, namespace: shop }\nstringData: { key: hush }\n");
        let config = std::fs::read_to_string(folder.path("base/config.yaml")).unwrap();
        folder.file("base/config.yaml", &config.replace("hush", "hunter2"));
        let mut source = folder.source();
        source.variables.clear();
        let suite = infra_apps::Suite::load(&source).unwrap();
        let changed = lab.plan(&suite).await;
        assert_eq!(changed.counts(), Counts { create: 1, update: 2, no_op: 3, ..Counts::default() });
        let fields = |id: &str| {
            changed.changes.iter().find(|c| c.object.to_string() == id).unwrap().fields.clone()
        };
        let web = fields("Deployment/shop/web");
        assert_eq!(web.len(), 1, "{web:?}");
        assert_eq!(web[0].path, "spec.template.spec.containers[web].image");
        assert_eq!(
            (web[0].before.clone(), web[0].after.clone()),
            (Some("nginx:1.2.3".into()), Some("nginx:1.2.4".into()))
        );
        let keys = fields("Secret/shop/keys");
        assert_eq!((keys[0].path.as_str(), keys[0].secret), ("data.key", true));
        let text = serde_json::to_string(&changed).unwrap();
        assert!(
            !text.contains("aHVudGVyMg==") && !text.contains("aHVzaA==") && !text.contains("hunter2")
        );
    }
}

on_each_server! {
    async fn unknown_kinds_are_refused_before_anything_is_applied(lab: &Lab) {
        let folder = small();
        folder
            .file("base/old.yaml", "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: { name: a, namespace: shop }\n---\napiVersion: v1\nkind: ConfigMapp\nmetadata: { name: a, namespace: shop }\n---\napiVersion: example.com/v1\nkind: Spaceship\nmetadata: { name: a, namespace: shop }\n");
        let suite = folder.load();
        let error = infra_apps::apply(&lab.client, &suite, &Default::default(), &Default::default())
            .await
            .unwrap_err();
        insta::assert_snapshot!("text", folder.text(&error));
        assert!(!lab.exists(("", "v1", "namespaces"), None, "shop").await);
        assert_eq!(Inventory::read(&lab.client, "shop").await.unwrap(), None);
    }
}

on_each_server! {
    async fn a_namespace_that_is_nowhere_is_named(lab: &Lab) {
        let folder = small();
        folder.remove("base/namespace.yaml");
        let error = plan(&lab.client, &folder.load(), None).await.unwrap_err();
        insta::assert_snapshot!("text", folder.text(&error));
    }
}

on_each_server! {
    async fn an_immutable_field_is_said_to_be_so(lab: &Lab) {
        let folder = small();
        lab.apply(&folder.load()).await;
        let other = deployment("web", "nginx:${TAG}", "{}").replace("{ app: web }", "{ app: other }");
        folder.file("base/web.yaml", &other);
        let suite = folder.load();
        let planned = lab.plan(&suite).await;
        let web = planned.changes.iter().find(|c| c.object.kind == "Deployment").unwrap();
        assert_eq!(web.action, Action::Refused);
        assert!(web.reason.as_ref().unwrap().contains("immutable"), "{web:?}");

        let options = infra_apps::ApplyOptions {
            replace: vec!["Deployment/web".to_owned()],
            ..Default::default()
        };
        let outcome =
            infra_apps::apply(&lab.client, &suite, &options, &Default::default()).await.unwrap();
        assert_eq!(outcome.into_result().unwrap().count(infra_apps::Change::Replaced), 1);
        assert!(lab.plan(&suite).await.is_empty());
    }
}

#[tokio::test]
async fn no_server_is_said_to_be_so() {
    let kubeconfig = r#"
apiVersion: v1
kind: Config
current-context: a
contexts: [{ name: a, context: { cluster: a, user: a } }]
users: [{ name: a, user: {} }]
clusters: [{ name: a, cluster: { server: "https://127.0.0.1:1", insecure-skip-tls-verify: true } }]
"#;
    let error = infra_apps::KubeClient::from_text(kubeconfig, None).await.map(drop).unwrap_err();
    assert!(matches!(error, AppsError::Kubeconfig { .. }));
    insta::assert_snapshot!(error.to_string());
}

on_each_server! {
    async fn a_changed_secret_is_found_though_no_digest_tells(lab: &Lab) {
        let folder = small();
        lab.apply(&folder.load()).await;
        let text = std::fs::read_to_string(folder.path("base/config.yaml")).unwrap();
        folder.file("base/config.yaml", &text.replace("hush", "hash"));
        let changed = folder.load();
        let inventory = Inventory::read(&lab.client, "shop").await.unwrap().unwrap();
        assert_eq!(inventory.digest, changed.digest());
        assert_eq!(lab.plan(&changed).await.counts().update, 1);
        assert!(!status(&lab.client, &changed).await.unwrap().up_to_date);
        lab.apply(&changed).await;
        assert!(status(&lab.client, &changed).await.unwrap().up_to_date);
    }
}
