//! Loading: substitution, overlays, documents, Secrets, digest, rendering.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt};

use infra_apps::{DockerSecret, EnvSecret, Object, Reveal, Suite, SuiteSource};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::Digest;

use crate::lab::{Folder, small};

fn object<'a>(suite: &'a Suite, id: &str) -> &'a Object {
    suite.objects().iter().find(|o| o.id.to_string() == id).unwrap_or_else(|| panic!("no {id}"))
}

fn config(text: &str, variables: &[(&str, &str)]) -> Suite {
    let folder = Folder::new();
    folder.file("base/a.yaml", text);
    let mut source = folder.source();
    source.variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Suite::load(&source).unwrap()
}

const HEAD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n";

#[test]
fn a_variable_is_text_in_quotes_and_a_number_without() {
    let text = format!(
        "{HEAD}data:\n  plain: ${{N}}\n  quoted: \"${{N}}\"\n  single: '${{N}}'\n  part: v${{N}}\n  flow: [${{N}}, \"${{N}}\"]\n  default: ${{MISSING:-7}}\n  kept: $${{N}}\n  dollar: $N\n  block: |\n    port: ${{N}}\n"
    );
    let suite = config(&text, &[("N", "3")]);
    assert_eq!(
        object(&suite, "ConfigMap/default/a").value["data"],
        json!({ "plain": 3, "quoted": "3", "single": "3", "part": "v3", "flow": [3, "3"], "default": 7,
                "kept": "${N}", "dollar": "$N", "block": "port: 3\n" })
    );
}

#[test]
fn what_is_verbatim_keeps_its_text() {
    let folder = Folder::new();
    let dashboard = format!("{HEAD}data: {{ query: '${{datasource}} ${{1}} ${{N}}' }}\n");
    let own = format!("{}data: {{ n: '${{N}}' }}\n", HEAD.replace("name: a", "name: own"));
    folder.file("base/theirs/dashboard.yaml", &dashboard).file("base/own.yaml", &own);
    let mut source = folder.source();
    source.variables = [("N".to_owned(), "3".to_owned())].into();
    let refused = Suite::load(&source).unwrap_err();
    assert!(folder.text(&refused).contains("--verbatim"), "{refused}");
    let data = |source: &SuiteSource, name: &str| {
        let suite = Suite::load(source).unwrap();
        object(&suite, &format!("ConfigMap/default/{name}")).value["data"].clone()
    };
    for verbatim in ["theirs", "theirs/dashboard.yaml"] {
        source.verbatim = vec![verbatim.into()];
        assert_eq!(data(&source, "a"), json!({ "query": "${datasource} ${1} ${N}" }));
        assert_eq!(data(&source, "own"), json!({ "n": "3" }));
    }
    source.verbatim = vec![".".into()];
    assert_eq!(data(&source, "own"), json!({ "n": "${N}" }));
}

#[test]
fn an_undefined_variable_in_a_comment_is_nobodys_business() {
    let suite = config(
        &format!("# ${{NOWHERE}} ${{odd form}}\n{HEAD}data: {{ a: b }} # ${{NOWHERE}}\n"),
        &[("N", "1")],
    );
    assert_eq!(suite.unused_variables(), ["N"]);
}

#[test]
fn file_modes_are_octal_as_kubectl_reads_them() {
    let suite = config(&format!("{HEAD}volume: {{ defaultMode: 0644, mode: 420 }}\n"), &[]);
    assert_eq!(
        object(&suite, "ConfigMap/default/a").value["volume"],
        json!({ "defaultMode": 420, "mode": 420 })
    );
}

