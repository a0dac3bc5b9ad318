//! Roles in the project: a change replaces the policy of everybody.

use std::sync::{Arc, Mutex};

use axum::{body::Body, http::Response};
use infra_provider_api::ErrorKind;
use serde_json::{Value, json};

use crate::mock::{Asked, Mock, context, reply, request};

const ROLE: &str = "roles/container.defaultNodeServiceAccount";
const MEMBER: &str = "serviceAccount:infra-12345678-nodes@shop-1.iam.gserviceaccount.com";

/// A project's policy, which somebody else changes between the first read and the first write.
struct Project {
    policy: Mutex<Value>,
    overtaken: Mutex<bool>,
}

impl Project {
    fn new() -> Arc<Self> {
        let policy = json!({
            "version": 1, "etag": "e0",
            "bindings": [{"role": "roles/owner", "members": ["user:jane@example.com"]}],
        });
        Arc::new(Self { policy: Mutex::new(policy), overtaken: Mutex::new(false) })
    }

    fn answer(&self, asked: &Asked) -> Response<Body> {
        let mut policy = self.policy.lock().unwrap();
        if asked.uri.path().ends_with(":getIamPolicy") {
            assert_eq!(asked.body["options"]["requestedPolicyVersion"], 3);
            let answer = reply(200, &policy);
            let mut overtaken = self.overtaken.lock().unwrap();
            if !*overtaken {
                *overtaken = true;
                policy["etag"] = json!("e1");
                policy["bindings"].as_array_mut().unwrap().push(json!({
                    "role": "roles/viewer", "members": ["user:joe@example.com"],
                    "condition": {"title": "office hours", "expression": "true"},
                }));
            }
            return answer;
        }
        let wanted = &asked.body["policy"];
        if wanted["etag"] != policy["etag"] {
            let error = json!({"code": 409, "status": "ABORTED", "message": "There were concurrent policy changes."});
            return reply(409, &json!({ "error": error }));
        }
        assert_eq!(wanted["version"], 3, "conditions would be lost");
        let etag = format!("{}x", policy["etag"].as_str().unwrap());
        *policy = wanted.clone();
        policy["etag"] = json!(etag);
        reply(200, &policy)
    }
}

async fn serve(project: &Arc<Project>) -> Mock {
    let project = Arc::clone(project);
    Mock::start(move |asked, _| project.answer(asked)).await
}

#[tokio::test]
async fn a_role_is_given_and_what_others_write_at_the_same_moment_stays() {
    let project = Project::new();
    let mock = serve(&project).await;
    let kind = mock.kind("iam_binding").await;
    let spec = json!({"role": ROLE, "member": MEMBER});
    let requests = [request("iam_binding.nodes", spec)];
    let made = kind.create(&context(), &requests).await.remove(0).unwrap();
    assert_eq!(made.id, format!("{ROLE} {MEMBER}"));
    let bindings = project.policy.lock().unwrap()["bindings"].clone();
    let roles: Vec<&str> =
        bindings.as_array().unwrap().iter().filter_map(|one| one["role"].as_str()).collect();
    assert_eq!(roles, ["roles/owner", "roles/viewer", ROLE]);
    assert_eq!(bindings[1]["condition"]["title"], "office hours");
    assert_eq!(mock.asked().len(), 4, "read, refused, read again, written");

    // Made twice it is as made once, and no write is sent.
    kind.create(&context(), &requests).await.remove(0).unwrap();
    assert_eq!(mock.asked().len(), 5);

    let found = kind.list_owned(&context()).await.unwrap().remove(0);
    assert_eq!(found.address.to_string(), "iam_binding.nodes");
    assert!(kind.delete(&context(), &found).await.unwrap());
    assert!(kind.list_owned(&context()).await.unwrap().is_empty());
    assert_eq!(project.policy.lock().unwrap()["bindings"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_account_that_is_new_is_waited_for() {
    let mock = Mock::start(|asked, _| {
        if asked.uri.path().ends_with(":getIamPolicy") {
            return reply(200, &json!({"etag": "e0"}));
        }
        let message = format!("Service account {MEMBER} does not exist.");
        let error = json!({"code": 400, "status": "INVALID_ARGUMENT", "message": message});
        reply(400, &json!({ "error": error }))
    })
    .await;
    let spec = json!({"role": ROLE, "member": MEMBER});
    let kind = mock.kind("iam_binding").await;
    let made = kind.create(&context(), &[request("iam_binding.nodes", spec)]).await;
    assert_eq!(made[0].as_ref().unwrap_err().kind, ErrorKind::Busy);
}

#[tokio::test]
async fn a_policy_without_its_etag_is_not_written() {
    let mock = Mock::start(|_, _| reply(200, &json!({"bindings": []}))).await;
    let spec = json!({"role": ROLE, "member": MEMBER});
    let kind = mock.kind("iam_binding").await;
    let made = kind.create(&context(), &[request("iam_binding.nodes", spec)]).await;
    assert!(made[0].is_err());
    assert!(mock.asked().iter().all(|one| one.uri.path().ends_with(":getIamPolicy")));
}

#[tokio::test]
async fn what_is_left_of_a_deleted_account_is_replaced() {
    let dead = format!("deleted:{MEMBER}?uid=7");
    let project = Project::new();
    *project.overtaken.lock().unwrap() = true;
    project.policy.lock().unwrap()["bindings"] = json!([{"role": ROLE, "members": [dead]}]);
    let mock = serve(&project).await;
    let kind = mock.kind("iam_binding").await;
    let found = kind.list_owned(&context()).await.unwrap().remove(0);
    assert_eq!(found.spec.text("member"), Some(dead), "which is not as it is declared");
    assert!(kind.delete(&context(), &found).await.unwrap());
    assert_eq!(project.policy.lock().unwrap()["bindings"], json!([]));
}
