//! What is refused before anything is looked at, and in which words.

use reqwest::Method;
use serde_json::json;

use crate::harness::{Harness, got};

#[tokio::test]
async fn a_token_opens_the_own_project_only() {
    let h = Harness::new().await;
    let path = h.compute("global/networks");
    let bare = got(h.client.get(h.url(&path)).send().await.unwrap()).await;
    let error = bare.refused(401, "authError");
    assert_eq!(error["status"], "UNAUTHENTICATED");
    let wrong = h.client.get(h.url(&path)).bearer_auth("ya29.other").send().await.unwrap();
    got(wrong).await.refused(401, "authError");
    h.get("/compute/v1/projects/other/global/networks").await.refused(404, "notFound");
    let error = h.get("/dns/v1/projects/other/managedZones").await.refused(403, "forbidden");
    assert_eq!(error["status"], "PERMISSION_DENIED");
    assert_eq!(error["details"][0]["reason"], "CONSUMER_INVALID");
    let by_number = format!("/v1/projects/{}", h.endpoint.gcp.number);
    assert_eq!(h.get(&by_number).await.ok()["projectId"], h.project());
    // A tool without credentials is let in when the settings say so.
    h.control(Method::POST, "/sim/settings", Some(json!({"gcp_open": true}))).await;
    let bare = got(h.client.get(h.url(&path)).send().await.unwrap()).await;
    bare.ok();
    let wrong = h.client.get(h.url(&path)).bearer_auth("ya29.other").send().await.unwrap();
    got(wrong).await.refused(401, "authError");
}

#[tokio::test]
async fn unknown_names_are_refused() {
    let h = Harness::new().await;
    let path = h.compute("global/networks");
    let body = json!({"name": "n", "autoCreateSubnetworks": false, "routingConfig": {"mode": "X"}});
    let error = h.post(&path, body).await.refused(400, "badRequest");
    assert_eq!(
        error["message"],
        "Invalid JSON payload received. Unknown name \"mode\" at 'routing_config': Cannot find field."
    );
    assert_eq!(error["details"][0]["fieldViolations"][0]["field"], "routing_config");
    h.post(&path, json!({"name": 5})).await.refused(400, "badRequest");
    h.get(&h.compute("global/networks?filtr=x")).await.refused(400, "badRequest");
    let text = h.client.post(h.url(&path)).bearer_auth(&h.endpoint.gcp.token);
    let broken = text.header("content-type", "application/json").body("{\"name\":").send().await;
    got(broken.unwrap()).await.refused(400, "parseError");
    assert_eq!(h.inventory().await, json!({}));
}

#[tokio::test]
async fn a_path_that_is_none_is_no_absent_resource() {
    let h = Harness::new().await;
    let nothing = h.get("/compute/v1/projects/p/global/networkz").await;
    assert_eq!(nothing.status, 404);
    assert_eq!(nothing.headers["content-type"], "text/html; charset=UTF-8");
    let method = h.call(Method::PUT, &h.compute("global/networks"), None).await;
    assert_eq!(method.status, 405);
}

#[tokio::test]
async fn the_usual_parameters_and_hosts_are_taken() {
    let h = Harness::new().await;
    let path = h.compute("global/networks?alt=json&%24alt=json%3Benum-encoding%3Dint&prettyPrint=false&quotaUser=q&projectId=&zone=");
    let request = h.client.get(h.url(&path)).bearer_auth(&h.endpoint.gcp.token);
    got(request.header("host", "127.0.0.1").send().await.unwrap()).await.ok();
}

#[tokio::test]
async fn calls_are_counted_by_their_shape() {
    let h = Harness::new().await;
    h.network("n").await;
    h.get(&h.compute("global/networks/n")).await.ok();
    let stats = h.control(Method::GET, "/sim/stats?reset=1", None).await;
    assert_eq!(stats["GET /compute/v1/projects/{project}/global/networks/{name}"], 1, "{stats}");
    assert_eq!(stats["POST /compute/v1/projects/{project}/global/networks"], 1, "{stats}");
}
