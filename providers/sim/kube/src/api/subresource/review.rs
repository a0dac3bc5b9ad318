use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::api::auth::{self, Action, User};
use crate::api::body;
use crate::api::call::Call;
use crate::api::context::Server;
use crate::api::error::ApiResult;
use crate::api::media;
use crate::api::request::Target;

/// Answers who somebody is, and what they may.
pub(super) fn answer(
    server: &Arc<Server>,
    call: &Call,
    target: &Target,
) -> ApiResult<Response<Body>> {
    let kind = &target.kind;
    let mut review = body::object(&call.headers, &call.body)?;
    review["apiVersion"] = json!(kind.api_version());
    review["kind"] = json!(kind.kind);
    let spec = review["spec"].clone();
    let store = server.cluster.store();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    review["status"] = match kind.plural.as_str() {
        "selfsubjectreviews" => json!({"userInfo": call.user.info()}),
        "tokenreviews" => match server.shared.authenticator.token_user(&text(&spec["token"])) {
            Some(user) => {
                json!({"authenticated": true, "user": user.info(), "audiences": spec["audiences"]})
            }
            None => json!({"authenticated": false, "user": {}, "error": "invalid bearer token"}),
        },
        "selfsubjectrulesreviews" => {
            let rules = auth::rules_of(store, &call.user, &text(&spec["namespace"]));
            let (paths, resources): (Vec<Value>, Vec<Value>) =
                rules.into_iter().partition(|rule| rule["nonResourceURLs"].is_array());
            json!({"incomplete": false, "resourceRules": resources, "nonResourceRules": paths})
        }
        _ => {
            let user = if kind.plural == "selfsubjectaccessreviews" {
                call.user.clone()
            } else {
                let groups = spec["groups"].as_array().into_iter().flatten().map(text).collect();
                User { name: text(&spec["user"]), uid: text(&spec["uid"]), groups }
            };
            let allowed = auth::allowed(store, &user, &action(&spec));
            json!({"allowed": allowed})
        }
    };
    Ok(media::json(StatusCode::CREATED, &review))
}

fn action(spec: &Value) -> Action {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if spec["nonResourceAttributes"].is_object() {
        let asked = &spec["nonResourceAttributes"];
        return Action {
            verb: text(&asked["verb"]),
            path: Some(text(&asked["path"])),
            ..Action::default()
        };
    }
    let asked = &spec["resourceAttributes"];
    let sub = text(&asked["subresource"]);
    let resource = text(&asked["resource"]);
    Action {
        verb: text(&asked["verb"]),
        group: text(&asked["group"]),
        resource: if sub.is_empty() { resource } else { format!("{resource}/{sub}") },
        name: text(&asked["name"]),
        namespace: text(&asked["namespace"]),
        path: None,
    }
}
