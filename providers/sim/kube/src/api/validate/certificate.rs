//! Requests for certificates: what of them may change, and who may decide about them.

use serde_json::Value;

use crate::api::auth::{self, Action, User};
use crate::api::context::Server;
use crate::api::error::{ApiError, ApiResult};
use crate::api::field_error::{Errors, FieldError};
use crate::api::kind::Kind;

const DECISIONS: [&str; 2] = ["Approved", "Denied"];

/// Returns true if it is about requests for certificates.
pub(crate) fn is_request(kind: &Kind) -> bool {
    kind.is("certificates.k8s.io", "certificatesigningrequests")
}

/// Brings back what the change of a request may not touch: what is asked, and by whom; decisions by
/// anything but their own subresource, and whatever else by that.
pub(crate) fn confine(subresource: Option<&str>, old: &Value, new: &mut Value) {
    new["spec"] = old["spec"].clone();
    let split = |object: &Value, decisions: bool| -> Vec<Value> {
        let all = object["status"]["conditions"].as_array().into_iter().flatten();
        let is_decision = |one: &&Value| DECISIONS.iter().any(|kind| one["type"] == *kind);
        all.filter(|one| is_decision(one) == decisions).cloned().collect()
    };
    let by_approval = subresource == Some("approval");
    let mut conditions = split(if by_approval { new } else { old }, true);
    conditions.extend(split(if by_approval { old } else { new }, false));
    if by_approval {
        new["status"] = old["status"].clone();
    }
    if !conditions.is_empty() {
        new["status"]["conditions"] = conditions.into();
    }
}

/// Checks the decisions about a request: they stay, and there is one sort of them.
pub(super) fn check(old: &Value, new: &Value, errors: &mut Errors) {
    let has = |object: &Value, kind: &str| {
        let all = object["status"]["conditions"].as_array();
        all.is_some_and(|all| all.iter().any(|one| one["type"] == kind))
    };
    let at = "status.conditions";
    for kind in DECISIONS {
        if has(old, kind) && !has(new, kind) {
            let why = format!("updates may not remove a condition of type {kind:?}");
            errors.push(FieldError::forbidden(at, why));
        }
    }
    if DECISIONS.iter().all(|kind| has(new, kind)) {
        let why = "Approved and Denied conditions are mutually exclusive";
        errors.push(FieldError::invalid(at, new["status"]["conditions"].clone(), why));
    }
}

/// Refuses the approval or the signing of a request to whoever may not do that for its signer.
pub(crate) fn may_decide(
    server: &Server,
    user: &User,
    kind: &Kind,
    subresource: Option<&str>,
    old: &Value,
) -> ApiResult<()> {
    let verb = match subresource {
        Some("approval") => "approve",
        Some("status") => "sign",
        _ => return Ok(()),
    };
    let signer = old["spec"]["signerName"].as_str().unwrap_or_default();
    let domain = signer.split('/').next().unwrap_or_default();
    let may = [signer.to_owned(), format!("{domain}/*")].into_iter().any(|name| {
        let action = Action {
            verb: verb.into(),
            group: "certificates.k8s.io".into(),
            resource: "signers".into(),
            name,
            ..Action::default()
        };
        auth::allowed(server.cluster.store(), user, &action)
    });
    if may {
        return Ok(());
    }
    let name = old["metadata"]["name"].as_str().unwrap_or_default();
    let why = format!("user not permitted to {verb} requests with signerName {signer:?}");
    Err(ApiError::forbidden(kind, name, &why))
}
