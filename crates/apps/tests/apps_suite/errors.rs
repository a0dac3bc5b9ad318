//! What is said about bad manifests: text, place and hint.

use infra_apps::{DockerSecret, EnvSecret, ImagePolicy, Suite, SuiteSource};

use crate::lab::{Folder, addons, deployment, small};

/// The error of loading `source`, as text.
fn refused(folder: &Folder, source: &SuiteSource) -> String {
    folder.text(&Suite::load(source).expect_err("must be refused"))
}

fn refused_file(text: &str) -> String {
    let folder = Folder::new();
    folder.file("base/a.yaml", text);
    refused(&folder, &folder.source())
}

#[test]
fn undefined_and_malformed_variables() {
    insta::assert_snapshot!(refused_file(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: ${NOPE}\n  b: \"${A%b}\"\n  c: ${A:-${B}}\n  d: ${open\n"
    ));
}

#[test]
fn more_than_a_person_reads_is_counted() {
    let data: String = (0..60).map(|n| format!("  k{n}: ${{NOPE}}\n")).collect();
    let text = refused_file(&format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: a }}\ndata:\n{data}"
    ));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 22, "{text}");
    assert_eq!(lines[20], "and 40 more");
    assert!(lines[21].contains("give NOPE a value"), "{text}");
}

#[test]
fn not_yaml() {
    insta::assert_snapshot!(refused_file(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n---\n# second\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b\n bad: [\n"
    ));
}

#[test]
fn a_key_twice_and_a_tab() {
    insta::assert_snapshot!(refused_file(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata:\n  x: 1\n  x: 2\n---\nkind:\n\tb: c\n"
    ));
}

#[test]
fn missing_fields() {
    insta::assert_snapshot!(refused_file(
        "kind: ConfigMap\nmetadata: { name: a }\n---\napiVersion: v1\nmetadata: { name: a }\n---\napiVersion: v1\nkind: ConfigMap\n---\n\
         apiVersion: v1\nkind: Pod\nmetadata: { generateName: a- }\n---\njust text\n"
    ));
}

#[test]
fn duplicates() {
    let folder = small();
    folder.file("base/zz/again.yaml", &deployment("web", "nginx:1.2.3", "{}"));
    insta::assert_snapshot!(refused(&folder, &folder.source()));
}

#[test]
fn images() {
    let folder = small();
    folder
        .file("base/a.yaml", &deployment("a", "registry.example.com:5000/app", "{}"))
        .file("base/b.yaml", &deployment("b", "app:latest # for now", "{}"))
        .file(
            "base/c.yaml",
            &deployment(
                "c",
                "app@sha256:0000000000000000000000000000000000000000000000000000000000000000",
                "{}",
            ),
        );
    let source = folder.source();
    insta::assert_snapshot!(refused(&folder, &source));
    let pinned = SuiteSource {
        images: ImagePolicy { require_digest: true, ..Default::default() },
        ..folder.source()
    };
    insta::assert_snapshot!("images_digest", refused(&folder, &pinned));
}

#[test]
fn a_secret_variable_stays_in_secrets() {
    let folder = small();
    folder.file("base/leak.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: leak, namespace: shop }\ndata:\n  token: ${TOKEN}\n");
    let mut source = folder.source();
    source.secret_variables = [("TOKEN".to_owned(), "hunter2".to_owned().into())].into();
    let text = refused(&folder, &source);
    assert!(!text.contains("hunter2"));
    insta::assert_snapshot!(text);
}

#[test]
fn env_files() {
    let folder = small();
    folder
        .file(".env", "A=1\nnonsense hunter2\n9X=1\nB=\"hunter2\nA=2\n")
        .file("good.env", "A=1\n");
    let with = |file: &str| {
        let secret = EnvSecret {
            file: folder.path(file),
            keys: vec!["A".to_owned(), "Z".to_owned()],
            secret: "env".to_owned(),
            namespaces: vec!["shop".to_owned()],
            hashed: false,
        };
        SuiteSource { env_secrets: vec![secret], ..folder.source() }
    };
    let text =
        [".env", "good.env", "none.env"].map(|file| refused(&folder, &with(file))).join("\n\n");
    assert!(!text.contains("hunter2"));
    insta::assert_snapshot!(text);
}

#[test]
fn docker_configs() {
    let folder = small();
    folder
        .file("store.json", r#"{ "auths": { "r.example.com": {} }, "credsStore": "neither-this" }"#)
        .file("helper.json", r#"{ "auths": { "a.example.com": { "auth": "dTpw" } }, "credHelpers": { "gcr.io": "there-is-none" } }"#)
        .file("empty.json", "{}")
        .file("broken.json", "{\n\"auths\": ");
    let with = |file: &str| {
        let secret = DockerSecret {
            file: folder.path(file),
            registries: Vec::new(),
            secret: "pull".to_owned(),
            namespaces: vec!["shop".to_owned()],
        };
        SuiteSource { docker_secrets: vec![secret], ..folder.source() }
    };
    let files = ["store.json", "helper.json", "empty.json", "broken.json"];
    insta::assert_snapshot!(files.map(|file| refused(&folder, &with(file))).join("\n\n"));
}

#[test]
fn dependencies() {
    let folder = small();
    folder
        .file(
            "base/api.yaml",
            &deployment("api", "api:1", "{ infra.dev/depends-on: Deployment/wep }"),
        )
        .file(
            "base/self.yaml",
            &deployment("me", "me:1", "{ infra.dev/depends-on: Deployment/shop/me }"),
        );
    insta::assert_snapshot!(refused(&folder, &folder.source()));
}

#[test]
fn nothing_there_and_what_is_not_supported() {
    let folder = Folder::new();
    folder.file("base/readme.txt", "").file("other/sub/kustomization.yaml", "resources: []\n");
    let other = SuiteSource { base: folder.path("other"), ..folder.source() };
    let none = SuiteSource { base: folder.path("none"), ..folder.source() };
    let text = [folder.source(), other, none].map(|source| refused(&folder, &source)).join("\n\n");
    insta::assert_snapshot!(text);
}

#[test]
fn addons_name_what_they_need() {
    let error = addons()
        .suite("digitalocean", "1.36.4", Default::default(), Default::default())
        .unwrap_err();
    // What is said, wherever it stands in the file.
    let lines: String = error
        .to_string()
        .split(':')
        .map(|part| if part.parse::<u32>().is_ok() { "N" } else { part })
        .collect::<Vec<_>>()
        .join(":");
    insta::assert_snapshot!(lines);
    insta::assert_snapshot!(
        "unknown_addon",
        addons()
            .suite("cilium", "1.36.4", Default::default(), Default::default())
            .unwrap_err()
            .to_string()
    );
}
