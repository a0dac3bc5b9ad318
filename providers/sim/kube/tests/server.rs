//! Who may, what is kept, what watches see, and how faults show: over plain HTTP.

mod common;

use std::sync::{Arc, Mutex};

use common::{OneFault, Served};
use infra_sim_kube::{FaultEffect, Resource, SecretKeys, Store};
use serde_json::{Value, json};

fn config(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"n": name}}})
}

const CONFIGS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test]
async fn anonymous_users_see_little_and_bad_tokens_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path()).await;
    let anonymous = served.anonymous();
    let get = async |client: &reqwest::Client, path: &str| {
        client.get(format!("{}{path}", served.url)).send().await.unwrap()
    };
    for path in ["/healthz", "/livez", "/readyz", "/version"] {
        assert_eq!(get(&anonymous, path).await.status(), 200, "{path}");
    }
    let refused = get(&anonymous, "/api/v1/nodes").await;
    assert_eq!(refused.status(), 403);
    let status: Value = refused.json().await.unwrap();
    assert_eq!(
        status["message"],
        "nodes is forbidden: User \"system:anonymous\" cannot list resource \"nodes\" in API group \"\" at the cluster scope"
    );
    let bad = anonymous
        .get(format!("{}/version", served.url))
        .bearer_auth("nonsense")
        .send()
        .await
        .unwrap();
    assert_eq!(bad.status(), 401);
    assert_eq!(bad.json::<Value>().await.unwrap()["reason"], "Unauthorized");
    // cluster-info is what a joining node reads first.
    let info = "/api/v1/namespaces/kube-public/configmaps/cluster-info";
    assert_eq!(get(&anonymous, info).await.status(), 404);
    assert_eq!(get(&served.client("admin", "system:masters"), "/api/v1/nodes").await.status(), 200);
    assert_eq!(get(&served.client("someone", "nobody"), "/api/v1/nodes").await.status(), 403);
    assert_eq!(get(&served.client("someone", "nobody"), "/apis").await.status(), 200);
}

#[tokio::test]
async fn who_may_impersonate_acts_as_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path()).await;
    let admin = served.client("admin", "system:masters");
    let list = async |client: &reqwest::Client, headers: &[(&str, &str)]| {
        let mut request = client.get(format!("{}/api/v1/nodes", served.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let account = "system:serviceaccount:default:default";
    let (code, status) = list(&admin, &[("Impersonate-User", account)]).await;
    assert_eq!(code, 403, "the other's rights count, not one's own");
    assert!(status["message"].as_str().unwrap().contains(account), "{status}");
    let as_master = [("Impersonate-User", "jane"), ("Impersonate-Group", "system:masters")];
    assert_eq!(list(&admin, &as_master).await.0, 200);
    let (code, status) = list(&served.client("someone", "nobody"), &as_master).await;
    assert_eq!(code, 403);
    assert!(status["message"].as_str().unwrap().contains("cannot impersonate"), "{status}");
    assert_eq!(list(&admin, &[("Impersonate-Group", "system:masters")]).await.0, 400);
}

#[tokio::test]
async fn bootstrap_tokens_are_believed_until_they_expire() {
    use base64::Engine;
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path()).await;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let secret = |expiration: &str| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
            "metadata": {"name": "bootstrap-token-abcdef", "namespace": "kube-system"},
            "data": {"token-id": encode("abcdef"), "token-secret": encode("0123456789abcdef"),
                "usage-bootstrap-authentication": encode("true"), "expiration": encode(expiration),
                "auth-extra-groups": encode("system:bootstrappers:kubeadm:default-node-token")},
        })
    };
    let secrets = Resource::core("secrets");
    let ask = async || {
        let url = format!("{}/api/v1/nodes/worker-1", served.url);
        served
            .anonymous()
            .get(url)
            .bearer_auth("abcdef.0123456789abcdef")
            .send()
            .await
            .unwrap()
            .status()
    };
    assert_eq!(ask().await, 401);
    served.cluster.store().create(&secrets, secret("2099-01-01T00:00:00Z")).unwrap();
    assert_eq!(ask().await, 404);
    served.cluster.store().update(&secrets, secret("2020-01-01T00:00:00Z")).unwrap();
    assert_eq!(ask().await, 401);
}