#[test]
fn documents_lists_comments_anchors_and_line_ends() {
    let folder = Folder::new();
    folder
        .file(
            "base/many.yml",
            "\u{feff}---\r\n# nothing\r\n---\r\n\r\n--- # first\r\napiVersion: v1\r\nkind: ConfigMap\r\nmetadata: { name: one }\r\ndata: { text: \"a\" }\r\n...\r\n---\r\n",
        )
        .file(
            "base/deep/list.yaml",
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: { name: two }\n- apiVersion: v1\n  kind: Namespace\n  metadata: { name: three, namespace: ignored }\n\
             ---\napiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: { name: four }\n",
        )
        .file("base/anchors.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: five, labels: &l { a: b } }\ndata: { <<: *l, c: d }\n")
        .file("base/object.json", r#"{ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "six" } }"#)
        .file("base/.hidden.yaml", "not: an object")
        .file("base/readme.txt", "nor this");
    let mut source = folder.source();
    source.variables.clear();
    source.namespace = Some("here".to_owned());
    let suite = Suite::load(&source).unwrap();
    let ids: Vec<String> = suite.objects().iter().map(|o| o.id.to_string()).collect();
    assert_eq!(
        ids,
        [
            "ConfigMap/here/five",
            "ConfigMap/here/four",
            "ConfigMap/here/one",
            "ConfigMap/here/six",
            "ConfigMap/here/two",
            "Namespace/three"
        ]
    );
    assert_eq!(object(&suite, "ConfigMap/here/five").value["data"], json!({ "a": "b", "c": "d" }));
    assert_eq!(object(&suite, "ConfigMap/here/one").origin.line, 6);
}

#[test]
fn an_overlay_changes_adds_and_takes_away() {
    let folder = small();
    folder
        .file(
            "prod/web.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n  replicas: 5\n  template:\n    spec:\n      containers:\n      - name: web\n        image: nginx:9.9.9\n      - name: log\n        image: log:1\n",
        )
        .file("prod/config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { level: null, more: x }\n")
        .file("prod/extra.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: extra, namespace: shop }\n")
        .file("prod/service.yaml", "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { ports: [{ port: 80, nodePort: 30080 }] }\n");
    let mut source = folder.source();
    source.overlay = Some(folder.path("prod"));
    let suite = Suite::load(&source).unwrap();
    let web = &object(&suite, "Deployment/shop/web").value["spec"];
    assert_eq!(web["replicas"], 5);
    assert_eq!(
        web["template"]["spec"]["containers"],
        json!([{ "name": "web", "image": "nginx:9.9.9" }, { "name": "log", "image": "log:1" }])
    );
    assert_eq!(object(&suite, "ConfigMap/shop/settings").value["data"], json!({ "more": "x" }));
    assert_eq!(
        object(&suite, "Service/shop/web").value["spec"]["ports"],
        json!([{ "name": "http", "port": 80, "targetPort": 8080, "nodePort": 30080 }])
    );
    object(&suite, "ConfigMap/shop/extra");
}

#[test]
fn secrets_come_from_env_files_and_docker() {
    let folder = small();
    folder
        .file(".env", "# a comment\nexport A=plain # not this\nB=\"two\\nlines\"\nC='it''\n".replace("'it''", "'it is'").as_str())
        .file("config.json", r#"{ "auths": { "r.example.com": { "auth": "dTpw" }, "x.example.com": {} }, "credHelpers": {} }"#);
    let mut source = folder.source();
    source.env_secrets = vec![EnvSecret {
        file: folder.path(".env"),
        keys: vec!["A".to_owned(), "B".to_owned()],
        secret: "env".to_owned(),
        ..EnvSecret::default()
    }];
    source.docker_secrets = vec![DockerSecret {
        file: folder.path("config.json"),
        registries: vec!["r.example.com".to_owned()],
        secret: "pull".to_owned(),
        namespaces: vec!["shop".to_owned()],
    }];
    let suite = Suite::load(&source).unwrap();
    assert_eq!(
        object(&suite, "Secret/shop/env").value["data"],
        json!({ "A": "cGxhaW4=", "B": "dHdvCmxpbmVz" })
    );
    let pull = object(&suite, "Secret/shop/pull");
    assert_eq!(pull.value["type"], "kubernetes.io/dockerconfigjson");
    assert_eq!(
        pull.value["data"][".dockerconfigjson"],
        "eyJhdXRocyI6eyJyLmV4YW1wbGUuY29tIjp7ImF1dGgiOiJkVHB3In19fQ=="
    );
    assert!(!format!("{suite:?}").contains("cGxhaW4="), "Debug shows no secret");
}

#[test]
fn the_digest_is_of_the_content_and_rendering_masks_secrets() {
    let folder = small();
    let suite = folder.load();
    let text = fs::read_to_string(folder.path("base/config.yaml")).unwrap();
    folder.file("base/config.yaml", &format!("# moved\n\n{text}"));
    assert_eq!(folder.load().digest(), suite.digest());
    folder.file("base/config.yaml", &text.replace("level: info", "level: debug"));
    assert_ne!(folder.load().digest(), suite.digest());
    // The digest is kept where more people can read than in the Secret: nothing of it is in there.
    folder.file("base/config.yaml", &text.replace("hush", "hash"));
    assert_eq!(folder.load().digest(), suite.digest());

    let (masked, plain) = (folder.path("masked"), folder.path("plain"));
    suite.render_to(&masked, Reveal::Masked).unwrap();
    suite.render_to(&plain, Reveal::Plain).unwrap();
    let read =
        |root: &std::path::Path| fs::read_to_string(root.join("shop/secret-keys.yaml")).unwrap();
    assert!(read(&masked).contains("key: hmac-sha256:") && !read(&masked).contains("aHVzaA=="));
    // Who guesses the value can't see from a render that the guess is right.
    let plain_hash = hex::encode(sha2::Sha256::digest(b"hush"));
    assert!(!read(&masked).contains(&plain_hash));
    assert!(read(&plain).contains("key: aHVzaA=="));
    let mode = fs::metadata(plain.join("shop/secret-keys.yaml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(masked.join("_cluster/namespace-shop.yaml").exists());
    assert!(masked.join("shop/apps-deployment-web.yaml").exists());
}

#[test]
fn namespaces_are_made_on_request() {
    let folder = Folder::new();
    folder.file(
        "base/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: fresh }\n",
    );
    let mut source = folder.source();
    source.create_namespaces = true;
    let suite = Suite::load(&source).unwrap();
    object(&suite, "Namespace/fresh");
}

/// JSON values of a few levels, as manifests have them (no nulls: these take away).
fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (0..100_i64).prop_map(Value::from),
        "[a-z]{0,6}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,5}", inner, 0..4).prop_map(|m| json!(m)),
        ]
    })
}

