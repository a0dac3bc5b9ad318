//! What annotations and policies make of manifests.

use std::process::Command;

use infra_apps::{
    ApplyOptions, Events, Force, ImagePolicy, Inventory, Suite, SuiteSource, apply, compare_suites,
    read_rendered,
};

use crate::lab::{Folder, Lab, deployment, on_each_server, scaled_by_another, small};

fn value(suite: &Suite, id: &str) -> serde_json::Value {
    let found = suite.objects().iter().find(|object| object.id.to_string() == id);
    found.unwrap_or_else(|| panic!("no {id} in {:?}", suite.objects())).value.clone()
}

fn refused(folder: &Folder, source: &SuiteSource) -> String {
    folder.text(&Suite::load(source).expect_err("must be refused"))
}

#[test]
fn a_subdomain_becomes_an_ingress_with_tls() {
    let folder = small();
    let service = std::fs::read_to_string(folder.path("base/service.yaml")).unwrap();
    let annotated = service.replace(
        "namespace: shop }",
        "namespace: shop, annotations: { infra.dev/subdomain: 'www, @' } }",
    );
    folder.file("base/service.yaml", &annotated);
    assert!(refused(&folder, &folder.source()).contains("a subdomain needs a domain"));
    let mut source = folder.source();
    source.variables.insert("DOMAIN".to_owned(), "example.com".to_owned());
    let suite = Suite::load(&source).unwrap();
    assert!(suite.unused_variables().is_empty());
    let ingress = value(&suite, "Ingress/shop/web");
    assert_eq!(ingress["spec"]["rules"][0]["host"], "www.example.com");
    assert_eq!(ingress["spec"]["rules"][1]["host"], "example.com");
    assert_eq!(ingress["spec"]["tls"][0]["secretName"], "web-tls");
    source.variables.insert("DOMAIN".to_owned(), "Example_com".to_owned());
    assert!(refused(&folder, &source).contains("is no host name"));
}

#[test]
fn a_hash_in_the_name_follows_the_content_into_references() {
    let folder = small();
    let config = std::fs::read_to_string(folder.path("base/config.yaml")).unwrap();
    let config = config.replace(
        "name: settings, namespace: shop",
        "name: settings, namespace: shop, annotations: { infra.dev/hash-name: 'true' }",
    );
    folder.file("base/config.yaml", &config);
    let web = deployment("web", "nginx:${TAG}", "{}");
    folder.file(
        "base/web.yaml",
        &format!("{web}          envFrom: [{{ configMapRef: {{ name: settings }} }}]\n"),
    );
    let name = |folder: &Folder| {
        let web = value(&folder.load(), "Deployment/shop/web");
        let from = &web["spec"]["template"]["spec"]["containers"][0]["envFrom"][0];
        from["configMapRef"]["name"].as_str().unwrap().to_owned()
    };
    let first = name(&folder);
    assert!(first.starts_with("settings-") && first.len() == "settings-".len() + 8, "{first}");
    value(&folder.load(), &format!("ConfigMap/shop/{first}"));
    folder.file("base/config.yaml", &config.replace("level: info", "level: debug"));
    assert_ne!(name(&folder), first);
}

#[test]
fn what_is_single_cannot_run_twice() {
    let folder = small();
    let volume = "      volumes: [{ name: data, persistentVolumeClaim: { claimName: data } }]\n";
    let single = "{ infra.dev/single: 'true' }";
    folder
        .file("base/db.yaml", &format!("{}{volume}", deployment("db", "db:1.0.0", single)))
        .file("base/other.yaml", &format!("{}{volume}", deployment("other", "db:1.0.0", "{}")));
    let text = refused(&folder, &folder.source());
    assert!(text.contains("it is marked as single and has 2 replicas"), "{text}");
    assert!(text.contains("Deployment/shop/other uses its claim data, too"), "{text}");
}

#[test]
fn versions_are_semantic_and_all_the_same() {
    let folder = small();
    folder.file("base/api.yaml", &deployment("api", "example.com/api:${VERSION}", "{}"));
    let with = |version: &str| {
        let mut source = folder.source();
        source.images =
            ImagePolicy { versioned: vec!["example.com/*".into()], ..Default::default() };
        source.version = Some("1.2.3".to_owned());
        source.variables.insert("VERSION".to_owned(), version.to_owned());
        source
    };
    Suite::load(&with("1.2.3")).unwrap();
    assert!(refused(&folder, &with("1.2.4")).contains("is not of version 1.2.3"));
    assert!(refused(&folder, &with("stable")).contains("no semantic version"));
}

