//! The bucket against an S3 server on loopback.

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use infra_object_store::{BucketState, Condition, ObjectStore, StoreError};
use secrecy::ExposeSecret;
use support::*;

#[tokio::test]
async fn objects_over_tls_with_the_stores_own_authority() {
    let store = Store::start(true).await;
    let bucket = store.settings().bucket("demo-bucket").unwrap();
    assert_eq!(bucket.state().await.unwrap(), BucketState::Absent);
    assert!(matches!(bucket.list("").await, Err(StoreError::NotFound { .. })));
    bucket.create().await.unwrap();
    bucket.create().await.unwrap();
    assert_eq!(bucket.state().await.unwrap(), BucketState::Present);

    bucket.put("a/one", "first").await.unwrap();
    bucket.put("a/two", "second!").await.unwrap();
    bucket.put("b", "").await.unwrap();
    assert_eq!(bucket.get("a/one").await.unwrap(), "first");
    assert_eq!(bucket.head("a/two").await.unwrap().unwrap().size, 7);
    assert_eq!(bucket.head("a/none").await.unwrap(), None);
    assert_eq!(bucket.get_optional("a/none").await.unwrap(), None);
    let keys: Vec<_> =
        bucket.list("a/").await.unwrap().into_iter().map(|o| (o.key, o.size)).collect();
    assert_eq!(keys, [("a/one".to_string(), 5), ("a/two".to_string(), 7)]);

    assert_eq!(bucket.put_if("a/one", "other", &Condition::Absent).await.unwrap(), None);
    assert!(bucket.put_if("a/three", "new", &Condition::Absent).await.unwrap().is_some());
    assert_eq!(bucket.get("a/one").await.unwrap(), "first");

    bucket.delete("a/one").await.unwrap();
    bucket.delete("a/one").await.unwrap();
    assert_eq!(bucket.delete_prefix("").await.unwrap(), 3);
    bucket.delete_bucket().await.unwrap();
    bucket.delete_bucket().await.unwrap();

    let strangers = ObjectStore { ca_pem: None, ..store.settings() };
    let error = strangers.bucket("demo-bucket").unwrap().state().await.unwrap_err();
    assert!(error.is_transient(), "an unknown authority is refused: {error}");
}

#[tokio::test]
async fn listing_goes_over_all_pages() {
    let store = Store::start(false).await;
    let bucket = store.bucket("pages").await;
    for n in 0..1100 {
        std::fs::create_dir_all(store.dir.path().join("pages/n")).unwrap();
        std::fs::write(store.dir.path().join(format!("pages/n/{n:05}")), "x").unwrap();
    }
    assert_eq!(bucket.list("n/").await.unwrap().len(), 1100);
}

#[tokio::test]
async fn presigned_urls_do_their_one_thing() {
    let store = Store::start(false).await;
    let bucket = store.bucket("urls").await;
    let (hour, http) = (Duration::from_secs(3600), reqwest::Client::new());
    bucket.put("x", "body").await.unwrap();
    let get = bucket.presign_get("x", hour).await.unwrap();
    assert!(!format!("{get:?}").contains("Signature"));
    let get = get.expose_secret();
    assert_eq!(http.get(get).send().await.unwrap().text().await.unwrap(), "body");
    assert_eq!(http.delete(get).send().await.unwrap().status(), 403, "a GET URL deletes nothing");
    let put = bucket.presign_put("status/n.json", hour).await.unwrap();
    assert!(http.put(put.expose_secret()).body("{}").send().await.unwrap().status().is_success());
    assert_eq!(bucket.get("status/n.json").await.unwrap(), "{}");
    let delete = bucket.presign_delete("x", hour).await.unwrap();
    assert!(http.delete(delete.expose_secret()).send().await.unwrap().status().is_success());
    assert_eq!(bucket.head("x").await.unwrap(), None);
    assert!(bucket.presign_get("x", Duration::from_secs(8 * 86_400)).await.is_err());
}

#[tokio::test]
async fn a_large_file_goes_in_parts() {
    let store = Store::start(false).await;
    let bucket = store.bucket("large").await;
    let file = store.dir.path().join("file");
    let bytes: Vec<u8> = (0..12_000_000u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(&file, &bytes).unwrap();
    let heard = AtomicU64::new(0);
    let hear = |n: u64| {
        heard.fetch_add(n, Ordering::Relaxed);
    };
    let sent = bucket.put_file_in_parts("big", &file, 5 << 20, &hear).await.unwrap();
    assert_eq!((sent, heard.load(Ordering::Relaxed)), (12_000_000, 12_000_000));
    assert_eq!(bucket.get("big").await.unwrap(), bytes);
    assert_eq!(bucket.put_file("small", &file, &hear).await.unwrap(), 12_000_000);
    assert_eq!(bucket.head("small").await.unwrap().unwrap().size, 12_000_000);
}

#[tokio::test]
async fn errors_are_typed_and_hold_no_secret() {
    let store = Store::start(false).await;
    let bucket = store.bucket("errors").await;
    let error = bucket.get("missing").await.unwrap_err();
    assert!(error.to_string().starts_with("s3://errors/missing does not exist"), "{error}");

    let wrong = ObjectStore { secret: "wrong-secret-value".into(), ..store.settings() };
    let error = wrong.bucket("errors").unwrap().put("k", "v").await.unwrap_err();
    assert!(matches!(error, StoreError::AccessDenied { .. }), "{error}");
    assert!(error.to_string().contains("access denied: write s3://errors/k"), "{error}");
    assert!(!format!("{error} {error:?} {wrong:?}").contains("wrong-secret-value"));
    let state = wrong.bucket("errors").unwrap().state().await.unwrap();
    assert_eq!(state, BucketState::Foreign);

    // A port nobody listens on.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = format!("http://127.0.0.1:{free}").parse().ok();
    let gone = ObjectStore { endpoint, ..store.settings() };
    let error = gone.bucket("errors").unwrap().get("k").await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(
        error.to_string().starts_with("cannot read s3://errors/k: the store is unavailable"),
        "{error}"
    );
    assert!(!error.to_string().contains('\n'));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let settings = |endpoint: &str| ObjectStore {
        endpoint: Some(endpoint.parse().unwrap()),
        region: "fra1".into(),
        access_key: KEY.into(),
        secret: SECRET.into(),
        session_token: None,
        chain: None,
        ca_pem: None,
        path_style: false,
        owner: None,
    };
    let error = settings("http://spaces.example.com").bucket("b").unwrap_err();
    assert_eq!(
        error.to_string(),
        "object store settings: spaces.example.com is not an https URL; http is taken for loopback only"
    );
    assert!(settings("https://fra1.example.com").bucket("b").is_ok());
    assert!(
        ObjectStore { ca_pem: Some(b"no".to_vec()), ..settings("https://x.example.com") }
            .bucket("b")
            .is_err()
    );
    assert!(
        ObjectStore { secret: "".into(), ..settings("https://x.example.com") }.bucket("b").is_err()
    );
}