fn with_data(base: &Value, overlay: Option<&Value>) -> Value {
    let folder = Folder::new();
    let text = |data: &Value| {
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": data }).to_string()
    };
    folder.file("base/a.json", &text(base));
    let mut source = SuiteSource { variables: BTreeMap::new(), ..folder.source() };
    if let Some(overlay) = overlay {
        folder.file("over/a.json", &text(overlay));
        source.overlay = Some(folder.path("over"));
    }
    Suite::load(&source).unwrap().objects()[0].value["data"].clone()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever a variable holds, a quoted place gets exactly it and nothing else moves.
    #[test]
    fn a_value_cannot_break_out(value in "\\PC{0,24}") {
        let text = format!("{HEAD}data: {{ before: x, it: \"a${{V}}b\", after: y }}\n");
        let suite = config(&text, &[("V", &value)]);
        prop_assert_eq!(
            &object(&suite, "ConfigMap/default/a").value["data"],
            &json!({ "before": "x", "it": format!("a{value}b"), "after": "y" })
        );
    }

    /// A text without `${` comes out as it went in.
    #[test]
    fn text_without_variables_is_left_alone(value in "[^$\\pC\"\\\\]{0,40}") {
        let text = format!("{HEAD}data: {{ it: \"{value}\" }}\n");
        let suite = config(&text, &[]);
        prop_assert_eq!(&object(&suite, "ConfigMap/default/a").value["data"]["it"], &json!(value));
    }

    /// An overlay that says the same changes nothing; one over nothing is itself.
    #[test]
    fn merging_is_idempotent_and_has_a_neutral_element(data in tree()) {
        let base = json!({ "x": data });
        let merged = with_data(&base, Some(&base));
        prop_assert_eq!(&merged, &with_data(&base, None));
        prop_assert_eq!(with_data(&json!({}), Some(&base)), merged);
    }

    /// Applying an overlay twice is applying it once.
    #[test]
    fn merging_twice_is_merging_once(a in tree(), b in tree()) {
        let (a, b) = (json!({ "x": a }), json!({ "x": b }));
        let once = with_data(&a, Some(&b));
        prop_assert_eq!(with_data(&once, Some(&b)), once);
    }
}
