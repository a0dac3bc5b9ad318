//! The control client.

use infra_sim::control::Control;
use serde_json::json;

use crate::harness::Harness;

#[tokio::test]
async fn client() {
    let h = Harness::new().await;
    let control = Control::open(&h.data).unwrap().unwrap();
    let status = control.status().await.unwrap();
    assert_eq!(status.pid, std::process::id());
    assert_eq!(status.seed, 7);
    assert!(control.inventory().await.unwrap().is_empty());
    control.stats(true).await.unwrap();
    h.post("/v2/tags", json!({ "name": "a" })).await.ok(201);
    h.get("/v2/droplets/12").await.refused(404);
    let stats = control.stats(false).await.unwrap();
    assert_eq!(stats.get("POST /v2/tags"), Some(&1));
    assert_eq!(stats.get("GET /v2/droplets/{id}"), Some(&1));
    let fault = serde_json::from_value(json!({ "api": "s3", "effect": "500" })).unwrap();
    let set = control.set_fault(&fault).await.unwrap();
    assert_eq!(set.id, Some(1));
    assert_eq!(control.faults().await.unwrap().len(), 1);
    control.clear_faults().await.unwrap();
    assert!(control.faults().await.unwrap().is_empty());
    control.set_speed(3.0).await.unwrap();
    assert_eq!(control.status().await.unwrap().speed, 3.0);
    assert!(control.set_speed(-1.0).await.is_err());
    control.stop().await.unwrap();
    h.stop().await;
}