#[tokio::test]
async fn objects_and_their_revision_survive_and_a_torn_tail_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let configs = Resource::core("configmaps");
    let revision = {
        let served = Served::start(dir.path()).await;
        let store = served.cluster.store();
        for name in ["a", "b"] {
            let mut object = config(name);
            object["metadata"]["namespace"] = json!("default");
            store.create(&configs, object).unwrap();
        }
        store.delete(&configs, Some("default"), "b").unwrap();
        served.stop.cancel();
        store.revision()
    };
    let log = dir.path().join("kube/objects.log");
    let mut bytes = std::fs::read(&log).unwrap();
    bytes.extend(b"0123456789abcdef {\"rv\":999,\"gro");
    std::fs::write(&log, bytes).unwrap();
    let store = Store::open(&dir.path().join("kube")).unwrap();
    assert_eq!(store.revision(), revision);
    assert!(store.get(&configs, Some("default"), "a").is_some());
    assert!(store.get(&configs, Some("default"), "b").is_none());
    // Changes from before the restart are forgotten, as after a compaction.
    assert!(store.watch(&configs, revision - 1).next().await.is_err());
}

/// The next events of a watch.
async fn events(mut response: reqwest::Response, count: usize) -> Vec<Value> {
    let (mut text, mut out) = (String::new(), Vec::new());
    while out.len() < count {
        let Some(bytes) = response.chunk().await.unwrap() else { break };
        text.push_str(std::str::from_utf8(&bytes).unwrap());
        while let Some((line, rest)) = text.split_once('\n') {
            out.push(serde_json::from_str(line).unwrap());
            text = rest.to_owned();
        }
    }
    out
}

#[tokio::test]
async fn watches_begin_with_what_is_there_or_where_they_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path()).await;
    let admin = served.client("admin", "system:masters");
    let url = format!("{}{CONFIGS}", served.url);
    for name in ["a", "b"] {
        assert_eq!(admin.post(&url).json(&config(name)).send().await.unwrap().status(), 201);
    }
    let kinds = |events: &[Value]| -> Vec<String> {
        events
            .iter()
            .map(|e| {
                format!(
                    "{} {}",
                    e["type"].as_str().unwrap(),
                    e["object"]["metadata"]["name"].as_str().unwrap_or("-")
                )
            })
            .collect()
    };
    let watch =
        async |query: &str| admin.get(format!("{url}?watch=1&{query}")).send().await.unwrap();
    let found = events(
        watch("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true")
            .await,
        3,
    )
    .await;
    assert_eq!(kinds(&found), ["ADDED a", "ADDED b", "BOOKMARK -"]);
    assert_eq!(found[2]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    let list: Value = admin.get(&url).send().await.unwrap().json().await.unwrap();
    let rv = list["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let stream = watch(&format!("resourceVersion={rv}&labelSelector=n=a")).await;
    // Leaving the selector is a deletion, coming back an addition.
    for label in ["x", "a"] {
        let patch = json!({"metadata": {"labels": {"n": label}}});
        let sent = admin
            .patch(format!("{url}/a"))
            .header("content-type", "application/merge-patch+json")
            .json(&patch);
        assert_eq!(sent.send().await.unwrap().status(), 200);
    }
    assert_eq!(kinds(&events(stream, 2).await), ["DELETED a", "ADDED a"]);
    let old = events(watch("resourceVersion=1").await, 4).await;
    assert_eq!(old[0]["type"], "ADDED");
    let ended = watch(&format!("resourceVersion={rv}&timeoutSeconds=1&labelSelector=n=none")).await;
    assert!(events(ended, 9).await.is_empty());
}

#[tokio::test]
async fn lists_come_in_pages_by_selectors_and_as_metadata() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path()).await;
    let admin = served.client("admin", "system:masters");
    let url = format!("{}{CONFIGS}", served.url);
    for index in 0..5 {
        admin.post(&url).json(&config(&format!("c{index}"))).send().await.unwrap();
    }
    let get = async |query: &str| -> Value {
        admin.get(format!("{url}?{query}")).send().await.unwrap().json().await.unwrap()
    };
    let (mut names, mut token) = (Vec::new(), String::new());
    loop {
        let page = get(&format!("limit=2&continue={token}")).await;
        names.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|o| o["metadata"]["name"].as_str().unwrap().to_owned()),
        );
        match page["metadata"]["continue"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(names, ["c0", "c1", "c2", "c3", "c4"]);
    assert_eq!(get("labelSelector=n%20in%20(c1,c3)").await["items"].as_array().unwrap().len(), 2);
    assert_eq!(get("fieldSelector=metadata.name%3Dc1").await["items"].as_array().unwrap().len(), 1);
    assert_eq!(get("fieldSelector=spec.color%3Dred").await["reason"], "BadRequest");
    let metadata = admin
        .get(&url)
        .header("accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1");
    let metadata: Value = metadata.send().await.unwrap().json().await.unwrap();
    assert_eq!(metadata["kind"], "PartialObjectMetadataList");
}

