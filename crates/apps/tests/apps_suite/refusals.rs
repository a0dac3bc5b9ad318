//! What an API server refuses, as the user reads it.

use infra_apps::{Action, ApplyOptions, AppsError, Events, KubeClient, Outcome, apply};
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::{Value, json};

use crate::lab::{Folder, Lab, on_each_server, small};

/// How long a quota's controller may take.
const COUNTED_MAX: std::time::Duration = std::time::Duration::from_secs(60);

/// What is applied of the suite, and what the user reads of what is not.
async fn applied(client: &KubeClient, folder: &Folder) -> (Option<Outcome>, String) {
    match apply(client, &folder.load(), &ApplyOptions::default(), &Events::quiet()).await {
        Err(error) => (None, folder.text(&error)),
        Ok(outcome) => {
            let text = match outcome.clone().into_result() {
                Ok(_) => String::new(),
                Err(error) => folder.text(&error),
            };
            (Some(outcome), text)
        }
    }
}

on_each_server! {
    async fn a_namespace_that_is_going(lab: &Lab) {
        let folder = small();
        lab.apply(&folder.load()).await;
        type ConfigMap = k8s_openapi::api::core::v1::ConfigMap;
        // Something in it takes its time.
        let held = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "held", "namespace": "shop", "finalizers": ["example.com/wait"] },
        });
        let maps: Api<ConfigMap> = Api::namespaced(lab.client.raw().clone(), "shop");
        maps.create(&PostParams::default(), &serde_json::from_value(held).unwrap()).await.unwrap();
        type Namespace = k8s_openapi::api::core::v1::Namespace;
        let namespaces: Api<Namespace> = Api::all(lab.client.raw().clone());
        let _ = namespaces.delete("shop", &DeleteParams::default()).await.unwrap();
        let (_, text) = applied(&lab.client, &folder).await;
        assert!(text.contains("being deleted") && text.contains("when it is gone"), "{text}");
    }
}

#[test]
fn what_is_too_large_is_refused_before_anything_is_sent() {
    let folder = small();
    let data = "0123456789abcdef".repeat(70_000);
    folder.file(
        "base/large.yaml",
        &format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: large, namespace: shop }}\ndata: {{ all: {data} }}\n\
             ---\napiVersion: example.com/v1\nkind: Blob\nmetadata: {{ name: large, namespace: shop }}\nspec: {{ all: {data}{data} }}\n"
        ),
    );
    let error = infra_apps::Suite::load(&folder.source()).unwrap_err();
    insta::assert_snapshot!(folder.text(&error));
}

on_each_server! {
    async fn a_quota_that_is_used_up(lab: &Lab) {
        let folder = small();
        let quota = "apiVersion: v1\nkind: ResourceQuota\nmetadata: { name: few, namespace: shop }\nspec: { hard: { configmaps: '1', count/deployments.apps: '5' } }\n";
        folder.file("base/quota.yaml", quota);
        lab.apply(&folder.load()).await;
        is_counted(lab).await;
        let more = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: more, namespace: shop }\ndata: { a: b }\n";
        folder.file("base/more.yaml", more);
        let planned = lab.plan(&folder.load()).await;
        let refused = planned.changes.iter().find(|change| change.action == Action::Refused).unwrap();
        assert!(refused.reason.as_ref().unwrap().contains("exceeded quota: few"), "{refused:?}");
        let (outcome, text) = applied(&lab.client, &folder).await;
        assert_eq!(outcome.unwrap().failed.len(), 1);
        insta::assert_snapshot!("text", text);
    }
}

/// Waits until the quota holds: an API server goes by its status, which a controller fills in.
async fn is_counted(lab: &Lab) {
    type Quota = k8s_openapi::api::core::v1::ResourceQuota;
    let quotas: Api<Quota> = Api::namespaced(lab.client.raw().clone(), "shop");
    let counted = |quota: Option<&Quota>| quota?.status.as_ref()?.used.as_ref().map(drop);
    let counted = move |quota: Option<&Quota>| counted(quota).is_some();
    let found = kube::runtime::wait::await_condition(quotas, "few", counted);
    tokio::time::timeout(COUNTED_MAX, found).await.unwrap().unwrap();
}

/// The same cluster as another user.
async fn as_user(lab: &Lab, user: &str) -> KubeClient {
    let mut config: Value = serde_yaml_ng::from_str(&lab.kubeconfig).unwrap();
    config["users"][0]["user"]["as"] = json!(user);
    KubeClient::from_text(&config.to_string(), None).await.unwrap()
}

on_each_server! {
    async fn a_right_that_is_missing_is_named(lab: &Lab) {
        let folder = small();
        let intern = as_user(lab, "intern").await;
        let error = apply(&intern, &folder.load(), &ApplyOptions::default(), &Events::quiet()).await;
        let error = error.unwrap_err();
        assert!(matches!(error, AppsError::Api { code: 403, .. }), "{error}");
        let nothing = folder.text(&error);
        // All but Deployments.
        folder.file(
            "base/rbac.yaml",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: intern }\n\
             rules: [{ apiGroups: ['', networking.k8s.io, storage.k8s.io, rbac.authorization.k8s.io], resources: ['*'], verbs: ['*'] },\n\
             { apiGroups: [apps], resources: ['*'], verbs: [get, list, watch] }]\n\
             ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: { name: intern }\n\
             roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: intern }\n\
             subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: User, name: intern }]\n",
        );
        lab.apply(&folder.load()).await;
        let mut source = folder.source();
        source.variables.insert("TAG".to_owned(), "9.9.9".to_owned());
        let suite = infra_apps::Suite::load(&source).unwrap();
        let outcome = apply(&intern, &suite, &ApplyOptions::default(), &Events::quiet()).await.unwrap();
        let partly = folder.text(&outcome.into_result().unwrap_err());
        insta::assert_snapshot!("text", format!("{nothing}\n\n{partly}"));
    }
}
