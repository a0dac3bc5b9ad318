//! Requests that are sent twice.

use serde_json::json;

use crate::harness::Harness;

const ID: &str = "8d5e3a44-6a0c-4c4a-9a08-2f3d1c1b7e55";

#[tokio::test]
async fn the_same_request_id_makes_nothing_twice() {
    let h = Harness::new().await;
    let path = h.compute(&format!("global/networks?requestId={ID}"));
    let body = json!({"name": "n", "autoCreateSubnetworks": false});
    let first = h.post(&path, body.clone()).await.ok();
    let again = h.post(&path, body.clone()).await.ok();
    assert_eq!(first["name"], again["name"]);
    assert_eq!(first["clientOperationId"], ID);
    let done = h.wait(&first).await;
    let later = h.post(&path, body.clone()).await.ok();
    assert_eq!((&later["status"], &later["name"]), (&json!("DONE"), &done["name"]));
    // Without the id it is another request.
    h.post(&h.compute("global/networks"), body.clone()).await.refused(409, "alreadyExists");
    let one = h.compute(&format!("global/networks/n?requestId={ID}"));
    h.delete(&one).await.refused(400, "invalid");
    for bad in ["x", "00000000-0000-0000-0000-000000000000"] {
        let path = h.compute(&format!("global/networks?requestId={bad}"));
        h.post(&path, body.clone()).await.refused(400, "invalid");
    }
    let all = h.get(&h.compute("global/networks")).await.ok();
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    // A delete is found again when its resource is gone.
    let other = "0b7b1a52-5e8a-4a3c-8c52-1f0a3c5d9e10";
    let one = h.compute(&format!("global/networks/n?requestId={other}"));
    let first = h.delete(&one).await.ok();
    h.wait(&first).await;
    assert_eq!(h.delete(&one).await.ok()["name"], first["name"]);
}