#[tokio::test]
async fn writes_with_an_old_revision_conflict_and_dry_runs_keep_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path()).await;
    let admin = served.client("admin", "system:masters");
    let url = format!("{}{CONFIGS}", served.url);
    let dry = admin.post(format!("{url}?dryRun=All")).json(&config("a")).send().await.unwrap();
    assert_eq!(dry.status(), 201);
    assert_eq!(admin.get(format!("{url}/a")).send().await.unwrap().status(), 404);
    let made: Value =
        admin.post(&url).json(&config("a")).send().await.unwrap().json().await.unwrap();
    let mut first = made.clone();
    first["data"] = json!({"a": "1"});
    assert_eq!(admin.put(format!("{url}/a")).json(&first).send().await.unwrap().status(), 200);
    let mut second = made;
    second["data"] = json!({"a": "2"});
    let refused = admin.put(format!("{url}/a")).json(&second).send().await.unwrap();
    assert_eq!(refused.status(), 409);
    assert_eq!(refused.json::<Value>().await.unwrap()["reason"], "Conflict");
    // An update takes a UID for a precondition, and a patch for a field that cannot change.
    second["metadata"]["uid"] = json!("other");
    assert_eq!(admin.put(format!("{url}/a")).json(&second).send().await.unwrap().status(), 409);
    let patch = json!({"metadata": {"uid": "other"}}).to_string();
    let patched = admin
        .patch(format!("{url}/a"))
        .header("content-type", "application/merge-patch+json")
        .body(patch);
    let refused = patched.send().await.unwrap();
    assert_eq!(refused.status(), 422);
    let refused = refused.json::<Value>().await.unwrap();
    assert_eq!(refused["details"]["causes"][0]["field"], "metadata.uid", "{refused}");
    let wrong = json!({"preconditions": {"uid": "other"}});
    assert_eq!(admin.delete(format!("{url}/a")).json(&wrong).send().await.unwrap().status(), 409);
    assert_eq!(admin.delete(format!("{url}/a")).send().await.unwrap().status(), 200);
    let large = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "l"}, "data": {"a": "x".repeat(1_100_000)}});
    assert_eq!(admin.post(&url).json(&large).send().await.unwrap().status(), 422);
}

#[tokio::test]
async fn a_terminating_namespace_takes_nothing_new() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path()).await;
    let admin = served.client("admin", "system:masters");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}});
    let url = format!("{}/api/v1/namespaces", served.url);
    assert_eq!(admin.post(&url).json(&namespace).send().await.unwrap().status(), 201);
    let gone: Value = admin.delete(format!("{url}/n")).send().await.unwrap().json().await.unwrap();
    assert_eq!(gone["status"]["phase"], "Terminating");
    let refused =
        admin.post(format!("{url}/n/configmaps")).json(&config("a")).send().await.unwrap();
    assert_eq!(refused.status(), 403);
    let status: Value = refused.json().await.unwrap();
    assert_eq!(status["details"]["causes"][0]["reason"], "NamespaceTerminating");
    // The last finalizer lets it go.
    let mut done = gone;
    done["spec"]["finalizers"] = json!([]);
    assert_eq!(
        admin.put(format!("{url}/n/finalize")).json(&done).send().await.unwrap().status(),
        200
    );
    assert_eq!(admin.get(format!("{url}/n")).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn faults_show_before_and_after_the_effect() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Arc::new(OneFault(Mutex::new(None)));
    let served = Served::with_faults(dir.path(), faults.clone()).await;
    let admin = served.client("admin", "system:masters");
    let url = format!("{}{CONFIGS}", served.url);
    let set = |effect| *faults.0.lock().unwrap() = Some((CONFIGS.to_owned(), effect));
    set(FaultEffect::Status { code: 429, retry_after_s: Some(3) });
    let refused = admin.post(&url).json(&config("a")).send().await.unwrap();
    assert_eq!(
        (refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()),
        (429, "3")
    );
    set(FaultEffect::ResetBefore);
    assert!(admin.post(&url).json(&config("a")).send().await.is_err());
    assert_eq!(admin.get(format!("{url}/a")).send().await.unwrap().status(), 404);
    set(FaultEffect::ResetAfter);
    assert!(admin.post(&url).json(&config("a")).send().await.is_err());
    assert_eq!(admin.get(format!("{url}/a")).send().await.unwrap().status(), 200);
    set(FaultEffect::StaleList);
    let list: Value = admin.get(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 0);
    admin.post(&url).json(&config("b")).send().await.unwrap();
    admin.post(&url).json(&config("c")).send().await.unwrap();
    for (asked, shown, goes_on) in [("?limit=500", 2, true), ("?limit=1", 1, true), ("", 3, false)]
    {
        set(FaultEffect::SmallPages);
        let list: Value =
            admin.get(format!("{url}{asked}")).send().await.unwrap().json().await.unwrap();
        assert_eq!(list["items"].as_array().unwrap().len(), shown, "{asked}");
        assert_eq!(list["metadata"]["continue"].is_string(), goes_on, "{asked}");
    }
    set(FaultEffect::Truncate);
    assert!(admin.get(&url).send().await.unwrap().bytes().await.is_err());
    set(FaultEffect::NotJson);
    assert!(admin.get(&url).send().await.unwrap().json::<Value>().await.is_err());
}

