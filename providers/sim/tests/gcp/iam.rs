//! Service accounts and the policy of the project.

use serde_json::{Value, json};

use crate::harness::{Harness, assert_paths};

async fn policy(h: &Harness) -> Value {
    h.post(&format!("/v1/projects/{}:getIamPolicy", h.project()), json!({})).await.ok()
}

#[tokio::test]
async fn a_service_account_lives_as_at_google() {
    let h = Harness::new().await;
    let all = format!("/v1/projects/{}/serviceAccounts", h.project());
    let email = format!("infra-nodes@{}.iam.gserviceaccount.com", h.project());
    let one = format!("{all}/{email}");
    let error = h.get(&one).await.refused(404, "notFound");
    assert_eq!(
        (&error["message"], &error["status"]),
        (&json!("Unknown service account"), &json!("NOT_FOUND"))
    );
    let body = json!({"accountId": "infra-nodes", "serviceAccount": {}});
    let made = h.post(&all, body.clone()).await.ok();
    assert_paths(&made, "email etag name oauth2ClientId projectId uniqueId");
    assert_eq!(made["email"], email);
    let error = h.post(&all, body).await.refused(409, "alreadyExists");
    assert_eq!(error["status"], "ALREADY_EXISTS");
    for bad in ["short", "Upper-case", "-begins"] {
        h.post(&all, json!({"accountId": bad})).await.refused(400, "badRequest");
    }
    let accounts = h.get(&all).await.ok();
    assert_eq!(accounts["accounts"][1], made);
    // It takes a while until everybody knows it.
    h.fault(json!({"effect": "not_yet", "count": 1})).await;
    h.get(&one).await.refused(404, "notFound");
    assert_eq!(h.get(&one).await.ok(), made);
    assert_eq!(h.delete(&one).await.ok(), json!({}));
    h.delete(&one).await.refused(404, "notFound");
    assert_eq!(h.inventory().await, json!({}));
}

#[tokio::test]
async fn a_policy_is_written_by_one_at_a_time() {
    let h = Harness::new().await;
    let set = format!("/v1/projects/{}:setIamPolicy", h.project());
    let all = format!("/v1/projects/{}/serviceAccounts", h.project());
    let member = format!("serviceAccount:infra-nodes@{}.iam.gserviceaccount.com", h.project());
    let before = policy(&h).await;
    assert_paths(&before, "bindings bindings[].members bindings[].role etag version");
    let mut wanted = before.clone();
    let role = "roles/container.defaultNodeServiceAccount";
    wanted["bindings"].as_array_mut().unwrap().push(json!({"role": role, "members": [member]}));
    // Nobody can be a member who is not there.
    let error = h.post(&set, json!({"policy": wanted})).await.refused(400, "badRequest");
    assert!(error["message"].as_str().unwrap().ends_with("does not exist."), "{error}");
    h.post(&all, json!({"accountId": "infra-nodes"})).await.ok();
    h.fault(json!({"effect": "not_yet", "count": 1})).await;
    h.post(&set, json!({"policy": wanted})).await.refused(400, "badRequest");
    let after = h.post(&set, json!({"policy": wanted})).await.ok();
    assert_ne!(after["etag"], before["etag"]);
    let error = h.post(&set, json!({"policy": wanted})).await.refused(409, "aborted");
    assert_eq!(error["status"], "ABORTED");
    assert_eq!(h.inventory().await["iamBindings"], json!([{"role": role, "member": member}]));
    let mut without_owner = after.clone();
    without_owner["bindings"].as_array_mut().unwrap().retain(|b| b["role"] != "roles/owner");
    h.post(&set, json!({"policy": without_owner})).await.refused(400, "badRequest");
    // Who is deleted stays in the policy.
    h.delete(&format!("{all}/infra-nodes@{}.iam.gserviceaccount.com", h.project())).await.ok();
    let left = policy(&h).await;
    let members = left["bindings"][0]["members"][0].as_str().unwrap();
    assert!(members.starts_with(&format!("deleted:{member}?uid=")), "{left}");
    let mut clean = left.clone();
    clean["bindings"].as_array_mut().unwrap().retain(|b| b["role"] != role);
    h.post(&set, json!({"policy": clean})).await.ok();
    assert_eq!(h.inventory().await, json!({}));
}
