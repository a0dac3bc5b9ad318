//! Operations stand in each other's way.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::client::{Google, REGION, spec};

#[tokio::test(flavor = "multi_thread")]
async fn one_operation_on_the_cluster_or_one_on_each_pool() {
    let dir = tempfile::tempdir().unwrap();
    // So slow that what was begun is not over when the next is asked for.
    let google = Google::start_at(dir.path(), 10.0).await;
    let operation = google
        .post(&google.gke(&format!("{REGION}/clusters")), json!({"cluster": spec("one", 0)}))
        .await;
    let delete = google.gke(&format!("{REGION}/clusters/one"));
    let busy = google.try_call(Method::DELETE, &delete, None).await.unwrap_err();
    assert_eq!(busy.status, StatusCode::BAD_REQUEST);
    assert_eq!(busy.error["status"], "FAILED_PRECONDITION");
    assert_eq!(busy.reason(), "CLUSTER_ALREADY_HAS_OPERATION");
    assert!(busy.message().contains(operation["name"].as_str().unwrap()), "{}", busy.message());
    google.done(&operation).await;
    google.set("settings", json!({"gke_pace": 1.0})).await;
    let add = |n: u32| json!({"nodePool": {"name": format!("p{n}"), "initialNodeCount": 0}});
    let first = google.post(&google.pool("one", ""), add(1)).await;
    let size = google.refused(Method::POST, &google.pool("one", "/p1:setSize"), json!({})).await;
    assert_eq!(size.reason(), "CLUSTER_ALREADY_HAS_OPERATION");
    let update = json!({"update": {"desiredLoggingService": "none"}});
    let whole = google.refused(Method::PUT, &delete, update).await;
    assert_eq!(whole.reason(), "CLUSTER_ALREADY_HAS_OPERATION");
    for n in 2..=5 {
        google.post(&google.pool("one", ""), add(n)).await;
    }
    let sixth = google.refused(Method::POST, &google.pool("one", ""), add(6)).await;
    assert_eq!(sixth.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(sixth.error["status"], "RESOURCE_EXHAUSTED");
    assert!(sixth.message().contains("concurrent operations quota 5"), "{}", sixth.message());
    let told = google.get(&google.gke(&format!("{REGION}/operations"))).await;
    let open = told["operations"].as_array().unwrap().iter().filter(|o| o["status"] != "DONE");
    assert_eq!(open.count(), 5);
    google.set("settings", json!({"gke_pace": 6000.0})).await;
    google.done(&first).await;
    google.end().await;
}