#[tokio::test]
async fn an_api_server_reads_the_secrets_whose_keys_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path()).await;
    let serve = async |keys: SecretKeys| {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let (cert, key) = served.pki.server();
        let (cluster, stop) = (served.cluster.clone(), served.stop.clone());
        tokio::spawn(
            async move { cluster.serve(listener, &cert, &key, &keys, stop).await.unwrap() },
        );
        url
    };
    let old = serve(SecretKeys::default().then_key("key1", &[1; 32]).then_plain()).await;
    let both = SecretKeys::default().then_key("key2", &[2; 32]).then_key("key1", &[1; 32]);
    let both = serve(both).await;
    let admin = served.client("admin", "system:masters");
    let secrets = "/api/v1/namespaces/default/secrets";
    let at = |url: &str, name: &str| format!("{url}{secrets}{name}");
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
        "stringData": {"a": "b"}});
    let ask = async |url: String| -> (u16, Value) {
        let answer = admin.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    };
    let made = admin.post(at(&old, "")).json(&secret).send().await.unwrap();
    assert_eq!(made.status(), 201);
    assert_eq!(ask(at(&both, "/s")).await.0, 200);
    // One without any key, as it was started first.
    let (code, status) = ask(at(&served.url, "/s")).await;
    let why = "identity transformer tried to read encrypted data";
    assert_eq!((code, &status["reason"]), (500, &json!("InternalError")));
    assert_eq!(status["message"], format!("Internal error occurred: {why}"));

    // Written again as it is, it is written with the key of now.
    let (_, there) = ask(at(&both, "/s")).await;
    let again = admin.put(at(&both, "/s")).json(&there).send().await.unwrap();
    assert_eq!(again.status(), 200);
    let (code, status) = ask(at(&old, "")).await;
    let why = "no matching key was found for the provided Secretbox transformer";
    let key = "unable to transform key \"/registry/secrets/default/s\"";
    assert_eq!(
        (code, status["message"].as_str().unwrap()),
        (500, &*format!("Internal error occurred: {key}: {why}"))
    );
    assert_eq!(admin.delete(at(&old, "/s")).send().await.unwrap().status(), 500);
    assert_eq!(ask(at(&both, "/s")).await.0, 200);

    // It is known after a restart, too.
    served.stop.cancel();
    let text = std::fs::read_to_string(dir.path().join("kube/objects.log")).unwrap();
    let last = text.lines().rfind(|line| line.contains("\"secrets\"")).unwrap();
    assert!(last.contains("\"seal\":\"key2:"), "{last}");
}

#[tokio::test]
async fn several_api_servers_of_a_cluster_share_tokens_and_addresses() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path()).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let second = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let (cert, key) = served.pki.server();
    let (cluster, stop) = (served.cluster.clone(), served.stop.clone());
    tokio::spawn(async move {
        cluster.serve(listener, &cert, &key, &Default::default(), stop).await.unwrap();
    });
    let admin = served.client("admin", "system:masters");
    let service = |index: usize| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": format!("s{index}")},
            "spec": {"type": "NodePort", "ports": [{"port": 80}]}})
    };
    let creates = (0..30).map(|index| {
        let url = if index % 2 == 0 { &served.url } else { &second };
        let sent =
            admin.post(format!("{url}/api/v1/namespaces/default/services")).json(&service(index));
        async move { sent.send().await.unwrap().json::<Value>().await.unwrap() }
    });
    let made = futures::future::join_all(creates).await;
    let distinct = |pointer: &str| {
        let all: std::collections::BTreeSet<String> =
            made.iter().map(|s| s.pointer(pointer).unwrap().to_string()).collect();
        all.len()
    };
    assert_eq!((distinct("/spec/clusterIP"), distinct("/spec/ports/0/nodePort")), (30, 30));
    let accounts = format!("{}/api/v1/namespaces/default/serviceaccounts", served.url);
    let account =
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bob"}});
    admin.post(&accounts).json(&account).send().await.unwrap();
    let request = admin.post(format!("{accounts}/bob/token")).json(&json!({"spec": {}}));
    let token: Value = request.send().await.unwrap().json().await.unwrap();
    let token = token["status"]["token"].as_str().unwrap().to_owned();
    let ask = async || {
        let asked = served.anonymous().get(format!("{second}/apis")).bearer_auth(&token);
        asked.send().await.unwrap().status()
    };
    assert_eq!(ask().await, 200);
    admin.delete(format!("{accounts}/bob")).send().await.unwrap();
    assert_eq!(ask().await, 401);
}
