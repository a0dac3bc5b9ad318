//! What GKE refuses.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::client::{Google, REGION, spec};

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_is_refused_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let google = Google::start(dir.path()).await;
    let path = google.gke(&format!("{REGION}/clusters"));
    let with = |field: &str, value: serde_json::Value| {
        let mut spec = spec("bad", 1);
        spec[field] = value;
        json!({"cluster": spec})
    };
    let pool = |field: &str, value: serde_json::Value| {
        let mut spec = spec("bad", 1);
        spec["nodePools"][0]["config"][field] = value;
        json!({"cluster": spec})
    };
    for (body, part) in [
        (with("name", json!("Bad")), "Must be a match of regex"),
        (with("name", json!("a-name-that-is-longer-than-forty-characters")), "regex"),
        (with("initialNodeCount", json!(3)), "must not be set"),
        (with("initialClusterVersion", json!("1.20")), "is not valid for release channel"),
        (with("network", json!("nowhere")), "does not exist"),
        (with("locations", json!(["us-central1-a"])), "is not a zone of region"),
        (with("nodepols", json!([])), "Unknown name \"nodepols\" at 'cluster'"),
        (pool("machineType", json!("e9-standard-2")), "Machine type with name"),
        (pool("serviceAccount", json!("a@b.iam.gserviceaccount.com")), "Service account"),
        (pool("diskSizeGb", json!("many")), "cluster.node_pools[0].config.disk_size_gb"),
    ] {
        let refused = google.refused(Method::POST, &path, body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{part}");
        assert!(refused.message().contains(part), "{}", refused.message());
    }
    let missing = google.try_call(Method::GET, &format!("{path}/none"), None).await.unwrap_err();
    let project = &google.endpoint.gcp.project;
    assert_eq!(
        missing.message(),
        format!("Not found: projects/{project}/locations/{REGION}/clusters/none.")
    );
    let zonal = google.gke("europe-west1-b/clusters/none");
    let missing = google.try_call(Method::GET, &zonal, None).await.unwrap_err();
    assert_eq!(
        missing.message(),
        format!("Not found: projects/{project}/zones/europe-west1-b/clusters/none.")
    );
    google.set("limits", json!({"gcp_cpus": 5})).await;
    let short = google.refused(Method::POST, &path, json!({"cluster": spec("bad", 1)})).await;
    assert_eq!(short.status, StatusCode::FORBIDDEN);
    assert_eq!(short.error["status"], "PERMISSION_DENIED");
    assert!(short.message().starts_with("Insufficient regional quota"), "{}", short.message());
    google.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_are_one_wish_a_call() {
    let dir = tempfile::tempdir().unwrap();
    let google = Google::start(dir.path()).await;
    google.cluster("one", 0).await;
    let path = google.gke(&format!("{REGION}/clusters/one"));
    let again = google
        .refused(
            Method::POST,
            &google.gke(&format!("{REGION}/clusters")),
            json!({"cluster": spec("one", 0)}),
        )
        .await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(again.error["status"], "ALREADY_EXISTS");
    let two = json!({"update": {"desiredLocations": ["europe-west1-b"],
        "desiredReleaseChannel": {"channel": 3}}});
    let refused = google.refused(Method::PUT, &path, two).await;
    assert!(refused.message().contains("At most one field"), "{}", refused.message());
    let none = google.refused(Method::PUT, &path, json!({"update": {}})).await;
    assert!(none.message().contains("Must specify a field"), "{}", none.message());
    let stale = json!({"update": {"desiredReleaseChannel": {"channel": 3}, "etag": "AAAA"}});
    let refused = google.refused(Method::PUT, &path, stale).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.error["status"], "ABORTED");
    let etag = google.get(&path).await["etag"].clone();
    let fresh = json!({"update": {"desiredReleaseChannel": {"channel": 3}, "etag": etag}});
    let operation = google.try_call(Method::PUT, &path, Some(fresh)).await.unwrap();
    google.done(&operation).await;
    assert_eq!(google.get(&path).await["releaseChannel"], json!({"channel": "STABLE"}));
    let numbers = google.get(&format!("{path}?%24alt=json%3Benum-encoding%3Dint")).await;
    assert_eq!(numbers["releaseChannel"], json!({"channel": 3}));
    assert_eq!(numbers["status"], 2);
    let both = json!({"locations": ["europe-west1-b"], "tags": {"tags": ["a"]}});
    let refused = google.refused(Method::PUT, &google.pool("one", "/worker"), both).await;
    assert!(refused.message().contains("together with other fields"), "{}", refused.message());
    google.end().await;
}