#[test]
fn what_must_be_exported_is_named() {
    let folder = small();
    let mut source = folder.source();
    source.exported = vec!["INFRA_TEST_NOT_SET_A".into(), "INFRA_TEST_NOT_SET_B".into()];
    let text = refused(&folder, &source);
    assert!(text.contains("NOT_SET_A must be set") && text.contains("NOT_SET_B must be set"));
    source.exported_optional = true;
    Suite::load(&source).unwrap();
}

#[test]
fn everything_else_comes_before_a_star() {
    let folder = small();
    folder.file("base/last.yaml", &deployment("aaa", "a:1", "{ infra.dev/depends-on: '*' }"));
    let suite = folder.load();
    let last = *suite.order().sequence().last().unwrap();
    assert_eq!(suite.objects()[last].id.name, "aaa");
    assert_eq!(suite.order().before(last).len(), suite.objects().len() - 1);
}

#[test]
fn renders_are_compared_and_another_folder_is_not_emptied() {
    let (folder, out) = (small(), Folder::new());
    folder.load().render_to(&out.path("a"), infra_apps::Reveal::Masked).unwrap();
    folder.load().render_to(&out.path("a"), infra_apps::Reveal::Masked).unwrap();
    let before = read_rendered(&out.path("a")).unwrap();
    assert!(compare_suites("shop", &before, &folder.load()).is_empty());
    let mut source = folder.source();
    source.variables.insert("TAG".to_owned(), "2.0.0".to_owned());
    let changed = compare_suites("shop", &before, &Suite::load(&source).unwrap());
    assert_eq!(changed.counts().update, 1);
    out.file("mine/notes.txt", "kept");
    assert!(folder.load().render_to(&out.path("mine"), infra_apps::Reveal::Masked).is_err());
    assert!(out.path("mine/notes.txt").exists());
}

#[test]
fn a_kustomization_is_built_and_variables_come_after() {
    if !Command::new("kubectl")
        .args(["version", "--client"])
        .output()
        .is_ok_and(|o| o.status.success())
    {
        eprintln!("\n======== SKIPPED: no kubectl: kustomizations are not checked ========\n");
        return;
    }
    let folder = small();
    // kustomize sees no image in a tag with a variable.
    let web = deployment("web", "nginx:1.2.3", "{ tag: '${TAG}' }");
    folder
        .file("base/web.yaml", &web)
        .file("base/kustomization.yaml", "resources: [namespace.yaml, config.yaml, web.yaml, service.yaml]\n")
        .file(
            "over/kustomization.yaml",
            "resources: [../base]\nnamePrefix: prod-\nimages: [{ name: nginx, newName: example.com/nginx }]\nreplicas: [{ name: web, count: 5 }]\n",
        );
    let source = SuiteSource { overlay: Some(folder.path("over")), ..folder.source() };
    let suite = Suite::load(&source).unwrap();
    let web = value(&suite, "Deployment/shop/prod-web");
    assert_eq!(web["spec"]["replicas"], 5);
    assert_eq!(
        web["spec"]["template"]["spec"]["containers"][0]["image"],
        "example.com/nginx:1.2.3"
    );
    assert_eq!(web["metadata"]["annotations"]["tag"], "1.2.3");
    folder.file("over/kustomization.yaml", "resources: [../nowhere]\n");
    assert!(refused(&folder, &source).contains("nowhere"));
}

on_each_server! {
    async fn only_the_named_field_is_taken_over(lab: &Lab) {
        let folder = small();
        lab.apply(&folder.load()).await;
        scaled_by_another(lab).await;
        let with = |what: &str| ApplyOptions {
            force: Force::Only(vec![what.to_owned()]),
            ..Default::default()
        };
        let suite = folder.load();
        let other = apply(&lab.client, &suite, &with(".spec.paused"), &Events::quiet()).await.unwrap();
        assert_eq!(other.failed.len(), 1);
        let named = with("Deployment/shop/web:.spec.replicas");
        let done = apply(&lab.client, &suite, &named, &Events::quiet()).await.unwrap();
        done.into_result().unwrap();
        assert!(lab.plan(&suite).await.is_empty());
    }
}

on_each_server! {
    async fn another_projects_suite_of_the_same_name_is_left_alone(lab: &Lab) {
        let folder = small();
        let of = |project: &str| SuiteSource { project: Some(project.to_owned()), ..folder.source() };
        lab.apply(&Suite::load(&of("mine")).unwrap()).await;
        let theirs = Suite::load(&of("theirs")).unwrap();
        let error = apply(&lab.client, &theirs, &ApplyOptions::default(), &Events::quiet()).await;
        assert!(error.unwrap_err().to_string().contains("belongs to mine"));
        let error = infra_apps::status(&lab.client, &theirs).await.unwrap_err();
        assert!(error.to_string().contains("belongs to mine"), "{error}");
        let inventory = Inventory::read(&lab.client, "shop").await.unwrap().unwrap();
        assert!(inventory.check_project(Some("mine")).is_ok());
    }
}
