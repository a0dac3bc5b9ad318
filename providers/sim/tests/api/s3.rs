//! S3: presigned URLs, conditional writes, listings, grants.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::Harness;
use crate::signing::presign;

struct Bucket<'a> {
    h: &'a Harness,
    key: (String, String),
}

impl<'a> Bucket<'a> {
    fn of(h: &'a Harness) -> Self {
        let key =
            (h.endpoint.spaces_access_key_id.clone(), h.endpoint.spaces_secret_access_key.clone());
        Self { h, key }
    }

    fn url(&self, method: &str, path: &str, query: &[(&str, &str)]) -> String {
        self.url_at(method, path, query, (0, 600))
    }

    fn url_at(&self, method: &str, path: &str, query: &[(&str, &str)], time: (i64, i64)) -> String {
        let key = (self.key.0.as_str(), self.key.1.as_str());
        presign(&self.h.endpoint.s3, key, method, path, query, time)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
    ) -> (StatusCode, String) {
        let url = self.url(method.as_str(), path, query);
        let response = self.h.client.request(method, url).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    async fn put(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> (StatusCode, String) {
        let mut request = self.h.client.put(self.url("PUT", path, &[])).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }
}

#[tokio::test]
async fn objects() {
    let h = Harness::new().await;
    let b = Bucket::of(&h);
    assert_eq!(b.put("/box-1/a", "x", &[]).await.0, 404);
    assert_eq!(b.call(Method::PUT, "/box-1", &[]).await.0, 200);
    let again = b.call(Method::PUT, "/box-1", &[]).await;
    assert_eq!(again.0, 409);
    assert!(again.1.contains("BucketAlreadyOwnedByYou"), "{}", again.1);
    let taken = b.call(Method::PUT, "/taken-by-others", &[]).await;
    assert!(taken.1.contains("BucketAlreadyExists"), "{}", taken.1);
    assert_eq!(b.call(Method::PUT, "/Bad_Name", &[]).await.0, 400);
    let long = format!("/box-1/artifacts/sha256/{}/{}", "a".repeat(64), "b".repeat(300));
    for path in ["/box-1/nodes/worker-1/x.json", "/box-1/nodes", "/box-1/with space+ü", &long] {
        assert_eq!(
            b.put(path, "hello world", &[("content-type", "text/x")]).await.0,
            200,
            "{path}"
        );
        let (status, body) = b.call(Method::GET, path, &[]).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "hello world"), "{path}");
    }
    let head = h.client.head(b.url("HEAD", "/box-1/nodes", &[])).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], "11");
    assert_eq!(head.headers()["content-type"], "text/x");
    assert_eq!(head.headers()["etag"], "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"");
    let ranged = h
        .client
        .get(b.url("GET", "/box-1/nodes", &[]))
        .header("range", "bytes=6-")
        .send()
        .await
        .unwrap();
    assert_eq!(ranged.status(), 206);
    assert_eq!(ranged.text().await.unwrap(), "world");
    let missing = b.call(Method::GET, "/box-1/none", &[]).await;
    assert_eq!(missing.0, 404);
    assert!(missing.1.contains("<Code>NoSuchKey</Code>"));
    let full = b.call(Method::DELETE, "/box-1", &[]).await;
    assert_eq!(full.0, 409);
    assert!(full.1.contains("BucketNotEmpty"));
    for path in [
        "/box-1/nodes/worker-1/x.json",
        "/box-1/nodes",
        "/box-1/with space+ü",
        &long,
        "/box-1/none",
    ] {
        assert_eq!(b.call(Method::DELETE, path, &[]).await.0, 204, "{path}");
    }
    assert_eq!(b.call(Method::DELETE, "/box-1", &[]).await.0, 204);
    assert_eq!(b.call(Method::HEAD, "/box-1", &[]).await.0, 404);
    // No content is left behind.
    let files = walk(&h.data.join("s3"));
    assert!(files.is_empty(), "{files:?}");
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            files.extend(walk(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}

#[tokio::test]
async fn presigned_urls_expire_and_are_checked() {
    let h = Harness::new().await;
    let b = Bucket::of(&h);
    b.call(Method::PUT, "/box-1", &[]).await;
    b.put("/box-1/a", "x", &[]).await;
    let fetch = |url: String| {
        let client = h.client.clone();
        async move {
            let response = client.get(url).send().await.unwrap();
            (response.status(), response.text().await.unwrap())
        }
    };
    assert_eq!(fetch(b.url_at("GET", "/box-1/a", &[], (50, 60))).await.0, 200);
    let old = fetch(b.url_at("GET", "/box-1/a", &[], (70, 60))).await;
    assert_eq!(old.0, 403);
    assert!(old.1.contains("expired"), "{}", old.1);
    assert_eq!(fetch(b.url("PUT", "/box-1/a", &[])).await.0, 403, "signed for another method");
    let other = b.url("GET", "/box-1/a", &[]).replace("/box-1/a?", "/box-1/b?");
    assert_eq!(fetch(other).await.0, 403, "signed for another key");
    assert_eq!(fetch(format!("{}/box-1/a", h.endpoint.s3)).await.0, 403, "not signed");
}

#[tokio::test]
async fn conditional_writes() {
    let h = Harness::new().await;
    let b = Bucket::of(&h);
    b.call(Method::PUT, "/box-1", &[]).await;
    let only_new = [("if-none-match", "*")];
    assert_eq!(b.put("/box-1/lock", "first", &only_new).await.0, 200);
    let second = b.put("/box-1/lock", "second", &only_new).await;
    assert_eq!(second.0, 412);
    assert!(second.1.contains("PreconditionFailed"));
    assert_eq!(b.call(Method::GET, "/box-1/lock", &[]).await.1, "first");
    let etag = "\"8b04d5e3775d298e78455efc5ca404d5\"";
    assert_eq!(b.put("/box-1/lock", "third", &[("if-match", "\"no\"")]).await.0, 412);
    assert_eq!(b.put("/box-1/lock", "third", &[("if-match", etag)]).await.0, 200);
    // Many at the same time: exactly one wins.
    let url = b.url("PUT", "/box-1/race", &[]);
    let racers = (0..20).map(|i| {
        let request = h.client.put(&url).header("if-none-match", "*").body(format!("racer {i}"));
        async move { request.send().await.unwrap().status() }
    });
    let results = futures::future::join_all(racers).await;
    assert_eq!(results.iter().filter(|s| **s == 200).count(), 1, "{results:?}");
    assert_eq!(results.iter().filter(|s| **s == 412).count(), 19);
}

#[tokio::test]
async fn listings() {
    let h = Harness::new().await;
    let b = Bucket::of(&h);
    b.call(Method::PUT, "/box-1", &[]).await;
    for key in ["a/1", "a/2", "b/1", "c", "a.txt"] {
        b.put(&format!("/box-1/{key}"), "x", &[]).await;
    }
    let list = |query: Vec<(&'static str, &'static str)>| {
        let b = &b;
        async move {
            let mut all = vec![("list-type", "2")];
            all.extend(query);
            let (status, body) = b.call(Method::GET, "/box-1", &all).await;
            assert_eq!(status, 200, "{body}");
            let keys = |tag: &str| -> Vec<String> {
                body.split(&format!("<{tag}>"))
                    .skip(1)
                    .map(|p| p.split('<').next().unwrap().to_owned())
                    .collect()
            };
            (keys("Key"), body.clone())
        }
    };
    assert_eq!(list(vec![]).await.0, ["a.txt", "a/1", "a/2", "b/1", "c"]);
    assert_eq!(list(vec![("prefix", "a/")]).await.0, ["a/1", "a/2"]);
    let (keys, body) = list(vec![("delimiter", "/")]).await;
    assert_eq!(keys, ["a.txt", "c"]);
    assert!(body.contains("<Prefix>a/</Prefix>") && body.contains("<Prefix>b/</Prefix>"));
    assert!(body.contains("9dd4e461268c8034f5c8564e155c67a6"), "ETags are listed");
    let (keys, body) = list(vec![("max-keys", "2")]).await;
    assert_eq!(keys, ["a.txt", "a/1"]);
    assert!(body.contains("<NextContinuationToken>a/1</NextContinuationToken>"));
    let (keys, _) = list(vec![("max-keys", "3"), ("continuation-token", "a/1")]).await;
    assert_eq!(keys, ["a/2", "b/1", "c"]);
    h.post("/sim/faults", json!({ "api": "s3", "effect": "small_pages" })).await.ok(201);
    let (keys, body) = list(vec![]).await;
    assert_eq!(keys, ["a.txt", "a/1"]);
    assert!(body.contains("<IsTruncated>true</IsTruncated>"), "{body}");
}

#[tokio::test]
async fn grants() {
    let h = Harness::new().await;
    let owner = Bucket::of(&h);
    for bucket in ["/box-1", "/box-2"] {
        owner.call(Method::PUT, bucket, &[]).await;
    }
    owner.put("/box-1/a", "x", &[]).await;
    let body = json!({ "name": "reader", "grants": [{ "bucket": "box-1", "permission": "read" }] });
    let key = h.post("/v2/spaces/keys", body).await.ok(201);
    let text = |f: &str| key["key"][f].as_str().unwrap().to_owned();
    let reader = Bucket { h: &h, key: (text("access_key"), text("secret_key")) };
    assert_eq!(reader.call(Method::GET, "/box-1/a", &[]).await.0, 200);
    assert_eq!(reader.put("/box-1/a", "y", &[]).await.0, 403);
    assert_eq!(reader.call(Method::GET, "/box-2", &[("list-type", "2")]).await.0, 403);
    assert_eq!(reader.call(Method::PUT, "/box-3", &[]).await.0, 403);
    let stranger = Bucket { h: &h, key: ("NOBODY".to_owned(), "x".to_owned()) };
    assert_eq!(stranger.call(Method::GET, "/box-1/a", &[]).await.0, 403);
}

#[tokio::test]
async fn faults_and_restart() {
    let h = Harness::new().await;
    let b = Bucket::of(&h);
    b.call(Method::PUT, "/box-1", &[]).await;
    let fault = json!({ "api": "s3", "method": "PUT", "path_glob": "/box-1/*", "effect": "503", "count": 1 });
    h.post("/sim/faults", fault).await.ok(201);
    let first = b.put("/box-1/a", "kept", &[]).await;
    assert_eq!(first.0, 503);
    assert!(first.1.contains("SlowDown"));
    assert_eq!(b.put("/box-1/a", "kept", &[("x-amz-meta-who", "me")]).await.0, 200);
    let inventory = h.get("/sim/inventory").await.ok(200);
    assert_eq!(inventory["buckets"], json!([{ "name": "box-1", "objects": 1 }]));
    let (_dir, data) = h.stop().await;
    let torn = data.join("s3/00/half-written");
    std::fs::create_dir_all(torn.parent().unwrap()).unwrap();
    std::fs::write(&torn, "half").unwrap();
    let h = Harness::over(data).await;
    assert!(!torn.exists());
    let b = Bucket::of(&h);
    let kept = h.client.get(b.url("GET", "/box-1/a", &[])).send().await.unwrap();
    assert_eq!(kept.headers()["x-amz-meta-who"], "me");
    assert_eq!(kept.text().await.unwrap(), "kept");
    h.stop().await;
}
