//! The account of the machines.

use infra_provider_api::ErrorKind;
use serde_json::{Value, json};

use crate::mock::{Mock, context, mark, not_found, other, owner, reply, request};

const EMAIL: &str = "infra-12345678-nodes@shop-1.iam.gserviceaccount.com";

fn account(description: &str) -> Value {
    json!({
        "email": EMAIL, "uniqueId": "42", "displayName": "Nodes of shop", "description": description,
    })
}

fn spec() -> Value {
    json!({"account_id": "infra-12345678-nodes", "display_name": "Nodes of shop"})
}

#[tokio::test]
async fn an_account_is_found_by_its_own_name_in_one_call() {
    let mock = Mock::start(|_, _| reply(200, &account(&mark(&owner())))).await;
    let found = mock.kind("service_account").await.list_owned(&context()).await.unwrap();
    assert_eq!(mock.calls(), [format!("GET serviceAccounts/{EMAIL}")]);
    assert_eq!(mock.asked()[0].uri.path(), format!("/v1/projects/shop-1/serviceAccounts/{EMAIL}"));
    assert_eq!(found[0].outputs.text("member"), Some(format!("serviceAccount:{EMAIL}")));
    assert_eq!(found[0].spec.value(), spec());
    let none = Mock::start(|_, _| not_found()).await;
    assert!(none.kind("service_account").await.list_owned(&context()).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_account_that_exists_was_made_before_or_is_another_cluster_s() {
    for (there, taken) in [(owner(), false), (other(), true)] {
        let mock = Mock::start(move |asked, _| match asked.method.as_str() {
            "POST" => {
                let error = json!({"code": 409, "status": "ALREADY_EXISTS", "message": "exists"});
                reply(409, &json!({ "error": error }))
            }
            _ => reply(200, &account(&mark(&there))),
        })
        .await;
        let kind = mock.kind("service_account").await;
        let made = kind.create(&context(), &[request("service_account.nodes", spec())]).await;
        match taken {
            false => assert_eq!(made[0].as_ref().unwrap().id, EMAIL),
            true => assert_eq!(made[0].as_ref().unwrap_err().kind, ErrorKind::NameTaken),
        }
    }
}
